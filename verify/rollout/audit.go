package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
)

// An Auditor replays a ledger for those who cannot, and says what it found: the
// [release.State] of a product, as a plain file. It signs nothing itself: what
// auditors sign is the statement that State returns, in one envelope, which
// [Book.Append] brings into the log; Prove then makes the file believable to a
// [StateReader].
//
// All of its fields but Options are required.
type Auditor struct {
	Source  ledger.Source // the log's files
	Trust   *verify.Trust // as for [NewReplay]
	Options verify.Options
}

// State replays the log to a checkpoint, and returns what it says about a product
// there, as [release.State.Marshal] writes it, and the statement to sign about it.
// A nil checkpoint is the newest one. Whoever signs second names the first one's
// checkpoint and compares the bytes. The returned checkpoint is kept for Prove.
func (a Auditor) State(ctx context.Context, product string, checkpoint []byte) (state []byte, audit *provenance.Statement, at []byte, err error) {
	verifier, err := logOf(a.Trust)
	if err != nil {
		return nil, nil, nil, err
	}
	if checkpoint == nil {
		r, err := verifier.Read(ctx, a.Source)
		if err != nil {
			return nil, nil, nil, err
		}
		checkpoint = r.Checkpoint().Note()
	}
	replay, err := NewReplay(verifier.Follow(pinned{a.Source, checkpoint}, ""), a.Trust, a.Options)
	if err != nil {
		return nil, nil, nil, err
	}
	v, err := replay.View(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	s, err := v.ReadState(product)
	if err != nil {
		return nil, nil, nil, err
	}
	if s == nil {
		return nil, nil, nil, fmt.Errorf("the log says nothing about a product %q", product)
	}
	if state, err = s.Marshal(); err != nil {
		return nil, nil, nil, err
	}
	return state, release.Audit{Product: product, State: provenance.SumSHA256(state), Size: s.Head.Size, Root: s.Head.Root}.Statement(), checkpoint, nil
}

// Prove proves a State, which was computed at that checkpoint, by the record of
// its auditors in the log.
func (a Auditor) Prove(ctx context.Context, state, checkpoint []byte) (*StateProof, error) {
	s, err := release.ParseState(state)
	if err != nil {
		return nil, err
	}
	verifier, err := logOf(a.Trust)
	if err != nil {
		return nil, err
	}
	replay, err := NewReplay(verifier.Follow(a.Source, ""), a.Trust, a.Options)
	if err != nil {
		return nil, err
	}
	v, err := replay.View(ctx)
	if err != nil {
		return nil, err
	}
	r, err := verifier.Read(ctx, a.Source)
	if err != nil {
		return nil, err
	}
	digest := provenance.SumSHA256(state)
	now, err := v.ReadState(s.Product)
	if err != nil {
		return nil, err
	}
	if now != nil {
		for _, audited := range now.Audits {
			if audited.State != digest {
				continue
			}
			record, err := r.Record(ctx, audited.Index)
			if err != nil {
				return nil, err
			}
			proof, err := r.Prove(ctx, audited.Index)
			if err != nil {
				return nil, err
			}
			return &StateProof{Schema: StateProofSchema, Checkpoint: string(checkpoint), Record: string(record.Data), Proof: string(proof.Marshal())}, nil
		}
	}
	return nil, fmt.Errorf("no record of enough auditors about the state %s is in the log: %w", digest, release.ErrUnknown)
}

// logOf is the log that a trust file names.
func logOf(t *verify.Trust) (*ledger.Verifier, error) {
	if t == nil || t.Ledger == nil {
		return nil, fmt.Errorf("%w: the trust file names no ledger", ErrLog)
	}
	l := t.Ledger
	return ledger.Log{Origin: l.Origin, Key: l.Key, Witnesses: l.Witnesses.Keys, AtLeast: l.Witnesses.AtLeast}.Verifier()
}

// pinned is a log whose newest checkpoint is a given one.
type pinned struct {
	ledger.Source
	checkpoint []byte
}

func (p pinned) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if name == "checkpoint" {
		return p.checkpoint, nil
	}
	return p.Source.Read(ctx, name, max)
}

// CoSign adds the signatures of others, if any, to a bundle that somebody signed before, as
// auditors do: one envelope, signed apart. It changes b.
func CoSign(ctx context.Context, b *sign.Bundle, signers ...sign.Signer) error {
	if b == nil || b.Err != nil {
		return errors.New("no bundle that can be read")
	}
	if len(signers) == 0 {
		return nil
	}
	more, err := sign.Payload(ctx, b.PayloadType, b.UnverifiedPayload(), signers...)
	if err != nil {
		return err
	}
	b.Signatures = append(b.Signatures, more.Signatures...)
	return nil
}
