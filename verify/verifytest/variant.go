package verifytest

import (
	"context"
	"fmt"
	"iter"
	"path"

	"github.com/touchmark-go/touchmark/verify"
)

// A Want is what must come of a variant.
type Want int

// The wants. Refused is the zero Want.
const (
	Refused Want = iota // no permission: denied, or undecided
	Allowed             // allowed as before: it is a neighbour, no attack
	Same                // the same verdict, to the letter
)

// String is the want in a word.
func (w Want) String() string {
	switch w {
	case Refused:
		return "refused"
	case Allowed:
		return "allowed"
	case Same:
		return "the same verdict"
	}
	return fmt.Sprintf("Want(%d)", int(w))
}

// A Variant is one question, made from a good one.
type Variant struct {
	// Name is the row, the evidence or other part that was changed, and how:
	// "35/provenance/branch". It is the same in every run, and nobody else's.
	Name string
	// Row is the row of docs/threats.md that it comes from; "" of the good question itself.
	Row string
	// What was done, in words.
	What string
	// Request is the question. It may be asked of any Verifier, or of a service.
	Request verify.Request
	// Want is what must come of it.
	Want Want
	// Err says why it could not be made: Good.Sign failed. Then there is no Request.
	Err error

	good *verify.Verdict
}

// Wrong says what is wrong with a verdict on the variant, or "" if it is as wanted.
func (v *Variant) Wrong(verdict *verify.Verdict) string {
	switch {
	case v.Err != nil:
		return fmt.Sprintf("%s: it could not be made: %v", v.What, v.Err)
	case verdict == nil:
		return "there is no verdict"
	case v.Want == Refused && verdict.Decision == verify.Allow:
		return fmt.Sprintf("it was let through: %s (row %s). Close it in the policy, or say in Good.Open why it is open", v.What, v.Row)
	case v.Want == Allowed && verdict.Decision != verify.Allow:
		return fmt.Sprintf("it was refused, and is as good as the original: %s\n%s", v.What, verdict)
	case v.Want == Same && verdict.String() != v.good.String():
		return fmt.Sprintf("another verdict than on the original: %s\n%s\nwant\n%s", v.What, verdict, v.good)
	}
	return ""
}

// open is the key of [Good.Open] that names the variant, if any does.
func (g *Good) open(v *Variant) (key string, ok bool) {
	for pattern := range g.Open {
		if match, err := path.Match(pattern, v.Name); err == nil && match {
			return pattern, true
		}
	}
	return "", false
}

// Variants are the question itself, which must be allowed, and then everything
// that can be made from it: attacks by row, each once, and neighbours. They come
// in the same order in every run. If the question is not allowed, it is the only
// one.
//
// They are made as they are asked for, and may be kept. An artifact of more than
// 64 MiB, or a folder, is swapped for another one, and not changed.
func Variants(ctx context.Context, g Good) iter.Seq[Variant] {
	return func(yield func(Variant) bool) {
		m := &maker{ctx: ctx, Good: g, yield: yield, names: map[string]bool{}}
		if !m.begin() {
			return
		}
		m.request()
		m.artifact()
		m.ledger()
		m.neighbours()
		for _, p := range m.pieces {
			m.withoutKeys(p)
			m.certified(p)
			m.written(p)
			m.withKeys(p)
		}
	}
}
