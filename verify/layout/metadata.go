package layout

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// A metadata is one signed file, a layout or a link, in either envelope.
// Nothing in it has been checked, save that it is well formed.
type metadata struct {
	message    []byte // what the signatures are over
	body       []byte // the layout or link, as JSON
	signatures []signature
	layout     *layout // one of these two
	link       *link
}

// A signature names its key by the layout's own name for it, which is only a hint.
type signature struct {
	keyID string
	sig   []byte
}

// metablock is in-toto's old envelope.
type metablock struct {
	Signed     json.RawMessage `json:"signed"`
	Signatures []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
		Cert  string `json:"cert"` // not used: see the package's documentation
	} `json:"signatures"`
}

// parse reads one file by its content.
func parse(data []byte) (*metadata, error) {
	if len(data) > sign.MaxEnvelopeSize {
		return nil, fmt.Errorf("%d bytes, want at most %d: %w", len(data), sign.MaxEnvelopeSize, strictjson.ErrLimit)
	}
	var members map[string]json.RawMessage
	if err := strictjson.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	m := &metadata{}
	_, old := members["signed"]
	_, dsse := members["payload"]
	var err error
	switch {
	case old && dsse:
		return nil, errors.New("want one envelope, found the members of two")
	case old:
		err = m.fromMetablock(data)
	default:
		err = m.fromDSSE(data)
	}
	if err != nil {
		return nil, err
	}
	var kind struct {
		Type string `json:"_type"`
	}
	if err := strictjson.Unmarshal(m.body, &kind); err != nil {
		return nil, err
	}
	switch kind.Type {
	case "link":
		m.link, err = parseLink(m.body)
	case "layout":
		m.layout, err = parseLayout(m.body)
	default:
		err = fmt.Errorf("want a layout or a link, found %q", kind.Type)
	}
	return m, err
}

func (m *metadata) fromMetablock(data []byte) error {
	var in metablock
	if err := strictjson.UnmarshalClosed(data, &in); err != nil {
		return err
	}
	if len(in.Signatures) > sign.MaxSignatures {
		return fmt.Errorf("%d signatures, want at most %d: %w", len(in.Signatures), sign.MaxSignatures, strictjson.ErrLimit)
	}
	for i, s := range in.Signatures {
		sig, err := hex.DecodeString(s.Sig)
		if err != nil || len(sig) == 0 {
			return fmt.Errorf("signature %d is not hexadecimal", i)
		}
		m.signatures = append(m.signatures, signature{s.KeyID, sig})
	}
	var err error
	m.body = in.Signed
	m.message, err = canonical(in.Signed)
	return err
}

func (m *metadata) fromDSSE(data []byte) error {
	bundles, err := sign.Read(bytes.NewReader(data))
	switch {
	case err != nil:
		return err
	case len(bundles) != 1:
		return fmt.Errorf("want one envelope, found %d", len(bundles))
	case bundles[0].Err != nil:
		return bundles[0].Err
	case bundles[0].PayloadType != provenance.PayloadType:
		return fmt.Errorf("an envelope of %q, want %q", bundles[0].PayloadType, provenance.PayloadType)
	}
	b := bundles[0]
	m.message, m.body = b.PAE(), b.UnverifiedPayload()
	for _, s := range b.Signatures {
		m.signatures = append(m.signatures, signature{s.KeyID, s.Sig})
	}
	return nil
}
