package predicate

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/provenance"
)

// checkDescriptor reports what is wrong with a descriptor at the JSON pointer at.
func checkDescriptor(at string, d provenance.ResourceDescriptor) error {
	if d.Name == "" && d.URI == "" && len(d.Digest) == 0 && len(d.Content) == 0 {
		return fmt.Errorf("%s has no name, uri, digest or content, want one at least", at)
	}
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("%s/digest: %w", at, err)
	}
	for _, s := range []string{d.Name, d.URI, d.DownloadLocation, d.MediaType} {
		if !utf8.ValidString(s) {
			return fmt.Errorf("%s holds %s, want valid UTF-8", at, quote(s))
		}
	}
	return nil
}

// checkURI wants an absolute URI.
func checkURI(at, s string) error {
	if s == "" {
		return fmt.Errorf("%s is missing", at)
	}
	if u, err := url.Parse(s); err != nil || !u.IsAbs() {
		return fmt.Errorf("%s is %s, want an absolute URI", at, quote(s))
	}
	return nil
}

// checkTimes wants both times, in order.
func checkTimes(at, from string, started time.Time, to string, finished time.Time) error {
	for _, t := range []struct {
		name string
		time time.Time
	}{{from, started}, {to, finished}} {
		if t.time.IsZero() {
			return fmt.Errorf("%s/%s is missing", at, t.name)
		}
		if year := t.time.UTC().Year(); year < 1 || year > 9999 {
			return fmt.Errorf("%s/%s is in the year %d, want 1 to 9999", at, t.name, year)
		}
	}
	if finished.Before(started) {
		return fmt.Errorf("%s/%s is %s, before %s, %s", at, to, finished.UTC().Format(time.RFC3339), from, started.UTC().Format(time.RFC3339))
	}
	return nil
}

// quote prints outside input in an error, and not more of it than a person reads.
func quote(s string) string {
	const most = 80
	if len(s) <= most {
		return strconv.Quote(s)
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}
