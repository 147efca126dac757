package keycheck

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// The curve of Ed25519 (RFC 8032, section 5.1): -x² + y² = 1 + d·x²·y² modulo
// p = 2²⁵⁵ - 19. Its points form a group of 8·l elements, l prime; honest keys
// are multiples of the base point, so they are in the subgroup of order l.
//
// The standard library's curve arithmetic is internal to it, and a module for
// one check at load is a module too many: this is plain, takes about a
// millisecond, and handles nothing secret.
type curve25519 struct{ p, d, d2, l *big.Int }

func newCurve25519() *curve25519 {
	one := big.NewInt(1)
	p := new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665)).Mod(d, p)
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	l.Add(l, new(big.Int).Lsh(one, 252))
	d2 := new(big.Int).Lsh(d, 1)
	return &curve25519{p: p, d: d, d2: d2.Mod(d2, p), l: l}
}

// checkEd25519 refuses every encoding that is not the one of a point of prime
// order: y beyond p, the sign of x = 0, no point at all, the eight points of
// small order, and those with a component of small order.
func checkEd25519(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("Ed25519 key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
	}
	c := newCurve25519()
	point, err := c.decode(key)
	if err != nil {
		return err
	}
	if c.isIdentity(point) || !c.isIdentity(c.multiply(c.l, point)) {
		return errors.New("Ed25519 key is a point of small or mixed order, want one of prime order: signatures under it prove nothing")
	}
	return nil
}

// edwards is a point in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z.
type edwards struct{ X, Y, Z, T *big.Int }

// decode is RFC 8032, section 5.1.3, up to the sign of x, and says which of its
// conditions failed.
func (c *curve25519) decode(key []byte) (*edwards, error) {
	b := slices.Clone(key)
	slices.Reverse(b)
	sign := uint(b[0] >> 7)
	b[0] &= 0x7f
	y := new(big.Int).SetBytes(b)
	if y.Cmp(c.p) >= 0 {
		return nil, errors.New("Ed25519 key is not canonically encoded: y is not below 2^255-19")
	}
	one := big.NewInt(1)
	y2 := c.mul(y, y)
	u := new(big.Int).Sub(y2, one)
	v := c.mul(c.d, y2)
	v.Add(v, one)
	x2 := c.mul(u, new(big.Int).ModInverse(v, c.p)) // -1/d is no square, so v is never 0
	x := new(big.Int).ModSqrt(x2, c.p)
	if x == nil {
		return nil, errors.New("Ed25519 key is not a point of the curve")
	}
	if x.Sign() == 0 && sign == 1 {
		return nil, errors.New("Ed25519 key is not canonically encoded: x is 0 with a sign")
	}
	// Either root will do: a point and its mirror image have the same order.
	return &edwards{X: x, Y: y, Z: one, T: c.mul(x, y)}, nil
}

func (c *curve25519) mul(a, b *big.Int) *big.Int {
	r := new(big.Int).Mul(a, b)
	return r.Mod(r, c.p)
}

func (c *curve25519) isIdentity(p *edwards) bool {
	return p.X.Sign() == 0 && p.Y.Cmp(p.Z) == 0
}

// add is the complete addition of RFC 8032, section 5.1.4: it also doubles.
func (c *curve25519) add(p, q *edwards) *edwards {
	sub := func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
	sum := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	A := c.mul(sub(p.Y, p.X), sub(q.Y, q.X))
	B := c.mul(sum(p.Y, p.X), sum(q.Y, q.X))
	C := c.mul(c.mul(p.T, c.d2), q.T)
	D := c.mul(p.Z, q.Z)
	D.Lsh(D, 1)
	E, F, G, H := sub(B, A), sub(D, C), sum(D, C), sum(B, A)
	return &edwards{X: c.mul(E, F), Y: c.mul(G, H), Z: c.mul(F, G), T: c.mul(E, H)}
}

// multiply is double-and-add, in time that depends on n: n is public.
func (c *curve25519) multiply(n *big.Int, p *edwards) *edwards {
	r := &edwards{X: new(big.Int), Y: big.NewInt(1), Z: big.NewInt(1), T: new(big.Int)}
	for i := n.BitLen() - 1; i >= 0; i-- {
		r = c.add(r, r)
		if n.Bit(i) == 1 {
			r = c.add(r, p)
		}
	}
	return r
}
