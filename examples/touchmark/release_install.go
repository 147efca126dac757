package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newReleaseInstall() *cobra.Command {
	var o releaseInstall
	c := &cobra.Command{
		Use:   "install --ledger DIR --trust FILE --to DIR [--environment ENV] [--artifact NAME=PATH]… [--config PATH] RELEASE",
		Short: "put a release into a folder, and make it current in one step",
		Long: `install copies the artifacts and the frozen configuration of a release to DIR/releases/ID, read-only,
with a RELEASE_INFO that says what it is, and then turns the link DIR/current to it. Everything is
hashed and held against the ledger first. Killed at any moment, what is current is whole; call it again.

A release that is there already is checked and made current, and needs no files: that is how to go
back in place. Without --config the configuration is the one that create kept in the ledger's store; a
file is then called config. With --environment it must be good there: promoted, not taken back, not revoked.`,
		Example: `  touchmark release install --ledger ledger --trust trust.json --to /opt/app --environment prod --artifact app=dist/app --config config.yaml app#102`,
		Args:    exactly("RELEASE"),
		RunE:    does(o.run),
	}
	o.book.flags(c, "")
	o.book.indexFlag(c)
	f := c.Flags()
	f.StringVar(&o.to, "to", "", "install into `DIR`")
	f.StringVar(&o.environment, "environment", "", "what the folder is part of, `ENV`")
	f.StringArrayVar(&o.artifacts, "artifact", nil, "where an artifact is, `NAME=PATH`; may be repeated")
	f.StringVar(&o.config, "config", "", "the frozen configuration, a file or folder at `PATH`; without it the ledger's store has it")
	must(c.MarkFlagRequired("to"))
	return c
}

type releaseInstall struct {
	book                    releaseBook
	to, environment, config string
	artifacts               []string
}

func (o *releaseInstall) run(cmd *cobra.Command, args []string) error {
	paths := map[string]string{}
	for _, a := range o.artifacts {
		name, path, err := pair("artifact", a)
		if err != nil {
			return err
		}
		paths[name] = path
	}
	defer o.book.done()
	v, t, err := o.book.view(cmd.Context())
	if err != nil {
		return err
	}
	s, r, err := o.book.find(v, args[0])
	if err != nil {
		return err
	}
	if o.environment != "" {
		if _, err := stageOf(t, o.book.product, o.environment); err != nil {
			return err
		}
		if !slices.Contains(s.Good(o.environment), r.Number) {
			yes, why, err := v.MayGoBack(o.book.product, o.environment, args[0])
			if err != nil {
				return err
			}
			if yes {
				why += ", by a verdict that was revoked"
			}
			return &failure{statusDenied, fmt.Errorf("release: %s: %s", s.Ref(r).Name, oneLine(why))}
		}
	}
	config, done, err := o.frozen(cmd.Context(), r)
	if err != nil {
		return err
	}
	defer done()
	if err := (rollout.Installer{Dir: o.to}).Install(cmd.Context(), s, r, paths, config); err != nil {
		if errors.Is(err, rollout.ErrContent) || s.RevokedBy(r.ID) != nil {
			return &failure{statusDenied, err}
		}
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is at %s %s\n", show(o.to), s.Ref(r).Name, r.Version)
	return nil
}

// frozen is where the configuration is: what --config says, or a copy from the ledger's store, if that has it.
func (o *releaseInstall) frozen(ctx context.Context, r *release.Released) (path string, done func() error, err error) {
	none := func() error { return nil }
	evidence := filepath.Join(o.book.dir, ledgerEvidence)
	if o.config != "" || !exists(evidence) {
		return o.config, none, nil
	}
	folder, err := store.Open(evidence)
	if err != nil {
		return "", none, err
	}
	defer folder.Close()
	dir, err := os.MkdirTemp("", "touchmark-*")
	if err != nil {
		return "", none, err
	}
	done = func() error { return os.RemoveAll(dir) }
	path = filepath.Join(dir, "config")
	err = rollout.GetContent(ctx, folder, r.Config, path)
	if errors.Is(err, store.ErrNotFound) { // it may be installed already
		return "", done, nil
	}
	return path, done, err
}
