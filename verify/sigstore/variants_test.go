package sigstore_test

import (
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
	"github.com/touchmark-go/touchmark/verify/verifytest"
)

// TestVariants has everything refused that can be made of a good bundle without
// its key: with each kind of log entry, with a timestamp and without.
func TestVariants(t *testing.T) {
	for name, f := range map[string]flaw{
		"dsse":         {},
		"intoto":       {kind: "intoto"},
		"hashedrekord": {v2: true},
		"dsse, v2":     {v2: true, kind: "dsse"},
		"no timestamp": {noTSA: true},
		"no log":       {noLog: true, atLeast: verify.AuthorityThreshold{Timestamp: 1}},
		"twice":        {twice: true},
		"both times":   {atLeast: verify.AuthorityThreshold{Timestamp: 1, Log: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bundle, trust := newMini(t).bundle(f)
			a, err := sigstore.New(trust)
			if err != nil {
				t.Fatal(err)
			}
			v, err := verify.Options{Authenticators: []verify.Authenticator{a}}.New(trust, policy())
			if err != nil {
				t.Fatal(err)
			}
			open := map[string]string{}
			if !f.v2 && !f.noTSA && f.atLeast.Timestamp == 0 {
				open["21/provenance/no-timestamps"] = "the log says when it was"
			}
			verifytest.Run(t, verifytest.Good{Open: open, Verifier: v, Request: verify.Request{Artifact: verify.Digest(artifact), At: now.Add(24 * time.Hour), Evidence: []*sign.Bundle{bundle}}})
		})
	}
}
