package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
)

// sharing is a Verifier of c's with a budget.
func sharing(t *testing.T, c *story.Case, b *verify.Budget, authenticators ...verify.Authenticator) *verify.Verifier {
	t.Helper()
	v, err := verify.Options{Budget: b, Authenticators: authenticators}.New(c.Trust, c.Policies...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// spent reports whether it was refused for the budget, which is neither yes nor no.
func spent(v *verify.Verdict, err error) bool {
	return err != nil && v.Decision == verify.Undecided && failed(v) == "budget"
}

// What calls share is spent by all of them: Verifiers of other policies, Open,
// Authenticate. Once it is gone nobody gets an answer, be it a no, before it is
// filled again.
func TestSharedBudget(t *testing.T) {
	good, bad := story.Build(t, ""), story.Build(t, "swap flip 3")
	checks := int64(len(good.Request.Evidence)) // one signature each, by a key that is hinted at
	b := verify.NewBudget(verify.Limits{Checks: 3*checks + 1})
	v, other := sharing(t, good, b), sharing(t, bad, b)
	if verdict, err := v.Verify(t.Context(), good.Request); err != nil {
		t.Fatalf("the first:\n%s", verdict)
	}
	if verdict, err := other.Verify(t.Context(), bad.Request); err == nil || verdict.Decision != verify.Deny {
		t.Fatalf("the second, which is a no:\n%s", verdict)
	}
	h, err := v.Open(t.Context(), good.Request)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if verdict, err := other.Verify(t.Context(), bad.Request); !spent(verdict, err) {
			t.Errorf("nothing is left, and there is an answer:\n%s", verdict)
		}
	}
	if h, err := v.Open(t.Context(), good.Request); h != nil || !spent(err.(*verify.Error).Verdict, err) {
		t.Errorf("nothing is left, and it is opened: %v", err)
	}
	_, err = verify.Options{Budget: b}.Authenticate(t.Context(), good.Trust, good.Request.Evidence[0], good.Request.At)
	if !spent(err.(*verify.Error).Verdict, err) {
		t.Errorf("nothing is left, and Authenticate says %v", err)
	}
	b.Refill()
	if verdict, err := v.Verify(t.Context(), good.Request); err != nil {
		t.Errorf("filled again:\n%s", verdict)
	}
	// A signature that says not whose it is is tried with every key, and that is dear.
	blind := story.Build(t, "sign provenance mallory")
	b = verify.NewBudget(verify.Limits{Checks: checks + 3})
	if verdict, err := sharing(t, blind, b).Verify(t.Context(), blind.Request); !spent(verdict, err) {
		t.Errorf("a stranger's signature costs as little as a known one:\n%s", verdict)
	}
	// What an authenticator may have to check is drawn before it begins.
	g := &gate{open: make(chan struct{})}
	close(g.open)
	b = verify.NewBudget(verify.Limits{Checks: 2*checks - 1})
	if verdict, err := sharing(t, good, b, g).Verify(t.Context(), good.Request); !spent(verdict, err) {
		t.Errorf("authenticators cost nothing:\n%s", verdict)
	}
}

// Bytes are those of files, contents and folders; a digest costs none, and a size
// that is claimed is no way to get some back.
func TestBudgetOfBytes(t *testing.T) {
	file := story.Build(t, `set policy /examine "off"`)
	size := int64(len(file.Bytes))
	folder := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(folder, name), make([]byte, 1000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		artifact verify.Artifact
		size     int64
	}{
		"file":    {file.Request.Artifact, size},
		"content": {verify.Content(zeros{5000}, 5000), 5000},
		"folder":  {verify.File(folder), 2000},
	} {
		r := file.Request
		r.Artifact = c.artifact
		b := verify.NewBudget(verify.Limits{Bytes: 2*c.size - 1})
		v := sharing(t, file, b)
		if verdict, err := v.Verify(t.Context(), r); spent(verdict, err) {
			t.Errorf("a %s, once:\n%s", name, verdict)
		}
		if verdict, err := v.Verify(t.Context(), r); !spent(verdict, err) {
			t.Errorf("a %s, twice:\n%s", name, verdict)
		}
		r.Artifact = verify.Content(zeros{1}, -1<<40)
		v.Verify(t.Context(), r)
		r.Artifact = c.artifact
		if verdict, err := v.Verify(t.Context(), r); !spent(verdict, err) {
			t.Errorf("a %s, after bytes that are less than none:\n%s", name, verdict)
		}
		r.Artifact = verify.Digest(provenance.SumSHA256(file.Bytes))
		if verdict, err := v.Verify(t.Context(), r); err != nil {
			t.Errorf("a digest:\n%s", verdict)
		}
	}
}

// Memory is what runs at the same time holds, and all of it comes back, whatever
// becomes of the calls.
func TestBudgetOfMemory(t *testing.T) {
	c, _ := digestCase(t, "")
	var size int64
	for _, b := range c.Request.Evidence {
		size += int64(len(b.PAE()))
	}
	synctest.Test(t, func(t *testing.T) {
		b := verify.NewBudget(verify.Limits{Memory: 2*size - 1})
		g := &gate{open: make(chan struct{})}
		v := sharing(t, c, b, g)
		first, cancel := context.WithCancel(t.Context())
		one := inquire(first, v, c.Request)
		synctest.Wait()
		other := c.Request
		other.Environment = "" // a wrong question costs nothing
		if got := <-inquire(t.Context(), v, other); failed(got.v) != "request" {
			t.Errorf("a wrong question:\n%s", got.v)
		}
		other = c.Request
		other.At = other.At.Add(1)
		if got := <-inquire(t.Context(), v, other); !spent(got.v, got.err) {
			t.Errorf("two at once:\n%s", got.v)
		}
		same := inquire(t.Context(), v, c.Request) // costs nothing more
		synctest.Wait()
		cancel()
		<-one
		close(g.open)
		if got := <-same; got.err != nil {
			t.Errorf("one who asked the same:\n%s", got.v)
		}
		for range 3 {
			if got := <-inquire(t.Context(), v, other); got.err != nil {
				t.Errorf("one after the other:\n%s", got.v)
			}
		}
	})
}

// Many at once never spend more than there is.
func TestBudgetOfMany(t *testing.T) {
	c, n := digestCase(t, "")
	v := sharing(t, c, verify.NewBudget(verify.Limits{Checks: 5*n + n - 1, Memory: 1 << 30}))
	var wg sync.WaitGroup
	var allowed atomic.Int64
	for i := range 16 {
		wg.Go(func() {
			r := c.Request
			r.At = r.At.Add(time.Duration(i)) // no two ask the same
			if verdict, err := v.Verify(t.Context(), r); err == nil {
				allowed.Add(1)
			} else if !spent(verdict, err) {
				t.Errorf("refused otherwise:\n%s", verdict)
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n > 5 {
		t.Errorf("%d were answered, and there was enough for five", n)
	}
}
