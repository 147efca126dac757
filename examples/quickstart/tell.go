package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// chapter begins a chapter.
func (l *lab) chapter(format string, args ...any) {
	l.chapters++
	fmt.Printf("%d. %s\n", l.chapters, fmt.Sprintf(format, args...))
}

// say prints one line of a chapter.
func say(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }

// tellRecord says what was built from what, and how well that is known.
func (l *lab) tellRecord(r *capture.Record) {
	def := r.Build().BuildDefinition
	modules := 0
	for _, dep := range def.ResolvedDependencies {
		if commit, ok := dep.Digest.Get(provenance.GitCommit); ok {
			say("commit %s of %s", commit.Hex(), dep.URI)
		}
		if strings.HasPrefix(dep.URI, "pkg:golang/") {
			modules++
		}
	}
	if argv, ok := def.ExternalParameters["command"].([]any); ok {
		say("%s", strings.Trim(fmt.Sprint(argv), "[]"))
	}
	say("%s with %d modules", r.Subjects()[0].Digest.Digests()[0], modules)
	count, absent := map[string]int{}, []string{}
	for _, g := range r.Grades() {
		count[g.Grade]++
		if g.Grade == capture.Absent {
			absent = append(absent, g.Field[strings.LastIndex(g.Field, "/")+1:])
		}
	}
	var counts []string
	for _, grade := range []string{capture.Observed, capture.Declared, capture.Inferred, capture.Absent} {
		counts = append(counts, fmt.Sprintf("%d %s", count[grade], grade))
	}
	if len(absent) > 0 {
		counts[3] += " (" + strings.Join(absent, ", ") + ")"
	}
	say("%d facts: %s", len(r.Grades()), strings.Join(counts, ", "))
	if l.noGit != nil {
		say("%v: the commit is not known, and the policy below cannot ask for it", l.noGit)
	}
}

// tellBOM says how many components there are, and names some.
func (l *lab) tellBOM(bom *cdx.BOM) {
	var names []string
	for _, c := range *bom.Components {
		names = append(names, strings.TrimSpace(c.Name+" "+c.Version))
	}
	slices.Sort(names)
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	say("CycloneDX %s, %d components: %s", bom.SpecVersion, len(*bom.Components), strings.Join(names, ", "))
}

// tellSigned says who signed what.
func (l *lab) tellSigned(c *cast, evidence []*sign.Bundle) {
	for i, what := range []string{
		fmt.Sprintf("ci     %s signed the provenance", c.ci),
		fmt.Sprintf("ci     %s signed the SBOM", c.ci),
		fmt.Sprintf("alice  %s approved it for prod", c.alice),
		fmt.Sprintf("bob    %s approved it for prod", c.bob),
	} {
		say("%s, bundle %s", shorten(what), shorten(evidence[i].ID().String()))
	}
}

// tellAllow prints the verdict as it is.
func (l *lab) tellAllow(v *verify.Verdict) {
	for line := range strings.Lines(v.String()) {
		say("%s", strings.TrimSuffix(line, "\n"))
	}
}

// tellDeny says why an attack was refused, by the first reason.
func (l *lab) tellDeny(a attack, v *verify.Verdict) {
	failed := v.Failed()
	say("%s", a.name)
	if len(failed) == 0 {
		say("  %s", v.Decision)
		return
	}
	f := failed[0]
	say("  %s %s: %s", v.Decision, f.Code, f.Message)
	say("    want %s   got %s", shorten(f.Want), shorten(f.Got))
}

func (l *lab) tellSkipped(a attack) {
	say("%s", a.name)
	say("  SKIPPED: %s", a.skipped)
}

// shorten keeps the beginning of digests and key ids.
func shorten(s string) string {
	return long.ReplaceAllString(s, "$1…")
}

var long = regexp.MustCompile(`\b([0-9a-f]{12})[0-9a-f]{28,}\b`)
