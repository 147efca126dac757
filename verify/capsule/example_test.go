package capsule_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
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
