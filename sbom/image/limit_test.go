package image

import (
	"errors"
	"testing"
)

// As many bytes as are allowed are read, and not one more: too many to make an image of.
func TestDescribedLimit(t *testing.T) {
	s := &scan{}
	if err := s.charge(maxDescribed - 1); err != nil {
		t.Fatal(err)
	}
	if err := s.charge(1); err != nil {
		t.Errorf("the last byte that is allowed: %v", err)
	}
	if err := s.charge(1); !errors.Is(err, ErrLimit) {
		t.Errorf("one more: %v", err)
	}
}
