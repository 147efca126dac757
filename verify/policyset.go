package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign"
)

// ErrNoPolicy says that no policy is for what was asked. Nothing may be accepted
// then.
var ErrNoPolicy = errors.New("no policy is for it")

// A PolicySet is the policies of a place where many things run. [PolicySet.For]
// chooses those for one of them. It never changes and may be used concurrently.
type PolicySet struct {
	policies []*Policy
	packages []pattern // of each
}

// NewPolicySet makes a set. Each policy has a package: one by name, all directly
// below a path ("pkg:npm/@acme/*"), or, for a default, "any". The error is a
// [*ConfigError].
func NewPolicySet(policies ...*Policy) (*PolicySet, error) {
	s := &PolicySet{}
	for _, p := range policies {
		bad := func(name, pointer, format string, args ...any) error {
			return &ConfigError{Code: CodePolicyInvalid, Name: name, Pointer: pointer, Msg: fmt.Sprintf(format, args...)}
		}
		if p == nil {
			return nil, bad("", "", "no policy")
		}
		own, err := ParsePolicy(p.Marshal())
		if err != nil {
			return nil, err
		}
		own.signed = p.signed
		if own.Package == "" {
			return nil, bad(own.Name, "/package", "a policy among several says which package it is for; write \"any\" for a default")
		}
		pkg, err := parsePackage(own.Package)
		if err != nil {
			return nil, bad(own.Name, "/package", "%v", err)
		}
		for i, other := range s.policies {
			if other.Name == own.Name {
				return nil, bad(own.Name, "/name", "two policies have this name, for %q and %q", other.Package, own.Package)
			}
			if s.packages[i] == pkg && other.Package != own.Package {
				return nil, bad(own.Name, "/package", "%q and %q are one package: spell it the same", other.Package, own.Package)
			}
		}
		s.policies, s.packages = append(s.policies, own), append(s.packages, pkg)
	}
	if len(s.policies) == 0 {
		return nil, &ConfigError{Code: CodePolicyInvalid, Msg: "no policy: nothing would be accepted"}
	}
	return s, nil
}

// For returns the policies for what is asked for by name, a purl or an image
// name, in environment, which is empty if there is none. [New] wants all of them
// to allow.
//
// Names match as a whole. If there are policies for the very package, these are
// taken; else those with the longest path above it; else those for "any". Of
// these, the ones that name no environment and the ones that name this one count;
// one of them names it, if there is one.
// What is more exact is never passed over: a package whose own policies are for
// other environments has none here, and the default is not asked. The error is
// then [ErrNoPolicy].
func (s *PolicySet) For(name, environment string) ([]*Policy, error) {
	if s == nil {
		return nil, fmt.Errorf("%q: %w", name, ErrNoPolicy)
	}
	asked, err := parseName(name)
	if err != nil {
		return nil, err
	}
	best := -1
	for _, pkg := range s.packages {
		if pkg.matches(asked.pkg) {
			best = max(best, pkg.rank())
		}
	}
	var chosen []*Policy
	named := false
	for i, pkg := range s.packages {
		p := s.policies[i]
		if !pkg.matches(asked.pkg) || pkg.rank() != best {
			continue
		}
		if p.Environment != "" && p.Environment != environment {
			continue
		}
		named = named || p.Environment != ""
		own := *p
		chosen = append(chosen, &own)
	}
	if len(chosen) == 0 || environment != "" && !named {
		return nil, fmt.Errorf("%q in environment %q: %w", name, environment, ErrNoPolicy)
	}
	return chosen, nil
}

// maxPolicies is how many files a folder of policies may have.
const maxPolicies = 10_000

// ReadDir reads the folder of policies at the root of fsys: every file whose name
// ends in ".json" or ".jsonl", a policy, or one that was signed. Hidden files and
// folders are passed over; anything else that is there is an error, and so is a
// policy that cannot be read: one that is left out could be the one that denies.
// InForce is not used.
func (r PolicyReader) ReadDir(ctx context.Context, fsys fs.FS) (*PolicySet, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	if len(entries) > maxPolicies {
		return nil, fmt.Errorf("%d files, want at most %d", len(entries), maxPolicies)
	}
	var policies []*Policy
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.IsDir() {
			continue
		}
		if ext := path.Ext(e.Name()); !e.Type().IsRegular() || ext != ".json" && ext != ".jsonl" {
			return nil, fmt.Errorf("%q is no policy: want regular files that end in .json or .jsonl", e.Name())
		}
		p, err := r.readFile(ctx, fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("%q: %w", e.Name(), err)
		}
		policies = append(policies, p)
	}
	return NewPolicySet(policies...)
}

func (r PolicyReader) readFile(ctx context.Context, fsys fs.FS, name string) (*Policy, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := strictjson.ReadAll(f, maxConfig)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	r.InForce = nil
	return r.ReadFile(ctx, data)
}

// ReadFile reads a file with a policy, as [ParsePolicy] does, or with one that was
// signed, as [PolicyReader.Read] does. A policy for whose name trust says who
// signs is read either way, and [New] refuses it if it was not signed. Without
// Trust it reads the former alone.
func (r PolicyReader) ReadFile(ctx context.Context, data []byte) (*Policy, error) {
	if !isEnvelope(data) {
		return ParsePolicy(data)
	}
	bundles, err := sign.Read(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return r.Read(ctx, bundles...)
}

// maxSignedPolicy is the size of a signed policy, in bytes. What is larger is
// read as a policy that is not signed, which has a limit of its own.
const maxSignedPolicy = 4 << 20

// isEnvelope tells signed policies from policies: by what only one of them may
// have. It decides who reads the data, and nothing else.
func isEnvelope(data []byte) bool {
	if len(data) > maxSignedPolicy {
		return false
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	for _, text := range [][]byte{data, line} {
		var members map[string]json.RawMessage
		if strictjson.Unmarshal(text, &members) == nil {
			_, envelope := members["payloadType"]
			_, bundle := members["mediaType"]
			return envelope || bundle
		}
	}
	return false
}
