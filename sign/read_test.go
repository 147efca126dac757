package sign_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/touchmark-go/touchmark/sign"
)

// goodEnvelope is the neighbour of every attack on an envelope: each differs
// from it only in the defect.
const goodEnvelope = `{"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld","signatures":[{"keyid":"k","sig":"c2ln"}]}`

func TestReadEnvelope(t *testing.T) {
	good := readOne(t, []byte(goodEnvelope))
	if want := "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; string(good.PAE()) != want || string(good.UnverifiedPayload()) != "hello world" ||
		good.Format != sign.DSSE || good.PayloadType != "http://example.com/HelloWorld" || good.Origin != "line 1" ||
		len(good.Signatures) != 1 || string(good.Signatures[0].Sig) != "sig" || good.Signatures[0].KeyID != "k" {
		t.Errorf("got %+v over %q", good, good.PAE())
	}
	// Other ways to write the same.
	for _, c := range []struct{ name, old, new string }{
		{"order of members", `"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld",`, `"payloadType":"http://example.com/HelloWorld","payload":"aGVsbG8gd29ybGQ=",`},
		{"white space", `,`, " ,\t"},
		{"several lines", `,`, ",\n  "},
		{"several lines of others", `{`, "{\r\n"},
		{"unknown member", `{"payload"`, `{"x":{"payload":[1,"a"]},"payload"`},
		{"unknown member of a signature", `"keyid"`, `"certs":"x","keyid"`},
		{"a null certificate", `"keyid"`, `"cert":null,"keyid"`},
		{"an empty certificate", `"keyid"`, `"cert":"","keyid"`},
		{"escaped payload", `aGVs`, `\u0061GVs`},
		{"escaped name", `"payload"`, `"p\u0061yload"`},
		{"escaped signature", `c2ln`, `c2l\u006e`},
		{"final new line", `}]}`, "}]}\n"},
	} {
		doc := strings.Replace(goodEnvelope, c.old, c.new, -1)
		if got := readOne(t, []byte(doc)); got.ID() != good.ID() || got.Signatures[0].KeyID != "k" || string(got.Signatures[0].Sig) != "sig" {
			t.Errorf("%s: %s became %+v", c.name, doc, got)
		}
	}
	// Other envelopes, also good.
	for _, c := range []struct{ name, old, new, payload string }{
		{"empty payload", `aGVsbG8gd29ybGQ=`, ``, ""},
		{"standard alphabet", `aGVsbG8gd29ybGQ=`, `+/+/`, "\xfb\xff\xbf"},
		{"URL alphabet", `aGVsbG8gd29ybGQ=`, `-_-_`, "\xfb\xff\xbf"},
		{"escaped slash", `aGVsbG8gd29ybGQ=`, `+\/+\/`, "\xfb\xff\xbf"},
		{"URL alphabet in a signature", `c2ln`, `-_-_`, "hello world"},
		{"no key id", `"keyid":"k",`, ``, "hello world"},
		{"null key id", `"keyid":"k"`, `"keyid":null`, "hello world"},
		{"empty payload type", `http://example.com/HelloWorld`, ``, "hello world"},
		{"64 signatures", `{"keyid":"k","sig":"c2ln"}`, strings.Repeat(`{"sig":"c2ln"},`, 63) + `{"sig":"c2ln"}`, "hello world"},
	} {
		doc := strings.Replace(goodEnvelope, c.old, c.new, 1)
		if got := readOne(t, []byte(doc)); string(got.UnverifiedPayload()) != c.payload {
			t.Errorf("%s: payload %q, want %q", c.name, got.UnverifiedPayload(), c.payload)
		}
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"no signature", `{"keyid":"k","sig":"c2ln"}`, ``, "want a signature, found none: nobody vouches for it"},
		{"no signatures", `,"signatures":[{"keyid":"k","sig":"c2ln"}]`, ``, `want member "signatures" in the envelope, found none`},
		{"signatures null", `[{"keyid":"k","sig":"c2ln"}]`, `null`, "want an array, found null"},
		{"signatures an object", `[{"keyid":"k","sig":"c2ln"}]`, `{"keyid":"k","sig":"c2ln"}`, "want an array, found an object"},
		{"no sig", `,"sig":"c2ln"`, ``, `want a signature in member "sig", found none`},
		{"empty sig", `c2ln`, ``, `want a signature in member "sig", found none`},
		{"no payload", `"payload":"aGVsbG8gd29ybGQ=",`, ``, `want member "payload" in the envelope, found none`},
		{"payload null", `"aGVsbG8gd29ybGQ="`, `null`, "want a string, found null"},
		{"payload an object", `"aGVsbG8gd29ybGQ="`, `{}`, "want a string, found an object"},
		{"no payload type", `"payloadType":"http://example.com/HelloWorld",`, ``, `want member "payloadType" in the envelope, found none`},
		{"payload twice", `"payloadType"`, `"payload":"","payloadType"`, `duplicate member "payload"`},
		{"payload twice by escape", `"payloadType"`, `"p\u0061yload":"","payloadType"`, `duplicate member "payload"`},
		{"signatures twice", `"signatures"`, `"signatures":[],"signatures"`, `duplicate member "signatures"`},
		{"sig twice", `"sig"`, `"sig":"c2ln","sig"`, `duplicate member "sig"`},
		{"twice in an unknown member", `{"payload"`, `{"x":{"a":1,"a":2},"payload"`, `duplicate member "a"`},
		{"case of payload", `"payload"`, `"Payload"`, `member "Payload" must be spelled "payload"`},
		{"case of payload beside it", `{"payload"`, `{"PAYLOAD":"","payload"`, `member "PAYLOAD" must be spelled "payload"`},
		{"case of keyid", `"keyid"`, `"keyID"`, `member "keyID" must be spelled "keyid"`},
		{"long s", `"sig"`, `"ſig"`, `member "ſig" must be spelled "sig"`},
		{"Kelvin sign", `"keyid"`, "\"\u212aeyid\"", "member \"\u212aeyid\" must be spelled \"keyid\""},
		{"new line in base64", `aGVs`, `aGVs\n`, "payload: not strict base64"},
		{"space in base64", `aGVs`, `aGVs `, "payload: not strict base64"},
		{"stray bits", `bGQ=`, `bGR=`, "payload: not strict base64"},
		{"unpadded", `bGQ=`, `bGQ`, "payload: not strict base64"},
		{"mixed alphabets", `aGVsbG8gd29ybGQ=`, `+_+_`, "payload: not strict base64"},
		{"padding inside", `aGVs`, `aGU=`, "payload: not strict base64"},
		{"stray bits in a signature", `c2ln`, `c2l=`, "not strict base64"},
		{"raw new line in the payload", `aGVs`, "aG\x00s", "payload: not strict base64"},
		{"not UTF-8 in the payload", `aGVs`, "aG\xffs", "payload: not strict base64"},
		{"quote in the payload", `aGVs`, `aG\"s`, "payload: not strict base64"},
		{"not UTF-8 in a key id", `"k"`, "\"\xff\"", "a string that is not UTF-8"},
		{"lone surrogate", `"k"`, `"\ud800"`, "half of a surrogate pair"},
		{"second value", `}]}`, `}]}{}`, "want the end, found an object after the value"},
		{"trailing garbage", `}]}`, `}]}x`, `want the end, found "x" after the value`},
		{"byte order mark", `{"payload"`, "\ufeff{\"payload\"", "want an object, found a byte order mark"},
		{"inside an array", `{"payload"`, `[{"payload"`, "want an object, found an array"},
		{"65 signatures", `{"keyid":"k","sig":"c2ln"}`, strings.Repeat(`{"sig":"c2ln"},`, 64) + `{"sig":"c2ln"}`, "more than 64 signatures"},
		{"deep", `{"payload"`, `{"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `,"payload"`, "nested deeper than 64"},
		{"ten thousand deep", `{"payload"`, `{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `,"payload"`, "nested deeper than 64"},
		{"both kinds", `{"payload"`, `{"mediaType":"x","payload"`, "found the members of both"},
	} {
		doc := strings.Replace(goodEnvelope, c.old, c.new, 1)
		err := readErr(t, []byte(doc))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if limit := strings.HasSuffix(c.want, " 64") || strings.HasPrefix(c.want, "more than"); errors.Is(err, sign.ErrLimit) != limit {
			t.Errorf("%s: %v is ErrLimit: %t, want %t", c.name, err, !limit, limit)
		}
	}
	for doc, want := range map[string]string{
		`null`: "want an object, found null",
		`{}`:   "want a DSSE envelope or a Sigstore bundle, found neither",
		`{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x"}`: "found a bare in-toto statement: nobody vouches for it",
	} {
		if err := readErr(t, []byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
}

// Every prefix of an envelope is refused, and every changed byte is refused,
// or changes nothing that is signed, or changes the ID or a signature.
func TestReadEveryByte(t *testing.T) {
	key := newEd25519(t, "k")
	b, err := sign.Statement(t.Context(), newStatement(t), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []sign.Format{sign.DSSE, sign.Sigstore} {
		b.Format = format
		doc, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(doc); i++ {
			if err := readErr(t, doc[:i]); err == nil {
				t.Errorf("%s: the first %d bytes of %d are read", format, i, len(doc))
			}
		}
		for i := range doc {
			for _, flip := range []byte{0x01, 0x20, 0x80} {
				changed := bytes.Clone(doc)
				changed[i] ^= flip
				all, err := sign.Read(bytes.NewReader(changed))
				if err != nil {
					t.Fatal(err)
				}
				for _, got := range all {
					if got.Err != nil || key.Verify(t.Context(), got.PAE(), got.Signatures[0].Sig) != nil {
						continue
					}
					// Still verified: then over the same bytes. Only the key id may differ.
					if got.ID() != b.ID() || !bytes.Equal(got.UnverifiedPayload(), b.UnverifiedPayload()) || got.PayloadType != b.PayloadType {
						t.Errorf("%s: byte %d ^ %#x gives another verified payload", format, i, flip)
					}
				}
			}
		}
	}
}

func TestReadLines(t *testing.T) {
	other := strings.Replace(goodEnvelope, "aGVs", "SGVs", 1)
	pretty := strings.ReplaceAll(goodEnvelope, ",", ",\n")
	long := `{"x":"` + strings.Repeat("y", sign.MaxEnvelopeSize) + `"}`
	padded := strings.Replace(goodEnvelope, "{", "{"+strings.Repeat(" ", sign.MaxEnvelopeSize-len(goodEnvelope)), 1)
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"blank lines", "\n \n\r\n\t", ""},
		{"one", goodEnvelope, "1+"},
		{"two", goodEnvelope + "\n" + other + "\n", "1+ 2+"},
		{"carriage returns", goodEnvelope + "\r\n" + other + "\r\n", "1+ 2+"},
		{"blank line between", "\n\n" + goodEnvelope + "\n\n" + other, "3+ 5+"},
		{"bad first", "x\n" + goodEnvelope + "\n", "1- 2+"},
		{"bad between", goodEnvelope + "\n{}\n" + other, "1+ 2- 3+"},
		{"truncated first", goodEnvelope[:50] + "\n" + goodEnvelope + "\n" + other, "1- 2+ 3+"},
		{"truncated last", goodEnvelope + "\n" + goodEnvelope[:50], "1+ 2-"},
		{"all bad", "x\ny\n", "1- 2-"},
		{"two on a line", goodEnvelope + goodEnvelope, "1-"},
		{"spread over lines", pretty, "1+"},
		{"spread over lines after blank ones", "\n\n" + pretty, "3+"},
		{"spread over lines and cut", pretty[:len(pretty)-1], "1-"},
		{"spread over lines, twice", pretty + "\n" + pretty, "1-"},
		{"a good line among pieces", "{\n" + goodEnvelope + "\n}", "1- 2+ 3-"},
		{"a line at the limit", padded + "\n" + other, "1+ 2+"},
		{"a line over the limit", padded + " \n" + other, "1! 2+"},
		{"a long bad line between", goodEnvelope + "\n" + long + "\n" + other, "1+ 2! 3+"},
		{"a long bad line at the end", goodEnvelope + "\n" + long, "1+ 2!"},
		{"an open document over the limit", "{\n" + strings.Repeat(" ", sign.MaxEnvelopeSize) + "\n", "1!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"bytes.Reader": bytes.NewReader([]byte(c.in)), "bytes.Buffer": bytes.NewBufferString(c.in),
				"strings.Reader": strings.NewReader(c.in), "stream": io.MultiReader(strings.NewReader(c.in)),
				"data with EOF": iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				all, err := sign.Read(r)
				if got := lineNumbers(all); err != nil || got != c.want {
					t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
				}
			}
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		all, err := sign.Read(iotest.OneByteReader(strings.NewReader("x\n" + goodEnvelope + "\n" + other)))
		if got := lineNumbers(all); err != nil || got != "1- 2+ 3+" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// lineNumbers says what was read: + is good, - is bad, ! is over a limit.
func lineNumbers(all []*sign.Bundle) string {
	var out []string
	for _, b := range all {
		mark := "+"
		if errors.Is(b.Err, sign.ErrLimit) {
			mark = "!"
		} else if b.Err != nil {
			mark = "-"
		}
		out = append(out, strings.TrimPrefix(b.Origin, "line ")+mark)
	}
	return strings.Join(out, " ")
}

func TestReadTooManyLines(t *testing.T) {
	for _, c := range []struct{ lines, good, limit int }{{sign.MaxLines, sign.MaxLines, 0}, {sign.MaxLines + 1, sign.MaxLines, 1}, {sign.MaxLines + 5, sign.MaxLines, 1}} {
		all, err := sign.Read(strings.NewReader(strings.Repeat(goodEnvelope+"\n", c.lines)))
		if err != nil {
			t.Fatal(err)
		}
		good, limit := 0, 0
		for _, b := range all {
			if b.Err == nil {
				good++
			}
			if errors.Is(b.Err, sign.ErrLimit) {
				limit++
			}
		}
		if good != c.good || limit != c.limit || len(all) != good+limit {
			t.Errorf("%d lines: %d entries, %d good and %d over the limit", c.lines, len(all), good, limit)
		}
	}
}

func TestReadOrigin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.intoto.jsonl")
	if err := os.WriteFile(path, []byte(goodEnvelope+"\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := sign.Read(f)
	if err != nil || len(all) != 2 || all[0].Origin != "app.intoto.jsonl:1" || all[1].Origin != "app.intoto.jsonl:2" || all[1].Err == nil {
		t.Errorf("got %+v, %v", all, err)
	}
}

// A reader that breaks is no evidence of anything: it is Read's error, and what
// was read before is there.
func TestReadBrokenReader(t *testing.T) {
	broken := errors.New("broken")
	all, err := sign.Read(io.MultiReader(strings.NewReader(goodEnvelope+"\n"), failing{broken}))
	if err != broken || lineNumbers(all) != "1+" {
		t.Errorf("got %q, %v, want the first line and %v", lineNumbers(all), err, broken)
	}
	if all, err := sign.Read(io.MultiReader(strings.NewReader("{\n"), failing{broken})); err != broken {
		t.Errorf("got %q, %v, want %v", lineNumbers(all), err, broken)
	}
	if _, err := sign.Read(nil); err == nil {
		t.Error("read from no reader")
	}
	if _, err := sign.Read(idle{}); err != io.ErrNoProgress {
		t.Errorf("a reader that never says anything: %v", err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }
