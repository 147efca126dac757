// Package strictjson reads JSON that strangers wrote. What it accepts has one
// meaning: one value and nothing after it, no member twice at any depth, no
// name that only folds to a known one, valid UTF-8 and no lone surrogates, and
// bounded depth and count. Everything it accepts encoding/json accepts too,
// with the same value; it refuses more.
//
// [Check] and [Unmarshal] are the short way. A [Scanner] pulls values one by
// one, for formats whose large strings should not be walked byte by byte.
package strictjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The limits. They bound work and memory; a document over one of them is
// refused as soon as it is seen to be.
const (
	// MaxDepth is how deep arrays and objects may nest.
	MaxDepth = 64
	// MaxMembers is how many members and array elements a document may have in all.
	MaxMembers = 1_000_000
	// MaxSize is the most bytes that a document may have, whatever its reader allows.
	MaxSize = 1 << 30
)

// ErrLimit is what errors.Is finds in an error about a limit.
var ErrLimit = errors.New("over a limit")

// An Error says where a document is refused, and why.
type Error struct {
	Line    int    // from 1
	Column  int    // in bytes, from 1
	Offset  int    // in bytes, from 0
	Pointer string // RFC 6901 pointer to the value; "" is the whole document
	Msg     string // what was wanted and what was found

	limit bool
	cause error
	size  int    // of the document that it is about
	sum   uint64 // of the same
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg)
}

// Is reports whether e is about a limit, if target is [ErrLimit].
func (e *Error) Is(target error) bool { return target == ErrLimit && e.limit }

// Unwrap returns the error of the type that could not be decoded, if there was one.
func (e *Error) Unwrap() error { return e.cause }

// Check reports whether data is exactly one JSON value that obeys the rules of
// this package. The error is an [*Error].
func Check(data []byte) error {
	s := NewScanner(data)
	if err := s.value(nil); err != nil {
		return err
	}
	return s.End()
}

// errorAt makes the error for a place in the document.
func (s *Scanner) errorAt(offset int, limit bool, format string, args ...any) *Error {
	before := s.data[:min(offset, len(s.data))]
	line, column := 1, 1
	for _, c := range before {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return &Error{Line: line, Column: column, Offset: offset, Pointer: s.pointer(), Msg: fmt.Sprintf(format, args...), limit: limit}
}

// pointer spells the way to the value being read.
func (s *Scanner) pointer() string {
	var b strings.Builder
	for _, p := range s.path {
		b.WriteByte('/')
		if p.index >= 0 {
			b.WriteString(strconv.Itoa(p.index))
			continue
		}
		b.WriteString(EscapePointer(string(s.bytesOf(p.name, new([]byte)))))
	}
	return b.String()
}
