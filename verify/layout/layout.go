package layout

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A layout says which steps lead to a product, who may do each of them, and
// what each may take and make (in-toto specification 4.3).
type layout struct {
	Type            string         `json:"_type"`
	Steps           []step         `json:"steps"`
	Inspect         []inspection   `json:"inspect"`
	Keys            map[string]key `json:"keys"`
	RootCAs         map[string]key `json:"rootcas"`
	IntermediateCAs map[string]key `json:"intermediatecas"`
	Expires         time.Time      `json:"expires"`
	Readme          string         `json:"readme"`
	functionaries   map[string]*functionary
}

type step struct {
	Type            string           `json:"_type"`
	Name            string           `json:"name"`
	PubKeys         []string         `json:"pubkeys"`
	CertConstraints []map[string]any `json:"cert_constraints"` // not used: see the package's documentation
	Command         []string         `json:"expected_command"`
	Threshold       int              `json:"threshold"`
	Materials       [][]string       `json:"expected_materials"`
	Products        [][]string       `json:"expected_products"`
	rules           [2][]rule        // of materials, of products
}

type inspection struct {
	Type      string     `json:"_type"`
	Name      string     `json:"name"`
	Run       []string   `json:"run"`
	Materials [][]string `json:"expected_materials"`
	Products  [][]string `json:"expected_products"`
	rules     [2][]rule
}

type key struct {
	KeyID          string   `json:"keyid"`
	HashAlgorithms []string `json:"keyid_hash_algorithms"`
	Type           string   `json:"keytype"`
	Scheme         string   `json:"scheme"`
	Value          struct {
		Public      string `json:"public"`
		Private     string `json:"private"`
		Certificate string `json:"certificate"`
	} `json:"keyval"`
}

// A functionary is a key of the layout made ready. Its id is that of the key
// itself, so that one key under two names is one functionary.
type functionary struct {
	id     string
	public crypto.PublicKey
	scheme string
}

func parseLayout(body []byte) (*layout, error) {
	l := &layout{}
	if err := strictjson.UnmarshalClosed(body, l); err != nil {
		return nil, err
	}
	if l.Expires.IsZero() {
		return nil, fmt.Errorf("a layout without expires")
	}
	if len(l.Steps) == 0 {
		return nil, fmt.Errorf("a layout without steps: everything would follow it")
	}
	l.functionaries = map[string]*functionary{}
	for _, id := range slices.Sorted(maps.Keys(l.Keys)) {
		k := l.Keys[id]
		if k.KeyID != "" && k.KeyID != id {
			return nil, fmt.Errorf("key %q calls itself %q", id, k.KeyID)
		}
		if k.Value.Private != "" {
			return nil, fmt.Errorf("key %q is a private one", id)
		}
		f, err := k.functionary()
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", id, err)
		}
		if f != nil {
			l.functionaries[id] = f
		}
	}
	names := map[string]bool{}
	for i := range l.Steps {
		s := &l.Steps[i]
		if err := checkName(names, s.Name, s.Type, "step"); err != nil {
			return nil, err
		}
		if able := len(l.able(s)); s.Threshold < 1 || s.Threshold > able {
			return nil, fmt.Errorf("step %q wants %d functionaries of %d: want 1 at least, and no more than there are keys", s.Name, s.Threshold, able)
		}
	}
	steps := maps.Clone(names)
	for i := range l.Inspect {
		if err := checkName(names, l.Inspect[i].Name, l.Inspect[i].Type, "inspection"); err != nil {
			return nil, err
		}
	}
	var err error
	for i := range l.Steps {
		s := &l.Steps[i]
		if s.rules, err = parseRules(s.Materials, s.Products, steps); err != nil {
			return nil, fmt.Errorf("step %q: %w", s.Name, err)
		}
	}
	for i := range l.Inspect {
		s := &l.Inspect[i]
		if s.rules, err = parseRules(s.Materials, s.Products, names); err != nil {
			return nil, fmt.Errorf("inspection %q: %w", s.Name, err)
		}
	}
	return l, nil
}

// checkName wants a name that no other has, and that is part of a file name.
func checkName(names map[string]bool, name, kind, want string) error {
	switch {
	case kind != want:
		return fmt.Errorf("%q is a %q among the %ss", name, kind, want)
	case name == "" || strings.ContainsAny(name, "/\\\x00") || name == "." || name == "..":
		return fmt.Errorf("%q is no name of a %s", name, want)
	case names[name]:
		return fmt.Errorf("two steps or inspections have the name %q", name)
	}
	names[name] = true
	return nil
}

// able are the functionaries who may do the step, each once, by their ids.
func (l *layout) able(s *step) map[string]*functionary {
	able := map[string]*functionary{}
	for _, name := range s.PubKeys {
		if f := l.functionaries[name]; f != nil {
			able[f.id] = f
		}
	}
	return able
}

// schemes are in-toto's names of the schemes that are used here.
var schemes = map[string]string{
	"ed25519":           "ed25519",
	"rsassa-pss-sha256": "rsa-pss-sha256", "rsassa-pss-sha384": "rsa-pss-sha384", "rsassa-pss-sha512": "rsa-pss-sha512",
	"ecdsa-sha2-nistp256": "ecdsa-sha256", "ecdsa-sha2-nistp384": "ecdsa-sha384", "ecdsa-sha2-nistp521": "ecdsa-sha512",
}

// functionary makes the key ready. It is nil without an error for a kind of key
// that is not used here: OpenPGP, and what only a certificate says.
func (k *key) functionary() (*functionary, error) {
	scheme := schemes[k.Scheme]
	if scheme == "" || k.Value.Public == "" {
		return nil, nil
	}
	f := &functionary{scheme: scheme}
	var err error
	if scheme == "ed25519" {
		raw, err := hex.DecodeString(k.Value.Public)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 key is %d bytes in hexadecimal", ed25519.PublicKeySize)
		}
		f.public = ed25519.PublicKey(raw)
		if err := keycheck.Check(f.public); err != nil {
			return nil, err
		}
	} else if f.public, err = keycheck.ParsePKIX([]byte(k.Value.Public)); err != nil {
		return nil, err
	}
	if err := keycheck.Fits(scheme, f.public); err != nil {
		return nil, err
	}
	if own, err := keycheck.DefaultScheme(f.public); err == nil && own != scheme {
		return nil, fmt.Errorf("scheme %q does not go with this key's curve", k.Scheme)
	}
	f.id, err = keycheck.ID(f.public)
	return f, err
}
