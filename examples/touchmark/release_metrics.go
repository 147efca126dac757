package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign/store"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A releaseMetrics counts, and takes what the ledger cannot know out of files.
type releaseMetrics struct {
	releaseBook
	sizes, format    string
	guards, verdicts []string
}

func newReleaseMetrics() *cobra.Command {
	var o releaseMetrics
	c := &cobra.Command{
		Use:   "metrics --ledger DIR --trust FILE [--sizes FILE] [--guard FILE]… [--verdict FILE]… [--format text|json]",
		Short: "the ten figures of immutable delivery, M1 to M10",
		Long: `metrics counts from the ledger and its evidence store. What they cannot know is said to be unknown, with
what would have to be known:

--sizes keeps in FILE how large the ledger's folder was at each call, for M7, the growth within a month.
--guard is a FILE in which release guard remembers, for M2: tags that were moved in a registry.
--verdict is what touchmark verify --format json printed, for M10: all of them, those that allow too.`,
		Example: `  touchmark release metrics --ledger ledger --trust trust.json --sizes sizes.json --guard guard.json`,
		Args:    exactly(),
		RunE:    does(o.run),
	}
	o.flags(c, "")
	o.indexFlag(c)
	f := c.Flags()
	f.StringVar(&o.sizes, "sizes", "", "keep sizes of the ledger's folder in `FILE`, and compare with those that are there")
	f.StringArrayVar(&o.guards, "guard", nil, "the memory of release guard, a `FILE`; may be repeated, for several repositories")
	f.StringArrayVar(&o.verdicts, "verdict", nil, "a `FILE` with the JSON of a verdict; may be repeated")
	formatFlag(c, &o.format)
	return c
}

func (o *releaseMetrics) run(cmd *cobra.Command, args []string) error {
	if err := textOrJSON(o.format); err != nil {
		return err
	}
	defer o.done()
	v, _, err := o.view(cmd.Context())
	if err != nil {
		return err
	}
	measured, err := o.measure(cmd, v)
	if err != nil {
		return err
	}
	metrics, err := v.Metrics(o.product, measured)
	if err != nil {
		return err
	}
	if o.format == "json" {
		return emitJSON(cmd, metrics)
	}
	w := table(cmd.OutOrStdout())
	for _, m := range metrics {
		value := "unknown"
		if m.Value != nil {
			value = fmt.Sprintf("%.4g", *m.Value)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", m.ID, m.Name, value, m.Unit, m.Why)
	}
	return w.Flush()
}

// measure is what is known besides the ledger.
func (o *releaseMetrics) measure(cmd *cobra.Command, v *rollout.View) (rollout.Measured, error) {
	var out rollout.Measured
	if evidence, err := store.Open(filepath.Join(o.dir, ledgerEvidence)); err == nil {
		defer evidence.Close()
		if out.Evidence, err = completeness(cmd, evidence, v, o.product); err != nil {
			return out, err
		}
	}
	var err error
	if out.Alarms, err = o.alarms(); err != nil {
		return out, err
	}
	if out.Refused, err = o.refused(); err != nil {
		return out, err
	}
	if o.sizes != "" {
		out.Bytes, err = growth(o.dir, o.sizes, time.Now())
	}
	return out, err
}

// completeness is how much of the evidence that releases name is in the store.
func completeness(cmd *cobra.Command, s store.Store, v *rollout.View, product string) (*rollout.Completeness, error) {
	state, err := v.ReadState(product)
	if err != nil || state == nil {
		return nil, err
	}
	out := &rollout.Completeness{}
	for _, r := range state.Releases {
		missing, err := missingEvidence(cmd, s, r)
		if err != nil {
			return nil, err
		}
		n := len(r.Provenance) + len(r.SBOMs)
		out.Want += n
		out.Have += n - missing
	}
	return out, nil
}

// alarms are those of all guards, nil if none was named. A repository counts once.
func (o *releaseMetrics) alarms() (map[string]int, error) {
	if len(o.guards) == 0 {
		return nil, nil
	}
	out := map[string]int{}
	looked := map[string]string{}
	for _, path := range o.guards {
		g, err := readGuard(path)
		if err != nil {
			return nil, err
		}
		switch first, twice := looked[g.Repository]; {
		case g.Product != o.product:
			return nil, fmt.Errorf("%q is about %s", path, show(g.Product))
		case g.Found == nil:
			return nil, fmt.Errorf("%q counts nothing yet: look once more with touchmark release guard", path)
		case twice:
			return nil, fmt.Errorf("%q is about the repository that %q is about", path, first)
		}
		looked[g.Repository] = path
		for what, n := range g.Found {
			out[what] += n
		}
	}
	return out, nil
}

// refused is how many verdicts are no permission, nil if none was named.
func (o *releaseMetrics) refused() (*rollout.Completeness, error) {
	if len(o.verdicts) == 0 {
		return nil, nil
	}
	out := &rollout.Completeness{}
	for _, path := range o.verdicts {
		data, err := readFile("verdict", path, maxConfig)
		if err != nil {
			return nil, err
		}
		var verdict struct {
			Schema   string `json:"schema"`
			Decision string `json:"decision"`
		}
		if err := strictjson.Unmarshal(data, &verdict); err != nil {
			return nil, fmt.Errorf("verdict %q: %w", path, err)
		}
		if verdict.Schema != verify.VerdictSchema {
			return nil, fmt.Errorf("%q is no verdict: want what touchmark verify --format json prints", path)
		}
		switch verdict.Decision {
		case verify.Allow.String():
		case verify.Deny.String(), verify.Undecided.String():
			out.Have++
		default:
			return nil, fmt.Errorf("verdict %q: the decision is %q", path, verdict.Decision)
		}
		out.Want++
	}
	return out, nil
}

// A size is how large a ledger was.
type size struct {
	At    time.Time `json:"at"`
	Bytes int64     `json:"bytes"`
}

const (
	sizesWithin = 30 * 24 * time.Hour
	maxSizes    = 1000
)

// growth is that of a ledger since the oldest size in the file that is not older
// than a month, or else since the newest. The size now is added to the file, and
// what no later call can want is taken out.
func growth(dir, path string, now time.Time) (*rollout.Growth, error) {
	var sizes []size
	if exists(path) {
		data, err := readFile("sizes", path, maxConfig)
		if err != nil {
			return nil, err
		}
		if err := strictjson.UnmarshalClosed(data, &sizes); err != nil {
			return nil, fmt.Errorf("sizes %q: %w", path, err)
		}
	}
	last := size{At: now.UTC().Truncate(time.Second)}
	for i, s := range sizes {
		if s.At.IsZero() || s.At.After(last.At) || s.Bytes < 0 || i > 0 && s.At.Before(sizes[i-1].At) {
			return nil, fmt.Errorf("sizes %q: /%d is of no instant, of one to come or of one before the last, or below zero", path, i)
		}
	}
	var err error
	if last.Bytes, err = ledgerSize(dir); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(sizes, func(s size) bool { return last.At.Sub(s.At) <= sizesWithin }); i >= 0 {
		sizes = sizes[i:]
	} else if len(sizes) > 0 {
		sizes = sizes[len(sizes)-1:]
	}
	var out *rollout.Growth
	if len(sizes) > 0 {
		out = &rollout.Growth{Before: sizes[0].Bytes, Now: last.Bytes, Within: last.At.Sub(sizes[0].At)}
	}
	if sizes = append(sizes, last); len(sizes) > maxSizes {
		sizes = slices.Delete(sizes, 1, len(sizes)-maxSizes+1) // the oldest is what is compared with
	}
	data, err := json.Marshal(sizes)
	if err != nil {
		return nil, err
	}
	return out, writeFile(path, append(data, '\n'), 0o644)
}

// ledgerSize is how many bytes the files of a ledger have. A file that was there for
// a moment has none.
func ledgerSize(dir string) (int64, error) {
	var sum int64
	for _, part := range []string{ledgerLog, ledgerEvidence} {
		top := filepath.Join(dir, part)
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				var info fs.FileInfo
				if info, err = d.Info(); err == nil {
					sum += info.Size()
				}
			}
			if path != top && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("--sizes: the size of %q: %w", top, cause(err))
		}
	}
	return sum, nil
}
