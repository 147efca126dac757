package cdxjson

import (
	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// Validate reports whether s is a document that the schema of its own version allows.
func Validate(s string) error {
	if err := checkSize(s); err != nil {
		return err
	}
	v, err := versionOf(s)
	if err != nil {
		return err
	}
	d := decoder{s: s}
	d.check(cdxschema.Of(v))
	d.end()
	return d.located()
}
