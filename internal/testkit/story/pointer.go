package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// decode reads a JSON document and keeps its numbers as they are written.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("more than one value in %s", data)
	}
	return v, nil
}

// encode writes a document; the angle brackets of tokens stay as they are.
func encode(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// edit sets what pointer names below node to value, or takes it away, and
// returns the new node. A step that is missing is made an object; "-" appends.
func edit(node any, pointer string, value any, remove bool) (any, error) {
	if pointer == "" {
		return value, nil
	}
	step, rest, _ := strings.Cut(pointer[1:], "/")
	if rest != "" || strings.HasSuffix(pointer[1:], "/") && len(step) < len(pointer)-1 {
		rest = "/" + rest
	}
	step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	if node == nil {
		node = map[string]any{}
	}
	switch n := node.(type) {
	case map[string]any:
		child, there := n[step]
		if remove && !there {
			return nil, fmt.Errorf("nothing at %s", pointer)
		}
		if remove && rest == "" {
			delete(n, step)
			return n, nil
		}
		child, err := edit(child, rest, value, remove)
		n[step] = child
		return n, err
	case []any:
		if step == "-" && rest == "" && !remove {
			return append(n, value), nil
		}
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(n) {
			return nil, fmt.Errorf("nothing at %s", pointer)
		}
		if remove && rest == "" {
			return append(n[:i:i], n[i+1:]...), nil
		}
		n[i], err = edit(n[i], rest, value, remove)
		return n, err
	}
	return nil, fmt.Errorf("nothing below %s", pointer)
}
