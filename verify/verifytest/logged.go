package verifytest

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/sign"
)

// logged changes the log entries of a piece, all in one way. Who hands out evidence
// can write into them what he likes, and no log has signed it.
func (m *maker) logged(p *piece) {
	for _, t := range logTricks {
		changed := 0
		b := altered(p.bundle, func(list []sign.Signature) []sign.Signature {
			for i := range list {
				entries := make([]json.RawMessage, len(list[i].LogEntries))
				for j, raw := range list[i].LogEntries {
					entries[j] = raw
					var e map[string]any
					if json.Unmarshal(raw, &e) != nil || !t.change(e) {
						continue
					}
					if out, err := json.Marshal(e); err == nil {
						entries[j] = out
						changed++
					}
				}
				list[i].LogEntries = entries
			}
			return list
		})
		if changed > 0 {
			m.replace(p, t.row, "log-"+t.name, t.what, Refused, b)
		}
	}
}

// logTricks change an entry, and report whether it has what they change.
var logTricks = []struct {
	row, name, what string
	change          func(e object) bool
}{
	{"25", "time", "the time at which the log took it is a day earlier", func(e object) bool {
		return e["inclusionPromise"] != nil && count(e, "integratedTime", -24*60*60)
	}},
	{"25", "promise", "a byte of the log's promise is flipped", func(e object) bool { return flipIn(inside(e, "inclusionPromise"), "signedEntryTimestamp") }},
	{"25", "promised-place", "the promise is of another place", func(e object) bool { return e["inclusionPromise"] != nil && count(e, "logIndex", 1) }},
	{"26", "body", "a byte of what is logged is flipped", func(e object) bool { return flipIn(e, "canonicalizedBody") }},
	{"26", "no-body", "without what is logged", func(e object) bool { return drop(e, "canonicalizedBody") }},
	{"27", "id", "the log is another one, by its id", func(e object) bool { return flipIn(inside(e, "logId"), "keyId") }},
	{"27", "origin", "the checkpoint is of another log, by its name", checkpoint(func(note string) string { return "example.com/another-log" + note[strings.IndexByte(note, '\n'):] })},
	{"27", "checkpoint-size", "the checkpoint is of a tree of another size", checkpoint(func(note string) string {
		lines := strings.SplitAfterN(note, "\n", 3)
		if len(lines) < 3 {
			return note
		}
		return lines[0] + "1" + lines[1] + lines[2]
	})},
	{"27", "unsigned-checkpoint", "the checkpoint without its signatures", checkpoint(func(note string) string {
		text, _, _ := strings.Cut(note, "\n\n")
		return text + "\n\n"
	})},
	{"27", "checkpoint-signature", "a letter of each signature of the checkpoint is another one", checkpoint(func(note string) string {
		text, signatures, _ := strings.Cut(note, "\n\n")
		lines := strings.Split(signatures, "\n")
		for i, line := range lines {
			if n := len(line) - 8; n > 0 {
				lines[i] = line[:n] + map[bool]string{true: "B", false: "A"}[line[n] == 'A'] + line[n+1:]
			}
		}
		return text + "\n\n" + strings.Join(lines, "\n")
	})},
	{"28", "no-proof", "without a proof or a promise of the log", func(e object) bool {
		had := drop(e, "inclusionProof")
		return drop(e, "inclusionPromise") || had
	}},
	{"28", "place", "the proof is of another place", func(e object) bool { return count(inside(e, "inclusionProof"), "logIndex", 1) }},
	{"28", "size", "the proof is of a tree of another size", func(e object) bool { return count(inside(e, "inclusionProof"), "treeSize", 1) }},
	{"28", "root", "a byte of the proof's root is flipped", func(e object) bool { return flipIn(inside(e, "inclusionProof"), "rootHash") }},
	{"28", "path", "a byte of the proof's first hash is flipped", hashes(func(hashes []any) []any { return append([]any{flipped(hashes[0])}, hashes[1:]...) })},
	{"28", "shorter", "the proof is a hash shorter", hashes(func(hashes []any) []any { return hashes[:len(hashes)-1] })},
	{"28", "longer", "the proof is a hash longer", hashes(func(hashes []any) []any { return append(hashes[:len(hashes):len(hashes)], hashes[0]) })},
	{"29", "kind", "the entry is said to be of another kind", func(e object) bool {
		kv := inside(e, "kindVersion")
		if kv == nil {
			return false
		}
		kv["kind"] = map[bool]string{true: "intoto", false: "dsse"}[kv["kind"] == "dsse"]
		return true
	}},
	{"29", "version", "the entry is said to be of another version", func(e object) bool {
		kv := inside(e, "kindVersion")
		if kv == nil {
			return false
		}
		kv["version"] = "0.0.9"
		return true
	}},
}

// inside is a member that is an object, nil if it is none.
func inside(e object, name string) object {
	o, _ := e[name].(map[string]any)
	return o
}

func drop(e object, name string) bool {
	had := e[name] != nil
	delete(e, name)
	return had
}

// count adds to a number, which protobuf's JSON writes as text.
func count(e object, name string, by int64) bool {
	text, _ := e[name].(string)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return false
	}
	e[name] = strconv.FormatInt(n+by, 10)
	return true
}

func flipIn(e object, name string) bool {
	text, ok := e[name].(string)
	if ok {
		e[name] = flipped(text)
	}
	return ok
}

// flipped is base64 of which the middle byte is another one, or what it was if it is none.
func flipped(v any) any {
	text, _ := v.(string)
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 {
		return v
	}
	data[len(data)/2] ^= 1
	return base64.StdEncoding.EncodeToString(data)
}

func hashes(change func(list []any) []any) func(object) bool {
	return func(e object) bool {
		proof := inside(e, "inclusionProof")
		hashes, _ := proof["hashes"].([]any)
		if len(hashes) == 0 {
			return false
		}
		proof["hashes"] = change(hashes)
		return true
	}
}

func checkpoint(change func(note string) string) func(object) bool {
	return func(e object) bool {
		c := inside(inside(e, "inclusionProof"), "checkpoint")
		note, _ := c["envelope"].(string)
		if !strings.Contains(note, "\n\n") {
			return false
		}
		c["envelope"] = change(note)
		return true
	}
}
