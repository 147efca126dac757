package verify

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
)

// Flights are the questions that are being answered.
type flights struct {
	mu  sync.Mutex
	all []*flight // that others may still join
}

// A flight is one question that is being answered. Whoever asks first answers it,
// and those who ask the same meanwhile wait.
type flight struct {
	request *Request
	head    release.Head // of request.Release; zero if there is none
	began   time.Time
	done    chan struct{} // nil as long as nobody waits
	verdict *Verdict      // once done is closed; nil if it is no answer for others
}

// stale is how old the instant of a question as of now may be.
const stale = time.Second

// fly answers r, whose view is at head, or waits for who is answering it already. What came out of
// another's trouble (its context ended, its reading failed) is no answer here:
// then r is asked anew.
func (fs *flights) fly(ctx context.Context, r *Request, head release.Head, answer func(reads func()) (*Verdict, error)) (*Verdict, error) {
	for {
		f, leads := fs.join(r, head)
		if leads {
			return fs.lead(f, answer)
		}
		select {
		case <-f.done:
			if f.verdict == nil {
				continue
			}
			verdict := f.verdict.clone()
			if verdict.Decision == Allow {
				return verdict, nil
			}
			return verdict, &Error{Verdict: verdict}
		case <-ctx.Done():
			return answer(nil) // which says so
		}
	}
}

// join finds who answers r already, or makes it r's caller who does.
func (fs *flights) join(r *Request, head release.Head) (f *flight, leads bool) {
	now := time.Now()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		if f.head == head && f.request.same(r) && (!r.At.IsZero() || now.Sub(f.began) < stale) {
			if f.done == nil {
				f.done = make(chan struct{})
			}
			return f, false
		}
	}
	f = &flight{request: r, head: head, began: now}
	fs.all = append(fs.all, f)
	return f, true
}

// lead answers f's question. From when its artifact is read on nobody joins any
// more: who asks then wants to know of the artifact as it is then.
func (fs *flights) lead(f *flight, answer func(reads func()) (*Verdict, error)) (verdict *Verdict, err error) {
	defer func() { // even if it panics
		fs.mu.Lock()
		defer fs.mu.Unlock()
		fs.leave(f)
		if f.done == nil {
			return
		}
		if verdict != nil && !slices.ContainsFunc(verdict.Findings, func(f Finding) bool { return f.Status == Failed && f.Code.own() }) {
			f.verdict = verdict.clone() // whoever asked first may write into his own
		}
		close(f.done)
	}()
	return answer(func() {
		if !f.request.Artifact.digest.IsZero() {
			return // there is nothing to read
		}
		fs.mu.Lock()
		defer fs.mu.Unlock()
		fs.leave(f)
	})
}

func (v *Verdict) clone() *Verdict {
	out := *v
	out.Findings, out.Policies = slices.Clone(v.Findings), slices.Clone(v.Policies)
	return &out
}

// leave lets nobody join f any more.
func (fs *flights) leave(f *flight) {
	if i := slices.Index(fs.all, f); i >= 0 {
		fs.all = slices.Delete(fs.all, i, i+1)
	}
}

// own reports whether a failed check of this code is trouble of the call itself,
// which another one need not have.
func (c Code) own() bool {
	return c == CodeCanceled || c == CodeTransport || c == CodeChanged || c == CodeBudget || c == CodeLedger
}

// same reports whether two requests ask the same to the last bit. What cannot be
// compared is another one.
func (r *Request) same(o *Request) bool {
	return r.Artifact.path == o.Artifact.path && r.Artifact.size == o.Artifact.size && r.Artifact.digest == o.Artifact.digest && identical(r.Artifact.reader, o.Artifact.reader) &&
		r.Name == o.Name && r.Environment == o.Environment && r.At == o.At && identical(r.Release, o.Release) &&
		slices.EqualFunc(r.Evidence, o.Evidence, sameBundle)
}

// identical reports whether two interfaces hold the same thing. To compare what
// cannot be compared panics.
func identical(a, b any) (same bool) {
	defer func() {
		if recover() != nil {
			same = false
		}
	}()
	return a == b
}

func sameBundle(a, b *sign.Bundle) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	pae, other := a.PAE(), b.PAE()
	return a.Err == nil && b.Err == nil &&
		a.Origin == b.Origin && a.Format == b.Format && a.PayloadType == b.PayloadType && a.MessageDigest == b.MessageDigest &&
		(pae == nil) == (other == nil) && bytes.Equal(pae, other) && slices.EqualFunc(a.Signatures, b.Signatures, sameSignature)
}

func sameSignature(a, b sign.Signature) bool {
	if len(a.LogEntries) != len(b.LogEntries) {
		return false
	}
	for i := range a.LogEntries {
		if !bytes.Equal(a.LogEntries[i], b.LogEntries[i]) {
			return false
		}
	}
	return bytes.Equal(a.Sig, b.Sig) && a.KeyID == b.KeyID && slices.EqualFunc(a.Chain, b.Chain, bytes.Equal) && slices.EqualFunc(a.Timestamps, b.Timestamps, bytes.Equal)
}
