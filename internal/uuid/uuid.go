// Package uuid derives ids from what they name, so that the same input always
// has the same.
package uuid

import (
	"crypto/sha1"
	"fmt"
)

// namespaceURL is RFC 9562's name space of URLs. It is never written to.
var namespaceURL = [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// FromURL is the UUIDv5 (RFC 9562, 5.5) of a URL, in lower case. SHA-1 is no
// weakness here: an id only tells things apart, and nothing is believed
// because of it.
func FromURL(url string) string {
	sum := sha1.Sum(append(namespaceURL[:], url...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
