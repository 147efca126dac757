package sigstore_test

import (
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

// BenchmarkPolicy is what a decision by a policy costs beyond finding out who
// signed: the signature, certificates, log entry and timestamp of a Sigstore
// bundle. Both are done in turns, so that the ratio of their medians does not depend
// on what else the machine does.
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
	request := verify.Request{Artifact: verify.Digest(artifact), At: at, Evidence: []*sign.Bundle{bundle}}
	var who, verdict []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := checker.Authenticate(b.Context(), bundle, at); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := v.Verify(b.Context(), request); err != nil {
			b.Fatal(err)
		}
		who, verdict = append(who, middle.Sub(start)), append(verdict, time.Since(middle))
	}
	slices.Sort(who)
	slices.Sort(verdict)
	median := len(who) / 2
	b.ReportMetric(float64(who[median].Microseconds()), "µs/authenticate")
	b.ReportMetric(float64(verdict[median].Microseconds()), "µs/verdict")
	b.ReportMetric(100*(float64(verdict[median])/float64(who[median])-1), "%-policy")
}
