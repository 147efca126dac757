package rollout

import (
	"context"
	"errors"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
)

// Times vouches for when signatures existed, by the ledger that a trust file
// names: those that carry a record of it along ([ledger.Reader.Stamp]) were there
// when as many of its witnesses as the file wants, and at least one, had seen the
// log with it. So evidence that was logged outlives the key that signed it.
//
// It is a [verify.Authenticator], never changes, and may be used concurrently.
// It reads no log: what a bundle brings along is verified offline.
type Times struct {
	log *ledger.Verifier
}

// NewTimes makes the Times of the ledger in t. The error is a
// [*verify.ConfigError] if there is none, or its keys cannot be used.
func NewTimes(t *verify.Trust) (*Times, error) {
	if t == nil || t.Ledger == nil {
		return nil, &verify.ConfigError{Code: verify.CodeTrustInvalid, Pointer: "/ledger", Msg: "no ledger: nothing says when"}
	}
	v, err := logOf(t)
	if err != nil {
		return nil, &verify.ConfigError{Code: verify.CodeTrustInvalid, Pointer: "/ledger", Msg: err.Error()}
	}
	return &Times{v}, nil
}

// Accepts is false: a ledger knows when, and not who.
func (*Times) Accepts(verify.Identity) bool { return false }

// Authenticate vouches for the time of each signature of b that the ledger
// holds. A record that does not show it gives no time, and is the error if no
// other one does.
func (t *Times) Authenticate(_ context.Context, b *sign.Bundle, _ time.Time) ([]verify.Identified, error) {
	var found []verify.Identified
	var bad error
	for i := range b.Signatures {
		switch since, err := t.log.Stamped(b, i); {
		case err == nil:
			found = append(found, verify.Identified{Signature: i, Time: since})
		case !errors.Is(err, ledger.ErrNotStamped):
			bad = &timeError{err}
		}
	}
	if len(found) == 0 && bad != nil {
		return nil, bad
	}
	return found, nil
}

// A timeError says why a record gives no time.
type timeError struct{ error }

// Code is what the finding about it is called.
func (timeError) Code() verify.Code { return verify.CodeTrustedTime }
