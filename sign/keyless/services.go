package keyless

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/internal/webclient"
)

// Services are who is asked, by URL. All are https, but for the loopback
// interface.
type Services struct {
	CertificateAuthority string   // Fulcio; the only one that sees the token
	Logs                 []string // Rekor v2; each gets an entry. None leaves the signature unlogged
	TimestampAuthorities []string // RFC 3161; each gives a timestamp
}

func (s Services) check() error {
	if s.CertificateAuthority == "" {
		return errors.New("want a certificate authority among the services")
	}
	if len(s.Logs)+len(s.TimestampAuthorities) == 0 {
		return errors.New("want a log or a timestamp authority among the services: nothing would say when it was signed")
	}
	if len(s.TimestampAuthorities) == 0 {
		return errors.New("want a timestamp authority among the services: a log of this kind gives no time, and the certificate ends in minutes")
	}
	for _, u := range slices.Concat([]string{s.CertificateAuthority}, s.Logs, s.TimestampAuthorities) {
		if err := webclient.Check(u); err != nil {
			return fmt.Errorf("service %s: %w", webclient.Redacted(u), err)
		}
	}
	return nil
}

type configFile struct {
	MediaType string        `json:"mediaType"`
	CAs       []serviceFile `json:"caUrls"`
	Logs      []serviceFile `json:"rekorTlogUrls"`
	LogRule   ruleFile      `json:"rekorTlogConfig"`
	TSAs      []serviceFile `json:"tsaUrls"`
	TSARule   ruleFile      `json:"tsaConfig"`
}

type serviceFile struct {
	URL      string `json:"url"`
	Version  int    `json:"majorApiVersion"`
	ValidFor struct {
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	} `json:"validFor"`
	Operator string `json:"operator"`
}

type ruleFile struct {
	Selector string `json:"selector"`
	Count    int    `json:"count"`
}

// ParseSigningConfig reads Sigstore's signing configuration v0.2
// (signing_config.json): of each kind the services that count at that instant
// and whose interface is spoken here, the newest of each operator, and as many
// operators as the file says. It authenticates nothing: get the file from
// somebody whom you believe.
func ParseSigningConfig(data []byte, at time.Time) (Services, error) {
	var f configFile
	if err := strictjson.Unmarshal(data, &f); err != nil {
		return Services{}, fmt.Errorf("keyless: signing configuration: %w", err)
	}
	if f.MediaType != "application/vnd.dev.sigstore.signingconfig.v0.2+json" {
		return Services{}, fmt.Errorf("keyless: %q is not the media type of a signing configuration v0.2", f.MediaType)
	}
	cas, err := choose("certificate authority", f.CAs, ruleFile{Selector: "ANY"}, at, 1)
	if err != nil {
		return Services{}, err
	}
	s := Services{CertificateAuthority: cas[0]}
	if s.Logs, err = choose("log", f.Logs, f.LogRule, at, 2); err != nil {
		return Services{}, err
	}
	if s.TimestampAuthorities, err = choose("timestamp authority", f.TSAs, f.TSARule, at, 1); err != nil {
		return Services{}, err
	}
	return s, s.check()
}

// choose picks one service of each operator, and of those as many as the rule
// says: ANY one, ALL, or EXACT a number.
func choose(what string, from []serviceFile, rule ruleFile, at time.Time, version int) ([]string, error) {
	newest := map[string]serviceFile{}
	var order []string
	for _, s := range from {
		if s.Version != version || s.ValidFor.Start.IsZero() || at.Before(s.ValidFor.Start) || !s.ValidFor.End.IsZero() && at.After(s.ValidFor.End) {
			continue
		}
		operator := s.Operator
		if operator == "" {
			u, err := url.Parse(s.URL)
			if err != nil {
				return nil, fmt.Errorf("keyless: %s: %q is no URL", what, s.URL)
			}
			operator = u.Hostname()
		}
		old, known := newest[operator]
		if !known {
			order = append(order, operator)
		}
		if !known || s.ValidFor.Start.After(old.ValidFor.Start) {
			newest[operator] = s
		}
	}
	want := 1
	switch rule.Selector {
	case "ANY":
	case "ALL":
		want = len(order)
	case "EXACT":
		want = rule.Count
	default:
		return nil, fmt.Errorf("keyless: %s: selector %q, want ANY, ALL or EXACT", what, rule.Selector)
	}
	if want < 1 || len(order) < want {
		return nil, fmt.Errorf("keyless: %s: the signing configuration has %d that count now and whose version %d is spoken here, want %d", what, len(order), version, max(want, 1))
	}
	slices.SortStableFunc(order, func(a, b string) int { return newest[b].ValidFor.Start.Compare(newest[a].ValidFor.Start) })
	var out []string
	for _, operator := range order[:want] {
		out = append(out, newest[operator].URL)
	}
	return out, nil
}
