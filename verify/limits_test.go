package verify_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// rawCheck is the primitive under a P-256 signature.
func rawCheck(t testing.TB, key crypto.PublicKey) func(message, sig []byte) {
	return func(message, sig []byte) {
		sum := sha256.Sum256(message)
		if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), sum[:], sig) {
			t.Fatal("signature")
		}
	}
}

// zeros is an endless file of zeros, of which nothing is kept.
type zeros struct{ size int64 }

func (z zeros) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off+int64(len(p)) > z.size {
		return int(max(0, z.size-off)), io.EOF
	}
	return len(p), nil
}

// A file of any size is verified in 32 bytes of memory a MiB.
func TestMemory(t *testing.T) {
	const size = 1 << 29
	v, evidence := benchCase(t, []byte("app"), "if-applicable")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Content(zeros{size}, size), Evidence: evidence})
	runtime.ReadMemStats(&after)
	if err == nil || failed(verdict) != "subject" {
		t.Fatalf("want a denial for another artifact, got\n%s", verdict)
	}
	// The sums are 16 KiB; the rest are buffers that do not grow with the file.
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 8<<20 {
		t.Errorf("verifying %d MiB allocated %d KiB", size>>20, spent>>10)
	}
}

// Ten thousand artifacts are judged by one Verifier, and it keeps nothing of any.
func TestManyArtifacts(t *testing.T) {
	n := 10_000
	if testing.Short() || raceEnabled {
		n = 1_000
	}
	ci := exampleKey()
	v := exampleVerifier(examplePolicy, map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder})
	bundle, err := sign.Statement(t.Context(), exampleBuild([]byte("app")), ci)
	if err != nil {
		t.Fatal(err)
	}
	judge := func(i int) {
		app := fmt.Append(nil, "app ", i)
		evidence := []*sign.Bundle{bundle}
		if i%100 == 0 { // some of them are meant: a signature is what takes the time
			good, err := sign.Statement(t.Context(), exampleBuild(app), ci)
			if err != nil {
				t.Fatal(err)
			}
			evidence = append(evidence, good)
		}
		verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Content(bytes.NewReader(app), int64(len(app))), Evidence: evidence})
		if want := i%100 == 0; want != (err == nil) {
			t.Fatalf("artifact %d: %v\n%s", i, err, verdict)
		}
	}
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for i := range n / 10 {
		judge(i)
	}
	before := live()
	for i := n / 10; i < n; i++ {
		judge(i)
	}
	if after := live(); after > before+before/4+256<<10 {
		t.Errorf("after %d artifacts %d KiB are held, after %d there were %d", n, after>>10, n/10, before>>10)
	}
	runtime.KeepAlive(v)
}

// Whatever the size, each byte that is read again is one that was hashed: a change in
// any chunk is noticed, and by SHA-512 as well as by SHA-256 it is the same content.
func TestChunks(t *testing.T) {
	ci := exampleKey()
	policy := strings.Replace(examplePolicy, `"if-applicable"`, `"off"`, 1)
	v := exampleVerifier(policy, map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder})
	for _, size := range []int{0, 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 128 << 10, 128<<10 + 1, 300_000, 3<<20 + 5, 65<<20 + 1} {
		if size > 4<<20 && (testing.Short() || raceEnabled) {
			continue
		}
		app := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		sum := sha512.Sum512(app)
		d512, err := provenance.ParseDigest("sha512:" + hex.EncodeToString(sum[:]))
		if err != nil {
			t.Fatal(err)
		}
		set := provenance.Set(provenance.SumSHA256(app), d512)
		s := exampleBuild(app)
		s.Subject[0].Digest = set
		bundle, err := sign.Statement(t.Context(), s, ci)
		if err != nil {
			t.Fatal(err)
		}
		open := func(app []byte) (*verify.Handle, error) {
			return v.Open(t.Context(), verify.Request{Artifact: verify.Content(bytes.NewReader(app), int64(len(app))), Evidence: []*sign.Bundle{bundle}})
		}
		h, err := open(app)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		got, err := io.ReadAll(io.NewSectionReader(h, 0, int64(size)))
		if err != nil || !bytes.Equal(got, app) {
			t.Fatalf("%d bytes: %d bytes are read again, and they are other ones: %v", size, len(got), err)
		}
		for _, at := range []int{0, 1, size / 2, size - 1, 32 << 10, 32<<10 - 1, 1 << 20, 128 << 10} {
			if at < 0 || at >= size {
				continue
			}
			app[at] ^= 1
			// What was read last may still be at hand, as it was.
			b := make([]byte, 1)
			if _, err := h.ReadAt(b, int64(at)); err == nil && b[0] == app[at] {
				t.Errorf("%d bytes: byte %d was changed, and read again", size, at)
			}
			app[at] ^= 1
			if n, err := h.ReadAt(make([]byte, 1), int64(at)); n != 1 || err != nil && err != io.EOF {
				t.Errorf("%d bytes: byte %d is as it was, and not read: %v", size, at, err)
			}
		}
		h.Close()
	}
}

// What a stranger claims the size to be is no reason to spend memory.
func TestClaimedSize(t *testing.T) {
	v, evidence := benchCase(t, []byte("app"), "if-applicable")
	for _, size := range []int64{math.MaxInt64, 1 << 50, -1, 2} {
		verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Content(bytes.NewReader([]byte("app")), size), Evidence: evidence})
		if err == nil || verdict.Decision != verify.Undecided || failed(verdict) != "transport" {
			t.Errorf("size %d: want undecided by transport, got\n%s", size, verdict)
		}
	}
}

func TestTooMuchEvidence(t *testing.T) {
	v, evidence := benchCase(t, []byte("app"), "off")
	var many []*sign.Bundle
	for range verify.MaxEvidence + 1 {
		many = append(many, evidence...)
	}
	request := verify.Request{Artifact: verify.Digest(provenance.SumSHA256([]byte("app"))), Evidence: many}
	verdict, err := v.Verify(t.Context(), request)
	if err == nil || failed(verdict) != "limit" {
		t.Errorf("%d bundles: want limit, got\n%s", len(many), verdict)
	}
	request.Evidence = many[:verify.MaxEvidence]
	if verdict, err := v.Verify(t.Context(), request); err != nil {
		t.Errorf("%d bundles: %s", len(request.Evidence), verdict)
	}
}

// Evidence that is too deep, has too many members or is too large gets the code
// limit, through the whole verifier.
func TestLimitCode(t *testing.T) {
	v, _ := benchCase(t, []byte("app"), "off")
	for name, text := range map[string]string{
		"deep":    `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		"members": `{"x":[` + strings.Repeat("0,", 10_000_000) + "0]}",
	} {
		var before, after runtime.MemStats
		data := []byte(text)
		runtime.ReadMemStats(&before)
		bundles, err := sign.Read(bytes.NewReader(data))
		runtime.ReadMemStats(&after)
		if err != nil {
			bundles = []*sign.Bundle{{Origin: "evidence.jsonl:1", Err: err}}
		}
		verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Digest(provenance.SumSHA256([]byte("app"))), Evidence: bundles})
		if err == nil || failed(verdict) != "limit" {
			t.Errorf("%s: want limit, got\n%s", name, verdict)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 64<<20 {
			t.Errorf("%s: %d MiB spent", name, spent>>20)
		}
	}
}

// The file is swapped, changed or cut after it was verified (TOCTOU): the
// handle gives out only what was verified.
func TestOpenChanged(t *testing.T) {
	app := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // three chunks
	v, evidence := benchCase(t, app, "off")
	for name, attack := range map[string]func(path string) error{
		"a byte in the last chunk": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("X"), int64(len(app)-1))
			return errors.Join(err, f.Close())
		},
		"cut":     func(path string) error { return os.Truncate(path, int64(len(app)-1)) },
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		path := filepath.Join(t.TempDir(), "app")
		if err := os.WriteFile(path, app, 0o644); err != nil {
			t.Fatal(err)
		}
		h, err := v.Open(t.Context(), verify.Request{Artifact: verify.File(path), Evidence: evidence})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(h, 0, h.Size())); err != nil || !bytes.Equal(got, app) {
			t.Errorf("%s: before it, reading gives %d bytes and %v", name, len(got), err)
		}
		if err := attack(path); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(h)
		if err == nil || !bytes.HasPrefix(app, got) {
			t.Errorf("%s: reading gave %d bytes and %v, want an error and nothing that was not verified", name, len(got), err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}

	// A rename over the path does not matter: the file that was opened is read.
	path := filepath.Join(t.TempDir(), "app")
	if err := errors.Join(os.WriteFile(path, app, 0o644), os.WriteFile(path+"2", []byte("evil"), 0o644)); err != nil {
		t.Fatal(err)
	}
	h, err := v.Open(t.Context(), verify.Request{Artifact: verify.File(path), Evidence: evidence})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if runtime.GOOS != "windows" {
		if err := os.Rename(path+"2", path); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := io.ReadAll(h); err != nil || !bytes.Equal(got, app) {
		t.Errorf("after a rename: %d bytes, %v", len(got), err)
	}
	var none *verify.Handle
	if err := none.Close(); err != nil {
		t.Errorf("closing a nil Handle: %v", err)
	}
}

// Whatever cannot be read is undecided, or a path, and never a yes.
func TestUnreadable(t *testing.T) {
	v, evidence := benchCase(t, []byte("app"), "off")
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling")); err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		artifact verify.Artifact
		code     string
		want     verify.Decision
	}{
		"missing":   {verify.File(filepath.Join(dir, "missing")), "transport", verify.Undecided},
		"dangling":  {verify.File(filepath.Join(dir, "dangling")), "transport", verify.Undecided},
		"device":    {verify.File(os.DevNull), "path", verify.Deny},
		"nothing":   {verify.Artifact{}, "request", verify.Undecided},
		"no digest": {verify.Digest(provenance.Digest{}), "request", verify.Undecided},
	} {
		verdict, err := v.Verify(t.Context(), verify.Request{Artifact: c.artifact, Evidence: evidence})
		if err == nil || verdict.Decision != c.want || failed(verdict) != c.code {
			t.Errorf("%s: want %v %s, got\n%s", name, c.want, c.code, verdict)
		}
	}
	var zero verify.Verifier
	if verdict, err := zero.Verify(t.Context(), verify.Request{}); err == nil || verdict == nil || verdict.Decision != verify.Undecided {
		t.Errorf("the zero Verifier: %v, %v", verdict, err)
	}
}

// A faulty reader gives all bytes and an error with them, or fails when it is read
// again: neither is passed over, and io.EOF at the end is no fault.
func TestFaultyReader(t *testing.T) {
	app := []byte("app")
	v, evidence := benchCase(t, app, "off")
	broken := errors.New("bad sector")
	for name, c := range map[string]struct {
		at   func(p []byte, off int64) (int, error)
		want verify.Decision
	}{
		"EOF with the last byte":   {func(p []byte, off int64) (int, error) { return copy(p, app[off:]), io.EOF }, verify.Allow},
		"fault with the last byte": {func(p []byte, off int64) (int, error) { return copy(p, app[off:]), broken }, verify.Undecided},
		"fault behind the end": {func(p []byte, off int64) (int, error) {
			if off < int64(len(app)) {
				return copy(p, app[off:]), nil
			}
			return 0, broken
		}, verify.Undecided},
	} {
		verdict, err := v.Verify(t.Context(), verify.Request{Artifact: verify.Content(readerAt(c.at), int64(len(app))), Evidence: evidence})
		if verdict.Decision != c.want || (err == nil) != (c.want == verify.Allow) || err != nil && failed(verdict) != "transport" {
			t.Errorf("%s: want %v, got\n%s", name, c.want, verdict)
		}
	}
	var fault error
	later := readerAt(func(p []byte, off int64) (int, error) {
		if fault != nil {
			return 0, fault
		}
		return bytes.NewReader(app).ReadAt(p, off)
	})
	for _, c := range []struct {
		fault error
		want  string
	}{{broken, broken.Error()}, {io.EOF, "the artifact changed"}} {
		fault = nil
		h, err := v.Open(t.Context(), verify.Request{Artifact: verify.Content(later, int64(len(app))), Evidence: evidence})
		if err != nil {
			t.Fatal(err)
		}
		fault = c.fault
		if n, err := h.ReadAt(make([]byte, 3), 0); n != 0 || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("read again it gives %v: %d bytes, %v, want %q", c.fault, n, err, c.want)
		}
	}
}

type readerAt func(p []byte, off int64) (int, error)

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r(p, off) }
