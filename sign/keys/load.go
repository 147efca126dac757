package keys

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/touchmark-go/touchmark/internal/safefs"
)

// MaxFileSize is the largest private key file that is read, in bytes. An
// encrypted RSA key of 8192 bits takes 12 KiB.
const MaxFileSize = 64 << 10

// A Passphrase asks for the passphrase of an encrypted key, by the name of its
// file (empty in [Parse]). It is asked once, and only if the key is encrypted.
// [Prompt] is one; a program that keeps the passphrase in a secret store brings
// its own.
type Passphrase func(name string) ([]byte, error)

// Load reads a private key from a file, see [Parse]. Who else may read the file
// is not its business.
func Load(path string, ask Passphrase) (*Key, error) {
	data, err := safefs.ReadFile(path, MaxFileSize)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	key, err := parse(data, path, ask)
	if err != nil {
		return nil, fmt.Errorf("private key %q: %w", path, err)
	}
	return key, nil
}

// Parse reads a private key: one PEM block, either plain (PKCS#8 "PRIVATE KEY",
// "EC PRIVATE KEY", "RSA PRIVATE KEY") or encrypted ("ENCRYPTED SIGSTORE
// PRIVATE KEY" and "ENCRYPTED COSIGN PRIVATE KEY" of cosign, "ENCRYPTED PRIVATE
// KEY" of openssl), "OPENSSH PRIVATE KEY" as ssh-keygen writes it, encrypted or
// not; or a JWK (RFC 7517), whose alg is the scheme. It refuses weak keys. Ask
// may be nil if the key is not encrypted.
//
// Keys of minisign, age and OpenPGP are refused by name: what their tools sign,
// and how, is not what is verified here.
//
// No error holds a part of the input or of the passphrase.
func Parse(data []byte, ask Passphrase) (*Key, error) {
	key, err := parse(data, "", ask)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	return key, nil
}

func parse(data []byte, name string, ask Passphrase) (*Key, error) {
	if len(data) > MaxFileSize {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(data), MaxFileSize)
	}
	if err := foreign(data); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return parseJWK(data)
	}
	block, err := onlyBlock(data)
	if err != nil {
		return nil, err
	}
	encrypted, err := isEncrypted(block)
	if err != nil {
		return nil, err
	}
	var private crypto.PrivateKey
	if encrypted {
		private, err = decrypt(block, name, ask)
	} else {
		private, err = decode(block, nil)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign, want Ed25519, ECDSA or RSA", private)
	}
	return New(signer)
}

// foreign names the keys of other worlds.
func foreign(data []byte) error {
	text := bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(text, []byte("untrusted comment:")):
		return errors.New("a minisign or signify key, whose signatures are not verified here: make one with keys.Generate")
	case bytes.Contains(text, []byte("AGE-SECRET-KEY-")), bytes.HasPrefix(text, []byte("age-encryption.org/")), bytes.HasPrefix(text, []byte("-----BEGIN AGE ")):
		return errors.New("an age key, which encrypts and cannot sign: make one with keys.Generate")
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP ")):
		return errors.New("an OpenPGP key, whose signatures are not verified here: make one with keys.Generate")
	}
	return nil
}

// onlyBlock refuses a file of several keys: nobody could say which one signs.
func onlyBlock(data []byte) (*pem.Block, error) {
	if n := bytes.Count(data, []byte("-----BEGIN ")); n != 1 {
		return nil, fmt.Errorf("%d PEM blocks, want one", n)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("not in PEM: a line is broken or cut off")
	}
	return block, nil
}

// isEncrypted knows the kinds of block, and what to do with those that are not
// read here.
func isEncrypted(block *pem.Block) (bool, error) {
	if len(block.Headers) != 0 {
		return false, errors.New("encrypted in the old PEM way, which is weak: convert it with openssl pkcs8 -topk8")
	}
	switch block.Type {
	case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY":
		return false, nil
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return true, nil
	case "OPENSSH PRIVATE KEY":
		return opensshKDF(block)
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		return false, fmt.Errorf("the file holds a %q, want the private key", block.Type)
	}
	return false, fmt.Errorf("unknown PEM block %q, want a %q", block.Type, "PRIVATE KEY")
}

// decode reads a key, encrypted unless the passphrase is nil.
func decode(block *pem.Block, passphrase []byte) (crypto.PrivateKey, error) {
	if block.Type == "OPENSSH PRIVATE KEY" {
		return decodeSSH(block, passphrase)
	}
	if passphrase != nil {
		private, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(block), cryptoutils.StaticPasswordFunc(passphrase))
		if err != nil {
			return nil, errDecrypt
		}
		return private, nil
	}
	private, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(block), nil)
	if err != nil { // its text may come from the depths of the key
		return nil, fmt.Errorf("the %s is damaged or of an unknown kind", block.Type)
	}
	return private, nil
}

func decrypt(block *pem.Block, name string, ask Passphrase) (private crypto.PrivateKey, err error) {
	if ask == nil {
		return nil, errors.New("encrypted: pass a Passphrase such as keys.Prompt, or decrypt it first")
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		if err := checkPBES2(block.Bytes); err != nil {
			return nil, err
		}
	}
	passphrase, err := ask(name)
	if err != nil {
		return nil, fmt.Errorf("asking for the passphrase: %w", err)
	}
	if passphrase == nil {
		passphrase = []byte{} // to the decoder nil means "not encrypted"
	}
	// A damaged file makes the ciphers underneath panic: that is its fault.
	defer func() {
		if recover() != nil {
			private, err = nil, errDecrypt
		}
	}()
	return decode(block, passphrase)
}

var errDecrypt = errors.New("not decrypted: the passphrase is wrong, or the file is damaged")
