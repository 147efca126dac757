package main

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// A gcbDocument is what gcloud prints of an image. Nobody signed it but for the
// envelopes in it; what it says around them must not contradict them.
type gcbDocument struct {
	Image struct {
		Digest string `json:"digest"`
		Full   string `json:"fully_qualified_digest"`
	} `json:"image_summary"`
	Summary struct {
		Provenance []struct {
			Build struct {
				Statement map[string]any `json:"intotoStatement"`
			} `json:"build"`
			Resource string `json:"resourceUri"`
		} `json:"provenance"`
	} `json:"provenance_summary"`
}

// runGCB wants one provenance of the document to be signed by Google Cloud
// Build, of the image, and by the builder and of the source that the row names.
func runGCB(r row) error {
	data, err := r.read(r.bundle)
	if err != nil {
		return err
	}
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	var doc gcbDocument
	if err := json.Unmarshal(data, &doc); err != nil {
		return err
	}
	if doc.Image.Digest != r.artifact || !strings.HasSuffix(doc.Image.Full, "@"+r.artifact) {
		return fmt.Errorf("the summary is of %s, want %s", doc.Image.Digest, r.artifact)
	}
	if len(bundles) != len(doc.Summary.Provenance) {
		return fmt.Errorf("%d envelopes, want %d", len(bundles), len(doc.Summary.Provenance))
	}
	for i, b := range bundles {
		p := doc.Summary.Provenance[i]
		if !strings.HasSuffix(p.Resource, "@"+r.artifact) {
			err = fmt.Errorf("provenance %d is of %s, want %s", i, p.Resource, r.artifact)
			continue
		}
		if err = r.gcbProvenance(b, p.Build.Statement); err == nil {
			return nil
		}
	}
	return err
}

func (r row) gcbProvenance(b *sign.Bundle, text map[string]any) error {
	signed, err := r.gcbSigned(b)
	if err != nil {
		return err
	}
	statement, err := provenance.Parse(signed)
	if err != nil {
		return err
	}
	if statement.PredicateType != "https://slsa.dev/provenance/v0.1" {
		return fmt.Errorf("predicate type %q", statement.PredicateType)
	}
	digests, err := r.artifactDigests()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(statement.Subject, func(s provenance.ResourceDescriptor) bool { return s.Digest.Match(digests) == provenance.Matched }) {
		return errors.New("the provenance is about something else")
	}
	// The text beside the envelope says the same, with the predicate under
	// another name.
	var own map[string]any
	if err := json.Unmarshal(signed, &own); err != nil {
		return err
	}
	for name, as := range map[string]string{"_type": "_type", "predicateType": "predicateType", "subject": "subject", "predicate": "slsaProvenance"} {
		if !reflect.DeepEqual(own[name], text[as]) {
			return fmt.Errorf("the text beside the envelope has another %s than what is signed", name)
		}
	}
	var predicate struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Recipe struct {
			Arguments struct {
				Substitutions struct {
					Tag string `json:"TAG_NAME"`
				} `json:"substitutions"`
			} `json:"arguments"`
		} `json:"recipe"`
		Materials []struct {
			URI string `json:"uri"`
		} `json:"materials"`
	}
	if err := json.Unmarshal(statement.Predicate, &predicate); err != nil {
		return err
	}
	if name, _, _ := strings.Cut(predicate.Builder.ID, "@"); predicate.Builder.ID != r.builder && name != r.builder {
		return fmt.Errorf("built by %s, want %s", predicate.Builder.ID, r.builder)
	}
	if len(predicate.Materials) == 0 {
		return errors.New("the provenance names no source")
	}
	source := strings.TrimPrefix(strings.TrimPrefix(predicate.Materials[0].URI, "git+"), "https://")
	source, _, _ = strings.Cut(source, "/commit/")
	source, _, _ = strings.Cut(source, "#") // a generation of a stored object
	if source != r.source {
		return fmt.Errorf("built from %s, want %s", source, r.source)
	}
	wants, err := r.refs()
	if err != nil {
		return err
	}
	ref := "refs/tags/" + predicate.Recipe.Arguments.Substitutions.Tag
	for _, want := range wants {
		prefix, isPrefix := strings.CutSuffix(want.ref, "*")
		if want.ref == "any" || want.ref == ref || isPrefix && strings.HasPrefix(ref, prefix) {
			return nil
		}
	}
	return fmt.Errorf("built from %s", ref)
}

// gcbSigned is the payload, if one of the signatures is by the key that it
// names. Those of a region are from before Cloud Build knew DSSE: they are over
// the bare payload, which verify takes from nobody.
func (r row) gcbSigned(b *sign.Bundle) ([]byte, error) {
	if b.Err != nil {
		return nil, b.Err
	}
	err := errors.New("nobody signed it")
	for _, s := range b.Signatures {
		// projects/verified-builder/locations/REGION/keyRings/attestor/cryptoKeys/NAME/cryptoKeyVersions/N
		parts := strings.Split(s.KeyID, "/")
		if len(parts) != 10 || parts[0] != "projects" || parts[1] != "verified-builder" || parts[5] != "attestor" {
			err = fmt.Errorf("signed by a key of the name %q", s.KeyID)
			continue
		}
		message, name := b.UnverifiedPayload(), parts[3]
		if parts[7] != "builtByGCB" {
			message, name = b.PAE(), fmt.Sprintf("%s-pae-%s_%s", parts[3], parts[7], parts[9])
		}
		pem, missing := r.read(path.Join(r.trustedRoot, name+".key"))
		if missing != nil {
			err = fmt.Errorf("no key of the name %q", s.KeyID)
			continue
		}
		var key crypto.PublicKey
		if key, err = keys.ParsePublic(pem); err != nil {
			return nil, err
		}
		if err = checkRaw(key, message, s.Sig); err == nil {
			return b.UnverifiedPayload(), nil
		}
	}
	return nil, err
}

// keyTrust trusts these keys, each a principal of its own.
func keyTrust(pems ...string) *verify.Trust {
	trust := &verify.Trust{Version: 1, Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), Principals: map[string]verify.Principal{}}
	for i, pem := range pems {
		trust.Principals[fmt.Sprintf("key-%d", i)] = verify.Principal{Kind: verify.Service, Keys: []verify.Key{{PEM: pem}}}
	}
	return trust
}

// runVSA wants a verification summary by the key of that name, and all that the
// note says of it.
func runVSA(r row) error {
	pems, err := r.trustedKeys()
	if err != nil {
		return err
	}
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	for _, b := range bundles {
		if err = r.summary(b, pems[0]); err == nil {
			return nil
		}
	}
	return err
}

func (r row) summary(b *sign.Bundle, pem string) error {
	if b.Err != nil {
		return b.Err
	}
	if !slices.ContainsFunc(b.Signatures, func(s sign.Signature) bool { return s.KeyID != "" && s.KeyID == r.noted("keyid") }) {
		return fmt.Errorf("no signature by a key of the name %q", r.noted("keyid"))
	}
	trust := keyTrust(pem)
	got, err := verify.Authenticate(context.Background(), trust, b, time.Now())
	if err != nil { // Google's summaries have a signature of two bare numbers
		trust.Principals["key-0"].Keys[0].Scheme = "ecdsa-p1363-sha256"
		got, err = verify.Authenticate(context.Background(), trust, b, time.Now())
	}
	if err != nil {
		return err
	}
	statement, err := provenance.Parse(got.Payload)
	if err != nil {
		return err
	}
	var vsa struct {
		Verifier struct {
			ID string `json:"id"`
		} `json:"verifier"`
		Resource string   `json:"resourceUri"`
		Result   string   `json:"verificationResult"`
		Levels   []string `json:"verifiedLevels"`
	}
	if err := json.NewDecoder(bytes.NewReader(statement.Predicate)).Decode(&vsa); err != nil {
		return err
	}
	algorithm, sum, _ := strings.Cut(r.artifact, ":")
	switch {
	case statement.PredicateType != "https://slsa.dev/verification_summary/v1":
		return fmt.Errorf("predicate type %q", statement.PredicateType)
	case !slices.ContainsFunc(statement.Subject, func(s provenance.ResourceDescriptor) bool { return sum != "" && s.Digest[algorithm] == sum }):
		return errors.New("the summary is about something else")
	case vsa.Verifier.ID != r.noted("VerifierID"), vsa.Resource != r.noted("ResourceURI"):
		return fmt.Errorf("by %s about %s", vsa.Verifier.ID, vsa.Resource)
	case vsa.Result != "PASSED":
		return fmt.Errorf("result %q", vsa.Result)
	}
	for _, level := range strings.Split(r.noted("VerifiedLevels"), ",") {
		if !slices.Contains(vsa.Levels, level) {
			return fmt.Errorf("not verified to %s", level)
		}
	}
	return nil
}
