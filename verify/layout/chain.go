package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// PredicateType is the type of the statement that a [Chain] makes:
// docs/predicates/supply-chain/v1.md.
const PredicateType = "https://github.com/touchmark-go/touchmark/predicates/supply-chain/v1"

// A Chain is a layout and the files that say how it was followed. Nothing in it
// has been checked. The zero Chain is of nothing, and makes no evidence.
type Chain struct {
	// Layout is the root layout, in either envelope.
	Layout []byte
	// Files are the links, by the names that in-toto gives them:
	// "build.2f89b927.link", the step and the beginning of the key's name. A
	// layout under such a name is a sublayout, whose own files are in a folder:
	// "build.2f89b927/test.776a00e2.link".
	Files map[string][]byte
}

// An Inspection is what the command of an inspection took and made. Whoever
// hands one in ran the command, and vouches for it.
type Inspection struct {
	Materials Artifacts // the files before it ran
	Products  Artifacts // the files after it ran
}

// Load reads the layout at name and the links beside it, with the folders of
// sublayouts. Other files are not read, and links of the file system not followed.
func Load(fsys fs.FS, name string) (*Chain, error) {
	c := &Chain{Files: map[string][]byte{}}
	var err error
	if c.Layout, err = readFile(fsys, name); err != nil {
		return nil, err
	}
	root := path.Dir(name)
	total := len(c.Layout)
	err = fs.WalkDir(fsys, root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below := strings.TrimPrefix(strings.TrimPrefix(at, root), "/")
		if root == "." {
			below = at
		}
		if d.IsDir() {
			if at != root && (!isShortID(strings.TrimPrefix(path.Ext(at), ".")) || strings.Count(below, "/") >= MaxDepth) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || path.Ext(at) != ".link" {
			return nil
		}
		if len(c.Files) == MaxFiles {
			return fmt.Errorf("more than %d files: %w", MaxFiles, sign.ErrLimit)
		}
		data, err := readFile(fsys, at)
		if err != nil {
			return err
		}
		if total += len(data); total > sign.MaxEnvelopeSize {
			return fmt.Errorf("more than %d bytes in all: %w", sign.MaxEnvelopeSize, sign.ErrLimit)
		}
		c.Files[below] = data
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := strictjson.ReadAll(f, sign.MaxEnvelopeSize)
	if errors.Is(err, strictjson.ErrLimit) {
		err = fmt.Errorf("%w: %w", err, sign.ErrLimit)
	}
	return data, err
}

// predicate is the form of the statement's predicate.
type predicate struct {
	Layout struct {
		Digest  provenance.DigestSet `json:"digest"`  // of what its owners signed
		Expires time.Time            `json:"expires"` //
	} `json:"layout"`
	Steps    []stepRecord `json:"steps"`
	Warnings []string     `json:"warnings"`
	Metadata struct {
		Layout []byte            `json:"layout"`
		Files  map[string][]byte `json:"files"`
	} `json:"metadata"`
}

// Bundle follows the layout and makes evidence of it: a statement about the
// products of the last step, which carries the layout and its links, under the
// signatures of those who own the layout. It is an error if the links do not
// follow the layout.
//
// Who owns the layout, whether it has expired, and what the inspections found is
// not looked at here: an [Authenticator] does that, and everything else again.
func (c *Chain) Bundle() (*sign.Bundle, error) {
	root, err := parse(c.Layout)
	if err != nil {
		return nil, fmt.Errorf("layout: %w", err)
	}
	s, err := c.statement(root)
	if err != nil {
		return nil, err
	}
	body, err := s.Marshal()
	if err != nil {
		return nil, err
	}
	return envelope(body, root)
}

// statement is what the chain says, once its links were held against the layout.
func (c *Chain) statement(root *metadata) (*provenance.Statement, error) {
	f, err := newFollower(c.Files)
	if err != nil {
		return nil, err
	}
	if root.layout == nil {
		return nil, failf(verify.CodePredicate, "a link stands in place of the layout")
	}
	got, steps, err := f.follow(root.layout, "", 1)
	if err != nil {
		return nil, err
	}
	if len(got.products) == 0 {
		return nil, failf(verify.CodeSubject, "the last step makes nothing, so the chain is about nothing")
	}
	p := predicate{Steps: steps, Warnings: f.warnings}
	if p.Warnings == nil {
		p.Warnings = []string{}
	}
	p.Layout.Digest = provenance.Set(provenance.SumSHA256(root.body))
	p.Layout.Expires = root.layout.Expires.UTC()
	p.Metadata.Layout, p.Metadata.Files = c.Layout, c.Files
	return provenance.New(PredicateType, p, got.products.subjects()...)
}
