package verifytest

import (
	"net/url"
	"slices"
	"strings"
)

// A lookalike is a text that a careless comparison takes for another.
type lookalike struct{ name, what, text string }

// foreign are letters of other alphabets that look like those of ours.
var foreign = strings.NewReplacer("a", "\u0430", "e", "\u0435", "o", "\u043e", "c", "\u0441", "p", "\u0440", "x", "\u0445", "i", "\u0456")

// foreignOnce writes the last letter that it can in another alphabet.
func foreignOnce(text string) string {
	for i := len(text) - 1; i >= 0; i-- {
		if other := foreign.Replace(text[i : i+1]); other != text[i:i+1] {
			return text[:i] + other + text[i+1:]
		}
	}
	return text
}

// lookalikes of a name: each differs from it.
func lookalikes(text string) []lookalike {
	name, version, versioned := strings.Cut(text, "@")
	if name == "" {
		return []lookalike{{"unasked", "one, although none was", "pkg:generic/evil"}}
	}
	join := func(name string) string {
		if versioned {
			return name + "@" + version
		}
		return name
	}
	return different(text, []lookalike{
		{"suffix", "one that begins like the right one", join(name + "-evil")},
		{"prefix", "one that ends like the right one", "evil-" + text},
		{"foreign-letter", "the right one with a letter of another alphabet", join(foreignOnce(name))},
		{"case", "the right one in other letters", join(name[:len(name)-1] + strings.ToUpper(name[len(name)-1:]))},
		{"space", "the right one with a space behind", text + " "},
		{"below", "one below the right one", join(name + "/evil")},
	})
}

// lookalikeURLs of a URL. None of them is the same place.
func lookalikeURLs(text string) []lookalike {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return different(text, []lookalike{{"suffix", "one that begins like the right one", text + "-evil"}})
	}
	swap := func(change func(*url.URL)) string {
		c := *u
		change(&c)
		return c.String()
	}
	return different(text, []lookalike{
		{"suffix", "one that begins like the right one", text + "-evil"},
		{"slash", "the right one with a slash behind", text + "/"},
		{"userinfo", "another host, with the right one as user name", strings.Replace(text, u.Host, u.Host+"@evil.example", 1)},
		{"host", "another host that begins like the right one", strings.Replace(text, u.Host, u.Host+".evil.example", 1)},
		{"port", "another port of the host", strings.Replace(text, u.Host, u.Host+":8443", 1)},
		{"scheme", "the right one without encryption", swap(func(c *url.URL) { c.Scheme = "http" })},
		{"host-letter", "a host with a letter of another alphabet", strings.Replace(text, u.Host, foreignOnce(u.Host), 1)},
		{"dotdot", "a path that leads elsewhere", text + "/../evil"},
		{"escaped", "the right one with an escaped slash", u.Scheme + "://" + u.Host + "/" + strings.Replace(strings.TrimPrefix(u.Path, "/"), "/", "%2f", 1)},
		{"query", "the right one with a question", text + "?evil"},
		{"fragment", "the right one with a fragment", text + "#evil"},
		{"newline", "the right one, and a newline", text + "\n"},
	})
}

// different leaves out what came out as the text itself: there was nothing to change.
func different(text string, all []lookalike) []lookalike {
	return slices.DeleteFunc(all, func(l lookalike) bool { return l.text == text })
}
