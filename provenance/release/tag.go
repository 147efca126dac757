package release

import (
	"fmt"

	"github.com/touchmark-go/touchmark/provenance"
)

// TagType is the predicate type of a [Tag]. Its document is docs/predicates/tag/v1.md.
const TagType = "https://github.com/touchmark-go/touchmark/predicates/tag/v1"

// A Tag binds a name to one artifact of one release, for ever. There is no
// record that moves or deletes it.
//
// The zero Tag is invalid. A Tag is plain data.
type Tag struct {
	Product string            // required
	Tag     string            // as a registry takes it: ASCII letters, digits and . _ -, 128 at most. Required
	Release provenance.Digest // the [Release.ID] that the artifact belongs to. Required
	Digest  provenance.Digest // the artifact, and the one subject of the statement. Required
}

type tag struct {
	Product string            `json:"product"`
	Tag     string            `json:"tag"`
	Release provenance.Digest `json:"release"`
}

// Validate reports what makes t unusable.
func (t Tag) Validate() error {
	var weak error
	if !identifies(t.Digest) {
		weak = fmt.Errorf("/subject is %q, want a digest by an algorithm that identifies", t.Digest)
	}
	return prefixed("tag", checkProduct("/product", t.Product), checkTag("/tag", t.Tag), checkSHA256("/release", t.Release, "a release"), weak)
}

// Statement returns the binding as a statement to sign. One that is not valid
// gives a statement without a subject, which nobody can sign or marshal.
func (t Tag) Statement() *provenance.Statement {
	return statement(TagType, t.Validate(), tag{t.Product, t.Tag, t.Release}, provenance.ResourceDescriptor{Digest: provenance.Set(t.Digest)})
}

// ParseTag reads the Tag in s: a Statement v1 of exactly [TagType] with one
// subject that has one digest, and no member that the document does not name.
func ParseTag(s *provenance.Statement) (*Tag, error) {
	var p tag
	if err := open(s, "tag", TagType, &p); err != nil {
		return nil, err
	}
	digest, err := only("tag", s)
	if err != nil {
		return nil, err
	}
	t := &Tag{p.Product, p.Tag, p.Release, digest}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return t, nil
}
