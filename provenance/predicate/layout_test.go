package predicate_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/in-toto/in-toto-golang/in_toto"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
	"github.com/touchmark-go/touchmark/sign"
)

// A layoutSigner signs with the name that a layout gives a key.
type layoutSigner struct {
	private ed25519.PrivateKey
	id      string
}

func (s layoutSigner) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.private, data), nil
}

func (s layoutSigner) KeyID() (string, error) { return s.id, nil }

// TestLayout has in-toto's own verifier go through a layout of two steps whose
// links we wrote, and refuse it when what one step took is not what the other made.
func TestLayout(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := private.Public().(ed25519.PublicKey)
	id := strings.Repeat("ab", 32)
	key := in_toto.Key{KeyID: id, KeyType: "ed25519", Scheme: "ed25519", KeyVal: in_toto.KeyVal{Public: hex.EncodeToString(public)}}
	signer := layoutSigner{private, id}

	source := provenance.ResourceDescriptor{Name: "main.go", Digest: provenance.DigestSet{"sha256": sum}}
	archive := provenance.ResourceDescriptor{Name: "dist/app.tar", Digest: provenance.DigestSet{"sha256": strings.Repeat("12", 32)}}
	other := provenance.ResourceDescriptor{Name: "dist/app", Digest: provenance.DigestSet{"sha256": strings.Repeat("34", 32)}}
	build := predicate.Link{Name: "build", Command: []string{"go", "build", "-o", "dist/app"}, Materials: []provenance.ResourceDescriptor{source},
		Byproducts: map[string]json.RawMessage{"return-value": json.RawMessage("0"), "stdout": json.RawMessage(`"line\nline"`)}}

	for _, c := range []struct {
		name string
		took provenance.ResourceDescriptor
		ok   bool
	}{{"same", app, true}, {"another", other, false}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			pack := predicate.Link{Name: "pack", Materials: []provenance.ResourceDescriptor{c.took}}
			for _, step := range []struct {
				link     predicate.Link
				products []provenance.ResourceDescriptor
			}{{build, []provenance.ResourceDescriptor{app}}, {pack, []provenance.ResourceDescriptor{archive}}} {
				body, err := step.link.Metadata(step.products...)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, step.link.Name+"."+id[:8]+".link")
				writeSigned(t, path, body, signer)
				read, err := in_toto.LoadMetadata(path)
				if err != nil {
					t.Fatal(err)
				}
				link, ok := read.GetPayload().(in_toto.Link)
				if !ok || link.Name != step.link.Name || link.Products[step.products[0].Name]["sha256"] != step.products[0].Digest["sha256"] ||
					link.Materials[step.link.Materials[0].Name]["sha256"] != step.link.Materials[0].Digest["sha256"] || len(link.Command) != len(step.link.Command) {
					t.Errorf("in-toto reads %+v", read.GetPayload())
				}
			}
			layout, err := json.Marshal(in_toto.Layout{
				Type: "layout", Expires: "2099-01-01T00:00:00Z", Keys: map[string]in_toto.Key{id: key}, Inspect: []in_toto.Inspection{},
				Steps: []in_toto.Step{
					{Type: "step", PubKeys: []string{id}, Threshold: 1, ExpectedCommand: build.Command, SupplyChainItem: in_toto.SupplyChainItem{Name: "build",
						ExpectedMaterials: [][]string{{"ALLOW", "main.go"}, {"DISALLOW", "*"}}, ExpectedProducts: [][]string{{"CREATE", "dist/app"}, {"DISALLOW", "*"}}}},
					{Type: "step", PubKeys: []string{id}, Threshold: 1, ExpectedCommand: []string{}, SupplyChainItem: in_toto.SupplyChainItem{Name: "pack",
						ExpectedMaterials: [][]string{{"MATCH", "dist/app", "WITH", "PRODUCTS", "FROM", "build"}, {"DISALLOW", "*"}}, ExpectedProducts: [][]string{{"CREATE", "dist/app.tar"}, {"DISALLOW", "*"}}}},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			root := filepath.Join(dir, "root.layout")
			writeSigned(t, root, layout, signer)
			signed, err := in_toto.LoadMetadata(root)
			if err != nil {
				t.Fatal(err)
			}
			_, err = in_toto.InTotoVerify(signed, map[string]in_toto.Key{id: key}, dir, "", nil, nil, false)
			if (err == nil) != c.ok {
				t.Errorf("in-toto says %v", err)
			}
		})
	}
}

func writeSigned(t testing.TB, path string, body []byte, signer sign.Signer) {
	t.Helper()
	b, err := sign.Payload(t.Context(), provenance.PayloadType, body, signer)
	if err != nil {
		t.Fatal(err)
	}
	data, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestMetadata pins the bytes of a link for layouts, with everything in it and
// with nothing.
func TestMetadata(t *testing.T) {
	products := provenance.ResourceDescriptor{Name: "dist/app", Digest: provenance.DigestSet{"sha256": sum}}
	for _, c := range []struct {
		link predicate.Link
		want string
	}{
		{predicate.Link{Name: "build"}, `{"_type":"link","name":"build","command":[],"materials":{},"products":{"dist/app":{"sha256":"` + sum + `"}},"byproducts":{},"environment":{}}`},
		{predicate.Link{Name: "build", Command: []string{"sh", "-c", "a <b"}, Materials: []provenance.ResourceDescriptor{{Name: "a", Digest: products.Digest}},
			Byproducts: map[string]json.RawMessage{"return-value": json.RawMessage("0")}, Environment: map[string]json.RawMessage{"os": json.RawMessage(`"linux"`)}},
			`{"_type":"link","name":"build","command":["sh","-c","a <b"],"materials":{"a":{"sha256":"` + sum + `"}},"products":{"dist/app":{"sha256":"` + sum + `"}},"byproducts":{"return-value":0},"environment":{"os":"linux"}}`},
	} {
		got, err := c.link.Metadata(products)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	if _, err := (&predicate.Link{}).Metadata(products); err == nil {
		t.Error("a link without a name is written")
	}
}
