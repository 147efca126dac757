package rollout_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store/oci"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// noTest lets examples use what tests use.
type noTest struct{ testing.TB }

func (noTest) Helper()                  {}
func (noTest) Context() context.Context { return context.Background() }
func (noTest) Fatal(args ...any)        { log.Fatal(args...) }

// The ledger is down and prod burns. What auditors wrote down yesterday says what
// to go back to; the record of it is signed now, and appended afterwards.
func ExampleKnownGoodReader_Read() {
	company := newObserved(noTest{})
	company.inProd("1.0.0")
	company.inProd("1.1.0")
	file := company.good(24*time.Hour, "dan", "eve") // two of three auditors
	now := company.now.Add(time.Hour)

	memory := &rollout.Memory{} // written down between two uses
	reader := rollout.KnownGoodReader{Trust: company.trust, At: now, Memory: memory}
	trusted, err := reader.Read("app", "prod", file)
	if err != nil {
		log.Fatal(err) // expired, of another environment, older than one that was seen, signed by too few
	}
	good := trusted.Find("1.0.0")
	if good == nil {
		log.Fatal("1.0.0 is not known to be good in prod")
	}
	record, err := trusted.Rollback(good, "error rate", now)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("run", good.Subjects[0].Name, "of", good.Version, "with", record.Config.String()[:14])
	signed, err := sign.Statement(context.Background(), record.Statement(), key("dan"))
	if err != nil {
		log.Fatal(err)
	}

	// The ledger is there again.
	book := company.as("dan")
	fates, err := book.Settle(context.Background(), signed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("appended:", len(fates), fates[0])
	// Output:
	// run app of 1.0.0 with sha256:b79606f
	// appended: 1 <nil>
}

// Who cannot read the ledger reads a State that two auditors signed, each after a
// replay of their own, and answers from it as from the ledger.
func ExampleStateReader_Read() {
	ctx := context.Background()
	company := newObserved(noTest{})
	company.released("1.0.0")

	auditor := company.auditor()
	state, statement, checkpoint, err := auditor.State(ctx, "app", nil)
	if err != nil {
		log.Fatal(err)
	}
	record, err := sign.Statement(ctx, statement, key("dan"))
	if err != nil {
		log.Fatal(err)
	}
	if err := rollout.CoSign(ctx, record, key("eve")); err != nil {
		log.Fatal(err)
	}
	if _, err := company.as("dan").Append(ctx, record); err != nil { // so that all can see it
		log.Fatal(err)
	}
	proof, err := auditor.Prove(ctx, state, checkpoint)
	if err != nil {
		log.Fatal(err)
	}

	view, err := rollout.StateReader{Trust: company.trust, At: company.now}.Read(state, proof)
	if err != nil {
		log.Fatal(err)
	}
	digest, err := view.Tag(ctx, "app", "1.0.0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("1.0.0 is", digest.String()[:14], "by the word of", view.Head().Witnesses, "witnesses")
	// Output:
	// 1.0.0 is sha256:5396d0e by the word of 3 witnesses
}

// A file is published: it, then its evidence, then the release, then the tag.
func ExamplePublication_Publish() {
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	repository, err := oci.Options{InsecureHTTP: true}.Open(strings.TrimPrefix(server.URL, "http://") + "/team/app")
	if err != nil {
		log.Fatal(err)
	}
	company := newObserved(noTest{})
	r := company.built("1.0.0")
	evidence, err := company.store.Bundles(context.Background(), provenance.SumSHA256([]byte("app 1.0.0")))
	if err != nil {
		log.Fatal(err)
	}
	ref, err := rollout.Publication{Registry: repository, Book: company.as("ci"), Release: r, Evidence: evidence, Tag: "1.0.0",
		Content: map[string]func() (io.ReadCloser, error){"app": func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("app 1.0.0")), nil }},
	}.Publish(context.Background())
	if err != nil {
		log.Fatal(err) // nothing of it is seen; publish again
	}
	fmt.Println("published as", ref.Name)
	// Output:
	// published as app#1
}
