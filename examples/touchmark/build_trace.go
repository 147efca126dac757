package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sign/keys"
)

// writeTrace writes what was seen of the command, if somebody looked. It has a
// file of its own: it is large, and no policy asks for it.
func (o *buildOptions) writeTrace(cmd *cobra.Command, key *keys.Key, rec *capture.Record, path string) error {
	seen := rec.Trace()
	if seen == nil {
		return nil
	}
	s, err := seen.Statement(rec.Subjects()...)
	if err != nil {
		return err
	}
	if key == nil {
		at := beside(path, o.out, traceStatement)
		if err := writeStatement(at, s); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "  %s  trace, unsigned\n", show(at))
		return nil
	}
	data, err := signAll(cmd.Context(), key, s)
	if err != nil {
		return err
	}
	at := beside(path, o.out, traceSuffix)
	if err := writeFile(at, data, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "  %s  trace, signed\n", show(at))
	return nil
}

// tellTrace says how much was seen of the command, and what was not.
func tellTrace(w io.Writer, rec *capture.Record) {
	seen, ok := rec.Build().BuildDefinition.InternalParameters["trace"].(map[string]any)
	if !ok {
		return
	}
	if seen["status"] == "refused" {
		fmt.Fprintf(w, "not traced: %s\n", show(fmt.Sprint(seen["why"])))
		return
	}
	files, _ := seen["files"].(map[string]any)
	var counts []string
	for _, class := range slices.Sorted(maps.Keys(files)) {
		counts = append(counts, fmt.Sprintf("%v %s", files[class], class))
	}
	connections, _ := seen["connections"].([]any)
	fmt.Fprintf(w, "files that were opened: %s; connections that were tried: %d\n", strings.Join(counts, ", "), len(connections))
	if changed, ok := seen["changed"]; ok {
		fmt.Fprintf(w, "  %v changed since they were opened\n", changed)
	}
	unobserved, _ := seen["unobserved"].([]any)
	for _, u := range unobserved {
		if u, ok := u.(map[string]any); ok {
			fmt.Fprintf(w, "  not observed: %s: %s\n", show(fmt.Sprint(u["what"])), show(fmt.Sprint(u["why"])))
		}
	}
}
