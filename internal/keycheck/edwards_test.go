package keycheck

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// A curve25519 is the curve in the plainest arithmetic there is: what field25519 and
// edwards are held against.
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

// bigPoint is a point in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z.
type bigPoint struct{ X, Y, Z, T *big.Int }

// decode is RFC 8032, section 5.1.3, up to the sign of x, and says which of its
// conditions failed.
func (c *curve25519) decode(key []byte) (*bigPoint, error) {
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
	return &bigPoint{X: x, Y: y, Z: one, T: c.mul(x, y)}, nil
}

func (c *curve25519) mul(a, b *big.Int) *big.Int {
	r := new(big.Int).Mul(a, b)
	return r.Mod(r, c.p)
}

func (c *curve25519) isIdentity(p *bigPoint) bool {
	return p.X.Sign() == 0 && p.Y.Cmp(p.Z) == 0
}

// add is the complete addition of RFC 8032, section 5.1.4: it also doubles.
func (c *curve25519) add(p, q *bigPoint) *bigPoint {
	sub := func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) }
	sum := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	A := c.mul(sub(p.Y, p.X), sub(q.Y, q.X))
	B := c.mul(sum(p.Y, p.X), sum(q.Y, q.X))
	C := c.mul(c.mul(p.T, c.d2), q.T)
	D := c.mul(p.Z, q.Z)
	D.Lsh(D, 1)
	E, F, G, H := sub(B, A), sub(D, C), sum(D, C), sum(B, A)
	return &bigPoint{X: c.mul(E, F), Y: c.mul(G, H), Z: c.mul(F, G), T: c.mul(E, H)}
}

// multiply is double-and-add, in time that depends on n: n is public.
func (c *curve25519) multiply(n *big.Int, p *bigPoint) *bigPoint {
	r := &bigPoint{X: new(big.Int), Y: big.NewInt(1), Z: big.NewInt(1), T: new(big.Int)}
	for i := n.BitLen() - 1; i >= 0; i-- {
		r = c.add(r, r)
		if n.Bit(i) == 1 {
			r = c.add(r, p)
		}
	}
	return r
}

func (x field25519) big() *big.Int {
	n := new(big.Int)
	for i := range x {
		n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(x[3-i]))
	}
	return n
}

// numbers are those at which carries and borrows happen, and some others.
func numbers(rnd *rand.Rand) []field25519 {
	list := []field25519{{}, {1}, {2}, {18}, {19}, {37}, {38}, {39}, {1 << 63}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}, {0, 0, 0, 1 << 63}, curveD, curveI, curveL, rootPow}
	for n := range uint64(80) { // about 2²⁵⁶, p, and 2p
		list = append(list, field25519{}.sub(field25519{n}), field25519{^n, ^uint64(0), ^uint64(0), ^uint64(0)}, field25519{^n, ^uint64(0), ^uint64(0), ^uint64(0) >> 1})
	}
	for range 100 {
		list = append(list, field25519{rnd.Uint64(), rnd.Uint64(), rnd.Uint64(), rnd.Uint64()})
	}
	return list
}

// TestField holds the arithmetic against math/big.
func TestField(t *testing.T) {
	c := newCurve25519()
	rnd := rand.New(rand.NewPCG(1, 2))
	list := numbers(rnd)
	mod := func(n *big.Int) *big.Int { return n.Mod(n, c.p) }
	for _, x := range list {
		a := x.big()
		if got, want := x.canonical().big(), mod(x.big()); got.Cmp(want) != 0 {
			t.Errorf("%x is %x below p, want %x", a, got, want)
		}
		for _, y := range list {
			b := y.big()
			for name, r := range map[string][2]*big.Int{
				"+": {x.add(y).big(), new(big.Int).Add(a, b)},
				"-": {x.sub(y).big(), new(big.Int).Sub(a, b)},
				"·": {x.mul(y).big(), new(big.Int).Mul(a, b)},
			} {
				if mod(r[0]).Cmp(mod(r[1])) != 0 {
					t.Fatalf("%x %s %x is %x, want %x", a, name, b, r[0], r[1])
				}
			}
		}
	}
	for name, r := range map[string][2]*big.Int{
		"p":             {fieldP.big(), c.p},
		"d":             {curveD.big(), c.d},
		"2d":            {curveD2.canonical().big(), c.d2},
		"l":             {curveL.big(), c.l},
		"(p-5)/8":       {rootPow.big(), new(big.Int).Rsh(c.p, 3)},
		"i²":            {curveI.mul(curveI).canonical().big(), new(big.Int).Sub(c.p, big.NewInt(1))},
		"3 to the l":    {field25519{3}.pow(curveL).canonical().big(), new(big.Int).Exp(big.NewInt(3), c.l, c.p)},
		"d to the root": {curveD.pow(rootPow).canonical().big(), new(big.Int).Exp(c.d, rootPow.big(), c.p)},
	} {
		if r[0].Cmp(r[1]) != 0 {
			t.Errorf("%s is %x, want %x", name, r[0], r[1])
		}
	}
}

// FuzzEd25519 holds the check of a key against the plain one: the same keys are
// refused, for the same reason.
func FuzzEd25519(f *testing.F) {
	c := newCurve25519()
	for y := range byte(40) {
		f.Add(append([]byte{y}, make([]byte, 31)...))
		f.Add(append(bytes.Repeat([]byte{^y}, 31), y<<7|0x7f))
	}
	for seed := range byte(20) {
		f.Add([]byte(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32)).Public().(ed25519.PublicKey)))
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		if len(key) != ed25519.PublicKeySize {
			return
		}
		got := checkEd25519(key)
		p, want := c.decode(key)
		if want == nil && (c.isIdentity(p) || !c.isIdentity(c.multiply(c.l, p))) {
			want = errors.New("order")
		}
		if (got == nil) != (want == nil) || want != nil && want.Error() != "order" && want.Error() != got.Error() {
			t.Errorf("%x: %v, want %v", key, got, want)
		}
		q, err := decodePoint([32]byte(key))
		if err != nil {
			return
		}
		if x := q.X.canonical().big(); x.Cmp(p.X) != 0 && x.Cmp(new(big.Int).Sub(c.p, p.X)) != 0 || q.Y.big().Cmp(p.Y) != 0 {
			t.Errorf("%x is read as %x, %x, want %x, %x", key, x, q.Y.big(), p.X, p.Y)
		}
	})
}

// BenchmarkCheck is what a key costs when it is loaded, each time, beside a
// signature that is checked with it.
func BenchmarkCheck(b *testing.B) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	key := private.Public().(ed25519.PublicKey)
	b.Run("ed25519", func(b *testing.B) {
		for b.Loop() {
			if err := Check(key); err != nil {
				b.Fatal(err)
			}
		}
	})
	sig := ed25519.Sign(private, nil)
	b.Run("signature", func(b *testing.B) {
		for b.Loop() {
			if !ed25519.Verify(key, nil, sig) {
				b.Fatal("refused")
			}
		}
	})
}
