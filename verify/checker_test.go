package verify_test

import (
	"errors"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// TestAuthenticateRefuses lists what nobody is told to have signed.
func TestAuthenticateRefuses(t *testing.T) {
	c := story.Build(t, "")
	good := c.Request.Evidence[0]
	relabelled := *good
	relabelled.PayloadType = "application/json"
	for name, b := range map[string]*sign.Bundle{"nothing": nil, "an entry that could not be read": {Err: errors.New("garbage")}, "an artifact's own signature": {Signatures: good.Signatures}, "another payload type": &relabelled} {
		got, err := verify.Authenticate(t.Context(), c.Trust, b, c.Request.At)
		var refused *verify.Error
		if got != nil || !errors.As(err, &refused) || refused.Verdict.Decision != verify.Deny {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := verify.Authenticate(t.Context(), c.Trust, good, c.Request.At); err != nil || len(got.Signatories) != 1 || got.Signatories[0].Principal != "ci" {
		t.Errorf("the good one: %+v, %v", got, err)
	}
	if got, err := verify.Authenticate(t.Context(), nil, good, c.Request.At); got != nil || err == nil {
		t.Errorf("without trust: %+v, %v", got, err)
	}
	if got, err := verify.Authenticate(t.Context(), c.Trust, good, c.Trust.Expires); got != nil || err == nil {
		t.Errorf("by expired trust: %+v, %v", got, err)
	}
}
