package main

import (
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// A cast is who signs in this story.
type cast struct{ ci, alice, bob *keys.Key }

func newCast() (*cast, error) {
	var c cast
	for _, key := range []**keys.Key{&c.ci, &c.alice, &c.bob} {
		fresh, err := keys.Generate(keys.ECDSAP256)
		if err != nil {
			return nil, err
		}
		*key = fresh
	}
	return &c, nil
}

// trust says whose word counts, and for what: ci builds, alice and bob approve.
func (c *cast) trust() *verify.Trust {
	key := func(k *keys.Key) []verify.Key { return []verify.Key{{PEM: string(k.MarshalPublic())}} }
	return &verify.Trust{
		Version: 1, Expires: time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second),
		Root: verify.Quorum{AtLeast: 2, Of: []string{"alice", "bob"}},
		Principals: map[string]verify.Principal{
			"ci":    {Kind: verify.Builder, Keys: key(c.ci), Builders: map[string]int{capture.LocalBuilderID: 1}},
			"alice": {Kind: verify.Person, Keys: key(c.alice)},
			"bob":   {Kind: verify.Person, Keys: key(c.bob)},
		},
		Roles: map[string][]string{"release-manager": {"alice", "bob"}},
	}
}

// approval is what the release managers sign: consent to this artifact in this
// environment, under this policy, for a day.
func (c *cast) approval(record *capture.Record, policy *verify.Policy) (*provenance.Statement, error) {
	digest, _ := record.Subjects()[0].Digest.Get(provenance.SHA256)
	approval := release.Approval{
		Digest: digest, To: policy.Environment, Policy: policy.Digest(),
		Expires: time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second), Reason: "the quickstart",
	}
	return approval.Statement(), approval.Validate()
}
