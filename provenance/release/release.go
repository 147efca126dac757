package release

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// ReleaseType is the predicate type of a [Release]: in-toto's registered release
// predicate. What is ours stands in it as one member, named by
// [ReleaseExtension], whose document is docs/predicates/release/v1.md.
const (
	ReleaseType      = "https://in-toto.io/attestation/release/v0.2"
	ReleaseExtension = "https://github.com/touchmark-go/touchmark/predicates/release/v1"
)

// A Release is an exact build and an exact configuration, together, under an id
// that is derived from both. It never changes: another byte is another release.
//
// The zero Release is invalid. A Release is plain data.
type Release struct {
	// Product is whose release it is: lower-case letters and digits with single
	// . _ - / between them, 128 bytes at most. Required.
	Product string
	// Version is its version by the product's [Scheme]. Required.
	Version string
	// PURL is the package URL, with Version as its version. If it is empty,
	// Statement writes pkg:generic/PRODUCT@VERSION.
	PURL string
	// Subjects are all artifacts, each by name and digest; no name stands twice.
	// Their order means nothing. At least one.
	Subjects []provenance.ResourceDescriptor
	// Config is the frozen configuration, a sha256 or a dirHash. Required: what
	// runs is the build and its configuration.
	Config provenance.Digest
	// Provenance and SBOMs are bundle IDs of the evidence, in no order.
	Provenance, SBOMs []provenance.Digest
	// Built says what made the artifacts, as far as the provenance does, so that a
	// builder or a key that is revoked is found again in what they made. In no order.
	Built []Built
	// Repository is where the source is, an https URL, and Commit its gitCommit.
	Repository string
	Commit     provenance.Digest
	// Run names the CI job that made it, by URL or by id.
	Run string
	// Notes and ChangeLog are the SHA-256 of texts for people.
	Notes, ChangeLog provenance.Digest
	// Policy is the digest of the policy that it was released under, and VSA the
	// ID of the signed verdict.
	Policy, VSA provenance.Digest
	// Created is when, by the word of whoever signs. It decides nothing.
	Created time.Time
}

// A Built is who built artifacts of a release, and who vouched for that.
type Built struct {
	Builder  string            `json:"builder"`            // its id. Required
	Versions map[string]string `json:"versions,omitempty"` // of its components
	Keys     []string          `json:"keys,omitempty"`     // hex SHA-256 of the PKIX form of each key that signed the provenance, sorted
	Finished time.Time         `json:"finished,omitzero"`  // when the build ended, by the builder's word
}

func (b Built) validate(at string) error {
	errs := []error{checkText(at+"/builder", b.Builder, maxURI), checkVersions(at+"/versions", b.Versions), checkTime(at+"/finished", b.Finished, false)}
	if b.Builder == "" {
		errs = append(errs, fmt.Errorf("%s/builder is missing", at))
	}
	for i, key := range b.Keys {
		if _, err := provenance.ParseDigest("sha256:" + key); err != nil || i > 0 && b.Keys[i-1] >= key {
			errs = append(errs, fmt.Errorf("%s/keys/%d is %.80q, want the SHA-256 of a key in hexadecimal, in order", at, i, key))
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// releasePredicate is in-toto's predicate with our one member.
type releasePredicate struct {
	PURL string            `json:"purl"`
	Ours *releaseExtension `json:"https://github.com/touchmark-go/touchmark/predicates/release/v1"`
}

// releaseExtension is the rest of a Release in JSON, in the order of its document.
type releaseExtension struct {
	Product    string              `json:"product"`
	Version    string              `json:"version"`
	Config     provenance.Digest   `json:"config"`
	Provenance []provenance.Digest `json:"provenance,omitempty"`
	SBOMs      []provenance.Digest `json:"sboms,omitempty"`
	Built      []Built             `json:"built,omitempty"`
	Repository string              `json:"repository,omitempty"`
	Commit     provenance.Digest   `json:"commit,omitzero"`
	Run        string              `json:"run,omitempty"`
	Notes      provenance.Digest   `json:"notes,omitzero"`
	ChangeLog  provenance.Digest   `json:"changeLog,omitzero"`
	Policy     provenance.Digest   `json:"policy,omitzero"`
	VSA        provenance.Digest   `json:"vsa,omitzero"`
	Created    time.Time           `json:"created,omitzero"`
}

const maxEvidence = 1024 // bundle IDs of one kind

// Validate reports what makes r unusable. Whether Version follows the product's
// scheme, and is like no other, is for the rules to say.
func (r Release) Validate() error {
	errs := []error{
		checkProduct("/product", r.Product),
		checkVersion("/version", r.Version),
		checkPURL(r.PURL, r.Version),
		checkSubjects(r.Subjects),
		checkConfig("/config", r.Config),
		checkIDs("/provenance", r.Provenance),
		checkIDs("/sboms", r.SBOMs),
		checkText("/run", r.Run, maxURI),
		checkTime("/created", r.Created, false),
	}
	if u, err := url.Parse(r.Repository); r.Repository != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(r.Repository) > maxURI) {
		errs = append(errs, fmt.Errorf("/repository is %.80q, want an https URL without a user", r.Repository))
	}
	if !r.Commit.IsZero() && r.Commit.Algorithm() != provenance.GitCommit {
		errs = append(errs, fmt.Errorf("/commit is %s, want a gitCommit", r.Commit))
	}
	if len(r.Built) > maxEvidence {
		errs = append(errs, fmt.Errorf("/built has %d members, want at most %d", len(r.Built), maxEvidence))
	}
	for i, b := range r.Built {
		errs = append(errs, b.validate(fmt.Sprintf("/built/%d", i)))
	}
	for _, d := range []struct {
		at     string
		digest provenance.Digest
	}{{"/notes", r.Notes}, {"/changeLog", r.ChangeLog}, {"/policy", r.Policy}, {"/vsa", r.VSA}} {
		if !d.digest.IsZero() {
			errs = append(errs, checkSHA256(d.at, d.digest, "it"))
		}
	}
	return prefixed("release", errs...)
}

// checkPURL wants a package URL that ends in the version, which the registered
// predicate demands.
func checkPURL(purl, version string) error {
	if purl == "" {
		return nil
	}
	rest, _, _ := strings.Cut(purl, "#")
	rest, _, _ = strings.Cut(rest, "?")
	got, _ := url.PathUnescape(rest[strings.LastIndexByte(rest, '@')+1:]) // none of what is not escaped well; no version begins with pkg:
	if !strings.HasPrefix(purl, "pkg:") || got != version || checkText("", purl, maxURI) != nil {
		return fmt.Errorf("/purl is %.80q, want a package URL with the version %q", purl, version)
	}
	return nil
}

// checkSubjects wants named artifacts, each by a digest that identifies it.
func checkSubjects(subjects []provenance.ResourceDescriptor) error {
	if len(subjects) == 0 {
		return fmt.Errorf("/subject is empty, want every artifact")
	}
	seen := make(map[string]bool, len(subjects))
	for i, s := range subjects {
		if s.Name == "" || checkText("", s.Name, maxURI) != nil {
			return fmt.Errorf("/subject/%d/name is %.80q, want printable text", i, s.Name)
		}
		if seen[s.Name] {
			return fmt.Errorf("/subject/%d/name %q stands twice", i, s.Name)
		}
		seen[s.Name] = true
		if err := s.Digest.Validate(); err != nil {
			return fmt.Errorf("/subject/%d: %v", i, err)
		}
		if primary(s).IsZero() {
			return fmt.Errorf("/subject/%d has no digest by an algorithm that identifies", i)
		}
	}
	return nil
}

// primary is the digest that an artifact is known by: its sha256 if it has one,
// else the first that identifies.
func primary(s provenance.ResourceDescriptor) provenance.Digest {
	if d, ok := s.Digest.Get(provenance.SHA256); ok {
		return d
	}
	for _, d := range s.Digest.Digests() {
		if identifies(d) {
			return d
		}
	}
	return provenance.Digest{}
}

func checkConfig(at string, d provenance.Digest) error {
	if a := d.Algorithm(); a != provenance.SHA256 && a != provenance.DirHash {
		return fmt.Errorf("%s is %q, want the sha256 or dirHash of the frozen configuration", at, d)
	}
	return nil
}

func checkIDs(at string, ids []provenance.Digest) error {
	if len(ids) > maxEvidence {
		return fmt.Errorf("%s has %d members, want at most %d", at, len(ids), maxEvidence)
	}
	seen := make(map[provenance.Digest]bool, len(ids))
	for _, id := range ids {
		if err := checkSHA256(at, id, "a bundle"); err != nil {
			return err
		}
		if seen[id] {
			return fmt.Errorf("%s has %s twice", at, id)
		}
		seen[id] = true
	}
	return nil
}

// sorted is r with everything in order that has none.
func (r Release) sorted() Release {
	order := make([]*provenance.ResourceDescriptor, len(r.Subjects)) // code that sorts structs is made for each, and is large
	for i := range r.Subjects {
		order[i] = &r.Subjects[i]
	}
	slices.SortFunc(order, func(a, b *provenance.ResourceDescriptor) int { return strings.Compare(a.Name, b.Name) })
	subjects := make([]provenance.ResourceDescriptor, len(order))
	for i, s := range order {
		subjects[i] = *s
	}
	r.Subjects = subjects
	r.Provenance, r.SBOMs = sortedIDs(r.Provenance), sortedIDs(r.SBOMs)
	if r.PURL == "" {
		r.PURL = "pkg:generic/" + r.Product + "@" + url.PathEscape(r.Version)
	}
	r.Created = r.Created.UTC()
	r.Built = slices.Clone(r.Built)
	for i := range r.Built {
		r.Built[i].Finished = r.Built[i].Finished.UTC()
	}
	// Not by package slices, which would be compiled once more for this type: package verify is to stay small.
	sort.SliceStable(r.Built, func(i, j int) bool {
		a, b := r.Built[i], r.Built[j]
		return cmp.Or(strings.Compare(a.Builder, b.Builder), a.Finished.Compare(b.Finished), slices.Compare(a.Keys, b.Keys), strings.Compare(fmt.Sprint(a.Versions), fmt.Sprint(b.Versions))) < 0
	})
	return r
}

func sortedIDs(ids []provenance.Digest) []provenance.Digest {
	ids = slices.Clone(ids)
	sort.Slice(ids, func(i, j int) bool { return ids[i].String() < ids[j].String() })
	return ids
}

// Statement returns the release as a statement to sign: in-toto's release
// predicate, whose subjects are all artifacts. One that is not valid gives a
// statement without a subject, which nobody can sign or marshal.
func (r Release) Statement() *provenance.Statement {
	invalid := r.Validate()
	r = r.sorted()
	return statement(ReleaseType, invalid, releasePredicate{r.PURL, &releaseExtension{r.Product, r.Version, r.Config, r.Provenance, r.SBOMs, r.Built, r.Repository, r.Commit,
		r.Run, r.Notes, r.ChangeLog, r.Policy, r.VSA, r.Created}}, r.Subjects...)
}

// ID is the id of the release: the SHA-256 of the RFC 8785 form of its
// [Release.Statement]. It is zero if r is not valid.
func (r Release) ID() provenance.Digest {
	data, _ := r.Statement().Marshal() // none of one that is not valid, which has no digest
	id, _ := canonicalDigest("", data)
	return id
}

// ParseRelease reads the Release in s: a Statement v1 of exactly [ReleaseType]
// that has the member [ReleaseExtension], and no other than its document names.
func ParseRelease(s *provenance.Statement) (*Release, error) {
	var p releasePredicate
	if err := open(s, "release", ReleaseType, &p); err != nil {
		return nil, err
	}
	if p.Ours == nil || p.PURL == "" {
		return nil, fmt.Errorf("release: it lacks purl or %q", ReleaseExtension)
	}
	o := p.Ours
	r := &Release{o.Product, o.Version, p.PURL, s.Subject, o.Config, o.Provenance, o.SBOMs, o.Built, o.Repository, o.Commit, o.Run, o.Notes, o.ChangeLog, o.Policy, o.VSA, o.Created}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	*r = r.sorted()
	return r, nil
}
