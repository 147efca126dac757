package capsule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// Pins are what whoever judges by a capsule brings along: a capsule can be made
// by anybody, and says nothing about whom to believe. The zero Pins believe
// nobody.
type Pins struct {
	// Trust is the trust file at hand, or TrustDigest the [verify.Trust.Digest] of
	// one that the capsule has. One of them is required. If the capsule has signed
	// versions that lead on from it, the newest is in force.
	Trust       *verify.Trust
	TrustDigest provenance.Digest
	// Policies are those at hand, or PolicyDigests the [verify.Policy.Digest] of
	// those in the capsule that must allow. If there are neither, all policies in
	// the capsule must that are for Environment or for none, and only signed ones
	// count, by whom the trust file names for them: whoever made the capsule then
	// chose among the policies that were ever signed.
	Policies      []*verify.Policy
	PolicyDigests []provenance.Digest
	// Name and Environment are those of the request, see [verify.Request].
	Name, Environment string
	// At is the instant to judge; zero is the time of the call. The capsule's own
	// ([Capsule.At]) is a claim: whoever judges by it accepts a capsule of any age.
	At time.Time
	// Memory is a file that keeps the newest head of the ledger that was seen, see
	// [ledger.Reader.Remember]: an older capsule is then refused. Empty is none.
	Memory string
	// Seen is what was seen of states before, see [rollout.StateReader]: an older one is
	// then refused. Nil is nothing.
	Seen *rollout.Memory
	// Options are those that evidence and records are judged with, by the trust file
	// that is in force. Nil is the zero Options.
	Options func(*verify.Trust) (verify.Options, error)
}

// Verifier returns a Verifier by what is pinned, and a request with the evidence
// and, if a policy asks for it, the ledger of the capsule, or the state of the
// product in it if the ledger is not there. The caller fills in the Artifact. Evidence is that about subjects; none means all of it. Signatures of
// trust files, policies and records were checked when it returns.
func (p Pins) Verifier(ctx context.Context, c *Capsule, subjects ...provenance.Digest) (*verify.Verifier, verify.Request, error) {
	none := verify.Request{}
	if p.At.IsZero() {
		p.At = time.Now()
	}
	trust, err := p.trust(c)
	if err != nil {
		return nil, none, err
	}
	options, err := p.options(trust)
	if err != nil {
		return nil, none, err
	}
	policies, err := p.policies(ctx, c, verify.PolicyReader{Trust: trust, At: p.At, Authenticators: options.Authenticators})
	if err != nil {
		return nil, none, err
	}
	v, err := options.New(trust, policies...)
	if err != nil {
		return nil, none, err
	}
	request := verify.Request{Name: p.Name, Environment: p.Environment, At: p.At}
	if len(subjects) == 0 {
		subjects = c.Subjects()
	}
	for _, d := range subjects {
		bundles, err := c.Bundles(ctx, d)
		if err != nil {
			return nil, none, err
		}
		if request.Evidence = append(request.Evidence, bundles...); len(request.Evidence) > verify.MaxEvidence {
			return nil, none, fmt.Errorf("capsule: evidence about %d artifacts is more than the %d bundles of one question: name the artifact: %w", len(subjects), verify.MaxEvidence, ErrLimit)
		}
	}
	if v.AsksLedger() {
		if request.Release, err = p.view(ctx, c, trust, policies); err != nil {
			return nil, none, err
		}
	}
	return v, request, nil
}

// view is what the capsule has to answer what a policy asks a ledger, nil if it has
// nothing.
func (p Pins) view(ctx context.Context, c *Capsule, trust *verify.Trust, policies []*verify.Policy) (release.View, error) {
	if c.Log() != nil {
		replay, err := p.replay(c, trust)
		if err != nil {
			return nil, err
		}
		return replay.View(ctx)
	}
	if !slices.ContainsFunc(c.manifest.Members, func(m member) bool { return kindOf(m) == stateKind }) {
		return nil, nil
	}
	product, err := asked(policies)
	if err != nil {
		return nil, err
	}
	return p.state(c, trust, product)
}

// Replay reads the ledger in a capsule: all of its records, each judged by the
// trust in force at its place. The error is that there is none, or why nothing
// in it can be believed; [rollout.Replay.View] says what is wrong with records.
func (p Pins) Replay(c *Capsule) (*rollout.Replay, error) {
	if p.At.IsZero() {
		p.At = time.Now()
	}
	trust, err := p.trust(c)
	if err != nil {
		return nil, err
	}
	return p.replay(c, trust)
}

func (p Pins) trust(c *Capsule) (*verify.Trust, error) {
	if (p.Trust == nil) == p.TrustDigest.IsZero() {
		return nil, errors.New("capsule: want a trust file or the digest of one, and not both: a capsule does not say whom to believe")
	}
	return c.trust(p.Trust, p.TrustDigest, p.At)
}

func (p Pins) options(trust *verify.Trust) (verify.Options, error) {
	if p.Options == nil {
		return verify.Options{}, nil
	}
	return p.Options(trust)
}

var errNoLedger = errors.New("capsule: the trust file names no ledger")

func (p Pins) replay(c *Capsule, trust *verify.Trust) (*rollout.Replay, error) {
	source := c.Log()
	if source == nil {
		return nil, errors.New("capsule: there is no ledger in it")
	}
	if trust.Ledger == nil {
		return nil, errNoLedger
	}
	l := trust.Ledger
	v, err := ledger.Log{Origin: l.Origin, Key: l.Key, Witnesses: l.Witnesses.Keys, AtLeast: l.Witnesses.AtLeast}.Verifier()
	if err != nil {
		return nil, err
	}
	options, err := p.options(trust)
	if err != nil {
		return nil, err
	}
	return rollout.NewReplay(&whole{Follower: v.Follow(source, p.Memory), size: uint64(c.tree.Size())}, trust, options)
}

// policies are those that must allow.
func (p Pins) policies(ctx context.Context, c *Capsule, reader verify.PolicyReader) ([]*verify.Policy, error) {
	if len(p.Policies) > 0 && len(p.PolicyDigests) > 0 {
		return nil, errors.New("capsule: want policies, or digests of policies, and not both")
	}
	if len(p.Policies) > 0 {
		return p.Policies, nil
	}
	var chosen []*verify.Policy
	missing := sorted(p.PolicyDigests)
	for _, m := range c.manifest.Members {
		kind := kindOf(m)
		if kind != plainPolicyKind && kind != signedPolicyKind {
			continue
		}
		data, err := c.read(m)
		if err != nil {
			return nil, err
		}
		policy, bundles, err := policyIn(kind, data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		if len(p.PolicyDigests) > 0 {
			i := slices.Index(missing, policy.Digest())
			if i < 0 {
				continue
			}
			missing = slices.Delete(missing, i, i+1)
		} else if policy.Environment != "" && policy.Environment != p.Environment {
			continue
		} else if kind == plainPolicyKind {
			return nil, fmt.Errorf("capsule: policy %q in it is not signed, and could be anybody's: name its digest, %s, or bring it along", policy.Name, policy.Digest())
		}
		if kind == signedPolicyKind {
			if policy, err = reader.Read(ctx, bundles...); err != nil {
				return nil, fmt.Errorf("%s: %w", m.Name, err)
			}
		}
		chosen = append(chosen, policy)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("capsule: it has no policy %s", missing[0])
	}
	slices.SortFunc(chosen, func(a, b *verify.Policy) int { // as they were named, else by name
		return cmp.Or(cmp.Compare(slices.Index(p.PolicyDigests, a.Digest()), slices.Index(p.PolicyDigests, b.Digest())), strings.Compare(a.Name, b.Name))
	})
	return chosen, nil
}

// policyIn is the policy in a member, and the bundles that hold it if it was signed.
func policyIn(kind kind, data []byte) (*verify.Policy, []*sign.Bundle, error) {
	if kind == plainPolicyKind {
		p, err := verify.ParsePolicy(data)
		return p, nil, err
	}
	bundles := readBundles(data)
	if len(bundles) == 0 || bundles[0].Err != nil {
		return nil, nil, errors.New("it holds no policy")
	}
	p, err := verify.ParsePolicy(bundles[0].UnverifiedPayload())
	return p, bundles, err
}

// A whole is a log all of whose records, and all of whose times, are in a capsule.
type whole struct {
	*ledger.Follower
	size uint64

	once sync.Once
	err  error
}

// Head is the checkpoint's, once everything that it covers was there, and no more.
func (w *whole) Head(ctx context.Context) (release.Head, error) {
	r, err := w.Follower.Read(ctx)
	if err != nil {
		return release.Head{}, err
	}
	head := r.Checkpoint().Head()
	if head.Size != w.size {
		return release.Head{}, fmt.Errorf("%w: there are %d records, and its checkpoint covers %d", ledger.ErrCorrupt, w.size, head.Size)
	}
	w.once.Do(func() { w.err = r.Check(ctx) })
	return head, w.err
}
