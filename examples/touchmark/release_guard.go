package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign/store/oci"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newReleaseGuard() *cobra.Command {
	var o releaseBook
	var at place
	var memory, format string
	c := &cobra.Command{
		Use:   "guard --ledger DIR --trust FILE --repository oci://HOST/PATH [--memory FILE] [--format text|json]",
		Short: "hold the tags of a registry against the ledger",
		Long: `guard looks once at all tags of a repository and says which name another digest than the ledger says
(re-pointed), are gone (deleted), are back after they were gone (recreated), or are not in the ledger
(unknown). To watch, call it again and again, with a file in which it remembers what it saw.

Artifacts of this repository are those that releases name HOST/PATH. Exit status: 0 all is well, 1 not.`,
		Example: `  touchmark release guard --ledger ledger --trust trust.json --repository oci://registry.example/team/app --memory guard.json`,
		Args:    exactly(),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(format); err != nil {
				return err
			}
			defer o.done()
			v, _, err := o.view(cmd.Context())
			if err != nil {
				return err
			}
			s, done, err := at.open(false)
			if err != nil {
				return err
			}
			defer done()
			registry, ok := s.(*oci.Repository)
			if !ok {
				return usagef("--repository: %q is a folder: want oci://HOST/PATH", at.name)
			}
			g := &rollout.Guard{}
			if memory != "" && exists(memory) {
				if g, err = readGuard(memory); err != nil {
					return err
				}
				if g.Product != o.product || g.Repository != registry.Name() {
					return fmt.Errorf("%q remembers %s in %s: name another file", memory, show(g.Product), show(g.Repository))
				}
			}
			g.Product, g.Repository = o.product, registry.Name()
			tags, err := registry.Tags(cmd.Context())
			if err != nil {
				return err
			}
			alarms, err := g.Look(v, tags)
			if err != nil {
				return err
			}
			if memory != "" {
				data, err := json.Marshal(g)
				if err != nil {
					return err
				}
				if err := writeFile(memory, append(data, '\n'), 0o644); err != nil {
					return err
				}
			}
			if format == "json" {
				if alarms == nil {
					alarms = []rollout.Alarm{}
				}
				if err := emitJSON(cmd, alarms); err != nil {
					return err
				}
			} else {
				tellAlarms(cmd, alarms, len(tags))
			}
			if len(alarms) > 0 {
				return &failure{status: statusDenied}
			}
			return nil
		}),
	}
	o.flags(c, "")
	o.indexFlag(c)
	f := c.Flags()
	at.flag(c, "repository", "the repository, a")
	at.plainFlag(f)
	f.StringVar(&memory, "memory", "", "remember in `FILE` what was there")
	formatFlag(c, &format)
	return c
}

// readGuard reads what a guard remembers.
func readGuard(path string) (*rollout.Guard, error) {
	data, err := readFile("memory", path, maxConfig)
	if err != nil {
		return nil, err
	}
	g := &rollout.Guard{}
	if err := strictjson.UnmarshalClosed(data, g); err != nil {
		return nil, fmt.Errorf("memory %q: %w", path, err)
	}
	return g, nil
}

func tellAlarms(cmd *cobra.Command, alarms []rollout.Alarm, tags int) {
	out := cmd.OutOrStdout()
	for _, a := range alarms {
		fmt.Fprintf(out, "%s %s: the ledger says %s, the registry %s\n", a.What, show(a.Tag), orNothing(a.Want), orNothing(a.Got))
	}
	if len(alarms) == 0 {
		fmt.Fprintf(out, "well: %s as the ledger says\n", plural(tags, "tag", "tags"))
	}
}

func orNothing(d provenance.Digest) string {
	if d.IsZero() {
		return "nothing"
	}
	return d.String()
}
