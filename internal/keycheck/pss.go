package keycheck

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"math/big"
)

// verifyPSS insists on the length of the salt.
func verifyPSS(key *rsa.PublicKey, hash crypto.Hash, salt int, digest, sig []byte) bool {
	opts := &rsa.PSSOptions{SaltLength: salt} // 0 is Go's word for any length
	if rsa.VerifyPSS(key, hash, digest, sig, opts) != nil {
		return false
	}
	return salt > 0 || isUnsalted(key, hash, digest, sig)
}

// isUnsalted takes a signature that is good with some salt, encodes what one
// without must decode to (EMSA-PSS, RFC 8017, section 9.1.1), and compares.
func isUnsalted(key *rsa.PublicKey, hash crypto.Hash, digest, sig []byte) bool {
	bits := key.N.BitLen() - 1
	em := make([]byte, (bits+7)/8)
	h := hash.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	seed := h.Sum(nil)

	db := em[:len(em)-len(seed)-1]
	db[len(db)-1] = 1
	for i, mask := range mgf1(hash, seed, len(db)) {
		db[i] ^= mask
	}
	db[0] &= 0xff >> (8*len(em) - bits)
	copy(em[len(db):], seed)
	em[len(em)-1] = 0xbc

	m := new(big.Int).SetBytes(sig)
	m.Exp(m, big.NewInt(int64(key.E)), key.N)
	return m.BitLen() <= 8*len(em) && bytes.Equal(m.FillBytes(make([]byte, len(em))), em)
}

// mgf1 is RFC 8017, appendix B.2.1.
func mgf1(hash crypto.Hash, seed []byte, length int) []byte {
	var mask []byte
	for i := uint32(0); len(mask) < length; i++ {
		h := hash.New()
		h.Write(seed)
		h.Write(binary.BigEndian.AppendUint32(nil, i))
		mask = h.Sum(mask)
	}
	return mask[:length]
}
