package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
)

// writeLayout adds to the fixture:
//
//	layout/root.layout  alice's: ci builds app
//	layout/build.*.link ci's: it made v1.0.0/app
//	chain.json          the policy, which wants the layout followed as well
func writeLayout(t testing.TB, dir string) {
	t.Helper()
	key := func(name string) *keys.Key {
		k, err := keys.Load(filepath.Join(dir, name+".key"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	write := func(name string, v any, by *keys.Key) {
		body, err := json.Marshal(v)
		if err == nil && by != nil {
			var b *sign.Bundle
			if b, err = sign.Payload(context.Background(), provenance.PayloadType, body, by); err == nil {
				body, err = b.Marshal()
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	app, err := os.ReadFile(filepath.Join(dir, "v1.0.0", "app"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "layout"), 0o755); err != nil {
		t.Fatal(err)
	}
	ci := key("ci")
	id := strings.Repeat("c1", 32)
	write("layout/root.layout", map[string]any{"_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "inspect": []any{},
		"keys": map[string]any{id: map[string]any{"keyid": id, "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": map[string]any{"public": string(ci.MarshalPublic())}}},
		"steps": []any{map[string]any{"_type": "step", "name": "build", "pubkeys": []string{id}, "threshold": 1, "expected_command": []string{},
			"expected_materials": [][]string{}, "expected_products": [][]string{{"CREATE", "app"}, {"DISALLOW", "*"}}}}}, key("alice"))
	write("layout/build."+id[:8]+".link", map[string]any{"_type": "link", "name": "build", "materials": map[string]any{}, "command": []string{}, "byproducts": nil, "environment": nil,
		"products": map[string]any{"app": provenance.Set(provenance.SumSHA256(app))}}, ci)
	policy, err := os.ReadFile(filepath.Join(dir, "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var chain map[string]any
	if err := json.Unmarshal(policy, &chain); err != nil {
		t.Fatal(err)
	}
	attestations, _ := chain["attestations"].([]any)
	chain["attestations"] = append(attestations, map[string]any{"type": "https://github.com/touchmark-go/touchmark/predicates/supply-chain/v1", "signedBy": "alice"})
	write("chain.json", chain, nil)
}
