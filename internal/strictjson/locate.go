package strictjson

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Line is the line of data, counted from 1, on which the value that the JSON
// pointer names begins; of a member, the line of its name. If pointer names
// nothing, it is the line of the nearest value above it.
func Line(data []byte, pointer string) int {
	l := locator{dec: json.NewDecoder(bytes.NewReader(data)), data: data}
	var path []string
	if pointer != "" {
		path = strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	}
	for i, s := range path {
		path[i] = UnescapePointer(s)
	}
	l.descend(path)
	return 1 + bytes.Count(data[:l.at], []byte("\n"))
}

// A locator follows a path through the tokens of a document.
type locator struct {
	dec  *json.Decoder
	data []byte
	at   int // the beginning of the last thing found
}

// descend reads one value and follows path into it.
func (l *locator) descend(path []string) {
	tok, err := l.dec.Token()
	if err != nil || len(path) == 0 {
		return
	}
	open, _ := tok.(json.Delim)
	for i := 0; l.dec.More(); i++ {
		at, name := l.next(), strconv.Itoa(i)
		if open == '{' {
			key, err := l.dec.Token()
			if err != nil {
				return
			}
			name, _ = key.(string)
		}
		if name == path[0] {
			l.at = at
			l.descend(path[1:])
			return
		}
		var skipped json.RawMessage
		if l.dec.Decode(&skipped) != nil {
			return
		}
	}
}

// next is the offset of the next token.
func (l *locator) next() int {
	at := int(l.dec.InputOffset())
	for at < len(l.data) && strings.IndexByte(" \t\r\n,:", l.data[at]) >= 0 {
		at++
	}
	return at
}
