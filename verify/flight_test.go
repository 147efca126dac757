package verify_test

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// A gate is an authenticator that lets nobody through before it is opened, and
// counts who came.
type gate struct {
	came atomic.Int64
	open chan struct{}
}

func (*gate) Accepts(verify.Identity) bool { return false }
func (*gate) Reads(b *sign.Bundle) bool    { return true }

func (g *gate) Authenticate(ctx context.Context, b *sign.Bundle, _ time.Time) ([]verify.Identified, error) {
	g.came.Add(1)
	select {
	case <-g.open:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// gated is a Verifier behind a gate. Called in a bubble, it waits there.
func gated(t *testing.T, c *story.Case) (*gate, *verify.Verifier) {
	g := &gate{open: make(chan struct{})}
	v, err := verify.Options{Authenticators: []verify.Authenticator{g}}.New(c.Trust, c.Policies...)
	if err != nil {
		t.Fatal(err)
	}
	return g, v
}

// digestCase is one that is decided by a digest alone, with as much evidence.
func digestCase(t *testing.T, script string) (*story.Case, int64) {
	c := story.Build(t, `set policy /examine "off"`, "request mode digest", script)
	return c, int64(len(c.Request.Evidence))
}

type answer struct {
	v   *verify.Verdict
	err error
}

// inquire asks in the background.
func inquire(ctx context.Context, v *verify.Verifier, r verify.Request) chan answer {
	out := make(chan answer, 1)
	go func() {
		verdict, err := v.Verify(ctx, r)
		out <- answer{verdict, err}
	}()
	return out
}

// readAgain is the same evidence, read from the same file a second time.
func readAgain(t *testing.T, c *story.Case) []*sign.Bundle {
	t.Helper()
	out := make([]*sign.Bundle, len(c.Request.Evidence))
	for i, b := range c.Request.Evidence {
		other := *b
		other.Signatures = slices.Clone(b.Signatures)
		out[i] = &other
	}
	return out
}

// Who asks the same at the same time gets the same answer, which is worked out
// once, a yes or a no; and it is forgotten with the last of them.
func TestAskedTogether(t *testing.T) {
	for name, script := range map[string]string{"yes": "", "no": "sign provenance mallory"} {
		t.Run(name, func(t *testing.T) {
			c, n := digestCase(t, script)
			want, wantErr := c.Verify(t)
			synctest.Test(t, func(t *testing.T) {
				g, v := gated(t, c)
				var answers []chan answer
				for range 8 {
					r := c.Request
					r.Evidence = readAgain(t, c)
					answers = append(answers, inquire(t.Context(), v, r))
				}
				synctest.Wait()
				if came := g.came.Load(); came != 1 {
					t.Errorf("%d came to the gate, want one", came)
				}
				close(g.open)
				for i, a := range answers {
					got := <-a
					if got.v.String() != want.String() || (got.err == nil) != (wantErr == nil) {
						t.Errorf("answer %d: %v\n%s\nwant\n%s", i, got.err, got.v, want)
					}
					if refused, ok := got.err.(*verify.Error); ok && refused.Verdict != got.v {
						t.Errorf("answer %d: its error has another verdict", i)
					}
					got.v.Findings[0].Message = "written into by whoever asked" // no other's
				}
				if came := g.came.Load(); came != n {
					t.Errorf("%d bundles were authenticated for all, want %d", came, n)
				}
				if got := <-inquire(t.Context(), v, c.Request); got.v.String() != want.String() || g.came.Load() != 2*n {
					t.Errorf("asked again later, %d bundles were authenticated, want %d:\n%s", g.came.Load()-n, n, got.v)
				}
			})
		})
	}
}

// Whoever asked first may go: the others are answered nevertheless. And so may
// one of the others.
func TestFirstCallerGoes(t *testing.T) {
	c, _ := digestCase(t, "")
	synctest.Test(t, func(t *testing.T) {
		g, v := gated(t, c)
		first, cancel := context.WithCancel(t.Context())
		gone := inquire(first, v, c.Request)
		synctest.Wait()
		other, cancelOther := context.WithCancel(t.Context())
		leaves := inquire(other, v, c.Request)
		var stay []chan answer
		for range 3 {
			stay = append(stay, inquire(t.Context(), v, c.Request))
		}
		synctest.Wait()
		cancelOther()
		if got := <-leaves; got.err == nil || got.v.Decision != verify.Undecided || failed(got.v) != "canceled" {
			t.Errorf("who left got %v\n%s", got.err, got.v)
		}
		cancel()
		if got := <-gone; got.err == nil || got.v.Decision != verify.Undecided || failed(got.v) != "canceled" {
			t.Errorf("who went got %v\n%s", got.err, got.v)
		}
		synctest.Wait()
		close(g.open)
		for _, a := range stay {
			if got := <-a; got.err != nil {
				t.Errorf("who stayed was refused:\n%s", got.v)
			}
		}
	})
}

// Whatever decides and differs, by a bit, is another question.
func TestOtherQuestions(t *testing.T) {
	c, _ := digestCase(t, "")
	first := func(change func(b *sign.Bundle)) func(r *verify.Request) {
		return func(r *verify.Request) { change(r.Evidence[0]) }
	}
	signature := func(change func(s *sign.Signature)) func(r *verify.Request) {
		return first(func(b *sign.Bundle) { change(&b.Signatures[0]) })
	}
	for name, change := range map[string]func(r *verify.Request){
		"digest":      func(r *verify.Request) { r.Artifact = verify.Digest(provenance.SumSHA256([]byte("other"))) },
		"path":        func(r *verify.Request) { r.Artifact = verify.File("other") },
		"content":     func(r *verify.Request) { r.Artifact = verify.Content(zeros{1}, 1) },
		"name":        func(r *verify.Request) { r.Name = "pkg:generic/app@1" },
		"environment": func(r *verify.Request) { r.Environment = "canary" },
		"instant":     func(r *verify.Request) { r.At = r.At.Add(time.Nanosecond) },
		"now":         func(r *verify.Request) { r.At = time.Time{} },
		"view":        func(r *verify.Request) { r.Release = silent{} },
		"less":        func(r *verify.Request) { r.Evidence = r.Evidence[1:] },
		"more":        func(r *verify.Request) { r.Evidence = append(r.Evidence, r.Evidence[0]) },
		"order":       func(r *verify.Request) { slices.Reverse(r.Evidence) },
		"payload": func(r *verify.Request) {
			r.Evidence[0], _ = sign.Payload(t.Context(), provenance.PayloadType, []byte("x"), exampleKey())
		},
		"nothing":    func(r *verify.Request) { r.Evidence[0] = nil },
		"unreadable": first(func(b *sign.Bundle) { b.Err = io.ErrUnexpectedEOF }),
		"origin":     first(func(b *sign.Bundle) { b.Origin += "0" }),
		"format":     first(func(b *sign.Bundle) { b.Format = sign.Sigstore }),
		"type":       first(func(b *sign.Bundle) { b.PayloadType += "0" }),
		"message":    first(func(b *sign.Bundle) { b.MessageDigest = provenance.SumSHA256(nil) }),
		"no signer":  first(func(b *sign.Bundle) { b.Signatures = nil }),
		"key id":     signature(func(s *sign.Signature) { s.KeyID += "0" }),
		"chain":      signature(func(s *sign.Signature) { s.Chain = [][]byte{{1}} }),
		"timestamp":  signature(func(s *sign.Signature) { s.Timestamps = [][]byte{{1}} }),
		"log entry":  signature(func(s *sign.Signature) { s.LogEntries = append(s.LogEntries, []byte("{}")) }),
		"signature": signature(func(s *sign.Signature) {
			s.Sig = slices.Clone(s.Sig)
			s.Sig[0] ^= 1
		}),
	} {
		t.Run(name, func(t *testing.T) {
			alone := c.Request
			alone.Evidence = readAgain(t, c)
			change(&alone)
			v, err := verify.New(c.Trust, c.Policies...)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := v.Verify(t.Context(), alone)
			synctest.Test(t, func(t *testing.T) {
				g, v := gated(t, c)
				one := inquire(t.Context(), v, c.Request)
				synctest.Wait()
				other := inquire(t.Context(), v, alone)
				synctest.Wait()
				close(g.open)
				<-one
				if got := <-other; alone.At.IsZero() && got.v.At.Equal(c.Request.At) || !alone.At.IsZero() && got.v.String() != want.String() {
					t.Errorf("it got the answer to another question:\n%s\nwant\n%s", got.v, want)
				}
			})
		})
	}
	// A member that is new must be compared, and stand above. Nothing is decided by a bundle's
	// version, hint and what was written of it ahead: they say how it is written again.
	for _, members := range []struct {
		of any
		n  int
	}{{verify.Request{}, 6}, {verify.Artifact{}, 4}, {sign.Bundle{}, 12}, {sign.Signature{}, 5}} {
		if n := reflect.TypeOf(members.of).NumField(); n != members.n {
			t.Errorf("%T has %d members, and %d are compared", members.of, n, members.n)
		}
	}
}

// A silent view knows nothing.
type silent struct{ release.View }

func (silent) Head() release.Head { return release.Head{} }

// A slow artifact says that it is being read, and waits.
type slow struct{ reading, proceed chan struct{} }

func (s slow) ReadAt(p []byte, off int64) (int, error) {
	s.reading <- struct{}{}
	<-s.proceed
	return zeros{1}.ReadAt(p, off)
}

// Two readers of the same size are two artifacts.
func TestOtherReader(t *testing.T) {
	c, _ := digestCase(t, "")
	one, other := c.Request, c.Request
	one.Artifact, other.Artifact = verify.Content(strings.NewReader("good"), 4), verify.Content(strings.NewReader("evil"), 4)
	synctest.Test(t, func(t *testing.T) {
		g, v := gated(t, c)
		first := inquire(t.Context(), v, one)
		synctest.Wait()
		second := inquire(t.Context(), v, other)
		synctest.Wait()
		close(g.open)
		if a, b := (<-first).v.Digest, (<-second).v.Digest; a != provenance.SumSHA256([]byte("good")) || b != provenance.SumSHA256([]byte("evil")) {
			t.Errorf("the answers are about %s and %s", a, b)
		}
	})
}

// Whoever asks when the artifact is being read wants to know of the bytes that
// are there from now on; and who opens it holds it alone.
func TestAskedTooLate(t *testing.T) {
	c := story.Build(t, `set policy /examine "off"`)
	synctest.Test(t, func(t *testing.T) {
		v, err := verify.New(c.Trust, c.Policies...)
		if err != nil {
			t.Fatal(err)
		}
		s := slow{make(chan struct{}), make(chan struct{})}
		r := c.Request
		r.Artifact = verify.Content(s, 1)
		one := inquire(t.Context(), v, r)
		<-s.reading
		two := inquire(t.Context(), v, r)
		<-s.reading // it reads by itself
		close(s.proceed)
		go func() {
			for range s.reading {
			}
		}()
		<-one
		<-two
		close(s.reading)
	})
}

// Two who ask as of now share the instant of the first only for a second.
func TestAskedNow(t *testing.T) {
	c, n := digestCase(t, "")
	c.Request.At = time.Time{}
	synctest.Test(t, func(t *testing.T) {
		g, v := gated(t, c)
		one := inquire(t.Context(), v, c.Request)
		time.Sleep(900 * time.Millisecond)
		two := inquire(t.Context(), v, c.Request)
		synctest.Wait()
		if g.came.Load() != 1 {
			t.Errorf("within a second %d came", g.came.Load())
		}
		time.Sleep(200 * time.Millisecond)
		three := inquire(t.Context(), v, c.Request)
		synctest.Wait()
		if g.came.Load() != 2 {
			t.Errorf("after a second %d came", g.came.Load())
		}
		close(g.open)
		a, b, later := <-one, <-two, <-three
		if !a.v.At.Equal(b.v.At) || !later.v.At.After(a.v.At) || g.came.Load() != 2*n {
			t.Errorf("judged as of %s, %s, %s", a.v.At, b.v.At, later.v.At)
		}
	})
}

// A panic of whoever answers is not the others'.
type panics struct {
	gate
	once atomic.Bool
}

func (p *panics) Authenticate(ctx context.Context, b *sign.Bundle, at time.Time) ([]verify.Identified, error) {
	found, err := p.gate.Authenticate(ctx, b, at)
	if !p.once.Swap(true) {
		panic("out of order")
	}
	return found, err
}

func TestFirstCallerPanics(t *testing.T) {
	c, _ := digestCase(t, "")
	synctest.Test(t, func(t *testing.T) {
		p := &panics{gate: gate{open: make(chan struct{})}}
		v, err := verify.Options{Authenticators: []verify.Authenticator{p}}.New(c.Trust, c.Policies...)
		if err != nil {
			t.Fatal(err)
		}
		panicked := make(chan any)
		go func() {
			defer func() { panicked <- recover() }()
			v.Verify(t.Context(), c.Request)
		}()
		synctest.Wait()
		two := inquire(t.Context(), v, c.Request)
		synctest.Wait()
		close(p.open)
		if <-panicked == nil {
			t.Error("it did not panic")
		}
		if got := <-two; got.err != nil {
			t.Errorf("the other is refused:\n%s", got.v)
		}
	})
}
