package capture_test

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestGuessable flags what people choose, and not what machines draw.
func TestGuessable(t *testing.T) {
	for _, value := range []string{"", "1", "true", "hunter2", "password", "P@ssw0rd!", "letmein123", "2026-11-21", "1234567890123456789012345", strings.Repeat("ab", 40), strings.Repeat("a", 1000),
		"correct horse battery staple", "CorrectHorseBattery", "Tr0ub4dor&3", "qwertyuiop", "production", "eu-central-1", "abcdefghijklmnopqrstuvwxyz", "0000-0000-0000-0000-0000", "release-2026.11"} {
		if !capture.Guessable(value) {
			t.Errorf("%q is taken for a secret that nobody can guess", value)
		}
	}
	random := rand.New(rand.NewPCG(1, 2)) // always the same
	raw := make([]byte, 24)
	for range 200 {
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		for _, value := range []string{hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), "ghp_" + base64.RawURLEncoding.EncodeToString(raw)} {
			if capture.Guessable(value) {
				t.Errorf("%q is taken for a value that can be guessed", value)
			}
		}
	}
	for _, value := range []string{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "0f8fad5b-d9cb-469f-a165-70867728950e", "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI"} {
		if capture.Guessable(value) {
			t.Errorf("%q is taken for a value that can be guessed", value)
		}
	}
}
