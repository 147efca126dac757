package lockfile

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// integrity reads a Subresource Integrity value into p: one or more of
// "sha512-BASE64", with white space between them.
func (d *doc) integrity(p *Package, value string, line int) {
	for _, token := range strings.Fields(value) {
		token, _, _ = strings.Cut(token, "?")
		alg, encoded, ok := strings.Cut(token, "-")
		raw, err := strictjson.AppendBase64(nil, []byte(encoded))
		if !ok || err != nil {
			d.fail(line, "integrity is %.80q, want an algorithm, a hyphen and base64", token)
			return
		}
		d.digest(p, alg, hex.EncodeToString(raw), line)
	}
}

// digest adds the digest of the one file that p is to p.
func (d *doc) digest(p *Package, alg, sum string, line int) {
	switch alg {
	case "md5":
		return // nothing can be built on it
	case "sha1":
		if !isHex(sum, 40) || p.SHA1 != "" && p.SHA1 != sum {
			d.fail(line, "sha1 is %.80q, want 40 hexadecimal digits, and one such sum", sum)
			return
		}
		p.SHA1 = sum
		return
	}
	digest, ok := d.parseDigest(alg, sum, line)
	if !ok {
		return
	}
	if mine, ok := p.Digests[alg]; ok && mine != digest.Hex() {
		d.fail(line, "two different %s of one file", alg)
		return
	}
	if p.Digests == nil {
		p.Digests = provenance.DigestSet{}
	}
	p.Digests[alg] = digest.Hex()
}

// parseDigest reads the sum of a file.
func (d *doc) parseDigest(alg, sum string, line int) (provenance.Digest, bool) {
	switch alg {
	case provenance.SHA256, provenance.SHA384, provenance.SHA512:
		digest, err := provenance.ParseDigest(alg + ":" + sum)
		if err == nil {
			return digest, true
		}
		d.fail(line, "%s is %.160q, want lower-case hexadecimal digits of its length", alg, sum)
	default:
		d.fail(line, "digest algorithm is %.80q, want sha256, sha384 or sha512", alg)
	}
	return provenance.Digest{}, false
}

// files gives p the digests of the files that it may be: of one file they are its
// own.
func (p *Package) files(digests []provenance.Digest) {
	digests = oneOf(digests)
	if len(digests) == 1 {
		p.Digests = provenance.Set(digests...)
		return
	}
	p.OneOf = digests
}

// oneOf are the digests in order, each once.
func oneOf(digests []provenance.Digest) []provenance.Digest {
	slices.SortFunc(digests, func(a, b provenance.Digest) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(digests)
}

func isHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}
