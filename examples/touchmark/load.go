package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/touchmark-go/touchmark/verify"
)

// load reads the policies, or chooses them from a folder by what was asked for.
func (o *question) load(ctx context.Context, t *verify.Trust) ([]*verify.Policy, error) {
	var policies []*verify.Policy
	for _, path := range o.policies {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			root, err := os.OpenRoot(path)
			if err != nil {
				return nil, fmt.Errorf("policies %q: %w", path, cause(err))
			}
			set, err := verify.PolicyReader{Trust: t}.ReadDir(ctx, root.FS())
			root.Close()
			if err != nil {
				return nil, fmt.Errorf("policies %q: %w", path, err)
			}
			chosen, err := set.For(o.name, o.environment)
			if err != nil {
				return nil, fmt.Errorf("policies %q: %w", path, err)
			}
			policies = append(policies, chosen...)
			continue
		}
		p, err := loadSigned(ctx, t, path)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	return policies, nil
}

// loadPolicies reads a trust file and policies, signed or not.
func loadPolicies(ctx context.Context, trustFile string, paths []string) (*verify.Trust, []*verify.Policy, error) {
	t, err := loadTrust(trustFile)
	if err != nil {
		return nil, nil, err
	}
	var policies []*verify.Policy
	for _, path := range paths {
		p, err := loadSigned(ctx, t, path)
		if err != nil {
			return nil, nil, err
		}
		policies = append(policies, p)
	}
	return t, policies, nil
}

// loadSigned reads a policy, or one that those whom t names have signed.
func loadSigned(ctx context.Context, t *verify.Trust, path string) (*verify.Policy, error) {
	data, err := readFile("policy", path, maxConfig)
	if err != nil {
		return nil, err
	}
	if schemaOf(data) != "" {
		return loadPolicy(path)
	}
	p, err := verify.PolicyReader{Trust: t}.ReadFile(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return p, nil
}

func loadTrust(path string) (*verify.Trust, error) {
	data, err := readFile("trust file", path, maxConfig)
	if err != nil {
		return nil, err
	}
	t, err := verify.ParseTrust(data)
	if err != nil && schemaOf(data) == verify.PolicySchema {
		return nil, fmt.Errorf("trust-invalid: %q is a policy, want a trust file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return t, nil
}

func loadPolicy(path string) (*verify.Policy, error) {
	data, err := readFile("policy", path, maxConfig)
	if err != nil {
		return nil, err
	}
	p, err := verify.ParsePolicy(data)
	if err != nil && schemaOf(data) == verify.TrustSchema {
		return nil, fmt.Errorf("policy-invalid: %q is a trust file, want a policy", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return p, nil
}

// schemaOf is what a configuration file says it is, to tell two that were mixed up.
func schemaOf(data []byte) string {
	var in struct {
		Schema string `json:"schema"`
	}
	if json.Unmarshal(data, &in) != nil {
		return ""
	}
	return in.Schema
}

// date is a time as a person reads it.
func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
