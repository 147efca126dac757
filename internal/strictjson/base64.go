package strictjson

import (
	"encoding/binary"
	"errors"
	"slices"
)

// ErrBase64 says that a text is not base64 in its one spelling.
var ErrBase64 = errors.New("not strict base64 (padded, no white space, no stray bits)")

// AppendBase64 decodes src, which must be standard base64 in its one spelling:
// padded, no white space, and the bits that do not count zero
// (docs/threats.md, row 65).
func AppendBase64(dst, src []byte) ([]byte, error) {
	return appendBase64(dst, src, &standard)
}

// AppendBase64Either is AppendBase64 for what may be in the standard or in the
// URL alphabet (DSSE 1.0.2), padded in both, and never in a mixture of them.
func AppendBase64Either(dst, src []byte) ([]byte, error) {
	out, err := appendBase64(dst, src, &standard)
	if err != nil {
		out, err = appendBase64(dst, src, &url)
	}
	return out, err
}

// Base64Len is how many bytes src decodes to, if it is base64 at all.
func Base64Len(src []byte) int {
	n := len(src) / 4 * 3
	for i := len(src) - 1; i >= 0 && i >= len(src)-2 && src[i] == '='; i-- {
		n--
	}
	return max(n, 0)
}

// An alphabet gives for each place in a group of four, and each byte there, the
// bits of the group's 24 that it stands for; bad if it stands for nothing. The
// three bytes are in the order that a little-endian store writes.
type alphabet [4][256]uint32

const bad = 1 << 31

var (
	standard = newAlphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
	url      = newAlphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
)

func newAlphabet(letters string) (a alphabet) {
	for i := range a {
		for c := range a[i] {
			a[i][c] = bad
		}
	}
	for v, c := range []byte(letters) {
		v := uint32(v)
		a[0][c] = v << 2
		a[1][c] = v>>4 | v&0xf<<12
		a[2][c] = v>>2<<8 | v&3<<22
		a[3][c] = v << 16
	}
	return a
}

func appendBase64(dst, src []byte, a *alphabet) ([]byte, error) {
	if len(src)%4 != 0 {
		return dst, ErrBase64
	}
	if len(src) == 0 {
		return dst, nil
	}
	start := len(dst)
	size := Base64Len(src)
	dst = slices.Grow(dst, size)[:start+size]
	out := dst[start:]
	// All groups but the last one have no padding, and at least one byte follows
	// what they store: so four bytes can be stored at a time.
	body, last := src[:len(src)-4], src[len(src)-4:]
	for len(body) >= 16 && len(out) >= 16 {
		w := a[0][body[0]] | a[1][body[1]] | a[2][body[2]] | a[3][body[3]]
		x := a[0][body[4]] | a[1][body[5]] | a[2][body[6]] | a[3][body[7]]
		y := a[0][body[8]] | a[1][body[9]] | a[2][body[10]] | a[3][body[11]]
		z := a[0][body[12]] | a[1][body[13]] | a[2][body[14]] | a[3][body[15]]
		if (w|x|y|z)&bad != 0 {
			return dst[:start], ErrBase64
		}
		binary.LittleEndian.PutUint64(out, uint64(w)|uint64(x)<<24|uint64(y)<<48)
		binary.LittleEndian.PutUint32(out[8:], y>>16|z<<8)
		body, out = body[16:], out[12:]
	}
	for ; len(body) > 0; body, out = body[4:], out[3:] {
		w := a[0][body[0]] | a[1][body[1]] | a[2][body[2]] | a[3][body[3]]
		if w&bad != 0 {
			return dst[:start], ErrBase64
		}
		out[0], out[1], out[2] = byte(w), byte(w>>8), byte(w>>16)
	}
	w := a[0][last[0]] | a[1][last[1]]
	if len(out) > 1 {
		w |= a[2][last[2]]
	}
	if len(out) > 2 {
		w |= a[3][last[3]]
	}
	if w&bad != 0 || w>>(8*len(out)) != 0 {
		return dst[:start], ErrBase64
	}
	for i := range out {
		out[i] = byte(w >> (8 * i))
	}
	return dst, nil
}
