package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/layout"
)

// runLayout wants an in-toto layout by the key that the note names, and links in
// the artifact's folder that follow it. Where the note says that the input of an
// inspection is not at hand, that one alone may be left undone.
func runLayout(r row) error {
	key, err := r.read(r.noted("layout_key"))
	if err != nil {
		return err
	}
	_, file := path.Split(r.bundle)
	folder, err := fs.Sub(r.root.FS(), path.Clean(r.artifact))
	if err != nil {
		return unusable{err}
	}
	chain, err := layout.Load(folder, file)
	if err != nil {
		return unusable{err}
	}
	scheme := ""
	if strings.Contains(r.note, "rsassa-pss-sha256") {
		scheme = "rsa-pss-sha256"
	}
	now := time.Now()
	trust := &verify.Trust{Version: 1, Expires: now.Add(time.Hour).UTC().Truncate(time.Second), Principals: map[string]verify.Principal{
		"owner": {Kind: verify.Person, Keys: []verify.Key{{PEM: string(bytes.TrimSpace(key)), Scheme: scheme}}}}}
	evidence, err := chain.Bundle()
	if err != nil {
		return err
	}
	o := verify.Options{Authenticators: []verify.Authenticator{layout.Authenticator{Trust: trust}}}
	_, err = o.Authenticate(context.Background(), trust, evidence, now)
	var refused *verify.Error
	if errors.As(err, &refused) && refused.Verdict.Failed()[0].Code == verify.CodeUnsupported && strings.Contains(r.note, "is code and not staged") {
		return nil // signatures, links and the rules of steps come first, and hold
	}
	return err
}
