package sign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// Read reads evidence by its content: DSSE envelopes and Sigstore bundles, one
// a line (in-toto attestation bundle, JSON lines), or one that is spread over
// several lines and alone. Blank lines are skipped; no line at all is no entry.
// Two documents hold several: the attestations of a package in npm's registry
// ({"attestations": [{"bundle": …}]}), and what gcloud prints of an image that
// Google Cloud Build made ({"provenance_summary": …}); the Origin of each of
// those ends in a JSON pointer.
//
// An envelope may bring the certificate of its key along, in the member "cert"
// of a signature, as the SLSA generators for GitHub write it: it is the Chain.
//
// What cannot be read is an entry whose Err says why, and the rest is read: bad
// evidence must neither hide nor spoil the good. That is so for the limits as
// well: the entry that is over one has an Err that is [ErrLimit], and of a file
// that is, so has the last entry, behind which nothing was read.
//
// The error is r's own, never the evidence's; what was read before is returned
// with it. If r has a Name, as [os.File] does, entries know where they come from.
//
// Base64 has one spelling: padded, no white space, no stray bits, and in an
// envelope either of the standard or of the URL alphabet. Unpadded text is
// refused: nothing in the ecosystem writes it, and each spelling more would be
// another envelope for the same signature. Members that DSSE does not know are
// ignored, save in a Sigstore bundle, which is closed.
func Read(r io.Reader) ([]*Bundle, error) {
	if r == nil {
		return nil, errors.New("sign: want a reader, got nil")
	}
	name := "line "
	if named, ok := r.(interface{ Name() string }); ok {
		name = filepath.Base(named.Name()) + ":"
	}
	switch inMemory := r.(type) {
	case *bytes.Reader:
		return readInPlace(inMemory, inMemory.Len(), name)
	case *bytes.Buffer:
		return readInPlace(inMemory, inMemory.Len(), name)
	}
	return readLines(newLines(r), name)
}

// readInPlace spares what is in memory already from being copied. Both readers
// hand everything they have left to one Write.
func readInPlace(r io.WriterTo, size int, name string) (all []*Bundle, err error) {
	if size > MaxFileSize {
		return readLines(newLines(r.(io.Reader)), name)
	}
	_, errWrite := r.WriteTo(writerFunc(func(data []byte) (int, error) {
		all, err = readLines(&lines{buf: data, total: int64(len(data)), eof: true}, name)
		return len(data), nil
	}))
	return all, errors.Join(err, errWrite)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// readLines reads what [Read] reads. It keeps nothing of the lines' buffer.
func readLines(l *lines, name string) ([]*Bundle, error) {
	var all []*Bundle
	var whole error // why the file is not one document, if it began like one
	for first := true; !l.over; first = false {
		line, err := l.next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, ErrLimit) {
			return all, err
		}
		if len(all) == MaxLines {
			err = fmt.Errorf("more than %d lines: %w", MaxLines, ErrLimit)
			return append(all, &Bundle{Origin: name + strconv.Itoa(l.number), Err: err}), nil
		}
		origin := name + strconv.Itoa(l.number)
		found := []*Bundle{{Err: err}}
		if err == nil {
			found = parse(line)
		}
		if first && err == nil && openEnded(line, found[0].Err) {
			document, err := l.document()
			if err != nil && !errors.Is(err, ErrLimit) {
				return nil, err
			}
			pieces := []*Bundle{{Err: err}}
			if err == nil {
				pieces = parse(document)
			}
			if whole = pieces[0].Err; whole == nil || len(pieces) > 1 || pieces[0].Origin != "" {
				return from(origin, pieces), nil
			}
		}
		if all = append(all, from(origin, found)...); len(all) > MaxLines {
			err = fmt.Errorf("more than %d bundles: %w", MaxLines, ErrLimit)
			return append(all[:MaxLines], &Bundle{Origin: origin, Err: err}), nil
		}
	}
	if whole != nil && !slices.ContainsFunc(all, func(b *Bundle) bool { return b.Err == nil }) {
		return []*Bundle{{Origin: all[0].Origin, Err: whole}}, nil
	}
	return all, nil
}

// openEnded reports whether line, which was refused for that reason, is only
// the beginning of a document.
func openEnded(line []byte, reason error) bool {
	if reason == nil || errors.Is(reason, ErrLimit) {
		return false
	}
	var e *strictjson.Error
	return errors.As(strictjson.Check(line), &e) && e.Offset >= len(bytes.TrimRight(line, " \t\r"))
}

// from completes the origin of what was read in one place.
func from(origin string, bundles []*Bundle) []*Bundle {
	for _, b := range bundles {
		b.Origin = origin + b.Origin
	}
	return bundles
}

// parse reads one document. What kind it is, its members say. The Origin of
// what it holds among other things is a JSON pointer into it.
func parse(data []byte) []*Bundle {
	found, err := parseKind(strictjson.NewScanner(data))
	if err != nil {
		return []*Bundle{{Err: err}}
	}
	return found
}

func parseKind(s *strictjson.Scanner) ([]*Bundle, error) {
	var dsse envelope
	var sigstore sigstoreBundle
	var list collection
	var isSigstore, isStatement bool
	err := s.Object(func(name []byte) error {
		if isCollection(name, s.Kind()) {
			return list.member(s, name)
		}
		switch string(name) {
		case "mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature":
			isSigstore = true
			return sigstore.member(s, name)
		case "payload", "payloadType", "signatures":
			return dsse.member(s, name, false)
		case "_type":
			isStatement = true
		}
		sigstore.unknown = string(name)
		return skipUnknown(s, name, false, "payload", "payloadType", "signatures",
			"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature")
	})
	if err == nil {
		err = s.End()
	}
	switch {
	case err != nil:
		return nil, err
	case isSigstore && len(dsse.seen) > 0:
		return nil, s.Fail("want a DSSE envelope or a Sigstore bundle, found the members of both")
	case list.is && (isSigstore || len(dsse.seen) > 0), list.both:
		return nil, s.Fail("want one kind of evidence, found the members of several")
	case isSigstore:
		b, err := sigstore.bundle(s)
		return []*Bundle{b}, err
	case len(dsse.seen) > 0:
		b, err := dsse.bundle(s, strictjson.AppendBase64Either)
		if err == nil {
			b.Format = DSSE
		}
		return []*Bundle{b}, err
	case list.is:
		return list.all(s)
	case isStatement:
		return nil, s.Fail("want a signature, found a bare in-toto statement: nobody vouches for it")
	}
	return nil, s.Fail("want a DSSE envelope or a Sigstore bundle, found neither")
}
