package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/sign/store/oci"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newReleaseCreate() *cobra.Command {
	var o releaseCreate
	c := &cobra.Command{
		Use:   "create --ledger DIR --trust FILE --key FILE (--version VERSION | --next PART) --config PATH [--evidence FILE]… [--push PLACE [--tag TAG]] [NAME=]ARTIFACT…",
		Short: "release artifacts and their configuration, together and for good",
		Long: `create releases artifacts (files and folders) with a frozen configuration, a file or a folder. The id
of the release is derived from all of it, their names too: NAME, or the path from here.

First the configuration, and the evidence about every artifact, are put into the ledger's store: the
latter is ARTIFACT.intoto.jsonl, or what --evidence names. An artifact without provenance is refused, so
that nothing is released of which nobody can say how it was made. Then the release is recorded. Killed
in between, it is simply called again.

--push publishes to a registry in the one order in which nobody sees a part of it: the artifacts, the
evidence about each, and, once all of it has been found there, the release, and last the tag. An
ARTIFACT by digest, NAME=sha256:…, is then an image that is in the registry already.

--next proposes the version after the highest one: major, minor, patch, or day for a calendar version.`,
		Example: `  touchmark release create --ledger ledger --trust trust.json --key ci.key --version 1.4.0 --config config.yaml app=dist/app`,
		Args:    atLeastOne("ARTIFACT"),
		RunE:    does(o.run),
	}
	o.book.flags(c, "the release")
	f := c.Flags()
	f.StringVar(&o.version, "version", "", "the release's `VERSION`")
	f.StringVar(&o.next, "next", "", "the version after the highest one: `major|minor|patch|day`")
	f.StringVar(&o.config, "config", "", "the frozen configuration, a file or folder at `PATH`")
	f.StringArrayVar(&o.evidence, "evidence", nil, "a `FILE` of bundles, in the place of ARTIFACT.intoto.jsonl; may be repeated")
	f.StringVar(&o.push.name, "push", "", "publish to a `PLACE`: oci://HOST/PATH")
	o.push.plainFlag(f)
	f.StringVar(&o.tag, "tag", "", "with --push: a `TAG` to bind, in the ledger and, of an image, in the registry")
	f.StringVar(&o.repository, "repository", "", "where the source is, an https `URL`")
	f.StringVar(&o.commit, "commit", "", "the source's git commit, `HEX`")
	f.StringVar(&o.runID, "run", "", "the CI job that made it, a `URL` or id")
	f.StringVar(&o.notes, "notes", "", "release notes, a `FILE`")
	f.StringVar(&o.changeLog, "change-log", "", "the change log, a `FILE`")
	must(c.MarkFlagRequired("config"))
	completeWords(c, "next", "major", "minor", "patch", "day")
	return c
}

type releaseCreate struct {
	book                                                               releaseBook
	push                                                               place
	tag                                                                string
	content                                                            map[string]func() (io.ReadCloser, error) // of artifacts that are files
	version, next, config, repository, commit, runID, notes, changeLog string
	evidence                                                           []string
}

func (o *releaseCreate) run(cmd *cobra.Command, args []string) error {
	if (o.version == "") == (o.next == "") {
		return usagef("want one of --version and --next")
	}
	if o.push.name == "" && (o.tag != "" || o.push.plain) {
		return usagef("--tag and --insecure-http are for --push; see touchmark release tag")
	}
	o.content = map[string]func() (io.ReadCloser, error){}
	ctx := cmd.Context()
	defer o.book.done()
	book, v, err := o.book.write(ctx)
	if err != nil {
		return err
	}
	r := release.Release{Product: o.book.product, Version: o.version, Repository: o.repository, Run: o.runID}
	if o.next != "" {
		if r.Version, err = o.proposed(book, v); err != nil {
			return err
		}
	}
	content := book.Store.(store.Store) // what a release names by digest is kept before it is named
	if r.Config, err = rollout.PutContent(ctx, content, o.config); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if o.commit != "" {
		if r.Commit, err = provenance.ParseDigest("gitCommit:" + o.commit); err != nil {
			return usagef("--commit: %v", err)
		}
	}
	for _, text := range []struct {
		path string
		to   *provenance.Digest
	}{{o.notes, &r.Notes}, {o.changeLog, &r.ChangeLog}} {
		if text.path != "" {
			if *text.to, err = rollout.PutContent(ctx, content, text.path); err != nil {
				return err
			}
		}
	}
	var evidence []*sign.Bundle
	for _, arg := range args {
		name, path, named := strings.Cut(arg, "=")
		if !named || exists(arg) {
			name, path = pathName(arg), arg
		}
		if d, err := provenance.ParseDigest(path); o.push.name != "" && named && err == nil && !exists(path) {
			r.Subjects = append(r.Subjects, provenance.ResourceDescriptor{Name: name, Digest: provenance.Set(d)})
			continue
		}
		s, err := subjectOf(ctx, path)
		if err != nil {
			return err
		}
		s.Name = name
		r.Subjects = append(r.Subjects, s)
		o.content[name] = func() (io.ReadCloser, error) { return os.Open(path) }
		if len(o.evidence) == 0 {
			bundles, _, err := readEvidence(beside(path, "", evidenceSuffix))
			if err != nil {
				return err
			}
			evidence = append(evidence, bundles...)
		}
	}
	for _, path := range o.evidence {
		bundles, there, err := readEvidence(path)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("evidence: there is no file %q", path)
		}
		evidence = append(evidence, bundles...)
	}
	if err := o.keep(cmd, book, &r, evidence); err != nil {
		return err
	}
	ref, err := o.record(cmd, book, r)
	if err != nil {
		return releaseStatus(cmd, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", ref.Name, r.Version, ref.ID)
	return nil
}

// record records the release, behind everything that is to be published.
func (o *releaseCreate) record(cmd *cobra.Command, book *rollout.Book, r release.Release) (*release.Ref, error) {
	ctx := cmd.Context()
	if o.push.name == "" {
		return book.Release(ctx, r)
	}
	s, done, err := o.push.open(false)
	if err != nil {
		return nil, err
	}
	defer done()
	registry, ok := s.(*oci.Repository)
	if !ok {
		return nil, usagef("--push: %q is a folder: want oci://HOST/PATH", o.push.name)
	}
	p := rollout.Publication{Registry: registry, Book: book, Release: r, Content: o.content, Tag: o.tag}
	seen := map[provenance.Digest]bool{}
	for _, subject := range r.Subjects {
		bundles, err := book.Store.Bundles(ctx, digestOf(subject))
		if err != nil {
			return nil, err
		}
		for _, b := range bundles {
			if b.Err == nil && !seen[b.ID()] {
				seen[b.ID()] = true
				p.Evidence = append(p.Evidence, b)
			}
		}
	}
	ref, err := p.Publish(ctx)
	if errors.Is(err, rollout.ErrIncomplete) || errors.Is(err, rollout.ErrContent) || errors.Is(err, oci.ErrTagged) {
		return nil, &failure{statusDenied, err}
	}
	return ref, err
}

// proposed is the next version by the product's scheme.
func (o *releaseCreate) proposed(book *rollout.Book, v *rollout.View) (string, error) {
	var versions []string
	s, err := v.ReadState(o.book.product)
	if err != nil {
		return "", err
	}
	if s != nil {
		for _, r := range s.Releases {
			versions = append(versions, r.Version)
		}
	}
	scheme := book.Trust.Products[o.book.product].Versions
	if (o.next == "day") != (scheme == release.CalVer) {
		return "", usagef("--next %s: the versions of %s are %s", o.next, o.book.product, scheme)
	}
	return scheme.Next(versions, release.Bump(o.next), time.Now())
}

// keep puts the evidence into the store before anything is recorded, and wants
// provenance of every artifact there.
func (o *releaseCreate) keep(cmd *cobra.Command, book *rollout.Book, r *release.Release, evidence []*sign.Bundle) error {
	ctx := cmd.Context()
	for _, b := range evidence {
		if b.Err != nil {
			return fmt.Errorf("evidence %s: %w", b.Origin, b.Err)
		}
		if b.PayloadType != provenance.PayloadType {
			continue // a trust file or the like, which is about no artifact
		}
		if err := store.Add(ctx, book.Store.(store.Store), b); err != nil {
			return err
		}
	}
	for _, subject := range r.Subjects {
		bundles, err := book.Store.Bundles(ctx, digestOf(subject))
		if err != nil {
			return err
		}
		proven := false
		for _, b := range bundles {
			s, err := provenance.Parse(b.UnverifiedPayload())
			if b.Err != nil || err != nil {
				continue
			}
			switch s.PredicateType {
			case provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02, provenance.SLSAProvenanceV01:
				proven = true
				if !slices.Contains(r.Provenance, b.ID()) {
					r.Built = append(r.Built, builtBy(cmd, book.Trust, b, s)...)
				}
				r.Provenance = append(r.Provenance, b.ID())
			case "https://cyclonedx.org/bom", "https://spdx.dev/Document":
				r.SBOMs = append(r.SBOMs, b.ID())
			}
		}
		if !proven {
			return fmt.Errorf("there is no provenance of %s: nothing was released (name evidence with --evidence)", show(subject.Name))
		}
	}
	for _, ids := range []*[]provenance.Digest{&r.Provenance, &r.SBOMs} {
		slices.SortFunc(*ids, func(a, b provenance.Digest) int { return strings.Compare(a.String(), b.String()) })
		*ids = slices.Compact(*ids)
	}
	return nil
}

// builtBy is who built what provenance is about, and whose keys say so.
func builtBy(cmd *cobra.Command, t *verify.Trust, b *sign.Bundle, s *provenance.Statement) []release.Built {
	build, err := provenance.ParseBuild(s)
	if err != nil {
		return nil // a policy says what to think of it
	}
	out := release.Built{Builder: build.RunDetails.Builder.ID, Versions: build.RunDetails.Builder.Version, Finished: build.RunDetails.Metadata.FinishedOn}
	if signed, err := releaseOptions().Authenticate(cmd.Context(), t, b, time.Now()); err == nil {
		for _, who := range signed.Signatories {
			if who.KeyID != "" {
				out.Keys = append(out.Keys, who.KeyID)
			}
		}
		slices.Sort(out.Keys)
	}
	return []release.Built{out}
}

func newReleaseTag() *cobra.Command {
	var o releaseBook
	var artifact string
	c := &cobra.Command{
		Use:   "tag --ledger DIR --trust FILE --key FILE [--artifact NAME] TAG RELEASE",
		Short: "bind a tag to an artifact, for ever",
		Long: `tag binds a name to one artifact of a release, the first by name or that which --artifact names. It
can never be moved or deleted. If it names another artifact already, the exit status is 1 and both
digests are said; the same binding again is no error.`,
		Example: `  touchmark release tag --ledger ledger --trust trust.json --key ci.key 1.4.0 app#102`,
		Args:    exactly("TAG", "RELEASE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			defer o.done()
			book, s, r, err := o.change(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			t := release.Tag{Product: o.product, Tag: args[0], Release: r.ID, Digest: s.Ref(r).Digest}
			if artifact != "" {
				i := slices.IndexFunc(r.Subjects, func(s provenance.ResourceDescriptor) bool { return s.Name == artifact })
				if i < 0 {
					return fmt.Errorf("%s has no artifact %q", s.Ref(r).Name, artifact)
				}
				t.Digest = digestOf(r.Subjects[i])
			}
			if err := book.Tag(cmd.Context(), t); err != nil {
				return releaseStatus(cmd, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is %s of %s\n", show(t.Tag), t.Digest, s.Ref(r).Name)
			return nil
		}),
	}
	o.flags(c, "the binding")
	c.Flags().StringVar(&artifact, "artifact", "", "the artifact's `NAME`; else the first by name")
	return c
}
