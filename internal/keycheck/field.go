package keycheck

import (
	"encoding/binary"
	"math/bits"
)

// A field25519 is a number modulo p = 2²⁵⁵ - 19, of 64 bits each, the lowest first.
// It is below 2²⁵⁶, so there are two or three forms of each; canonical returns the one
// below p. Nothing that it calculates is secret.
type field25519 [4]uint64

var (
	fieldOne = field25519{1}
	fieldP   = field25519{0xffffffffffffffed, 0xffffffffffffffff, 0xffffffffffffffff, 0x7fffffffffffffff}
)

// fieldOf reads 32 bytes, the lowest first.
func fieldOf(b *[32]byte) (x field25519) {
	for i := range x {
		x[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return x
}

// plus adds a number that is far below 2⁶⁴.
func (x field25519) plus(n uint64) field25519 {
	for n > 0 { // twice at most: after an overflow little is left
		for i := range x {
			x[i], n = bits.Add64(x[i], n, 0)
		}
		n *= 38 // 2²⁵⁶ = 38
	}
	return x
}

func (x field25519) add(y field25519) field25519 {
	var carry uint64
	for i := range x {
		x[i], carry = bits.Add64(x[i], y[i], carry)
	}
	return x.plus(38 * carry)
}

func (x field25519) sub(y field25519) field25519 {
	var borrow uint64
	for i := range x {
		x[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	for borrow > 0 { // twice at most
		borrow *= 38
		for i := range x {
			x[i], borrow = bits.Sub64(x[i], borrow, 0)
		}
	}
	return x
}

func (x field25519) mul(y field25519) field25519 {
	var t [8]uint64
	for i := range x {
		var carry uint64
		for j := range y {
			carry, t[i+j] = mulAdd(x[i], y[j], t[i+j], carry)
		}
		t[i+4] = carry
	}
	var carry uint64
	for i := range x {
		carry, x[i] = mulAdd(t[i+4], 38, t[i], carry)
	}
	return x.plus(38 * carry)
}

// mulAdd is a·b + c + d, which fits.
func mulAdd(a, b, c, d uint64) (high, low uint64) {
	high, low = bits.Mul64(a, b)
	low, carry := bits.Add64(low, c, 0)
	high += carry
	low, carry = bits.Add64(low, d, 0)
	return high + carry, low
}

// pow is x to the power of a number below 2²⁵⁶.
func (x field25519) pow(n field25519) field25519 {
	r := fieldOne
	for i := 255; i >= 0; i-- {
		r = r.mul(r)
		if n.bit(i) {
			r = r.mul(x)
		}
	}
	return r
}

func (x field25519) bit(i int) bool { return x[i/64]>>(i%64)&1 == 1 }

// belowP reports whether x is the canonical form.
func (x field25519) belowP() bool {
	var borrow uint64
	for i := range x {
		_, borrow = bits.Sub64(x[i], fieldP[i], borrow)
	}
	return borrow == 1
}

func (x field25519) canonical() field25519 {
	for !x.belowP() { // twice at most
		var borrow uint64
		for i := range x {
			x[i], borrow = bits.Sub64(x[i], fieldP[i], borrow)
		}
	}
	return x
}

func (x field25519) equal(y field25519) bool { return x.canonical() == y.canonical() }
func (x field25519) isZero() bool            { return x.equal(field25519{}) }
