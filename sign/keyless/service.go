package keyless

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/touchmark-go/touchmark/internal/webclient"
)

// maxAnswer bounds what a service may answer.
const maxAnswer = 1 << 20

// post sends a document and returns the answer. A refusal is an error with the
// service's own words, cut short; it never holds what was sent.
func post(ctx context.Context, client *http.Client, url string, document any) ([]byte, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, webclient.Cause(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("it answers more than %d bytes", maxAnswer)
	case resp.StatusCode/100 == 3:
		return nil, errors.New("it redirects to another address, where the token must not go: name that one")
	case resp.StatusCode/100 != 2:
		var refusal struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(answer, &refusal) // an answer in another form is shown by its status alone
		if refusal.Message = strings.ToValidUTF8(refusal.Message, ""); len(refusal.Message) > 300 {
			refusal.Message = refusal.Message[:300]
		}
		return nil, fmt.Errorf("it answers %s: %q", resp.Status, refusal.Message)
	}
	return answer, nil
}

// certificate has the authority certify the key for whom the token names
// (Fulcio's API v2). The request for it is signed by the key, which shows that
// the key is ours.
func certificate(ctx context.Context, client *http.Client, base, token string, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	answer, err := post(ctx, client, strings.TrimSuffix(base, "/")+"/api/v2/signingCert", map[string]any{
		"credentials":               map[string]string{"oidcIdentityToken": token},
		"certificateSigningRequest": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request}),
	})
	if err != nil {
		return nil, err
	}
	type chain struct {
		Chain struct {
			Certificates []string `json:"certificates"`
		} `json:"chain"`
	}
	var got struct {
		Embedded chain `json:"signedCertificateEmbeddedSct"`
		Detached chain `json:"signedCertificateDetachedSct"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, errors.New("its answer is no JSON")
	}
	certs := append(got.Embedded.Chain.Certificates, got.Detached.Chain.Certificates...)
	if len(certs) == 0 {
		return nil, errors.New("its answer holds no certificate")
	}
	block, _ := pem.Decode([]byte(certs[0]))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("its answer holds no certificate")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("its certificate is for another key")
	}
	return leaf, nil
}

// record has the log take an entry (Rekor's API v2, hashedrekord 0.0.2), and
// returns the entry with the proof that the log has it.
func record(ctx context.Context, client *http.Client, base string, digest [sha256.Size]byte, sig []byte, leaf *x509.Certificate) (json.RawMessage, error) {
	answer, err := post(ctx, client, strings.TrimSuffix(base, "/")+"/api/v2/log/entries", map[string]any{
		"hashedRekordRequestV002": map[string]any{
			"digest": digest[:],
			"signature": map[string]any{"content": sig, "verifier": map[string]any{
				"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": map[string]any{"rawBytes": leaf.Raw}}},
		},
	})
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, answer); err != nil {
		return nil, errors.New("its answer is no JSON")
	}
	return compact.Bytes(), nil
}
