package capsule

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// A capsule has one trust file as it is, and may have signed versions behind it,
// without a gap.

// updates are the members of signed trust files, those of one version in one.
func (c Content) updates() ([]file, error) {
	versions := map[int][]*sign.Bundle{}
	for i, b := range c.Updates {
		if b == nil || b.Err != nil || b.PayloadType != verify.TrustType {
			return nil, fmt.Errorf("update %d is no trust file that was signed", i)
		}
		t, err := verify.ParseTrust(b.UnverifiedPayload())
		if err != nil {
			return nil, fmt.Errorf("update %d: %w", i, err)
		}
		versions[t.Version] = append(versions[t.Version], b)
	}
	var files []file
	for n := range len(versions) {
		version := c.Trust.Version + 1 + n
		bundles := versions[version]
		form, err := marshalBundles(bundles)
		if err != nil {
			return nil, fmt.Errorf("version %d of the trust file is missing, or cannot be written: %w", version, err)
		}
		if err := checkSigned(verify.TrustType, form); err != nil {
			return nil, fmt.Errorf("version %d of the trust file: %w", version, err)
		}
		files = append(files, file{trustName(version, true), func() ([]byte, error) { return form, nil }})
	}
	return files, nil
}

// trustIn is the trust file in a bundle, which nobody has vouched for.
func trustIn(bundles []*sign.Bundle) (*verify.Trust, error) {
	if len(bundles) == 0 || bundles[0].Err != nil {
		return nil, errors.New("it holds no trust file")
	}
	return verify.ParseTrust(bundles[0].UnverifiedPayload())
}

// trustMembers are the trust files, by version.
func (c *Capsule) trustMembers() []member {
	return slices.DeleteFunc(slices.Clone(c.manifest.Members), func(m member) bool {
		kind := kindOf(m)
		return kind != plainTrustKind && kind != signedTrustKind
	})
}

// checkTrust wants the plain trust file first, and no gap behind it.
func (c *Capsule) checkTrust() error {
	first := 0
	for i, m := range c.trustMembers() {
		version := trustVersion(m.Name[len(trustDir):])
		if i == 0 {
			first = version
		}
		if (kindOf(m) == plainTrustKind) != (i == 0) || version != first+i {
			return fmt.Errorf("%s: want one trust file as it is, and the versions behind it signed, without a gap", m.Name)
		}
	}
	return nil
}

// trust is the newest trust file that the pinned one leads to, as of at.
func (c *Capsule) trust(pinned *verify.Trust, digest provenance.Digest, at time.Time) (*verify.Trust, error) {
	current := pinned
	if pinned != nil {
		digest = pinned.Digest()
	}
	found := false
	for _, m := range c.trustMembers() {
		data, err := c.read(m)
		if err != nil {
			return nil, err
		}
		var t *verify.Trust
		var bundles []*sign.Bundle
		if kindOf(m) == plainTrustKind {
			t, err = verify.ParseTrust(data)
		} else {
			bundles = readBundles(data)
			t, err = trustIn(bundles)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		switch {
		case found:
			if current, err = update(current, bundles, at); err != nil {
				return nil, fmt.Errorf("%s: %w", m.Name, err)
			}
		case t.Digest() == digest:
			current, found = t, true
		}
	}
	if current == nil {
		return nil, fmt.Errorf("capsule: it has no trust file %s, which is the one to believe", digest)
	}
	return current, nil
}

// update is the next trust file, by one of the bundles that hold it.
func update(current *verify.Trust, bundles []*sign.Bundle, at time.Time) (next *verify.Trust, err error) {
	for _, b := range bundles {
		if next, err = current.UpdateAt(b, at); err == nil {
			return next, nil
		}
	}
	return nil, err
}
