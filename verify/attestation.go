package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// checkAttestation holds the evidence against one attestation rule.
func (d *deciding) checkAttestation(i int) {
	r := &d.Attestations[i]
	rule := fmt.Sprintf("/attestations/%d", i)
	got := d.try(rule, []string{r.Type}, r.SignedBy, d.attesters[i], func(t *trial) {
		var predicate any
		if raw := t.unit.statement.Predicate; len(raw) > 0 {
			if err := strictjson.Unmarshal(raw, &predicate); err != nil {
				t.fail(Finding{Code: predicateCode(err), Rule: rule, Message: "the predicate cannot be used", Want: "well-formed JSON", Got: err.Error()})
				return
			}
		}
		if r.Type == sbom.PredicateType {
			d.checkSBOM(t, rule)
			if r.SBOM != nil && t.bom != nil {
				d.checkContents(t, rule, r.SBOM)
			}
		}
		if r.Summary != nil {
			d.checkVSA(t, rule, r.Summary)
		}
		d.checkAge(t, rule, r.MaxAge, claimedTime(r.Type, predicate))
		all := mismatches(r.Predicate, predicate, d.asked, false)
		for _, m := range all {
			t.fail(Finding{Code: CodeCondition, Rule: rule + "/predicate/" + strictjson.EscapePointer(m.pointer), Message: "the attestation does not say what the policy wants", Want: m.want, Got: m.got})
		}
		waived := 0
		for _, pointer := range sortedKeys(r.Predicate) {
			if r.Predicate[pointer].Any {
				t.waive(CodeCondition, rule+"/predicate/"+strictjson.EscapePointer(pointer), "any")
				waived++
			}
		}
		if len(r.Predicate) > waived && len(all) == 0 {
			t.pass(CodeCondition, rule+"/predicate")
		}
		if condition := d.conditions[i]; condition != nil {
			ok, err := condition(t.unit.statement.Predicate)
			switch {
			case err != nil:
				f := Finding{Code: conditionCode(err), Rule: rule + "/where", Message: "the condition could not be evaluated", Want: r.Where, Got: err.Error()}
				if f.Code == CodeLimit {
					f.Remedy = "ask less in the condition, or have the attestation say less"
				}
				t.fail(f)
			case !ok:
				t.fail(Finding{Code: CodeCondition, Rule: rule + "/where", Message: "the condition does not hold", Want: r.Where, Got: "false"})
			default:
				t.pass(CodeCondition, rule+"/where")
			}
		}
	})
	if got != nil && got.bom != nil {
		d.sboms = append(d.sboms, got)
	}
}

// conditionCode is the code of a condition that could not be evaluated.
func conditionCode(err error) Code {
	var coded interface{ Code() Code }
	if errors.As(err, &coded) && coded.Code() == CodeLimit {
		return CodeLimit
	}
	return CodeCondition
}

// checkSBOM binds the document to the artifact a second time: by the digests of
// its own main component.
func (d *deciding) checkSBOM(t *trial, rule string) {
	bom, err := sbom.ParsePredicate(t.unit.statement.Predicate)
	if err != nil {
		t.fail(Finding{Code: predicateCode(err), Rule: rule, Message: "no CycloneDX document that can be used", Want: "a document as its schema says", Got: err.Error()})
		return
	}
	digests := bomDigests(bom)
	switch digests.Match(d.artifact.digests) {
	case provenance.Matched:
		t.bom = bom
		t.pass(CodeBinding, rule)
	default:
		var got []string
		for _, digest := range digests.Digests() {
			got = append(got, digest.String())
		}
		f := Finding{Code: CodeBinding, Rule: rule, Message: "the SBOM is of another artifact than its statement", Want: d.artifact.primary.String(), Got: strings.Join(got, ", "),
			Remedy: "make the SBOM of this very artifact; do not run it before you know how another one came here"}
		if len(got) == 0 {
			f.Message, f.Remedy = "the SBOM does not say by a strong digest which artifact it is of", "make the SBOM of this very artifact"
		}
		t.fail(f)
	}
}

// claimedTime is when a predicate of a known type says that it was made.
func claimedTime(predicateType string, predicate any) time.Time {
	pointer := map[string]string{
		sbom.PredicateType:                          "/metadata/timestamp",
		"https://in-toto.io/attestation/vulns/v0.2": "/metadata/scanFinishedOn",
		"https://in-toto.io/attestation/vulns/v0.1": "/metadata/scanFinishedOn",
		SummaryType: "/timeVerified",
		"https://in-toto.io/attestation/svr/v0.2": "/timeCreated",
		provenance.SLSAProvenanceV1:               "/runDetails/metadata/finishedOn",
		provenance.SLSAProvenanceV02:              "/metadata/buildFinishedOn",
		provenance.SLSAProvenanceV01:              "/metadata/buildFinishedOn",
	}[predicateType]
	if pointer == "" {
		return time.Time{}
	}
	value, _ := lookup(predicate, pointer)
	data, err := json.Marshal(value)
	var at time.Time
	if err != nil || strictjson.Unmarshal(data, &at) != nil {
		return time.Time{}
	}
	return at
}
