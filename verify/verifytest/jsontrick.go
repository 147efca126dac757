package verifytest

import (
	"slices"
	"strings"
)

// A trick is a JSON document that some reader takes for another one.
type trick struct{ row, name, what, text string }

// jsonTricks are made of a document that is one object, as json.Marshal writes it.
// None of them is the document itself.
func jsonTricks(text string) []trick {
	rest := strings.TrimLeft(text, " \t\r\n")[1:] // behind the brace
	name, _, found := strings.Cut(strings.TrimPrefix(rest, `"`), `"`)
	if !found || name == "" {
		return nil
	}
	member := `"` + name + `"`
	renamed := func(to string) string { return "{" + strings.Replace(rest, member, `"`+to+`"`, 1) }
	tricks := []trick{
		{"9", "duplicate", "its first member twice, the second is the right one", `{` + member + `:"evil",` + rest},
		{"9", "duplicate-escaped", "its first member twice, once with an escape in its name", `{"` + escaped(name[:1]) + name[1:] + `":"evil",` + rest},
		{"10", "case", "its first member in other letters", renamed(strings.ToUpper(name))},
		{"11", "trailing", "a second document behind it, on the same line", text + ` {"a":1}`},
		{"11", "trailing-text", "a word behind it", text + " evil"},
		{"11", "bom", "a byte order mark before it", "\ufeff" + text},
		{"11", "comment", "a comment in it", "{/* evil */" + rest},
		{"11", "array", "as the one element of an array", "[" + text + "]"},
		{"11", "null", "null in its place", "null"},
		{"12", "utf8", "bytes in it that are no text", "{\"note\":\"\xff\xfe\"," + rest},
		{"12", "surrogate", "half a surrogate pair in it", `{"note":"\ud800",` + rest},
		{"14", "deep", "lists in lists in it, a hundred deep", `{"note":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "," + rest},
	}
	if i := strings.IndexAny(name, "sk"); i >= 0 {
		fold := map[byte]string{'s': "\u017f", 'k': "\u212a"}[name[i]]
		tricks = append(tricks, trick{"10", "folded", "its first member with a letter that Unicode folds into the right one", renamed(name[:i] + fold + name[i+1:])})
	}
	return slices.DeleteFunc(tricks, func(t trick) bool { return t.text == text })
}

// escaped is an ASCII letter as JSON may write it.
func escaped(letter string) string {
	const hex = "0123456789abcdef"
	return `\u00` + string(hex[letter[0]>>4]) + string(hex[letter[0]&15])
}
