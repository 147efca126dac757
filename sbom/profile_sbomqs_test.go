package sbom_test

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
)

// A document that says everything has every point but for a CPE and a signature
// inside of it, and one that says nothing has hardly any.
func TestScore(t *testing.T) {
	scores := func(document string) (map[string]float64, sbom.Rating) {
		r := sbom.Score(read(t, document))
		out := map[string]float64{}
		for _, f := range r.Features {
			out[strings.TrimPrefix(f.Rule, "sbomqs/")] = f.Score
		}
		return out, r
	}
	full, rating := scores(fullDocument())
	for name, score := range full {
		want := 10.0
		if name == "cpe" || name == "signature" {
			want = 0
		}
		if score != want {
			t.Errorf("%s of the full document is %v, want %v", name, score, want)
		}
	}
	// All of it but a tenth of integrity, which weighs 15 of 82.
	if want := 10 - 1.5*10/82; math.Abs(rating.Total-want) > 1e-6 || rating.Grade() != "A" {
		t.Errorf("the full document has %v, want %v", rating.Total, want)
	}
	for name, test := range map[string]struct {
		old, new, rule string
		want           float64
	}{
		"one of two":             {`"supplier":{"name":"Acme","url":["https://acme.example"]},`, ``, "component-supplier", 5},
		"a tool without version": {`"name":"tm","version":"1"`, `"name":"tm"`, "tool", 5},
		"incomplete":             {`"aggregate":"complete"`, `"aggregate":"incomplete"`, "dependencies", 0},
	} {
		document := strings.Replace(fullDocument(), test.old, test.new, 1)
		if got, _ := scores(document); got[test.rule] != test.want {
			t.Errorf("%s: %s is %v, want %v", name, test.rule, got[test.rule], test.want)
		}
	}
	signer := cdx.JSFSigner{Algorithm: "ES256", Value: "x"}
	keyed := signer
	keyed.PublicKey.KTY = "EC"
	for want, signature := range map[float64]cdx.JSFSignature{0: {}, 5: {JSFSigner: &signer}, 10: {Signers: &[]cdx.JSFSigner{keyed}}} {
		bom := read(t, fullDocument())
		bom.Signature = &signature
		for _, f := range sbom.Score(bom).Features {
			if f.Rule == "sbomqs/signature" && f.Score != want {
				t.Errorf("the signature %+v is %v, want %v", signature, f.Score, want)
			}
		}
	}
	// One that is signed inside is still what the schema allows.
	bom := read(t, fullDocument())
	if err := sbom.Sign(t.Context(), bom, edKey(t)); err != nil {
		t.Fatal(err)
	}
	if r := sbom.Score(bom); r.Total != 10 {
		t.Errorf("the full document, signed inside, has %v, want 10: %+v", r.Total, r.Features)
	}
	// Without any licence that was concluded, none is free of copyleft.
	none := strings.ReplaceAll(fullDocument(), `"acknowledgement":"concluded"`, `"acknowledgement":"declared"`)
	if got, _ := scores(none); got["restrictive-license"] != 0 || got["deprecated-license"] != 0 || got["declared-license"] != 10 {
		t.Errorf("without concluded licences: %v", got)
	}
	if _, r := scores(`{}`); r.Total > 2 {
		t.Errorf("an empty document has %v", r.Total)
	}
}

// What sbomqs scores, feature by feature, is what we do, and so is the total.
// Release 2.0.2 is the newest that builds here: it takes the share of the
// components that have dependencies, leaves completeness out, and takes the mean
// of package URL and CPE, where 2.0.9 asks the compositions and takes the better.
func TestScoreAgainstSBOMQS(t *testing.T) {
	tool := integration.Sbomqs.Path(t)
	documents := map[string]string{"full": fullDocument(), "sound": sound}
	err := filepath.WalkDir(filepath.Join(testkit.Corpus(t), "cyclonedx-examples"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		documents[path] = string(data)
		return err
	})
	if err != nil || len(documents) < 20 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	compared := 0
	for name, document := range documents {
		theirs, total, ok := askSBOMQS(t, tool, document)
		if !ok {
			continue // not one that it reads
		}
		compared++
		var sum, weights float64
		r := sbom.Score(read(t, document))
		for i := 0; i < len(r.Features); {
			var score, weight float64
			category := r.Features[i].Category
			for ; i < len(r.Features) && r.Features[i].Category == category; i++ {
				f := r.Features[i]
				feature := strings.TrimPrefix(f.Rule, "sbomqs/")
				their, known := theirs[sbomqsNames[feature]]
				if !known {
					t.Fatalf("%s: sbomqs scores no %s", name, feature)
				}
				switch feature {
				case "declared-completeness":
					continue
				case "dependencies", "schema": // sbomqs takes every document that it can read for valid
					f.Score = their
				}
				if math.Abs(f.Score-their) > 0.005 {
					t.Errorf("%s: %s is %v, and sbomqs says %v", name, feature, f.Score, their)
				}
				score, weight = score+f.Score*f.Weight, weight+f.Weight
			}
			sum, weights = sum+score/weight*sbomqsWeights[category], weights+sbomqsWeights[category]
		}
		if got := sum / weights; math.Abs(got-total) > 0.01 {
			t.Errorf("%s: the total is %v, and sbomqs says %v", name, got, total)
		}
	}
	if compared < 20 {
		t.Errorf("only %d documents were compared", compared)
	}
	t.Logf("%d documents", compared)
}

var sbomqsWeights = map[string]float64{"identification": 10, "provenance": 12, "integrity": 15, "completeness": 12, "licensing": 15, "vulnerability": 10, "structural": 8}

// sbomqsNames are our features by sbomqs's keys.
var sbomqsNames = map[string]string{
	"name": "comp_with_name", "version": "comp_with_version", "local-id": "comp_with_local_id", "timestamp": "sbom_creation_timestamp", "authors": "sbom_authors", "tool": "sbom_tool_version",
	"supplier": "sbom_supplier", "namespace": "sbom_namespace", "lifecycle": "sbom_lifecycle", "strong-checksum": "comp_with_strong_checksums", "weak-checksum": "comp_with_weak_checksums",
	"signature": "sbom_signature", "dependencies": "comp_with_dependencies", "declared-completeness": "sbom_completeness_declared", "primary": "sbom_primary_component",
	"source-code": "comp_with_source_code", "component-supplier": "comp_with_supplier", "purpose": "comp_with_purpose", "license": "comp_with_licenses", "valid-license": "comp_with_valid_licenses",
	"deprecated-license": "comp_no_deprecated_licenses", "restrictive-license": "comp_no_restrictive_licenses", "declared-license": "comp_with_declared_licenses", "data-license": "sbom_data_license",
	"purl": "comp_with_purl", "cpe": "comp_with_cpe", "spec": "sbom_spec_declared", "spec-version": "sbom_spec_version", "file-format": "sbom_file_format", "schema": "sbom_schema_valid",
}

// askSBOMQS returns the scores of a document by feature, and the total.
func askSBOMQS(t *testing.T, tool, document string) (features map[string]float64, total float64, ok bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bom.json")
	if err := os.WriteFile(file, []byte(document), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool, "score", "--json", file)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		return nil, 0, false
	}
	var report struct {
		Files []struct {
			Score    float64 `json:"sbom_quality_score"`
			Features []struct {
				Feature string  `json:"feature"`
				Score   float64 `json:"score"`
			} `json:"comprehenssive"`
		} `json:"files"`
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Files) != 1 {
		return nil, 0, false
	}
	features = map[string]float64{}
	for _, f := range report.Files[0].Features {
		features[f.Feature] = f.Score
	}
	return features, report.Files[0].Score, len(features) > 0
}
