package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
)

type signOptions struct {
	out     string
	types   []string
	key     signingKey
	keyless login
}

// A document is something to sign.
type document struct {
	payloadType string
	body        []byte
	path        string         // of the file of bundles that it is from, empty if it is from another
	signed      []*sign.Bundle // those of it that there are already
}

// run signs every file, or none if one of them cannot be.
func (o *signOptions) run(cmd *cobra.Command, args []string) error {
	var documents []document
	for _, path := range args {
		list, err := o.read(path)
		if err != nil {
			return err
		}
		documents = append(documents, list...)
	}
	who, key, signOne, err := o.signer(cmd.Context())
	if err != nil {
		return err
	}
	places := map[string][]*sign.Bundle{}
	var order []string
	fresh := 0
	for _, d := range documents {
		to := o.out
		if to == "" {
			to = d.path
		}
		if key != nil && hasSigned(key, d.signed) {
			continue
		}
		b, err := signOne(d)
		if err != nil {
			return err
		}
		if places[to] == nil {
			order = append(order, to)
		}
		places[to] = append(places[to], b)
		fresh++
	}
	for _, to := range order {
		if to == "" {
			err = sign.Write(cmd.OutOrStdout(), places[to]...)
		} else {
			err = store.Append(cmd.Context(), to, places[to]...)
		}
		if err != nil {
			return err
		}
		if to != "" {
			progress(cmd.ErrOrStderr(), "touchmark: %d signed by %s: %s", len(places[to]), who, show(to))
		}
	}
	if left := len(documents) - fresh; left > 0 {
		progress(cmd.ErrOrStderr(), "touchmark: %d were signed by %s already", left, who)
	}
	return nil
}

// hasSigned reports whether one of the bundles has a signature by the key.
func hasSigned(key *keys.Key, bundles []*sign.Bundle) bool {
	for _, b := range bundles {
		for _, s := range b.Signatures {
			if keys.Verify(key.Scheme(), key.Public(), b.PAE(), s.Sig) == nil {
				return true
			}
		}
	}
	return false
}

// read reads what is to be signed of a file: a statement, a trust file, or each payload of a file of bundles.
func (o *signOptions) read(path string) ([]document, error) {
	data, err := readFile("statement", path, sign.MaxFileSize)
	if err != nil {
		return nil, err
	}
	s, statementErr := provenance.Parse(data)
	if statementErr == nil {
		body, err := s.Marshal()
		return []document{{payloadType: provenance.PayloadType, body: body}}, err
	}
	if schemaOf(data) == verify.PolicySchema {
		p, err := verify.ParsePolicy(data)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", path, err)
		}
		return []document{{payloadType: verify.PolicyType, body: p.Marshal()}}, nil
	}
	if bytes.Contains(data, []byte(verify.TrustSchema)) {
		if t, err := verify.ParseTrust(data); err == nil {
			body, err := jcs.Transform(t.Marshal()) // the form that has its digest, and that fits into a ledger's record
			return []document{{payloadType: verify.TrustType, body: body}}, err
		}
	}
	bundles, err := sign.Read(bytes.NewReader(data))
	if err != nil || len(bundles) == 0 || bundles[0].Err != nil {
		return nil, fmt.Errorf("%q is no statement: %w", path, statementErr)
	}
	list, err := o.payloads(path, bundles)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%q holds no statement of type %s", path, orList(o.types))
	}
	return list, err
}

// payloads are those of a file of bundles, each once.
func (o *signOptions) payloads(path string, bundles []*sign.Bundle) ([]document, error) {
	places := map[provenance.Digest]int{}
	var list []document
	for _, b := range bundles {
		if b.Err != nil {
			return nil, fmt.Errorf("%q: %s: %w", path, b.Origin, b.Err)
		}
		if i, there := places[b.ID()]; there {
			list[i].signed = append(list[i].signed, b)
			continue
		}
		switch b.PayloadType {
		case provenance.PayloadType:
			s, err := provenance.Parse(b.UnverifiedPayload())
			if err != nil {
				return nil, fmt.Errorf("%q: %s: %w", path, b.Origin, err)
			}
			if len(o.types) > 0 && !contains(o.types, s.PredicateType) {
				continue
			}
		case verify.PolicyType:
			if _, err := verify.ParsePolicy(b.UnverifiedPayload()); err != nil {
				return nil, fmt.Errorf("%q: %w", path, err)
			}
		case verify.TrustType:
			if _, err := verify.ParseTrust(b.UnverifiedPayload()); err != nil {
				return nil, fmt.Errorf("%q: %s: %w", path, b.Origin, err)
			}
			if len(o.types) > 0 {
				continue
			}
		default:
			return nil, fmt.Errorf("%q: %s is of type %q, which is not signed here", path, b.Origin, b.PayloadType)
		}
		places[b.ID()] = len(list)
		list = append(list, document{b.PayloadType, b.UnverifiedPayload(), path, []*sign.Bundle{b}})
	}
	return list, nil
}
