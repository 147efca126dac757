package testkit

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// Leaks names the secrets that stand in data, and how: as they are; escaped for
// JSON, Go, a URL or HTML; in hexadecimal of either case; or in base64 of either
// alphabet, at any offset, so also within something longer that was encoded. Of a long secret, a
// beginning or an end of 16 bytes is enough. A secret of several lines is each of them.
func Leaks(data []byte, secrets ...string) []string {
	var found []string
	lower := bytes.ToLower(data)
	for _, secret := range secrets {
		for part := range strings.SplitSeq(secret, "\n") {
			for _, piece := range pieces(part) {
				for _, f := range forms(piece) {
					where := data
					if f.folded {
						where = lower
					}
					if bytes.Contains(where, []byte(f.text)) {
						found = append(found, fmt.Sprintf("%s (%s)", secret, f.name))
					}
				}
			}
		}
	}
	return found
}

// pieces are what of a secret must not be found.
func pieces(secret string) []string {
	const long = 16
	switch {
	case len(secret) < 4:
		return nil // it is found in anything
	case len(secret) < 2*long:
		return []string{secret}
	}
	return []string{secret[:long], secret[len(secret)-long:]}
}

// A form is how a secret may be written; folded, in letters of any case.
type form struct {
	name, text string
	folded     bool
}

func forms(secret string) []form {
	quoted, _ := json.Marshal(secret) // text always has JSON
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	_ = e.Encode(secret)
	list := []form{
		{"as it is", secret, false},
		{"in JSON", string(quoted[1 : len(quoted)-1]), false},
		{"in JSON", strings.TrimSuffix(plain.String(), "\n")[1 : plain.Len()-2], false},
		{"quoted", strings.Trim(strconv.Quote(secret), `"`), false},
		{"quoted", strings.Trim(strconv.QuoteToASCII(secret), `"`), false},
		{"in a URL", url.QueryEscape(secret), false},
		{"in a URL", url.PathEscape(secret), false},
		{"in a URL", url.UserPassword("", secret).String()[1:], false},
		{"in HTML", html.EscapeString(secret), false},
	}
	for _, text := range []string{list[0].text, list[1].text, list[2].text} { // JSON is what gets encoded again
		list = append(list, form{"in hexadecimal", hex.EncodeToString([]byte(text)), true})
		for shift := range 3 {
			for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
				// The characters that do not depend on what stands around.
				s := e.EncodeToString([]byte(strings.Repeat("x", shift) + text))
				list = append(list, form{"in base64", s[(shift*8+5)/6 : (shift+len(text))*8/6], false})
			}
		}
	}
	return list
}
