package gomod_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
	"github.com/touchmark-go/touchmark/sbom/license"
)

// product is a program in a repository, tagged v1.0.0, that links these modules
// of our own go.mod file.
func product(t testing.TB, modules map[string]string) (dir, binary string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("without git nothing is stamped")
	}
	root := testkit.Root(t)
	dir = t.TempDir()
	put(t, dir, "go.sum", string(read(t, filepath.Join(root, "go.sum"))))
	put(t, dir, "LICENSE", string(read(t, filepath.Join(root, "LICENSE"))))
	put(t, dir, ".gitignore", "app\n")
	goMod, imports := "module github.com/acme/app\n\ngo 1.26.0\n\n", ""
	for _, line := range strings.Split(string(read(t, filepath.Join(root, "go.mod"))), "\n") {
		if f := strings.Fields(line); len(f) >= 2 && modules[f[0]] != "" {
			goMod += "require " + f[0] + " " + f[1] + "\n"
			imports += "import _ \"" + modules[f[0]] + "\"\n"
		}
	}
	put(t, dir, "go.mod", goMod)
	put(t, dir, "main.go", "package main\n\n"+imports+"\nfunc main() { println(\"hello\") }\n")
	for _, args := range [][]string{
		{"go", "build", "-mod=mod", "-o", "app", "."}, // settles go.mod
		{"git", "init", "-q"}, {"git", "add", "."},
		{"git", "-c", "user.name=a", "-c", "user.email=a@acme.example", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "first"},
		{"git", "-c", "tag.gpgsign=false", "tag", "v1.0.0"},
		{"go", "build", "-trimpath", "-buildvcs=true", "-o", "app", "."},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, factstest.Env("GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
			"GIT_AUTHOR_DATE=2026-11-21T05:34:23Z", "GIT_COMMITTER_DATE=2026-11-21T05:34:23Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return dir, filepath.Join(dir, "app")
}

// acme is what a publisher says of a product, and a careful one also of what
// it is made from: who supplies it, what the National Vulnerability Database calls
// those modules that it knows, and the digest of the Go release. (No archive has
// this one.)
func acme(careful bool) sbom.Publisher {
	organization := &cdx.OrganizationalEntity{Name: "Acme", URL: &[]string{"https://acme.example"}, Contact: &[]cdx.OrganizationalContact{{Name: "Release desk", Email: "release@acme.example"}}}
	p := sbom.Publisher{
		Authors: []cdx.OrganizationalContact{{Name: "Ada", Email: "ada@acme.example"}}, Manufacturer: organization, Supplier: organization,
		DataLicense: "CC0-1.0", Distribution: "https://acme.example/dist/app", Filename: "app",
	}
	if careful {
		p.Suppliers = map[string]*cdx.OrganizationalEntity{}
		for _, host := range []string{"golang.org/x", "github.com", "go.yaml.in"} {
			p.Suppliers[host] = &cdx.OrganizationalEntity{Name: "who is known to supply " + host, URL: &[]string{"https://" + host}}
		}
		p.CPEs = map[string]string{"github.com/acme/app": "cpe:2.3:a:acme:app:*:*:*:*:*:*:*:*"}
		for _, name := range []string{"crypto", "text"} {
			p.CPEs["golang.org/x/"+name] = "cpe:2.3:a:golang:" + name + ":*:*:*:*:*:go:*:*"
		}
		p.GoRelease = provenance.DigestSet{"sha256": strings.Repeat("ab", 32)}
	}
	return p
}

// A signer is the publisher's key.
type signer struct{ *ecdsa.PrivateKey }

func (s signer) Public() crypto.PublicKey { return s.PrivateKey.Public() }
func (s signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, s.PrivateKey, sum[:])
}

// publish makes the document that a publisher hands out with a binary: from the
// binary, its source and the module cache, without the network, signed inside.
func publish(t testing.TB, p sbom.Publisher, dir, binary string) *cdx.BOM {
	t.Helper()
	cache := os.DirFS(strings.TrimSpace(goCommand(t, dir, nil, "env", "GOMODCACHE")))
	goroot := os.DirFS(strings.TrimSpace(goCommand(t, dir, nil, "env", "GOROOT")))
	f, err := os.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bom, err := sbom.Options{Publisher: p, Time: time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)}.FromBinary(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := (sbom.ModuleCache{FS: cache}).AddDigests(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	if err := (license.Finder{ModuleCache: cache, Main: os.DirFS(dir), Go: goroot}).Describe(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	if err := (gomod.Options{Env: []string{"GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0"}}).AddEdges(t.Context(), dir, bom); err != nil {
		t.Fatal(err)
	}
	// As in a program that was built from a release of this module.
	(*bom.Metadata.Tools.Components)[0].Version = "v1.0.0"
	// With ECDSA: the key of an Ed25519 signature sbomqs 2.0.2 does not see.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := sbom.Sign(t.Context(), bom, signer{key}); err != nil {
		t.Fatal(err)
	}
	valid(t, write(t, bom))
	return bom
}

// products are programs of no module, of a few, and of more; and what they are
// rated at least when the publisher knows nothing of suppliers and archives.
//
// Below 10 they then fall by these rules alone: no supplier of a module (0.22 when nearly all have none), no hash of the
// standard library (0.9 divided by the number of components), and nothing of
// that can be found out.
var products = []struct {
	name    string
	modules map[string]string
	score   float64
}{
	{"none", nil, 9.5},
	{"two", map[string]string{"golang.org/x/mod": "golang.org/x/mod/semver", "github.com/package-url/packageurl-go": "github.com/package-url/packageurl-go"}, 9.6},
	{"many", map[string]string{
		"golang.org/x/mod": "golang.org/x/mod/semver", "github.com/package-url/packageurl-go": "github.com/package-url/packageurl-go",
		"github.com/CycloneDX/cyclonedx-go": "github.com/CycloneDX/cyclonedx-go", "golang.org/x/term": "golang.org/x/term", "golang.org/x/text": "golang.org/x/text/unicode/norm",
		"golang.org/x/crypto": "golang.org/x/crypto/scrypt", "github.com/spf13/cobra": "github.com/spf13/cobra", "go.yaml.in/yaml/v3": "go.yaml.in/yaml/v3",
		"github.com/secure-systems-lab/go-securesystemslib": "github.com/secure-systems-lab/go-securesystemslib/dsse",
	}, 9.7},
}

// unknowable are the rules that a document falls short by, when nobody says who
// supplies what and which archive Go came in.
var unknowable = []string{"sbomqs/component-supplier", "sbomqs/strong-checksum", "sbomqs/source-code"}

// What a careful publisher hands out is rated 9.5 and more and is complete by
// NTIA and CISA, and what a document is rated low for is what nobody knows.
func TestPublishedScore(t *testing.T) {
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) {
			dir, binary := product(t, p.modules)
			rating := sbom.Score(publish(t, acme(false), dir, binary))
			if rating.Total < p.score {
				t.Errorf("rated %.3f, want %.2f", rating.Total, p.score)
			}
			for _, f := range rating.Features {
				if f.Score < 10 && !f.Ignored && !slices.Contains(unknowable, f.Rule) {
					t.Errorf("%s is rated %.2f", f.Rule, f.Score)
				}
			}
			bom := publish(t, acme(true), dir, binary)
			careful := sbom.Score(bom)
			if careful.Total < 9.95 {
				t.Errorf("rated %.3f when the publisher is careful, want 9.95", careful.Total)
			}
			t.Logf("%.3f, and %.3f when the publisher is careful", rating.Total, careful.Total)
			for _, profile := range []sbom.Profile{sbom.ProfileStructure, sbom.ProfileNTIA, sbom.ProfileCISA} {
				for _, issue := range sbom.Check(bom, profile) {
					t.Errorf("%s: %v", profile, issue)
				}
			}
			// BSI TR-03183-2 asks of each component what only a file has. The program is
			// one, and lacks nothing; a module that is linked into it is none.
			for _, issue := range sbom.Check(bom, sbom.ProfileBSI) {
				rule := strings.TrimPrefix(issue.Rule, string(sbom.ProfileBSI)+"/")
				if !issue.Advice && (issue.Pointer == "" || strings.HasPrefix(issue.Pointer, "/metadata") || !slices.Contains([]string{"filename", "hash", "executable", "archive", "structured"}, rule)) {
					t.Errorf("BSI: %+v", issue)
				}
			}
		})
	}
}

// sbomqs itself rates what we rate, feature by feature.
func TestSBOMQS(t *testing.T) {
	tool, version := integration.Sbomqs.Path(t), integration.Sbomqs.Version
	// What no fact gives: see docs/go-sbom.md. (Where the source of go.yaml.in/yaml is
	// kept, its path does not say.)
	other := map[string]bool{"comp_with_dependencies": true, "sbom_completeness_declared": true, "comp_with_cpe": true, "comp_with_source_code": true}
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) {
			dir, binary := product(t, p.modules)
			bom := publish(t, acme(true), dir, binary)
			file := filepath.Join(t.TempDir(), "app.cdx.json")
			if err := os.WriteFile(file, write(t, bom), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(tool, "score", "--json", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			var report struct {
				Files []struct {
					Score    float64 `json:"sbom_quality_score"`
					Features []struct {
						Feature string  `json:"feature"`
						Score   float64 `json:"score"`
						Ignored bool    `json:"ignored"`
					} `json:"comprehenssive"`
				} `json:"files"`
			}
			if err := json.Unmarshal(out, &report); err != nil || len(report.Files) != 1 || len(report.Files[0].Features) < 20 {
				t.Fatalf("%v: %s", err, out)
			}
			for _, f := range report.Files[0].Features {
				if f.Score < 10 && !f.Ignored && !other[f.Feature] {
					t.Errorf("sbomqs rates %s %.2f", f.Feature, f.Score)
				}
			}
			t.Logf("sbomqs %s rates it %.3f, we %.3f", version, report.Files[0].Score, sbom.Score(bom).Total)
			if report.Files[0].Score < 9.5 {
				t.Errorf("sbomqs %s rates it %.3f, want 9.5", version, report.Files[0].Score)
			}
			for _, profile := range []string{"ntia", "ntia-2025"} {
				out, err := exec.Command(tool, "score", "--json", "--profile", profile, file).Output()
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(out, []byte(`"grade": "A"`)) {
					t.Errorf("sbomqs, profile %s: %s", profile, out)
				}
			}
		})
	}
}
