package sigstore_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

// BenchmarkPolicy is what a decision by a policy costs beyond verifying a Sigstore
// bundle: reading it, its signature, certificates, log entry and timestamp, and the
// statement that it holds. Both are done in turns, so that the ratio of their medians
// does not depend on what else the machine does.
func BenchmarkPolicy(b *testing.B) {
	bundle, trust := newMini(b).bundle(flaw{})
	a, err := sigstore.New(trust)
	if err != nil {
		b.Fatal(err)
	}
	o := verify.Options{Authenticators: []verify.Authenticator{a}}
	checker, err := o.Checker(trust)
	if err != nil {
		b.Fatal(err)
	}
	v, err := o.New(trust, policy())
	if err != nil {
		b.Fatal(err)
	}
	at := now.Add(24 * time.Hour)
	line, err := bundle.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	read := func() *sign.Bundle {
		list, err := sign.Read(bytes.NewReader(line))
		if err != nil || len(list) != 1 || list[0].Err != nil {
			b.Fatal(err, list)
		}
		return list[0]
	}
	authenticate := func() {
		bundle := read()
		if _, err := checker.Authenticate(b.Context(), bundle, at); err != nil {
			b.Fatal(err)
		}
		if _, err := provenance.Parse(bundle.UnverifiedPayload()); err != nil {
			b.Fatal(err)
		}
	}
	decide := func() {
		verdict, err := v.Verify(b.Context(), verify.Request{Artifact: verify.Digest(artifact), At: at, Evidence: []*sign.Bundle{read()}})
		if err != nil || verdict.Decision != verify.Allow {
			b.Fatal(err, verdict)
		}
	}
	timed := func(f func()) time.Duration {
		start := time.Now()
		f()
		return time.Since(start)
	}
	var bundles, all []time.Duration
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 { // who goes second finds the first's garbage
			bundles, all = append(bundles, timed(authenticate)), append(all, timed(decide))
		} else {
			all, bundles = append(all, timed(decide)), append(bundles, timed(authenticate))
		}
	}
	slices.Sort(bundles)
	slices.Sort(all)
	median := len(bundles) / 2
	b.ReportMetric(float64(bundles[median].Microseconds()), "µs/bundle")
	b.ReportMetric(float64(all[median].Microseconds()), "µs/verdict")
	b.ReportMetric(100*(float64(all[median])/float64(bundles[median])-1), "%-policy")
}
