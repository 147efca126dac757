package capsule_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/internal/testkit/memlog"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

const builder = "https://github.com/touchmark-go/touchmark/builders/local/v1"

// Where there is a network, all that a decision needs is put into one file. Where
// there is none, it is decided by the digest of a trust file that was written down
// there long ago, and by that site's own policy.
func Example() {
	ctx := context.Background()
	app := provenance.SumSHA256([]byte("the program"))
	build := &provenance.Build{BuildDefinition: provenance.BuildDefinition{BuildType: "https://example.com/build/v1", ExternalParameters: map[string]any{"target": "app"}},
		RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: builder}}}
	statement, err := build.Statement(provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(app)})
	if err != nil {
		log.Fatal(err)
	}
	evidence, err := sign.Statement(ctx, statement, history.Key("ci"))
	if err != nil {
		log.Fatal(err)
	}
	trust := history.Trust()
	now := time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)

	var file bytes.Buffer
	err = capsule.Content{At: now, Trust: trust, Subjects: []provenance.Digest{app}, Source: capsule.Set{app: {evidence}}}.Write(ctx, &file)
	if err != nil {
		log.Fatal(err)
	}

	c, err := capsule.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	policy := &verify.Policy{Version: 1, Name: "site", Examine: verify.ExamineRule{Mode: verify.ExamineOff}, Provenance: verify.ProvenanceRule{SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"ci"}},
		Level: 1, BuildType: "https://example.com/build/v1", Source: verify.SourceRule{Any: true}, Parameters: map[string]verify.Matcher{"/target": {Exact: "app"}}}}
	v, request, err := capsule.Pins{TrustDigest: trust.Digest(), Policies: []*verify.Policy{policy}, At: now}.Verifier(ctx, c)
	if err != nil {
		log.Fatal(err)
	}
	request.Artifact = verify.Digest(app)
	verdict, err := v.Verify(ctx, request)
	fmt.Println(verdict.Decision, err)

	damaged := append([]byte{}, file.Bytes()...)
	damaged[5000] ^= 1
	_, err = capsule.Open(bytes.NewReader(damaged), int64(len(damaged)))
	fmt.Println(errors.Is(err, capsule.ErrMalformed))
	// Output:
	// ALLOW <nil>
	// true
}

// A ledger stays where it is. What its auditors signed about a product goes along,
// and is believed by the digest of a trust file that was written down.
func ExamplePins_State() {
	ctx := context.Background()
	now := time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)
	ledger, err := memlog.New("releases.acme.example", func() time.Time { return now })
	if err != nil {
		log.Fatal(err)
	}
	trust, err := rollout.Begin(ctx, ledger, history.Trust(), verify.Ledger{Origin: ledger.ID.Origin, Key: ledger.ID.Key,
		Witnesses: verify.LedgerWitnesses{AtLeast: 1, Keys: ledger.ID.Witnesses}}, history.Key("ann"), history.Key("bob"))
	if err != nil {
		log.Fatal(err)
	}
	book := &rollout.Book{Log: ledger, Trust: trust, Signer: history.Key("ci")}
	ref, err := book.Release(ctx, history.Build("1.0.0"))
	if err != nil {
		log.Fatal(err)
	}
	if err := book.Tag(ctx, release.Tag{Product: "app", Release: ref.ID, Tag: "1.0.0"}); err != nil {
		log.Fatal(err)
	}

	// An auditor replays the ledger, says what it found, and has it logged.
	auditor := rollout.Auditor{Source: ledger, Trust: trust}
	state, audit, checkpoint, err := auditor.State(ctx, "app", nil)
	if err != nil {
		log.Fatal(err)
	}
	signed, err := sign.Statement(ctx, audit, history.Key("eve"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := book.Append(ctx, signed); err != nil {
		log.Fatal(err)
	}
	proof, err := auditor.Prove(ctx, state, checkpoint)
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := (capsule.Content{At: now, Trust: trust, States: []capsule.State{{State: state, Proof: proof}}}).Write(ctx, &file); err != nil {
		log.Fatal(err)
	}

	c, err := capsule.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	view, err := capsule.Pins{TrustDigest: trust.Digest(), At: now}.State(c, "app")
	if err != nil {
		log.Fatal(err)
	}
	tag, err := view.Tag(ctx, "app", "1.0.0")
	fmt.Println(tag == ref.Digest, err, view.Head().Size)
	// Output:
	// true <nil> 4
}
