package keycheck

import (
	"crypto/ed25519"
	"errors"
	"fmt"
)

// The curve of Ed25519 (RFC 8032, section 5.1): -x² + y² = 1 + d·x²·y² modulo
// p = 2²⁵⁵ - 19. Its points form a group of 8·l elements, l prime; honest keys
// are multiples of the base point, so they are in the subgroup of order l.
//
// The standard library's curve arithmetic is internal to it, and a module for
// one check at load is a module too many: this is plain, takes about a fifth of a
// millisecond, and handles nothing secret.
var (
	curveD   = field25519{0x75eb4dca135978a3, 0x00700a4d4141d8ab, 0x8cc740797779e898, 0x52036cee2b6ffe73} // -121665/121666
	curveD2  = curveD.add(curveD)
	curveI   = field25519{0xc4ee1b274a0ea0b0, 0x2f431806ad2fe478, 0x2b4d00993dfbd7a7, 0x2b8324804fc1df0b} // the square root of -1
	curveL   = field25519{0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000}                  // l
	rootPow  = field25519{0xfffffffffffffffd, 0xffffffffffffffff, 0xffffffffffffffff, 0x0fffffffffffffff} // (p-5)/8
	identity = edwards{Y: fieldOne, Z: fieldOne}
)

// checkEd25519 refuses every encoding that is not the one of a point of prime
// order: y beyond p, the sign of x = 0, no point at all, the eight points of
// small order, and those with a component of small order.
func checkEd25519(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("Ed25519 key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
	}
	point, err := decodePoint([32]byte(key))
	if err != nil {
		return err
	}
	if point.isIdentity() || !point.multiply(curveL).isIdentity() {
		return errors.New("Ed25519 key is a point of small or mixed order, want one of prime order: signatures under it prove nothing")
	}
	return nil
}

// edwards is a point in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z.
type edwards struct{ X, Y, Z, T field25519 }

// decodePoint is RFC 8032, section 5.1.3, up to the sign of x, and says which of its
// conditions failed.
func decodePoint(key [32]byte) (edwards, error) {
	sign := key[31] >> 7
	key[31] &= 0x7f
	y := fieldOf(&key)
	if !y.belowP() {
		return edwards{}, errors.New("Ed25519 key is not canonically encoded: y is not below 2^255-19")
	}
	y2 := y.mul(y)
	u, v := y2.sub(fieldOne), curveD.mul(y2).add(fieldOne)
	v3 := v.mul(v).mul(v)
	x := u.mul(v3).mul(u.mul(v3).mul(v3).mul(v).pow(rootPow)) // the root of u/v, or of -u/v
	switch square := v.mul(x).mul(x); {
	case square.equal(u):
	case square.equal(field25519{}.sub(u)):
		x = x.mul(curveI)
	default:
		return edwards{}, errors.New("Ed25519 key is not a point of the curve")
	}
	if x.isZero() && sign == 1 {
		return edwards{}, errors.New("Ed25519 key is not canonically encoded: x is 0 with a sign")
	}
	// Either root will do: a point and its mirror image have the same order.
	return edwards{X: x, Y: y, Z: fieldOne, T: x.mul(y)}, nil
}

func (p edwards) isIdentity() bool { return p.X.isZero() && p.Y.equal(p.Z) }

// add is the complete addition of RFC 8032, section 5.1.4: it also doubles.
func (p edwards) add(q edwards) edwards {
	A := p.Y.sub(p.X).mul(q.Y.sub(q.X))
	B := p.Y.add(p.X).mul(q.Y.add(q.X))
	C := p.T.mul(curveD2).mul(q.T)
	D := p.Z.mul(q.Z)
	D = D.add(D)
	E, F, G, H := B.sub(A), D.sub(C), D.add(C), B.add(A)
	return edwards{X: E.mul(F), Y: G.mul(H), Z: F.mul(G), T: E.mul(H)}
}

// multiply is double-and-add, in time that depends on n: n is public.
func (p edwards) multiply(n field25519) edwards {
	r := identity
	for i := 255; i >= 0; i-- {
		r = r.add(r)
		if n.bit(i) {
			r = r.add(p)
		}
	}
	return r
}
