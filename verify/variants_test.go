package verify_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/verify/cel"
	"github.com/touchmark-go/touchmark/verify/verifytest"
)

// TestVariants attacks the five policies by everything that package verifytest
// makes of what they allow. What they leave open stands here, with its reason.
func TestVariants(t *testing.T) {
	y := newYardstick(t)
	for _, c := range []struct {
		policy string
		good   func(*scene)
		open   map[string]string
	}{
		{"1-github-binary.json", y.githubBinary, map[string]string{
			"37/provenance/old":                    "any age",
			"G6/request/version":                   "the ref of provenance says the version, and nobody asks for one",
			"D4/provenance/parameter-inputs.debug": "/inputs is any, but for the channel",
		}},
		{"2-npm.json", y.npm, map[string]string{
			"37/provenance/old":                 "any age",
			"examine/provenance/another-commit": "a package of npm is not examined",
		}},
		{"3-image.json", y.image, map[string]string{
			"37/*/old":                           "provenance and SBOM may have any age; the scan may not",
			"D4/provenance/parameter-inputs.tag": "/inputs is any",
		}},
		{"4-two-people.json", y.twoPeople, map[string]string{"37/provenance/old": "any age"}},
		{"5-air-gapped.json", y.airGapped, map[string]string{"37/bom/old": "the SBOM may have any age; provenance may not"}},
	} {
		t.Run(c.policy, func(t *testing.T) {
			if c.policy == "3-image.json" && testing.Short() {
				t.Skip("half of the time goes into the layers of this image")
			}
			s := &scene{t: t, policy: policyFile(t, c.policy), artifact: y.binary}
			c.good(s)
			v := s.ready(y.public, cel.Conditions)
			verifytest.Run(t, verifytest.Good{Verifier: v, Request: s.request, Sign: s.sign, Open: c.open})
		})
	}
}
