package verifytest

import (
	"encoding/json"
	"strings"
	"time"
)

// replaced is a JSON value whose texts are rewritten: those that hold old as a
// whole, or as the part of a URI before or behind its last @.
func replaced(v any, old, to string) any {
	switch v := v.(type) {
	case string:
		if v == old {
			return to
		}
		bare := strings.TrimPrefix(v, "git+")
		if rest, ok := strings.CutPrefix(bare, old+"@"); ok {
			return v[:len(v)-len(bare)] + to + "@" + rest
		}
		if rest, ok := strings.CutSuffix(v, "@"+old); ok && bare != v {
			return rest + "@" + to
		}
		if bare == old {
			return v[:len(v)-len(bare)] + to
		}
	case object:
		for name := range v {
			v[name] = replaced(v[name], old, to)
		}
	case []any:
		for i := range v {
			v[i] = replaced(v[i], old, to)
		}
	}
	return v
}

// shifted is a JSON value whose times are years later.
func shifted(v any, years int) any {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.AddDate(years, 0, 0).UTC().Format(time.RFC3339)
		}
	case object:
		for name := range v {
			v[name] = shifted(v[name], years)
		}
	case []any:
		for i := range v {
			v[i] = shifted(v[i], years)
		}
	}
	return v
}

// otherwise is a JSON value of the same shape that says something else, at the same times.
func otherwise(v any) any {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return v + "-evil"
		}
	case bool:
		return !v
	case json.Number:
		return json.Number("666")
	case object:
		for name := range v {
			v[name] = otherwise(v[name])
		}
	case []any:
		for i := range v {
			v[i] = otherwise(v[i])
		}
		return append(v, "evil")
	}
	return v
}
