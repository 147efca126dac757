package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign/store"
)

// get writes a blob to a file once all of it is known to be it.
func get(ctx context.Context, s store.Store, d provenance.Digest, out string) error {
	blob, err := s.Blob(ctx, d)
	if err != nil {
		return err
	}
	defer blob.Close()
	f, err := atomicfile.Create(out, 0o644)
	if err != nil {
		return fmt.Errorf("writing %q: %w", out, cause(err))
	}
	defer f.Abort()
	if _, err := io.Copy(f, io.LimitReader(blob, store.MaxBlobSize+1)); err != nil {
		return fmt.Errorf("blob %s: %w", d, err)
	}
	return f.Commit()
}

func newStoreCopy() *cobra.Command {
	var from, to place
	var blobs []string
	var plain bool
	c := &cobra.Command{
		Use:   "copy --from PLACE --to PLACE [--blob DIGEST]… [DIGEST…]",
		Short: "carry evidence and files from one store to another: a mirror, an archive, over an air gap",
		Long: `copy carries the evidence about each DIGEST, and the files that --blob names, from one store to another.
Without either it carries everything, which a registry cannot list. What was interrupted goes on when it
is called again, and what is there already is left as it is. Bad evidence and files that are not what
their digest says are not carried, and named at the end.`,
		Example: `  touchmark store copy --from evidence --to /media/usb/evidence
  touchmark store copy --from oci://registry.example/team/app --to evidence sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824`,
		Args: cobra.ArbitraryArgs,
		RunE: does(func(cmd *cobra.Command, args []string) error {
			from.plain, to.plain = plain && isRegistry(from.name), plain && isRegistry(to.name)
			options := store.CopyOptions{}
			for _, list := range []struct {
				words []string
				into  *[]provenance.Digest
			}{{args, &options.Subjects}, {blobs, &options.Blobs}} {
				for _, s := range list.words {
					d, err := provenance.ParseDigest(s)
					if err != nil {
						return usagef("%q is no digest: %v", s, err)
					}
					*list.into = append(*list.into, d)
				}
			}
			total := len(options.Subjects) + len(options.Blobs)
			bar := isTerminal(cmd.ErrOrStderr())
			options.Progress = func(p store.Progress) {
				if bar {
					fmt.Fprintf(cmd.ErrOrStderr(), "\r\x1b[K%s", copyBar(p, total))
				}
			}
			return from.with(false, func(source store.Store) error {
				return to.with(true, func(target store.Store) error {
					done, err := options.Copy(cmd.Context(), target, source)
					if bar {
						fmt.Fprintln(cmd.ErrOrStderr())
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s about %s, %s\n", plural(done.Bundles, "bundle", "bundles"), plural(done.Subjects, "digest", "digests"), plural(done.Blobs, "file", "files"))
					return err
				})
			})
		}),
	}
	from.flag(c, "from", "carry from")
	to.flag(c, "to", "carry to")
	c.Flags().StringArrayVar(&blobs, "blob", nil, "carry the file with this `DIGEST`; may be repeated")
	c.Flags().BoolVar(&plain, "insecure-http", false, "speak to registries without TLS: for those on this machine")
	return c
}

func isRegistry(name string) bool {
	return len(name) > len(ociPrefix) && name[:len(ociPrefix)] == ociPrefix
}

// copyBar is how far a copy has come, as a bar if it is known how far there is to go.
func copyBar(p store.Progress, total int) string {
	text := fmt.Sprintf("%s, %s", plural(p.Bundles, "bundle", "bundles"), plural(p.Blobs, "file", "files"))
	if total == 0 {
		return text
	}
	const width = 30
	full := min(width*(p.Subjects+p.Blobs)/total, width)
	bar := make([]byte, width)
	for i := range bar {
		bar[i] = '.'
		if i < full {
			bar[i] = '#'
		}
	}
	return fmt.Sprintf("[%s] %s", bar, text)
}

func newStoreFsck() *cobra.Command {
	var repair bool
	c := &cobra.Command{
		Use:   "fsck [--repair] DIR",
		Short: "check a store in a folder, and mend what can be mended",
		Long: `fsck reads everything in a store and says what is not what its digest says, and what lies there that
does not belong to it. --repair puts aside what is broken and puts back what is lost of its index.
Exit status 2 if something is left.`,
		Example: `  touchmark store fsck evidence
  touchmark store fsck --repair evidence`,
		Args: exactly("DIR"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			folder, err := store.Open(args[0])
			if err != nil {
				return err
			}
			problems, err := folder.Fsck(cmd.Context(), repair)
			if err = errors.Join(err, folder.Close()); err != nil {
				return err
			}
			left := 0
			for _, p := range problems {
				if p.Done == "" {
					left++
				}
				fmt.Fprintln(cmd.OutOrStdout(), oneLine(p.String()))
			}
			if left > 0 {
				return fmt.Errorf("%q has %s", args[0], plural(left, "problem", "problems"))
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&repair, "repair", false, "mend what can be mended")
	return c
}
