package capsule

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A State is what a ledger says about one product, as its auditors signed it: for
// capsules that leave the ledger's records at home.
type State struct {
	State []byte              // byte for byte as it was signed
	Proof *rollout.StateProof // that it was, and that this is in the log
}

// A state lies in a capsule under its digest, and its proof beside it.
func stateName(d provenance.Digest) string {
	return statesDir + d.Algorithm() + "/" + d.Hex() + ".json"
}

const proofSuffix = ".proof"

// stateKindOf tells a state from a proof, which is named by the digest of the other.
func stateKindOf(f member) kind {
	if f.Name == stateName(f.Digest) {
		return stateKind
	}
	algorithm, rest, _ := strings.Cut(strings.TrimPrefix(f.Name, statesDir), "/")
	d, err := provenance.ParseDigest(algorithm + ":" + strings.TrimSuffix(rest, ".json"+proofSuffix))
	if err == nil && d.Algorithm() == provenance.SHA256 && f.Name == stateName(d)+proofSuffix {
		return stateProofKind
	}
	return unknownKind
}

// parseState wants a state as package release writes it.
func parseState(data []byte) (*release.State, error) {
	s, err := release.ParseState(data)
	if err != nil {
		return nil, err
	}
	if again, err := s.Marshal(); err != nil || !bytes.Equal(again, data) {
		return nil, errors.New("want a state as package release writes it")
	}
	return s, nil
}

// states are the members of states and their proofs: a product has one.
func (c Content) states() ([]file, error) {
	var files []file
	products := map[string][]byte{}
	for i, s := range c.States {
		state, err := parseState(s.State)
		if err != nil {
			return nil, fmt.Errorf("state %d: %w", i, err)
		}
		if s.Proof == nil {
			return nil, fmt.Errorf("state %d comes without a proof", i)
		}
		proof, err := s.Proof.Marshal()
		if err != nil {
			return nil, fmt.Errorf("state %d: %w", i, err)
		}
		if _, err := rollout.ParseStateProof(proof); err != nil {
			return nil, fmt.Errorf("state %d: %w", i, err)
		}
		whole := slices.Concat(s.State, proof)
		if before, twice := products[state.Product]; twice && !bytes.Equal(before, whole) {
			return nil, fmt.Errorf("state %d: there is another one of %q", i, state.Product)
		}
		products[state.Product] = whole
		name := stateName(provenance.SumSHA256(s.State))
		files = append(files, file{name, func() ([]byte, error) { return s.State, nil }}, file{name + proofSuffix, func() ([]byte, error) { return proof, nil }})
	}
	return files, nil
}

// checkStates wants of each product one state at most, each with its proof.
func (c *Capsule) checkStates() error {
	products := map[string]bool{}
	states, proofs := 0, 0
	for _, m := range c.manifest.Members {
		if kindOf(m) == stateProofKind {
			proofs++
		}
		if kindOf(m) != stateKind {
			continue
		}
		states++
		data, proof, err := c.readState(m)
		if err != nil {
			return err
		}
		s, err := parseState(data)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if products[s.Product] {
			return fmt.Errorf("%s: there is another state of %q", m.Name, s.Product)
		}
		products[s.Product] = true
		p, err := rollout.ParseStateProof(proof)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if again, err := p.Marshal(); err != nil || !bytes.Equal(again, proof) {
			return fmt.Errorf("%s: want a proof as package rollout writes it", m.Name+proofSuffix)
		}
	}
	if states != proofs {
		return fmt.Errorf("it has %d states and %d proofs of some: want one for each", states, proofs)
	}
	return nil
}

// readState reads a state and the proof beside it.
func (c *Capsule) readState(m member) (state, proof []byte, err error) {
	p, there := c.find(m.Name + proofSuffix)
	if !there {
		return nil, nil, fmt.Errorf("%s has no proof beside it", m.Name)
	}
	if state, err = c.read(m); err != nil {
		return nil, nil, err
	}
	proof, err = c.read(p)
	return state, proof, err
}

// State reads the state of a product in a capsule: who has it need not have the
// ledger. The error is [rollout.ErrState] if there is none, or too few auditors
// signed it by the trust file that is pinned, or it is not in its log; how old its
// head may be is for a policy to say.
func (p Pins) State(c *Capsule, product string) (*rollout.StateView, error) {
	if p.At.IsZero() {
		p.At = time.Now()
	}
	trust, err := p.trust(c)
	if err != nil {
		return nil, err
	}
	return p.state(c, trust, product)
}

func (p Pins) state(c *Capsule, trust *verify.Trust, product string) (*rollout.StateView, error) {
	if trust.Ledger == nil {
		return nil, errNoLedger
	}
	for _, m := range c.manifest.Members {
		if kindOf(m) != stateKind {
			continue
		}
		state, proof, err := c.readState(m)
		if err != nil {
			return nil, err
		}
		s, err := release.ParseState(state)
		if err != nil {
			return nil, err
		}
		if s.Product != product {
			continue
		}
		parsed, err := rollout.ParseStateProof(proof)
		if err != nil {
			return nil, err
		}
		v, err := rollout.StateReader{Trust: trust, At: p.At, Memory: p.Seen}.Read(state, parsed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		return v, nil
	}
	return nil, fmt.Errorf("capsule: %w: it has none of %q", rollout.ErrState, product)
}

// asked is the product that policies ask a ledger about, if it is one.
func asked(policies []*verify.Policy) (string, error) {
	product := ""
	for _, policy := range policies {
		if policy.Release == nil || policy.Release.Product == product {
			continue
		}
		if product != "" {
			return "", fmt.Errorf("capsule: policies ask about %q and %q, and a state is of one product: want the ledger", product, policy.Release.Product)
		}
		product = policy.Release.Product
	}
	return product, nil
}
