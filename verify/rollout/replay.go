package rollout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// ErrLog says that a log cannot be believed, or not yet: it is another one than
// the trust file names, it lost records, or it is behind the trust file. Test
// for it with errors.Is. It is neither a yes nor a no.
var ErrLog = errors.New("the log cannot be believed")

// A Replay reads a [Log] by the trust that was in force at each of its records,
// and keeps what it found out for the next time. It may be used concurrently;
// make one with [NewReplay].
type Replay struct {
	log     Reader
	pinned  *verify.Trust
	digest  provenance.Digest // of pinned
	options verify.Options

	rooted Rooted // log, if there is a keeper
	keeper Keeper

	mu      sync.Mutex
	history *release.History
	latest  time.Time     // of all records: it never goes back
	trust   *verify.Trust // in force for the next record
	checker *verify.Checker
	head    release.Head
	watch   func(release.Effect, Entry)
	broken  error // what was wrong with a record once stays wrong
}

// NewReplay makes a Replay of log. Trust is whoever reads it trusts: its ledger
// member names the log and pins its genesis, and the log must have come to this
// very version of it. Options are those that evidence is authenticated with.
func NewReplay(log Reader, trust *verify.Trust, options verify.Options) (*Replay, error) {
	if log == nil || trust == nil || trust.Ledger == nil {
		return nil, fmt.Errorf("%w: the trust file names no ledger", ErrLog)
	}
	if _, err := trust.ReleaseRoles(); err != nil {
		return nil, err
	}
	pinned, err := verify.ParseTrust(trust.Marshal())
	if err != nil {
		return nil, err
	}
	return &Replay{log: log, pinned: pinned, digest: pinned.Digest(), options: options, history: &release.History{}}, nil
}

// View reads the log to its head, and returns what it says there. What was read
// before is not read again.
func (r *Replay) View(ctx context.Context) (*View, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.advance(ctx); err != nil {
		return nil, err
	}
	return r.view()
}

// Watch is View, and has seen called with each record that was not read before
// and what became of it, in the order of the log.
func (r *Replay) Watch(ctx context.Context, seen func(release.Effect, Entry)) (*View, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch = seen
	defer func() { r.watch = nil }()
	if err := r.advance(ctx); err != nil {
		return nil, err
	}
	return r.view()
}

// approved reports whether an approval is in the log already, by all who signed
// the bundle.
func (r *Replay) approved(ctx context.Context, b *sign.Bundle, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	people := r.history.Approved(b.ID())
	if len(people) == 0 || r.checker == nil {
		return false
	}
	a, err := r.checker.Authenticate(ctx, b, at)
	return err == nil && !slices.ContainsFunc(a.Signatories, func(s verify.Signatory) bool { return !slices.Contains(people, s.Principal) })
}

// instant is the one to judge a record at. One of no known time is judged at the
// last second of the trust in force, where a key that ended before does not count.
func instant(trust *verify.Trust, witnessed time.Time) time.Time {
	if witnessed.IsZero() {
		return trust.Expires.Add(-time.Second)
	}
	return witnessed
}

// apply applies one record.
func (r *Replay) apply(e Entry, signed checked) error {
	if !e.Time.IsZero() {
		r.latest = e.Time
	}
	rec := release.Record{Index: e.Index, Time: e.Time}
	var next *verify.Trust
	if e.Bundle != nil && e.Bundle.Err == nil {
		if signed.by != nil {
			rec.ID = signed.by.ID
		} else {
			rec.ID = e.Bundle.ID()
		}
		switch {
		case e.Index == 0:
			if rec.ID != r.pinned.Ledger.Genesis {
				r.broken = fmt.Errorf("%w: its genesis is %s, and the trust file pins %s", ErrLog, rec.ID, r.pinned.Ledger.Genesis)
				return r.broken
			}
			rec.Statement = statementOf(e.Bundle)
			next = genesisTrust(rec.Statement, e)
		case signed.by != nil && signed.by.PayloadType == provenance.PayloadType:
			rec.Statement = signed.statement
			for _, s := range signed.by.Signatories {
				rec.Signers = append(rec.Signers, release.Signer{Principal: s.Principal, KeyID: s.KeyID})
			}
			next = r.nextTrust(rec.Statement, e)
		case r.trust != nil && !instant(r.trust, e.Time).Before(r.trust.Expires):
			// Nobody's word counts any more but the root's, or nobody could ever catch up.
			if s := statementOf(e.Bundle); s != nil && s.PredicateType == release.TrustType {
				if next = r.nextTrust(s, e); next != nil {
					rec.Statement = s
				}
			}
		}
	}
	if next != nil {
		roles, err := next.ReleaseRoles()
		if err != nil {
			next = nil
		}
		rec.Roles = roles
	}
	effect, err := r.history.Apply(rec)
	if errors.Is(err, release.ErrNewer) {
		err = fmt.Errorf("%w: %w", ErrLog, err)
	}
	if err != nil {
		r.broken = err
		return err
	}
	if next != nil && effect.Void == nil {
		if next.Version == r.pinned.Version && next.Digest() != r.digest {
			r.broken = fmt.Errorf("%w: record %d is another version %d of the trust file", ErrLog, e.Index, next.Version)
			return r.broken
		}
		checker, err := r.options.Checker(next)
		if err != nil {
			r.broken = err
			return err
		}
		r.trust, r.checker = next, checker
		if err := r.keepTrust(next); err != nil {
			r.broken = err
			return err
		}
	}
	if e.Index == 0 && effect.Void != nil {
		r.broken = fmt.Errorf("%w: its genesis is void: %s", ErrLog, effect.Void)
		return r.broken
	}
	if r.watch != nil {
		r.watch(effect, e)
	}
	return nil
}

// statementOf is the statement in a bundle, whoever signed it.
func statementOf(b *sign.Bundle) *provenance.Statement {
	if b.PayloadType != provenance.PayloadType {
		return nil
	}
	s, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil {
		return nil
	}
	return s
}

// genesisTrust is the trust file of a genesis, if its own root signed it.
func genesisTrust(s *provenance.Statement, e Entry) *verify.Trust {
	if s == nil {
		return nil
	}
	g, err := release.ParseGenesis(s)
	if err != nil {
		return nil
	}
	t, err := verify.ParseTrust(g.Trust)
	if err != nil || t.SignedByRoot(e.Bundle, instant(t, e.Time)) != nil {
		return nil
	}
	return t
}

// nextTrust is the trust file of a trust record, if it follows the one in force.
func (r *Replay) nextTrust(s *provenance.Statement, e Entry) *verify.Trust {
	if s == nil || s.PredicateType != release.TrustType {
		return nil
	}
	p, err := release.ParseTrust(s)
	if err != nil {
		return nil
	}
	bundles, err := sign.Read(bytes.NewReader(p.Envelope))
	if err != nil || len(bundles) != 1 || bundles[0].Err != nil {
		return nil
	}
	next, err := r.trust.UpdateAt(bundles[0], instant(r.trust, e.Time))
	if err != nil || next.Digest() != p.Digest {
		return nil
	}
	return next
}
