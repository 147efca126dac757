package image

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits of the text files that packages are described in.
const (
	maxLine     = 1 << 20
	maxPackages = 200_000 // in one image, of all kinds
	maxFields   = 1000    // of one stanza
	maxStanza   = 8 << 20 // bytes of one stanza
)

// lines calls each for every line of r with its number, without what ends it. An
// error of each comes back with file and line.
func lines(file string, r io.Reader, each func(line string) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		text, err := line(b)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = each(text)
		} else if !errors.Is(err, errText) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", file, number, err)
		}
	}
}

// errText says that a text file is not one that its format allows.
var errText = errors.New("malformed text")

// line reads one line; at the end it is io.EOF.
func line(b *bufio.Reader) (string, error) {
	var long []byte
	for {
		part, err := b.ReadSlice('\n')
		if len(long)+len(part) > maxLine {
			return "", fmt.Errorf("%w: a line of more than %d bytes", errText, maxLine)
		}
		switch {
		case err == bufio.ErrBufferFull:
			long = append(long, part...)
			continue
		case err == io.EOF && len(long)+len(part) == 0:
			return "", io.EOF
		case err != nil && err != io.EOF:
			return "", err
		}
		text := string(append(long, part...))
		text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
		if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			// Old entries are in Latin 1 here and there; their ASCII is what counts.
			text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\ufffd"), "\ufffd")
		}
		return text, nil
	}
}

// A stanza is one paragraph of a control file (Debian policy, chapter 5): fields by
// their names in lower case. A field of several lines keeps its newlines.
type stanza map[string]string

// first is the first line of a field.
func (s stanza) first(name string) string {
	text, _, _ := strings.Cut(s[name], "\n")
	return strings.TrimSpace(text)
}

// stanzas calls each for every paragraph of a control file.
func stanzas(file string, r io.Reader, each func(s stanza) error) error {
	s := stanza{}
	last, size, number := "", 0, 0
	var more strings.Builder // of the field that goes on
	flush := func() {
		if more.Len() > 0 {
			s[last] += more.String()
			more.Reset()
		}
	}
	err := lines(file, r, func(text string) error {
		number++
		if size += len(text); size > maxStanza {
			return fmt.Errorf("%w: a paragraph of more than %d bytes", errText, maxStanza)
		}
		switch {
		case strings.TrimSpace(text) == "":
			flush()
			done := s
			s, last, size = stanza{}, "", 0
			if len(done) > 0 {
				return each(done)
			}
			return nil
		case text[0] == '#':
			return nil
		case text[0] == ' ' || text[0] == '\t':
			if last == "" {
				return fmt.Errorf("%w: a line that goes on without a field before it", errText)
			}
			more.WriteByte('\n')
			more.WriteString(strings.TrimSpace(text))
			return nil
		}
		flush()
		name, value, ok := strings.Cut(text, ":")
		name = strings.ToLower(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return fmt.Errorf("%w: found %.80q, want NAME: VALUE", errText, text)
		}
		if _, twice := s[name]; twice {
			return fmt.Errorf("%w: the field %.80q is there twice", errText, name)
		}
		if len(s) >= maxFields {
			return fmt.Errorf("%w: more than %d fields", errText, maxFields)
		}
		s[name], last = strings.TrimSpace(value), name
		return nil
	})
	flush()
	if err != nil || len(s) == 0 {
		return err
	}
	if err := each(s); err != nil { // the last one, without an empty line behind it
		return fmt.Errorf("%s:%d: %w", file, number, err)
	}
	return nil
}
