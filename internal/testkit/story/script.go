package story

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// do runs one line of a script:
//
//	set DOC POINTER JSON          del DOC POINTER
//	doc DOC JSON                  copy DOC FROM
//	text DOC OLD NEW              bytes of the document, before it is signed
//	append DOC TEXT               prepend DOC TEXT
//	fill DOC deep|services|members|subjects|digests|text N
//	sign NAME KEY… + KEY…         evidence of the document NAME; + begins another line
//	sign NAME id {identity}       by an identity that the authority certifies
//	payloadtype NAME TYPE         format NAME dsse|sigstore
//	drop NAME                     dup NAME [N]
//	envelope NAME OLD NEW         bytes of its line, after it was signed
//	sig NAME I flip|copy [KEYID]|malleate|p1363|keyid KEYID
//	sig NAME I chain TEXT         its certificate
//	sig NAME I from OTHER J       sig NAME none|bits
//	line TEXT                     one more line of evidence
//	junk N                        so many lines that are no evidence
//	artifact text TEXT | folder NAME=TEXT… | go        what evidence is about
//	artifact garbled                                   a Go program whose build information is spoilt
//	artifact dirty                                     a Go program that says that its checkout had changes
//	artifact image | swap image | swap blob I          a container image, see maker.image
//	swap     text TEXT | folder NAME=TEXT… | flip I | later flip I | link NAME TARGET
//	imagesbom                                          the SBOM is what sbom/image makes of the image
//	sumdb | sumdb forge|rotate|swap|index|size|lie     proofs of a checksum database, see maker.sumdb
//	request at TIME | name NAME | environment NAME | mode MODE | noview | noauthority | noconditions | canceled | budget CHECKS
//
// A word may be quoted as Go quotes strings. JSON runs to the end of the line.
func (m *maker) do(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "set", "doc":
		name, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
		pointer := ""
		if verb == "set" {
			pointer, rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
		}
		value, err := decode([]byte(rest))
		if err != nil {
			return err
		}
		m.docs[name], err = edit(m.docs[name], pointer, value, false)
		return err
	}
	args, err := words(rest)
	if err != nil {
		return err
	}
	want := func(n int) error {
		if len(args) < n {
			return fmt.Errorf("want %d words at least", n)
		}
		return nil
	}
	switch verb {
	case "del":
		if err := want(2); err != nil {
			return err
		}
		m.docs[args[0]], err = edit(m.docs[args[0]], args[1], nil, true)
		return err
	case "copy":
		if err := want(2); err != nil {
			return err
		}
		data, err := encode(m.docs[args[1]], "")
		if err != nil {
			return err
		}
		m.docs[args[0]], err = decode(data)
		return err
	case "text":
		if err := want(3); err != nil {
			return err
		}
		m.edits[args[0]] = append(m.edits[args[0]], change{args[1], args[2]})
	case "append", "prepend":
		if err := want(2); err != nil {
			return err
		}
		m.payloads[args[0]] = func(data []byte) ([]byte, error) {
			if verb == "append" {
				return append(data, args[1]...), nil
			}
			return append([]byte(args[1]), data...), nil
		}
	case "fill":
		if err := want(3); err != nil {
			return err
		}
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		m.payloads[args[0]] = func(data []byte) ([]byte, error) { return fill(data, args[1], n) }
	case "imagesbom":
		return m.imageSBOM()
	case "sumdb":
		return m.sumdb(args)
	case "artifact", "swap":
		return m.artifact(verb, args)
	case "request":
		return m.request(args)
	case "junk":
		n, err := strconv.Atoi(rest)
		for i := range n {
			m.evidence = append(m.evidence, &entry{raw: fmt.Sprintf(`{"junk":%d}`, i)})
		}
		return err
	case "line":
		if err := want(1); err != nil {
			return err
		}
		m.evidence = append(m.evidence, &entry{raw: args[0]})
	default:
		if err := want(1); err != nil {
			return err
		}
		return m.about(verb, args[0], args[1:], rest)
	}
	return nil
}

// words splits a line.
func words(line string) ([]string, error) {
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] == '"' || line[0] == '`' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("%v: %s", err, line)
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, err
			}
			out, line = append(out, word), line[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		out, line = append(out, word), rest
	}
	return out, nil
}

func (m *maker) request(args []string) (err error) {
	value := ""
	if len(args) > 1 {
		value = args[1]
	}
	switch args[0] {
	case "at":
		m.at, err = time.Parse(time.RFC3339, value)
	case "name":
		m.name = value
	case "environment":
		m.environment = value
	case "mode":
		m.mode = value
	case "noview":
		m.noView = true
	case "noauthority":
		m.noAuthority = true
	case "noconditions":
		m.noConditions = true
	case "canceled":
		m.canceled = true
	case "budget":
		m.checks, err = strconv.ParseInt(value, 10, 64)
	default:
		err = fmt.Errorf("no such request: %q", args[0])
	}
	return err
}

// fill makes a document large.
func fill(data []byte, what string, n int) ([]byte, error) {
	before, after := []byte(`"predicate":{`), []byte(nil)
	switch what {
	case "deep":
		after = append(append([]byte(`"x":`), bytes.Repeat([]byte("["), n)...), append(bytes.Repeat([]byte("]"), n), ',')...)
	case "services": // one below the other, as an SBOM may have them
		after = []byte(`"services":[` + strings.Repeat(`{"name":"s","services":[`, n) + strings.Repeat("]}", n) + "],")
	case "members":
		var b bytes.Buffer
		b.WriteString(`"x":[0`)
		for range n {
			b.WriteString(",0")
		}
		b.WriteString("],")
		after = b.Bytes()
	case "subjects":
		before = []byte(`"subject":[`)
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, `{"name":"s%d","digest":{"sha256":"%064x"}},`, i, i)
		}
		after = b.Bytes()
	case "digests":
		before = []byte(`"digest":{`)
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, `"x%d":"%d",`, i, i)
		}
		after = b.Bytes()
	case "text":
		after = append(append([]byte(`"x":"`), bytes.Repeat([]byte("x"), n)...), `",`...)
	default:
		return nil, fmt.Errorf("no such filling: %q", what)
	}
	i := bytes.LastIndex(data, before)
	if i < 0 {
		return nil, fmt.Errorf("no place for it")
	}
	i += len(before)
	return append(append(append([]byte{}, data[:i]...), after...), data[i:]...), nil
}
