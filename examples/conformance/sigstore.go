package main

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

// An instance is how a row's evidence is to be checked.
type instance struct {
	root          string // path of the trusted root
	noSCT         bool   // it has no certificate log, whatever its root says
	timestampOnly bool   // its time is a timestamp, and it has no log
	withoutLog    bool   // envelopes whose log entry would have to be looked up
}

// authenticators are made once for an instance: there are thousands of rows.
type authenticators struct {
	mu        sync.Mutex
	made      map[instance]*sigstore.Authenticator
	verifiers map[string]*verify.Verifier // by everything that makes them
}

func newCache() *authenticators {
	return &authenticators{made: map[instance]*sigstore.Authenticator{}, verifiers: map[string]*verify.Verifier{}}
}

const authorityName = "instance"

// trust is a trust file that knows the instance and a stranger, who is nobody's
// signer: rows name identities by wild cards, which no trust file may.
func (i instance) trust(r row) (*verify.Trust, error) {
	root, err := r.read(i.root)
	if err != nil {
		return nil, err
	}
	if i.noSCT {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(root, &members); err != nil {
			return nil, err
		}
		delete(members, "ctlogs")
		if root, err = json.Marshal(members); err != nil {
			return nil, err
		}
	}
	atLeast := verify.AuthorityThreshold{Log: 1}
	if i.timestampOnly {
		atLeast = verify.AuthorityThreshold{Timestamp: 1}
	}
	return &verify.Trust{Authorities: map[string]verify.Authority{authorityName: {TrustedRoot: root, AtLeast: atLeast}}}, nil
}

func (r row) authenticator(i instance) (*sigstore.Authenticator, error) {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	if a := r.cache.made[i]; a != nil {
		return a, nil
	}
	trust, err := i.trust(r)
	if err != nil {
		return nil, err
	}
	a, err := sigstore.Options{InsecureWithoutLog: i.withoutLog}.New(trust)
	if err != nil {
		return nil, err
	}
	r.cache.made[i] = a
	return a, nil
}

// instance is what the row and its note say.
func (r row) instance() instance {
	has := func(word string) bool {
		for _, part := range strings.Split(r.note, " ; ") {
			if strings.HasPrefix(part, word) {
				return true
			}
		}
		return false
	}
	return instance{root: r.trustedRoot, noSCT: has("no-sct"), timestampOnly: has("tsa-only")}
}

// runSigstore wants every bundle of the file to be signed by the identity, and
// to be about the artifact.
func runSigstore(r row) error {
	if r.noted("key") != "" {
		return runMessage(r)
	}
	a, err := r.authenticator(r.instance())
	if err != nil {
		return err
	}
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	for _, b := range bundles {
		found, err := authenticate(a, b, r)
		if err != nil {
			return err
		}
		if err := r.identityIs(found); err != nil {
			return err
		}
	}
	return nil
}

// authenticate checks one bundle, of whichever kind, and that it is about the
// row's artifact, if there is one.
func authenticate(a *sigstore.Authenticator, b *sign.Bundle, r row) ([]verify.Identified, error) {
	if b.Err != nil {
		return nil, b.Err
	}
	if !b.MessageDigest.IsZero() {
		if r.artifact == "" {
			return a.AuthenticateArtifact(context.Background(), b, b.MessageDigest)
		}
		digests, err := r.artifactDigests()
		if err != nil {
			return nil, err
		}
		d, ok := digests.Get(b.MessageDigest.Algorithm())
		if !ok {
			return nil, fmt.Errorf("the bundle knows its artifact by %s", b.MessageDigest.Algorithm())
		}
		return a.AuthenticateArtifact(context.Background(), b, d)
	}
	found, err := a.Authenticate(context.Background(), b, time.Now())
	if err != nil || r.artifact == "" {
		return found, err
	}
	statement, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil {
		return nil, err
	}
	digests, err := r.artifactDigests()
	if err != nil {
		return nil, err
	}
	for _, s := range statement.Subject {
		if s.Digest.Match(digests) == provenance.Matched {
			return found, nil
		}
	}
	return nil, errors.New("the statement is about something else")
}

// identityIs wants a certificate by the row's identity and issuer.
func (r row) identityIs(found []verify.Identified) error {
	for _, id := range found {
		if id.Issuer == "" || r.issuer != "" && id.Issuer != r.issuer {
			continue
		}
		name := id.Workflow + id.Email + id.URI + id.Username // one of them
		pattern, isPattern := strings.CutPrefix(r.identity, "regex:")
		if isPattern {
			if ok, err := regexp.MatchString(pattern, name); err != nil || !ok {
				continue
			}
		} else if r.identity != "*" && r.identity != name {
			continue
		}
		return nil
	}
	return fmt.Errorf("signed by %v, want %q by %q", found, r.identity, r.issuer)
}

// artifactDigests are the digests of the row's artifact: a file, or as written.
func (r row) artifactDigests() (provenance.DigestSet, error) {
	if algorithm, sum, ok := strings.Cut(r.artifact, ":"); ok && !strings.Contains(algorithm, "/") {
		return provenance.DigestSet{algorithm: sum}, nil
	}
	f, err := r.open(r.artifact)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCase))
	if err != nil {
		return nil, unusable{err}
	}
	sum512 := sha512.Sum512(data)
	set := provenance.Set(provenance.SumSHA256(data))
	set["sha512"] = hex.EncodeToString(sum512[:])
	return set, nil
}

// runCustomCA wants a bundle by a certificate of the authority that the note
// names, which has neither a log nor timestamps.
func runCustomCA(r row) error {
	path := ""
	if _, after, ok := strings.Cut(r.note, "ca="); ok {
		path, _, _ = strings.Cut(after, " ")
	}
	ca, err := r.read(path)
	if err != nil {
		return err
	}
	var chain []any
	for block, rest := pem.Decode(ca); block != nil; block, rest = pem.Decode(rest) {
		chain = append(chain, map[string]any{"rawBytes": block.Bytes})
	}
	root, err := json.Marshal(map[string]any{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "certificateAuthorities": []any{
		map[string]any{"certChain": map[string]any{"certificates": chain}, "validFor": map[string]any{"start": "2000-01-01T00:00:00Z"}}}})
	if err != nil {
		return unusable{err}
	}
	a, err := sigstore.Options{InsecureLongLived: []string{authorityName}}.New(&verify.Trust{Authorities: map[string]verify.Authority{authorityName: {TrustedRoot: root}}})
	if err != nil {
		return unusable{err}
	}
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	for _, b := range bundles {
		found, err := authenticate(a, b, r)
		if err == nil && len(found) == 0 {
			err = errors.New("nobody vouches for it")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
