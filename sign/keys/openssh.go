package keys

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// maxRounds bounds the work that an encrypted OpenSSH key may ask for: ssh-keygen writes 16 or 24 rounds, careful
// people 100, and each costs a few milliseconds.
const maxRounds = 1024

// opensshMagic begins the content of an "OPENSSH PRIVATE KEY" (OpenSSH, PROTOCOL.key).
const opensshMagic = "openssh-key-v1\x00"

// opensshKDF reads how an OpenSSH key is encrypted, and refuses one that would take for ever.
func opensshKDF(block *pem.Block) (encrypted bool, err error) {
	rest, ok := bytes.CutPrefix(block.Bytes, []byte(opensshMagic))
	var header struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Rest                 []byte `ssh:"rest"`
	}
	if !ok || ssh.Unmarshal(rest, &header) != nil {
		return false, errDamagedSSH
	}
	if header.Keys != 1 {
		return false, fmt.Errorf("%d keys in OpenSSH's form, want one", header.Keys)
	}
	if header.KDF == "none" && header.Cipher == "none" {
		return false, nil
	}
	var options struct {
		Salt   string
		Rounds uint32
	}
	if header.KDF != "bcrypt" || ssh.Unmarshal([]byte(header.Options), &options) != nil {
		return false, errDamagedSSH
	}
	if options.Rounds > maxRounds {
		return false, fmt.Errorf("encrypted with %d rounds of bcrypt, want at most %d: change that with ssh-keygen -p -a 100", options.Rounds, maxRounds)
	}
	return true, nil
}

var errDamagedSSH = errors.New("the OPENSSH PRIVATE KEY is damaged or of an unknown kind")

// decodeSSH reads a key in OpenSSH's form.
func decodeSSH(block *pem.Block, passphrase []byte) (private crypto.PrivateKey, err error) {
	data := pem.EncodeToMemory(block)
	if passphrase != nil {
		private, err = ssh.ParseRawPrivateKeyWithPassphrase(data, passphrase)
		if err != nil {
			return nil, errDecrypt
		}
	} else if private, err = ssh.ParseRawPrivateKey(data); err != nil {
		return nil, errDamagedSSH // its text may come from the depths of the key
	}
	if key, ok := private.(*ed25519.PrivateKey); ok {
		return *key, nil
	}
	return private, nil
}
