package testkit

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
)

// LargeBOM returns a CycloneDX 1.6 document of that many components, about 690
// bytes each with its dependencies, the same every time: packages of npm, Maven and Go with hashes,
// licences, references, properties and a graph of dependencies.
func LargeBOM(t testing.TB, components int) string {
	t.Helper()
	var b strings.Builder
	b.Grow(components*720 + 4096)
	if _, err := io.Copy(&b, NewLargeBOM(components)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// NewLargeBOM returns a reader that makes that document as it is read, so that
// one of a gigabyte needs no room. It can go to the document's beginning and end.
func NewLargeBOM(components int) io.ReadSeeker { return &largeBOM{n: components} }

type largeBOM struct {
	n, i  int // i counts components, and then dependencies
	state int
	buf   []byte
	off   int   // how much of buf has been read
	at    int64 // and of the whole
}

// Seek knows the beginning, the place and the end.
func (l *largeBOM) Seek(offset int64, whence int) (int64, error) {
	switch {
	case offset == 0 && whence == io.SeekCurrent:
	case offset == 0 && whence == io.SeekStart:
		*l = largeBOM{n: l.n}
	case offset == 0 && whence == io.SeekEnd:
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{l}); err != nil {
			return 0, err
		}
	default:
		return 0, errors.New("want the beginning or the end")
	}
	return l.at, nil
}

func (l *largeBOM) Read(p []byte) (int, error) {
	if l.off == len(l.buf) {
		l.buf, l.off = l.buf[:0], 0
		for len(l.buf) < 32<<10 && l.state < 4 {
			l.more()
		}
		if len(l.buf) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, l.buf[l.off:])
	l.off += n
	l.at += int64(n)
	return n, nil
}

// more makes the next piece.
func (l *largeBOM) more() {
	switch l.state {
	case 0:
		l.buf = append(l.buf, `{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","bomFormat":"CycloneDX","specVersion":"1.6",`+
			`"serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,"metadata":{"timestamp":"2026-11-21T05:34:23Z",`+
			`"tools":{"components":[{"type":"application","name":"generator","version":"1.0.0"}]},`+
			`"component":{"bom-ref":"root","type":"application","name":"shop","version":"4.2.0"}},"components":[`...)
		l.state = 1
	case 1:
		l.component(l.i)
		if l.i++; l.i == l.n {
			l.buf = append(l.buf, `],"dependencies":[{"ref":"root","dependsOn":["`...)
			l.ref(0)
			l.put(`"]}`)
			l.i, l.state = 0, 2
		}
	case 2:
		l.dependency(l.i)
		if l.i++; l.i == l.n {
			l.state = 3
		}
	case 3:
		l.buf = append(l.buf, "],\"compositions\":[{\"aggregate\":\"incomplete\",\"assemblies\":[\"root\"]}]}\n"...)
		l.state = 4
	}
}

// put appends parts: texts, and numbers in decimal digits. It is five times as
// fast as fmt, which would take longer than what reads the document.
func (l *largeBOM) put(parts ...any) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			l.buf = append(l.buf, p...)
		case int:
			l.buf = strconv.AppendInt(l.buf, int64(p), 10)
		}
	}
}

// ref puts the bom-ref of a component, which is its package URL.
func (l *largeBOM) ref(i int) {
	switch i % 3 {
	case 0:
		l.put("pkg:npm/%40scope-", i%500, "/package-", i, "@")
	case 1:
		l.put("pkg:maven/org.example.group", i%800, "/artifact-", i, "@")
	default:
		l.put("pkg:golang/github.com/organisation-", i%900, "/repository-", i, "@v", i%3, ".", i%20, ".", i%7)
		return
	}
	l.put(i%9, ".", i%20, ".", i%7)
}

func (l *largeBOM) component(i int) {
	if i > 0 {
		l.buf = append(l.buf, ',')
	}
	license := [...]string{`{"license":{"id":"MIT"}}`, `{"license":{"id":"Apache-2.0"}}`, `{"expression":"MIT OR Apache-2.0"}`, `{"license":{"name":"Custom license"}}`}[i%4]
	l.put(`{"bom-ref":"`)
	l.ref(i)
	l.put(`","type":"library","group":"group-`, i%500, `","name":"package-`, i, `","version":"`, i%9, ".", i%20, ".", i%7, `","scope":"required","hashes":[{"alg":"SHA-256","content":"`)
	l.sum(i)
	l.put(`"}],"licenses":[`, license, `],"purl":"`)
	l.ref(i)
	l.put(`","externalReferences":[{"url":"https://example.com/organisation-`, i%500, "/package-", i, `","type":"website"}],`+
		`"properties":[{"name":"example:path","value":"/srv/app/node_modules/package-`, i, `/package.json"},{"name":"example:layer","value":"`, i%40, `"}]}`)
}

func (l *largeBOM) dependency(i int) {
	l.put(`,{"ref":"`)
	l.ref(i)
	l.put(`","dependsOn":[`)
	for k := 1; k <= i%3 && i+k*7 < l.n; k++ {
		if k > 1 {
			l.buf = append(l.buf, ',')
		}
		l.put(`"`)
		l.ref(i + k*7)
		l.put(`"`)
	}
	l.put(`]}`)
}

// sum puts a made up sum of 64 digits.
func (l *largeBOM) sum(i int) {
	x := uint64(i)*0x9E3779B97F4A7C15 + 1
	for range 4 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		l.buf = hex.AppendEncode(l.buf, binary.BigEndian.AppendUint64(nil, x))
	}
}
