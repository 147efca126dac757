package sigstore

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/touchmark-go/touchmark/verify"
)

var (
	oidSAN      = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidUserName = fulcioOID(7)
)

// fulcioOID is an extension of Fulcio's (oid-info.md there).
func fulcioOID(n int) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, n}
}

// gitHub begins the issuers whose deprecated extensions name repositories of
// GitHub without a host.
const gitHub = "https://token.actions.githubusercontent.com"

// identify reads whose certificate it is, and what it says about the source of
// a build. A certificate has one name: of two, each reader could take another.
func identify(leaf *x509.Certificate) (*verify.Identified, error) {
	id := &verify.Identified{}
	if err := nameOf(leaf, id); err != nil {
		return nil, err
	}
	values := map[int]string{}
	for _, e := range leaf.Extensions {
		n := len(oidUserName) - 1
		if len(e.Id) != n+1 || !e.Id[:n].Equal(oidUserName[:n]) {
			continue
		}
		number := e.Id[n]
		if number < 7 { // the older ones are the bare text
			values[number] = string(e.Value)
			continue
		}
		var text string
		if rest, err := asn1.UnmarshalWithParams(e.Value, &text, "utf8"); err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("its certificate's extension %s is no text", e.Id)
		}
		values[number] = text
	}
	for _, v := range values {
		if !utf8.ValidString(v) {
			return nil, errors.New("its certificate holds text that is no UTF-8")
		}
	}
	id.Issuer = values[8]
	if id.Issuer == "" {
		id.Issuer = values[1]
	}
	if id.Issuer == "" {
		// Certificates that no login stands behind, such as those of GitHub's own
		// release attestations, are known by who issued them.
		id.Issuer = "x509:" + leaf.Issuer.String()
	}
	if old := values[1]; old != "" && old != id.Issuer {
		return nil, fmt.Errorf("its certificate names two issuers, %q and %q", old, id.Issuer)
	}
	id.Source = verify.CertifiedSource{Repository: values[12], Commit: values[13], Ref: values[14]}
	if strings.HasPrefix(id.Issuer, gitHub) {
		for _, old := range []struct {
			to   *string
			from string
		}{{&id.Source.Repository, values[5]}, {&id.Source.Commit, values[3]}, {&id.Source.Ref, values[6]}} {
			if *old.to == "" {
				*old.to = old.from
			}
		}
		if r := id.Source.Repository; r != "" && !strings.Contains(r, "://") {
			id.Source.Repository = "https://github.com/" + r
		}
	}
	return id, nil
}

// nameOf reads the one subject alternative name: an address, a URI, or a name
// that the issuer's users have there.
func nameOf(leaf *x509.Certificate, id *verify.Identified) error {
	names, err := generalNames(leaf)
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return fmt.Errorf("its certificate has %d names, want one: %w", len(names), errMany)
	}
	n := names[0]
	if n.value == "" || !utf8.ValidString(n.value) {
		return errors.New("its certificate's name is empty or no text")
	}
	switch n.tag {
	case 0:
		id.Username = n.value
	case 1:
		id.Email = n.value
	case 6:
		if rest, ok := strings.CutPrefix(n.value, "https://"); ok && strings.Contains(rest, "@") && strings.Contains(rest[:strings.Index(rest, "@")], "/") {
			id.Workflow = n.value // URL@REF: the @ stands behind a path, so it ends no user info
		} else {
			id.URI = n.value
		}
	default:
		return fmt.Errorf("its certificate's name is of kind %d, want an address, a URI or a user's name", n.tag)
	}
	return nil
}

// A generalName is one subject alternative name (RFC 5280, section 4.2.1.6).
type generalName struct {
	tag   int
	value string
}

func generalNames(leaf *x509.Certificate) ([]generalName, error) {
	bad := errors.New("its certificate's names cannot be read")
	var out []generalName
	for _, e := range leaf.Extensions {
		if !e.Id.Equal(oidSAN) {
			continue
		}
		in := cryptobyte.String(e.Value)
		var list cryptobyte.String
		if !in.ReadASN1(&list, casn1.SEQUENCE) || !in.Empty() {
			return nil, bad
		}
		for !list.Empty() {
			var value cryptobyte.String
			var tag casn1.Tag
			if !list.ReadAnyASN1(&value, &tag) || len(out) == 16 {
				return nil, bad
			}
			n := generalName{tag: int(tag & 0x1f), value: string(value)}
			if n.tag == 0 {
				var id asn1.ObjectIdentifier
				var wrapped, text cryptobyte.String
				if !value.ReadASN1ObjectIdentifier(&id) || !id.Equal(oidUserName) || !value.ReadASN1(&wrapped, casn1.Tag(0).Constructed().ContextSpecific()) ||
					!wrapped.ReadASN1(&text, casn1.UTF8String) || !value.Empty() || !wrapped.Empty() {
					return nil, bad
				}
				n.value = string(text)
			}
			out = append(out, n)
		}
	}
	return out, nil
}

// hasUserName reports whether the certificate's only name is one that
// crypto/x509 does not know, and that nameOf does.
func hasUserName(leaf *x509.Certificate) bool {
	names, err := generalNames(leaf)
	return err == nil && len(names) == 1 && names[0].tag == 0
}
