package sbom

import "fmt"

// A Loss is something that a document says and another form of it cannot say.
type Loss struct {
	// Pointer is the JSON pointer (RFC 6901) of what is lost, in the document that
	// is converted. What stands below it is lost as well.
	Pointer string
	// What is the thing itself, shortened where it is long.
	What string
	// Why says what the other form lacks, or what stands there in its place.
	Why string
}

// String is the loss on one line.
func (l Loss) String() string { return fmt.Sprintf("%s: %s: %s", l.Pointer, l.What, l.Why) }
