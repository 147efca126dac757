// Package hashivault signs with keys of the transit engine of HashiCorp Vault, or of OpenBao. The private half never
// leaves it.
//
//	key, err := hashivault.Signer(ctx, "hashivault://release")
//	bundle, err := sign.Statement(ctx, statement, key)
//
// Where Vault is and how to log in is found as Vault's own command finds it: VAULT_ADDR, VAULT_TOKEN or the file
// ~/.vault-token, VAULT_NAMESPACE, VAULT_CACERT. A token goes by TLS, or to this machine, and to nobody that Vault
// redirects to. No program is run to find one.
//
// The token needs "read" on transit/keys/KEY and "update" on transit/sign/KEY.
package hashivault

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	vault "github.com/hashicorp/vault/api"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sign/keys"
)

// One request may take as long as patience, and is tried again twice if Vault is in trouble.
const (
	patience = 8 * time.Second
	retries  = 2
)

var reference = regexp.MustCompile(`\A(?:hashivault|openbao)://(?:((?:\w[\w.-]*/)*\w[\w.-]*)/)?(\w[\w.-]*)\z`)

// Signer returns the key that ref names, "hashivault://KEY" or "hashivault://MOUNT/KEY" ("openbao://" is the same): in
// its newest version as of now, to which it is bound. After a rotation in Vault ask for it again, and put its new public
// half into trust. RSA keys sign by PSS, see [keys.Key.Scheme].
//
// It is good for as long as the token is.
func Signer(ctx context.Context, ref string) (*keys.Key, error) {
	key, err := signer(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", ref, err)
	}
	return key, nil
}

// A transit is one version of one key.
type transit struct {
	client      *vault.Client
	mount, name string
	version     int
	hash        crypto.Hash // zero for Ed25519
}

func signer(ctx context.Context, ref string) (*keys.Key, error) {
	parts := reference.FindStringSubmatch(ref)
	if parts == nil {
		return nil, errors.New("no reference to a key in Vault, want hashivault://KEY or hashivault://MOUNT/KEY")
	}
	t := &transit{mount: parts[1], name: parts[2]}
	if t.mount == "" {
		t.mount = "transit"
	}
	ctx, cancel := context.WithTimeout(ctx, keys.RemoteTimeout)
	defer cancel()
	if err := t.connect(); err != nil {
		return nil, err
	}
	public, err := t.read(ctx)
	if err != nil {
		return nil, err
	}
	r := keys.Remote{Name: ref, Public: public, Sign: t.sign}
	switch public := public.(type) {
	case *rsa.PublicKey:
		t.hash, r.Scheme = crypto.SHA256, "rsa-pss-sha256"
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256():
			t.hash = crypto.SHA256
		case elliptic.P384():
			t.hash = crypto.SHA384
		default:
			t.hash = crypto.SHA512
		}
	}
	return keys.NewRemote(ctx, r)
}

// connect finds Vault and the token, as Vault's library does.
func (t *transit) connect() error {
	config := vault.DefaultConfig()
	if config.Error != nil {
		return fmt.Errorf("the configuration of Vault's client: %w", config.Error)
	}
	config.Timeout, config.MaxRetries, config.DisableRedirects = patience, retries, true
	config.MinRetryWait, config.MaxRetryWait = 200*time.Millisecond, time.Second
	if err := private(config.Address); err != nil {
		return err
	}
	var err error
	if t.client, err = vault.NewClient(config); err != nil {
		return err
	}
	if t.client.Token() != "" {
		return nil
	}
	token, err := savedToken()
	if err != nil {
		return err
	}
	if token == "" {
		return errors.New("no token: set VAULT_TOKEN, or log in with vault login")
	}
	t.client.SetToken(token)
	return nil
}

// savedToken is what "vault login" left, empty if nothing. What else Vault's command may ask, a program that its
// configuration names, is not run.
func savedToken() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", nil
	}
	data, err := safefs.ReadFile(filepath.Join(home, ".vault-token"), 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// private refuses an address on the way to which others could read the token.
func private(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("the address of Vault is no https://HOST")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if u.Scheme == "https" || u.Scheme == "http" && local {
		return nil
	}
	return fmt.Errorf("the address of Vault is %s://%s, and the token goes by https only", u.Scheme, u.Host)
}

// read fetches the public half of the newest version.
func (t *transit) read(ctx context.Context) (crypto.PublicKey, error) {
	answer, err := t.client.Logical().ReadWithContext(ctx, t.mount+"/keys/"+t.name)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, fmt.Errorf("Vault has no key %q under %q", t.name, t.mount)
	}
	var key struct {
		Type          string `json:"type"`
		LatestVersion int    `json:"latest_version"`
		Keys          map[string]struct {
			PublicKey string `json:"public_key"`
		} `json:"keys"`
	}
	raw, err := json.Marshal(answer.Data)
	if err != nil {
		return nil, err
	}
	// A key that encrypts has times in the place of versions.
	if err := json.Unmarshal(raw, &key); err != nil {
		return nil, fmt.Errorf("Vault's key %q is of type %q, want one that signs: ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519 or rsa-3072", t.name, key.Type)
	}
	t.version = key.LatestVersion
	half := key.Keys[fmt.Sprint(t.version)].PublicKey
	if half == "" {
		return nil, fmt.Errorf("Vault's key %q of type %q has no public half in version %d", t.name, key.Type, t.version)
	}
	if key.Type != "ed25519" {
		return keys.ParsePublic([]byte(half))
	}
	point, err := base64.StdEncoding.Strict().DecodeString(half)
	if err != nil {
		return nil, errors.New("Vault's Ed25519 key is not in base64")
	}
	return ed25519.PublicKey(point), nil
}

// sign asks for a signature by the version that was read.
func (t *transit) sign(ctx context.Context, message []byte) ([]byte, error) {
	path, input := t.mount+"/sign/"+t.name, message
	if t.hash != 0 {
		h := t.hash.New()
		h.Write(message)
		path, input = fmt.Sprintf("%s/sha2-%d", path, 8*t.hash.Size()), h.Sum(nil)
	}
	answer, err := t.client.Logical().WriteWithContext(ctx, path, map[string]any{
		"input":                base64.StdEncoding.EncodeToString(input),
		"prehashed":            t.hash != 0,
		"key_version":          t.version,
		"marshaling_algorithm": "asn1",
		"signature_algorithm":  "pss", // only of an RSA key
		"salt_length":          "hash",
	})
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, errors.New("Vault answered with nothing")
	}
	text, _ := answer.Data["signature"].(string)
	encoded, ok := strings.CutPrefix(text, fmt.Sprintf("vault:v%d:", t.version))
	sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil {
		return nil, fmt.Errorf("Vault's answer is no signature by version %d", t.version)
	}
	return sig, nil
}
