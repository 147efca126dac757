package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/sign/store/oci"
)

func newStore() *cobra.Command {
	c := &cobra.Command{
		Use:   "store COMMAND",
		Short: "keep evidence where others find it: in a folder, or in a registry",
		Long: `store keeps evidence under the digest of what it is about, and files under their own. PLACE is a
folder, or a repository of a container registry, oci://HOST/PATH. Nothing is ever deleted, and nothing
that is in a store is believed for that: verify says what it is worth.

Logins are those of docker, from its configuration file and the helpers that it names.`,
		RunE: group("push, pull, put, get, copy or fsck"),
	}
	c.AddCommand(newStorePush(), newStorePull(), newStorePut(), newStoreGet(), newStoreCopy(), newStoreFsck())
	return c
}

// A place is where a store is.
type place struct {
	name  string
	plain bool
}

func (p *place) flag(c *cobra.Command, flag, what string) {
	c.Flags().StringVar(&p.name, flag, "", what+" `PLACE`: a folder, or oci://HOST/PATH")
	must(c.MarkFlagRequired(flag))
}

func (p *place) plainFlag(f *pflag.FlagSet) {
	f.BoolVar(&p.plain, "insecure-http", false, "speak to the registry without TLS: for one on this machine")
}

// ociPrefix begins the name of a place in a registry.
const ociPrefix = "oci://"

// open opens a store, and a folder that is not there is made if there is to be one. The caller calls done.
func (p *place) open(create bool) (s store.Store, done func() error, err error) {
	if name, ok := strings.CutPrefix(p.name, ociPrefix); ok {
		options := oci.Options{InsecureHTTP: p.plain}
		if config := dockerConfig(); exists(config) {
			if options.Credential, err = oci.DockerCredentials(config); err != nil {
				return nil, nil, err
			}
		}
		repository, err := options.Open(name)
		return repository, func() error { return nil }, err
	}
	if p.plain {
		return nil, nil, usagef("--insecure-http is for a registry, and %q is a folder", p.name)
	}
	open := store.Open
	if create {
		open = store.Create
	}
	folder, err := open(p.name)
	if err != nil {
		return nil, nil, err
	}
	return folder, folder.Close, nil
}

// dockerConfig is where docker keeps its logins.
func dockerConfig() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker", "config.json")
}

// with opens a store, does something with it and closes it.
func (p *place) with(create bool, do func(store.Store) error) error {
	s, done, err := p.open(create)
	if err != nil {
		return err
	}
	return errors.Join(do(s), done())
}

func newStorePush() *cobra.Command {
	var to place
	c := &cobra.Command{
		Use:   "push --to PLACE EVIDENCE…",
		Short: "put evidence into a store, under the digest of what it is about",
		Long: `push puts each bundle of the files into a store, under every digest by which its statement names a
subject. In a registry the subject has to be there before: an image, or a file that store put has put
there; digests that are not there are passed over, and it is an error if that is all of them.`,
		Example: `  touchmark store push --to evidence dist/app.intoto.jsonl
  touchmark store push --to oci://registry.example/team/app app.intoto.jsonl`,
		Args: atLeastOne("EVIDENCE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			var bundles []*sign.Bundle
			for _, path := range args {
				list, there, err := readEvidence(path)
				if err != nil {
					return err
				}
				if !there {
					return fmt.Errorf("evidence: there is no file %q", path)
				}
				for _, b := range list {
					if b.Err != nil {
						return fmt.Errorf("%q: %s: %w", path, b.Origin, b.Err)
					}
				}
				bundles = append(bundles, list...)
			}
			return to.with(true, func(s store.Store) error {
				for _, b := range bundles {
					if err := pushBundle(cmd.Context(), s, b); err != nil {
						return fmt.Errorf("%s: %w", b.Origin, err)
					}
				}
				progress(cmd.ErrOrStderr(), "touchmark: %s: %s", plural(len(bundles), "bundle", "bundles"), show(to.name))
				return nil
			})
		}),
	}
	to.flag(c, "to", "put it into")
	to.plainFlag(c.Flags())
	return c
}

// pushBundle puts a bundle where its subjects are.
func pushBundle(ctx context.Context, s store.Store, b *sign.Bundle) error {
	registry, ok := s.(*oci.Repository)
	if !ok {
		return store.Add(ctx, s, b)
	}
	statement, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil {
		return err
	}
	var missing error
	pushed := false
	for _, subject := range statement.Subject {
		for _, d := range subject.Digest.Digests() {
			if a := d.Algorithm(); a != provenance.SHA256 && a != provenance.SHA512 {
				continue // no registry finds anything by it
			}
			err := registry.Push(ctx, d, b)
			switch {
			case errors.Is(err, store.ErrNotFound):
				missing = err
			case err != nil:
				return err
			default:
				pushed = true
			}
		}
	}
	if !pushed && missing == nil {
		missing = errors.New("no subject has a digest that a registry finds")
	}
	if !pushed {
		return missing
	}
	return nil
}

func newStorePull() *cobra.Command {
	var from place
	var out string
	c := &cobra.Command{
		Use:   "pull --from PLACE [--out FILE] DIGEST|ARTIFACT",
		Short: "get the evidence about a digest or a file out of a store",
		Long: `pull gets the evidence that a store has about DIGEST, or about the file ARTIFACT, and adds it to the
file that --out names, ARTIFACT.intoto.jsonl by default, for touchmark verify. Nothing has been checked
yet. What cannot be read as evidence is said and left out; it is an error if nothing is left.`,
		Example: `  touchmark store pull --from oci://registry.example/team/app --out app.intoto.jsonl sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
  touchmark store pull --from evidence dist/app`,
		Args: exactly("DIGEST|ARTIFACT"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			subjects, err := digestsOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if out == "" && len(subjects) > 1 {
				out = beside(args[0], "", evidenceSuffix)
			}
			return from.with(false, func(s store.Store) error { return pull(cmd, s, args[0], out, subjects) })
		}),
	}
	from.flag(c, "from", "get it from")
	from.plainFlag(c.Flags())
	c.Flags().StringVar(&out, "out", "", "add it to `FILE`; else to the file beside ARTIFACT, or to standard output")
	return c
}

func pull(cmd *cobra.Command, s store.Store, what, out string, subjects []provenance.Digest) error {
	var good []*sign.Bundle
	seen := map[string]bool{}
	for _, d := range subjects {
		found, err := s.Bundles(cmd.Context(), d)
		if err != nil {
			return err
		}
		for _, b := range found {
			if b.Err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: left out: %s: %s\n", show(b.Origin), oneLine(b.Err.Error()))
				continue
			}
			line, err := b.Marshal()
			if err != nil {
				return err
			}
			if !seen[string(line)] {
				seen[string(line)] = true
				good = append(good, b)
			}
		}
	}
	if len(good) == 0 {
		return fmt.Errorf("there is no evidence about %s", show(what))
	}
	if out == "" {
		return sign.Write(cmd.OutOrStdout(), good...)
	}
	if err := store.Append(cmd.Context(), out, good...); err != nil {
		return err
	}
	progress(cmd.ErrOrStderr(), "touchmark: %s: %s", plural(len(good), "bundle", "bundles"), show(out))
	return nil
}

// digestsOf is the digest itself, or those of a file by which evidence is kept.
func digestsOf(ctx context.Context, arg string) ([]provenance.Digest, error) {
	if d, err := provenance.ParseDigest(arg); err == nil {
		return []provenance.Digest{d}, nil
	}
	subject, err := subjectOf(ctx, arg, provenance.SHA256, provenance.SHA512)
	if err != nil {
		return nil, err
	}
	return subject.Digest.Digests(), nil
}

func newStorePut() *cobra.Command {
	var to place
	c := &cobra.Command{
		Use:   "put --to PLACE FILE…",
		Short: "put files into a store, each under its own digest",
		Long: `put keeps files that belong to a release and are no evidence, such as its binary, its configuration or a
log, and prints the digest of each, by which touchmark store get finds it.`,
		Example: `  touchmark store put --to oci://registry.example/team/app dist/app`,
		Args:    atLeastOne("FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			return to.with(true, func(s store.Store) error {
				for _, path := range args {
					f, err := safefs.Open(path)
					if err != nil {
						return readError("file", path, err)
					}
					d, err := s.PutBlob(cmd.Context(), f)
					if err = errors.Join(err, f.Close()); err != nil {
						return err
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", d, show(path))
				}
				return nil
			})
		}),
	}
	to.flag(c, "to", "put them into")
	to.plainFlag(c.Flags())
	return c
}

func newStoreGet() *cobra.Command {
	var from place
	var out string
	c := &cobra.Command{
		Use:   "get --from PLACE --out FILE DIGEST",
		Short: "get a file out of a store by its digest",
		Long: `get gets the file with a SHA-256 digest out of a store. FILE is written whole, once all of it has that
digest, or not at all.`,
		Example: `  touchmark store get --from evidence --out app sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824`,
		Args:    exactly("DIGEST"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			d, err := provenance.ParseDigest(args[0])
			if err != nil {
				return usagef("%q is no digest: %v", args[0], err)
			}
			return from.with(false, func(s store.Store) error { return get(cmd.Context(), s, d, out) })
		}),
	}
	from.flag(c, "from", "get it from")
	from.plainFlag(c.Flags())
	c.Flags().StringVar(&out, "out", "", "write to `FILE`")
	must(c.MarkFlagRequired("out"))
	return c
}
