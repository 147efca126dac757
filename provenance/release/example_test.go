package release_test

import (
	"fmt"
	"log"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

func ExampleApproval() {
	approval := release.Approval{
		Digest:  provenance.SumSHA256([]byte("the artifact")),
		From:    "canary",
		To:      "prod",
		Policy:  provenance.SumSHA256([]byte("the policy")), // verify.Policy.Digest
		Expires: time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC),
		Nonce:   "app-101-prod-1", // left empty, it is drawn
	}
	if err := approval.Validate(); err != nil {
		log.Fatal(err)
	}
	data, err := approval.Statement().Marshal() // what each person signs
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", data)

	approval.To = ""
	fmt.Println(approval.Validate())
	_, err = approval.Statement().Marshal()
	fmt.Println(err)
	// Output:
	// {"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"03473f89a784c14707308b73a324b887c10627dc400d8f62fd37a74d66b12438"}}],"predicateType":"https://github.com/touchmark-go/touchmark/predicates/approval/v1","predicate":{"from":"canary","to":"prod","policy":"sha256:d5d2b0086caa4ae7e729ab3ae542dc0ae24d7000a1bc7ac3b367a5fbc5e4b692","expires":"2026-11-21T18:00:00Z","nonce":"app-101-prod-1"}}
	// approval: /to is missing
	// /subject is empty, want one at least
}

// Two people let an artifact pass that fails a check: what they sign names the
// artifact, the policy and the check, and ends.
func ExampleException() {
	exception := release.Exception{
		Digest:      provenance.SumSHA256([]byte("the artifact")),
		Policy:      provenance.SumSHA256([]byte("the policy")), // verify.Policy.Digest
		Environment: "prod",
		Checks:      []release.WaivedCheck{{Rule: "/attestations/1/maxAge", Code: "stale"}}, // as the verdict names them, see verify.Policy.Except
		Reason:      "the scanner is down until Monday",
		Expires:     time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		Nonce:       "app-101-1", // left empty, it is drawn
	}
	data, err := exception.Statement().Marshal() // what each of them signs
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", data)

	statement, err := provenance.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	read, err := release.ParseException(statement)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(read.Checks, "until", read.Expires)

	exception.Checks = nil // consent to nothing in particular
	fmt.Println(exception.Validate())
	// Output:
	// {"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"03473f89a784c14707308b73a324b887c10627dc400d8f62fd37a74d66b12438"}}],"predicateType":"https://github.com/touchmark-go/touchmark/predicates/exception/v1","predicate":{"policy":"sha256:d5d2b0086caa4ae7e729ab3ae542dc0ae24d7000a1bc7ac3b367a5fbc5e4b692","environment":"prod","checks":[{"rule":"/attestations/1/maxAge","code":"stale"}],"reason":"the scanner is down until Monday","expires":"2026-11-23T09:00:00Z","nonce":"app-101-1"}}
	// [{/attestations/1/maxAge stale}] until 2026-11-23 09:00:00 +0000 UTC
	// exception: /checks has 0, want 1 to 32
}

func ExampleParseApproval() {
	statement, err := provenance.Parse([]byte(`{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [{"digest": {"sha256": "a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"}}],
  "predicateType": "https://github.com/touchmark-go/touchmark/predicates/approval/v1",
  "predicate": {
    "from": "canary", "to": "prod", "nonce": "app-101-prod-1", "expires": "2026-11-21T18:00:00Z",
    "policy": "sha256:a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"
  }
}`))
	if err != nil {
		log.Fatal(err)
	}
	approval, err := release.ParseApproval(statement)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("from", approval.From, "to", approval.To, "until", approval.Expires.Format(time.DateTime))
	// Output:
	// from canary to prod until 2026-11-21 18:00:00
}

// The records of a log, applied in order, say what counts. Who signed them has
// been found out before: see package rollout.
func ExampleHistory() {
	rules := release.Rules{Scheme: release.SemVer, Releasers: []string{"ci"}}
	roles := &release.Roles{Version: 1, Products: map[string]release.Rules{"app": rules}}
	one := release.Release{Product: "app", Version: "1.0.0", Config: provenance.SumSHA256([]byte("level: info")),
		Subjects: []provenance.ResourceDescriptor{{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("one")))}}}
	two := one
	two.Version = "v1.0.0" // looks like the first

	var h release.History
	for i, r := range []release.Record{
		{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: roles},
		{Statement: one.Statement(), Signers: []release.Signer{{Principal: "eve"}}},
		{Statement: one.Statement(), Signers: []release.Signer{{Principal: "ci"}}},
		{Statement: two.Statement(), Signers: []release.Signer{{Principal: "ci"}}},
	} {
		r.Index = uint64(i)
		effect, err := h.Apply(r)
		if err != nil {
			log.Fatal(err)
		}
		if effect.Void != nil {
			fmt.Println(effect.Kind, "is void,", effect.Void.Code)
			continue
		}
		fmt.Println(effect.Kind, "counts")
	}
	state := h.State("app", release.Head{Size: h.Size()})
	fmt.Println(state.Ref(state.Find("1.0.0")).Name)
	next, err := rules.Scheme.Next([]string{"1.0.0"}, release.Minor, time.Time{})
	fmt.Println("next is", next, err)
	// Output:
	// genesis counts
	// release is void, signature
	// release counts
	// release is void, immutable
	// app#1
	// next is 1.1.0 <nil>
}
