package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
	"github.com/touchmark-go/touchmark/verify/sigstore/tuf"
)

func newTrustRefresh() *cobra.Command {
	var o trustRefresh
	c := &cobra.Command{
		Use:   "refresh --authority NAME --url URL --root FILE [--state FILE] [--out FILE] TRUST",
		Short: "fetch the newest trusted root of an authority, as a proposal",
		Long: `refresh fetches the trusted root of a Sigstore instance from its TUF repository: the public one,
GitHub's, or a company's own. The repository is known by a root.json that came another way, and
whatever is expired, rolled back, mixed up or signed by too few is refused. --state remembers how
far the repository had come, so that it cannot go back; keep it beside the trust file.

What came and went is listed: logs, certificate authorities, timestamp authorities. Look at it
before you sign. If nothing did, nothing is written. This is the only command that fetches what to
trust, and touchmark verify never does.
` + nextVersion,
		Example: `  touchmark trust refresh --authority public-good --url https://tuf-repo-cdn.sigstore.dev --root root.json --state public-good.tuf --out next.json trust.json`,
		Args:    exactly("TRUST"),
		RunE:    does(o.run),
	}
	f := c.Flags()
	f.StringVar(&o.authority, "authority", "", "whose trusted root, a `NAME` among the authorities of TRUST")
	f.StringVar(&o.url, "url", "", "the `URL` of its TUF repository")
	f.StringVar(&o.root, "root", "", "the repository's root.json, of any version, in `FILE`; it must come from somewhere else than the repository")
	f.StringVar(&o.state, "state", "", "remember in `FILE` how far the repository had come; else an older state of it is not noticed before it expires")
	f.StringVar(&o.target, "target", tuf.TrustedRoot, "the `NAME` of the file in the repository")
	outFlag(c, &o.out)
	for _, name := range []string{"authority", "url", "root"} {
		must(c.MarkFlagRequired(name))
	}
	return c
}

type trustRefresh struct{ authority, url, root, state, target, out string }

// maxRoot is the most that a root.json may be, in bytes.
const maxRoot = 1 << 20

func (o *trustRefresh) run(cmd *cobra.Command, args []string) error {
	root, err := readFile("root", o.root, maxRoot)
	if err != nil {
		return err
	}
	err = changeTrust(cmd, args[0], o.out, func(t *verify.Trust) (*verify.Trust, error) {
		a, known := t.Authorities[o.authority]
		if !known {
			return nil, fmt.Errorf("%q has no authority %q", args[0], o.authority)
		}
		fresh, err := tuf.Repository{URL: o.url, Root: root, State: o.state}.Fetch(cmd.Context(), o.target)
		if err != nil {
			return nil, err
		}
		changes, err := changesOf(a.TrustedRoot, fresh)
		if err != nil {
			return nil, fmt.Errorf("the trusted root: %w", err)
		}
		if len(changes) == 0 {
			return nil, errAsItWas
		}
		a.TrustedRoot = fresh
		t.Authorities[o.authority] = a
		t.Version++
		next, err := verify.ParseTrust(t.Marshal())
		if err != nil {
			return nil, err
		}
		if _, err := sigstore.New(next); err != nil { // or nobody could use the next version
			return nil, err
		}
		for _, c := range changes {
			fmt.Fprintln(cmd.ErrOrStderr(), oneLine(c))
		}
		return next, nil
	})
	if errors.Is(err, errAsItWas) {
		fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: the trusted root of %s is as it was: nothing is written\n", show(o.authority))
		return nil
	}
	return err
}

var errAsItWas = errors.New("the trusted root is as it was")

// changesOf lists what of a trusted root is new, "+", and what is gone, "-".
func changesOf(before, after []byte) ([]string, error) {
	was, err := partsOf(before)
	if err != nil {
		return nil, err
	}
	is, err := partsOf(after)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range was {
		if !slices.Contains(is, p) {
			out = append(out, "- "+p)
		}
	}
	for _, p := range is {
		if !slices.Contains(was, p) {
			out = append(out, "+ "+p)
		}
	}
	return out, nil
}

// partsOf are the members of a trusted root, each a line: those of its lists by
// themselves, by where they are, since when and until when they count, and a digest
// of all that is said of them.
func partsOf(data []byte) ([]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	var out []string
	for name, value := range members {
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			list = []json.RawMessage{value}
		}
		for _, v := range list {
			var compact bytes.Buffer
			if err := json.Compact(&compact, v); err != nil {
				return nil, err
			}
			var said struct {
				URI       string `json:"uri"`
				BaseURL   string `json:"baseUrl"`
				ValidFor  window `json:"validFor"`
				PublicKey struct {
					ValidFor window `json:"validFor"`
				} `json:"publicKey"`
			}
			_ = json.Unmarshal(v, &said) // what is not there is not shown
			line := []string{name, said.URI + said.BaseURL}
			for _, w := range []window{said.ValidFor, said.PublicKey.ValidFor} {
				if w.Start+w.End != "" {
					line = append(line, w.Start+" to "+cmp.Or(w.End, "now on"))
				}
			}
			line = append(line, provenance.SumSHA256(compact.Bytes()).String())
			out = append(out, strings.Join(line, " "))
		}
	}
	slices.Sort(out)
	return out, nil
}

type window struct {
	Start string `json:"start"`
	End   string `json:"end"`
}
