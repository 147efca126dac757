package capsule_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit/history"
	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/capsule"
)

var at = time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)

func write(t testing.TB, c capsule.Content) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, data []byte) *capsule.Capsule {
	t.Helper()
	c, err := capsule.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// small is a capsule about one artifact, without a ledger.
func small(t testing.TB, scripts ...string) (capsule.Content, *story.Case) {
	c := story.Build(t, scripts...)
	subject := provenance.SumSHA256(c.Bytes)
	content := capsule.Content{At: at, Trust: c.Trust, Subjects: []provenance.Digest{subject}, Source: capsule.Set{subject: c.Request.Evidence}}
	for _, p := range c.Policies {
		content.Policies = append(content.Policies, p.Marshal())
	}
	return content, c
}

// ledgered is a capsule with a ledger.
func ledgered(t testing.TB) (capsule.Content, *history.World) {
	w := history.New(t)
	one := w.Running("1.0.0", provenance.Digest{})
	w.Running("1.1.0", one.ID())
	reader, err := w.Log.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return capsule.Content{At: w.Now, Trust: w.Root, Log: reader}, w
}

// Not one byte can be changed, cut off or put behind, and none of it is read.
func TestEveryByte(t *testing.T) {
	evidence, _ := small(t)
	ledger, _ := ledgered(t)
	for name, data := range map[string][]byte{"evidence": write(t, evidence), "ledger": write(t, ledger)} {
		refused := func(what string, changed []byte) {
			if c, err := capsule.Open(bytes.NewReader(changed), int64(len(changed))); !errors.Is(err, capsule.ErrMalformed) || c != nil {
				t.Fatalf("%s: %s: %v, want it refused", name, what, err)
			}
		}
		step := map[string]int{"evidence": 1, "ledger": 11}[name]
		if testing.Short() {
			step = 13
		}
		for i := 0; i < len(data); i += step {
			data[i] ^= 1 << (i % 8)
			refused(fmt.Sprintf("byte %d changed", i), data)
			data[i] ^= 1 << (i % 8)
		}
		for n := 0; n < len(data); n += 97 * step {
			refused(fmt.Sprintf("cut to %d bytes", n), data[:n])
		}
		for n := len(data) - 1; n > len(data)-1600; n -= step {
			refused(fmt.Sprintf("cut to %d bytes", n), data[:n])
		}
		for _, more := range [][]byte{{0}, {'\n'}, make([]byte, 512), make([]byte, 10240), data} {
			refused(fmt.Sprintf("%d bytes behind", len(more)), slices.Concat(data, more))
			refused(fmt.Sprintf("%d bytes before", len(more)), slices.Concat(more, data))
		}
		open(t, data)
	}
}

// members are the files of an archive, by another's reader.
func members(t testing.TB, data []byte) (names []string, contents map[string][]byte) {
	t.Helper()
	contents = map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return names, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || h.Mode != 0o644 || h.Uid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: %+v", h.Name, h)
		}
		names = append(names, h.Name)
		if contents[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// archive puts members together in that order, with a manifest that fits if
// asked for.
func archive(t testing.TB, names []string, contents map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(contents[name])), Mode: 0o644, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(contents[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A capsule is a tar archive, to the byte, that any other program reads.
func TestIsTar(t *testing.T) {
	content, _ := ledgered(t)
	data := write(t, content)
	names, contents := members(t, data)
	if again := archive(t, names, contents); !bytes.Equal(again, data) {
		t.Errorf("another's writer makes %d bytes of it, want these %d", len(again), len(data))
	}
	if want := provenance.SumSHA256(contents["manifest.json"]).Hex() + "  manifest.json\n"; string(contents["manifest.sha256"]) != want {
		t.Errorf("manifest.sha256 is %q, want %q", contents["manifest.sha256"], want)
	}
	if c := open(t, data); c.Digest() != provenance.SumSHA256(contents["manifest.json"]) || !c.At().Equal(content.At) || len(c.Members())+2 != len(names) {
		t.Errorf("%s, %s, %d members of %d", c.Digest(), c.At(), len(c.Members()), len(names))
	}
}

// Members that change places, or places with each other, or are those of another
// capsule, are refused; also by whoever writes a manifest that fits.
func TestMoved(t *testing.T) {
	content, w := ledgered(t)
	names, contents := members(t, write(t, content))
	old := contents
	w.Running("1.2.0", provenance.Digest{})
	reader, err := w.Log.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	content.Log = reader
	newer, now := members(t, write(t, content))
	refused := func(what string, data []byte) {
		t.Helper()
		if _, err := capsule.Open(bytes.NewReader(data), int64(len(data))); !errors.Is(err, capsule.ErrMalformed) {
			t.Errorf("%s: %v, want it refused", what, err)
		}
	}
	for i := range names[1:] {
		moved := slices.Clone(names)
		moved[i], moved[i+1] = moved[i+1], moved[i]
		refused("members "+names[i]+" and the next change places", archive(t, moved, contents))
		refused(names[i]+" is missing", archive(t, slices.Concat(names[:i], names[i+1:]), contents))
		refused(names[i]+" is there twice", archive(t, slices.Concat(names[:i+1], names[i:]), contents))
		swapped := map[string][]byte{}
		for name, data := range contents {
			swapped[name] = data
		}
		swapped[names[i]], swapped[names[i+1]] = contents[names[i+1]], contents[names[i]]
		refused("the contents of "+names[i]+" and the next change places", archive(t, names, swapped))
	}
	for _, name := range newer {
		older, there := old[name]
		if !there || bytes.Equal(older, now[name]) {
			continue
		}
		mixed := map[string][]byte{}
		for name, data := range now {
			mixed[name] = data
		}
		mixed[name] = older
		refused(name+" is an older one", archive(t, newer, mixed))
	}
	if !slices.Contains(names, "log/tile/entries/000.p/10") {
		t.Fatalf("the members are %q", names)
	}
	refit := func(change func(names []string, contents map[string][]byte) []string) []byte {
		t.Helper()
		all := map[string][]byte{}
		for name, data := range contents {
			all[name] = data
		}
		left := change(slices.Clone(names[2:]), all)
		return manifested(t, left, all)
	}
	refused("two members out of order", refit(func(names []string, _ map[string][]byte) []string {
		names[0], names[1] = names[1], names[0]
		return names
	}))
	for what, name := range map[string]string{"a file that nobody knows": "log/tile/0/000.p/10", "a path upwards": "blobs/../../etc/passwd", "a path with no spelling": "log/heads/0", "an unknown folder": "zzz"} {
		refused(what, refit(func(names []string, contents map[string][]byte) []string {
			contents[name] = []byte("x")
			names = append(names, name)
			slices.Sort(names)
			return names
		}))
	}
	refused("no checkpoint", refit(func(names []string, _ map[string][]byte) []string {
		return slices.DeleteFunc(names, func(n string) bool { return n == "log/checkpoint" })
	}))
	refused("no records", refit(func(names []string, _ map[string][]byte) []string {
		return slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "log/tile/") })
	}))
	refused("a trust file of another version", refit(func(names []string, contents map[string][]byte) []string {
		contents["trust/0000000003.json"] = contents["trust/0000000002.json"]
		names[len(names)-1] = "trust/0000000003.json"
		return names
	}))
}

// manifested is an archive with a manifest that fits, as whoever made it up would
// write it.
func manifested(t testing.TB, names []string, contents map[string][]byte) []byte {
	t.Helper()
	var list []string
	for _, name := range names {
		list = append(list, fmt.Sprintf(`{"digest":%q,"name":%q,"size":%d}`, provenance.SumSHA256(contents[name]), name, len(contents[name])))
	}
	m := fmt.Sprintf(`{"at":"2026-11-21T03:07:00Z","members":[%s],"schema":%q}`, strings.Join(list, ","), capsule.Schema)
	all := map[string][]byte{"manifest.json": []byte(m), "manifest.sha256": []byte(provenance.SumSHA256([]byte(m)).Hex() + "  manifest.json\n")}
	for _, name := range names {
		all[name] = contents[name]
	}
	return archive(t, append([]string{"manifest.json", "manifest.sha256"}, names...), all)
}

// The order in which content is given, and how often, changes nothing.
func TestSameBytes(t *testing.T) {
	content, c := small(t, "set policy/2 /name \"second\"")
	want := write(t, content)
	if got := write(t, content); !bytes.Equal(got, want) {
		t.Error("written twice, they differ")
	}
	content.Subjects = append(content.Subjects, content.Subjects...)
	slices.Reverse(content.Policies)
	content.Policies = append(content.Policies, content.Policies...)
	content.At = content.At.In(time.FixedZone("elsewhere", 3600))
	evidence := slices.Clone(c.Request.Evidence)
	slices.Reverse(evidence)
	content.Source = capsule.Set{content.Subjects[0]: append(evidence, evidence...)}
	if got := write(t, content); !bytes.Equal(got, want) {
		t.Error("in another order and twice, they differ")
	}
	content.At = at.Add(time.Second)
	if got := write(t, content); bytes.Equal(got, want) {
		t.Error("at another instant, they are the same")
	}
}

// What cannot be read again is not written.
func TestWriteRefuses(t *testing.T) {
	for what, change := range map[string]func(*capsule.Content){
		"no instant":             func(c *capsule.Content) { c.At = time.Time{} },
		"a fraction of a second": func(c *capsule.Content) { c.At = at.Add(1) },
		"evidence that is none":  func(c *capsule.Content) { c.Source = capsule.Set{c.Subjects[0]: {{Err: errors.New("garbled")}}} },
		"a policy that is none":  func(c *capsule.Content) { c.Policies = [][]byte{[]byte("{}")} },
		"evidence for a policy": func(c *capsule.Content) {
			line, _ := c.Source.(capsule.Set)[c.Subjects[0]][0].Marshal()
			c.Policies = [][]byte{line}
		},
		"a blob that is not there": func(c *capsule.Content) { c.Blobs = []provenance.Digest{history.Sum("x")} },
		"a digest that is too long": func(c *capsule.Content) {
			d, _ := provenance.ParseDigest("sha512:" + strings.Repeat("ab", 64))
			c.Subjects = append(c.Subjects, d)
		},
		"evidence for a trust file": func(c *capsule.Content) { c.Updates = c.Source.(capsule.Set)[c.Subjects[0]][:1] },
		"updates of nothing": func(c *capsule.Content) {
			b, err := sign.Payload(t.Context(), verify.TrustType, c.Trust.Marshal(), history.Key("alice"))
			if err != nil {
				t.Fatal(err)
			}
			c.Updates = []*sign.Bundle{b} // the same version again
		},
		"erased for no reason": func(c *capsule.Content) { c.Erased = []capsule.Erased{{Digest: history.Sum("x")}} },
	} {
		content, _ := small(t)
		change(&content)
		if err := content.Write(t.Context(), io.Discard); err == nil {
			t.Errorf("%s: it was written", what)
		}
	}
}

func FuzzOpen(f *testing.F) {
	content, _ := small(f)
	f.Add(write(f, content))
	content, _ = ledgered(f)
	f.Add(write(f, content))
	content, _, _ = stated(f)
	f.Add(write(f, content))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := capsule.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Skip()
		}
		names, contents := members(t, data)
		if again := archive(t, names, contents); !bytes.Equal(again, data) || len(names) != len(c.Members())+2 {
			t.Errorf("it has another form than %q", data)
		}
	})
}
