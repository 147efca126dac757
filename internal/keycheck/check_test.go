//lint:file-ignore SA1019 what is deprecated is what must be refused

package keycheck

import (
	"bytes"
	"crypto"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// identityKey is the canonical encoding of the point (0, 1).
var identityKey = ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))

// forge returns a signature of every message under the identity: R is S times
// the base point, and the key contributes nothing to the equation.
func forge() []byte {
	seed := sha512.Sum512([]byte("anything"))
	key := ed25519.NewKeyFromSeed(seed[:32])
	sig := append([]byte{}, key.Public().(ed25519.PublicKey)...) // R = s·B
	return append(sig, reducedScalar(seed[:32])...)
}

// reducedScalar is the private scalar of a seed modulo l, little-endian.
func reducedScalar(seed []byte) []byte {
	h := sha512.Sum512(seed)
	h[0] &= 248
	h[31] = h[31]&63 | 64
	b := slices.Clone(h[:32])
	slices.Reverse(b)
	s := new(big.Int).SetBytes(b)
	s.Mod(s, newCurve25519().l)
	out := s.FillBytes(make([]byte, 32))
	slices.Reverse(out)
	return out
}

// TestIdentityForgery is why Check exists: without a private key there is a
// signature that Go's own verifier accepts, for every message.
func TestIdentityForgery(t *testing.T) {
	for _, message := range []string{"", "hello", "deploy anything"} {
		if !ed25519.Verify(identityKey, []byte(message), forge()) {
			t.Errorf("crypto/ed25519 refuses the forgery of %q: if it has learned to, Check may be simpler", message)
		}
	}
	err := Check(identityKey)
	if err == nil || !strings.Contains(err.Error(), "small or mixed order") {
		t.Errorf("Check(identity) = %v, want a refusal for its order", err)
	}
	honest := ed25519.NewKeyFromSeed(make([]byte, 32)).Public()
	if err := Check(honest); err != nil {
		t.Errorf("Check(honest key) = %v", err)
	}
}

// torsion returns the eight points whose order divides 8, by clearing the
// prime order out of curve points until one of order 8 is found.
func torsion(t *testing.T, c *curve25519) []*bigPoint {
	for y := byte(2); y < 100; y++ {
		p, err := c.decode(append([]byte{y}, make([]byte, 31)...))
		if err != nil {
			continue
		}
		q := c.multiply(c.l, p) // of order 1, 2, 4 or 8
		if c.isIdentity(c.multiply(big.NewInt(4), q)) {
			continue
		}
		var points []*bigPoint
		for i := range int64(8) {
			points = append(points, c.multiply(big.NewInt(i), q))
		}
		return points
	}
	t.Fatal("no point of order 8")
	return nil
}

// affine returns the coordinates that are written down.
func (c *curve25519) affine(p *bigPoint) (x, y *big.Int) {
	z := new(big.Int).ModInverse(p.Z, c.p)
	return c.mul(p.X, z), c.mul(p.Y, z)
}

// encodings returns every 32-byte string that a lenient decoder reads as p: y
// and, where it fits in 255 bits, y + p; the right sign, and both for x = 0.
func (c *curve25519) encodings(p *bigPoint) []ed25519.PublicKey {
	x, y := c.affine(p)
	signs := []uint{x.Bit(0)}
	if x.Sign() == 0 {
		signs = []uint{0, 1}
	}
	var all []ed25519.PublicKey
	for _, y := range []*big.Int{y, new(big.Int).Add(y, c.p)} {
		if y.BitLen() > 255 {
			continue
		}
		for _, sign := range signs {
			b := y.FillBytes(make([]byte, 32))
			b[0] |= byte(sign << 7)
			slices.Reverse(b)
			all = append(all, b)
		}
	}
	return all
}

// TestSmallOrder refuses every spelling of all eight points of small order, and
// counts them, so that the list is known to be whole.
func TestSmallOrder(t *testing.T) {
	c := newCurve25519()
	var all []string
	for _, p := range torsion(t, c) {
		if !c.isIdentity(c.multiply(big.NewInt(8), p)) {
			t.Fatal("a point that is not of small order")
		}
		for _, key := range c.encodings(p) {
			all = append(all, hex.EncodeToString(key))
			if err := Check(key); err == nil {
				t.Errorf("Check(%x) accepts a point of small order", key)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	// 8 points: 1, -1 with two signs each, 0 with two, four of order 8; and the
	// two of y = 0 and the two signs of y = 1 again with y + p.
	if got, want := len(all), 14; got != want {
		t.Errorf("%d spellings of small points, want %d:\n%s", got, want, strings.Join(all, "\n"))
	}
	for _, known := range []string{ // published lists of such keys hold these
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		if !slices.Contains(all, known) {
			t.Errorf("%s is not among the small points", known)
		}
	}
}

// TestMixedOrder adds each small point to an honest key: the sum verifies some
// of the honest signatures and must not be a second name for the same signer.
func TestMixedOrder(t *testing.T) {
	c := newCurve25519()
	honest := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	p, err := c.decode(honest)
	if err != nil {
		t.Fatal(err)
	}
	for i, small := range torsion(t, c) {
		key := c.encodings(c.add(p, small))[0]
		if got, want := Check(key) == nil, i == 0; got != want {
			t.Errorf("honest key plus small point %d accepted is %t, want %t", i, got, want)
		}
	}
}

func TestEd25519Encoding(t *testing.T) {
	ff := bytes.Repeat([]byte{0xff}, 32)
	tests := map[string]struct {
		key  []byte
		want string
	}{
		"short":      {make([]byte, 31), "has 31 bytes"},
		"long":       {make([]byte, 33), "has 33 bytes"},
		"nil":        {nil, "has 0 bytes"},
		"beyond p":   {ff, "not canonically encoded: y"},
		"signed 0":   {append([]byte{1}, append(make([]byte, 30), 0x80)...), "not canonically encoded: x"},
		"off curve":  {append([]byte{2}, make([]byte, 31)...), "not a point of the curve"},
		"order four": {make([]byte, 32), "small or mixed order"},
	}
	for name, test := range tests {
		if err := Check(ed25519.PublicKey(test.key)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestHonestEd25519 is the positive neighbour: what key generation makes passes.
func TestHonestEd25519(t *testing.T) {
	for i := range byte(20) {
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, 32)).Public()
		if err := Check(key); err != nil {
			t.Errorf("key of seed %d: %v", i, err)
		}
	}
}

// oddModulus is of the wanted length and divisible by no prime below 1000.
func oddModulus(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	n.Add(n, big.NewInt(1))
	for smallFactor(n) != 0 {
		n.Add(n, big.NewInt(2))
	}
	return n
}

func TestCheck(t *testing.T) {
	p256 := elliptic.P256()
	g := p256.Params()
	var typedNil *rsa.PublicKey
	tests := map[string]struct {
		key  crypto.PublicKey
		want string // empty: accepted
	}{
		"nil":               {nil, "key is a <nil>"},
		"typed nil":         {typedNil, "incomplete"},
		"dsa":               {&dsa.PublicKey{}, "key is a *dsa.PublicKey"},
		"rsa 2048":          {&rsa.PublicKey{N: oddModulus(2048), E: 65537}, ""},
		"rsa 8192":          {&rsa.PublicKey{N: oddModulus(8192), E: 65537}, ""},
		"rsa big exponent":  {&rsa.PublicKey{N: oddModulus(2048), E: 1<<31 - 1}, ""},
		"rsa 2047":          {&rsa.PublicKey{N: oddModulus(2047), E: 65537}, "has 2047 bits"},
		"rsa 1024":          {&rsa.PublicKey{N: oddModulus(1024), E: 65537}, "has 1024 bits"},
		"rsa 8193":          {&rsa.PublicKey{N: oddModulus(8193), E: 65537}, "has 8193 bits"},
		"rsa exponent 1":    {&rsa.PublicKey{N: oddModulus(2048), E: 1}, "exponent 1"},
		"rsa exponent 3":    {&rsa.PublicKey{N: oddModulus(2048), E: 3}, "exponent 3"},
		"rsa even exponent": {&rsa.PublicKey{N: oddModulus(2048), E: 65538}, "exponent 65538"},
		"rsa even modulus":  {&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537}, "divisible by 2"},
		"rsa small factor":  {&rsa.PublicKey{N: new(big.Int).Mul(oddModulus(2045), big.NewInt(13)), E: 65537}, "divisible by 13"},
		"rsa negative":      {&rsa.PublicKey{N: new(big.Int).Neg(oddModulus(2048)), E: 65537}, "incomplete"},
		"p256":              {&ecdsa.PublicKey{Curve: p256, X: g.Gx, Y: g.Gy}, ""},
		"p256 off curve":    {&ecdsa.PublicKey{Curve: p256, X: g.Gx, Y: new(big.Int).Add(g.Gy, big.NewInt(1))}, "not a point of P-256"},
		"p256 infinity":     {&ecdsa.PublicKey{Curve: p256, X: new(big.Int), Y: new(big.Int)}, "not a point of P-256"},
		"p256 unreduced":    {&ecdsa.PublicKey{Curve: p256, X: new(big.Int).Add(g.Gx, g.P), Y: g.Gy}, "not a point of P-256"},
		"p256 negative":     {&ecdsa.PublicKey{Curve: p256, X: new(big.Int).Neg(g.Gx), Y: g.Gy}, "not a point of P-256"},
		"p384 with p256":    {&ecdsa.PublicKey{Curve: elliptic.P384(), X: g.Gx, Y: g.Gy}, "not a point of P-384"},
		"p224":              {&ecdsa.PublicKey{Curve: elliptic.P224(), X: elliptic.P224().Params().Gx, Y: elliptic.P224().Params().Gy}, "on curve P-224"},
		"own curve":         {&ecdsa.PublicKey{Curve: &elliptic.CurveParams{Name: "P-256"}, X: g.Gx, Y: g.Gy}, "on curve P-256, want"},
		"no curve":          {&ecdsa.PublicKey{X: g.Gx, Y: g.Gy}, "incomplete"},
		"no point":          {&ecdsa.PublicKey{Curve: p256}, "incomplete"},
	}
	for name, test := range tests {
		err := Check(test.key)
		if test.want == "" && err != nil {
			t.Errorf("%s: %v, want it accepted", name, err)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
