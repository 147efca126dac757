package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

func newPolicyLearn() *cobra.Command {
	var o learnOptions
	c := &cobra.Command{
		Use:   "learn --trust FILE [--name NAME] [--at TIME] [--out FILE] ARTIFACT…",
		Short: "write the tightest policy that these artifacts' evidence meets",
		Long: `learn reads ARTIFACT.intoto.jsonl of each artifact, believes what the trust file's principals signed,
and writes the tightest policy that all of them meet: exact where they agree, a list or a pattern where
they differ. It verifies every artifact by that policy before it writes.

It learns from what you show it, so show it releases that you know to be good; several of them
tell it what may change from one to the next. Read the policy before you use it.`,
		Example: `  touchmark policy learn --trust trust.json --out policy.json v1.0.0/app v1.1.0/app
  touchmark policy check --trust trust.json policy.json`,
		Args: atLeastOne("ARTIFACT"),
		RunE: does(o.run),
	}
	f := c.Flags()
	f.StringVar(&o.trust, "trust", "", "whom to believe: a trust `FILE`")
	f.StringVar(&o.name, "name", "", "`NAME` of the policy; else that of the first artifact")
	f.StringVar(&o.at, "at", "", "judge as of `TIME` (2026-11-21T03:07:00Z); else now")
	f.StringVar(&o.out, "out", "", "write to `FILE`; else to standard output")
	must(c.MarkFlagRequired("trust"))
	return c
}

type learnOptions struct{ trust, name, at, out string }

func (o *learnOptions) run(cmd *cobra.Command, args []string) error {
	ctx, at := cmd.Context(), time.Now()
	if o.at != "" {
		var err error
		if at, err = instant("at", o.at); err != nil {
			return err
		}
	}
	t, err := loadTrust(o.trust)
	if err != nil {
		return err
	}
	var lessons []lesson
	for _, path := range args {
		l, err := study(ctx, t, path, at)
		if err != nil {
			return err
		}
		lessons = append(lessons, l)
	}
	p, err := learn(lessons)
	if err != nil {
		return err
	}
	if p.Name = o.name; p.Name == "" {
		p.Name = policyName(args[0])
	}
	meets := func(p *verify.Policy) error { return meetsAll(ctx, t, p, lessons, at) }
	if err := tighten(p, meets); err != nil {
		return err
	}
	if err := emit(cmd, o.out, p.Marshal()); err != nil {
		return err
	}
	for _, w := range p.Warnings() {
		fmt.Fprintf(cmd.ErrOrStderr(), "touchmark: %s\n", oneLine(w))
	}
	return nil
}

// A lesson is what one artifact's evidence says, as far as trust believes it.
type lesson struct {
	path         string
	evidence     []*sign.Bundle
	build        *provenance.Build
	signedBy     []string            // the principals behind build
	attestations map[string][]string // predicate type to the principals behind it
}

// study reads the evidence of one artifact.
func study(ctx context.Context, t *verify.Trust, path string, at time.Time) (lesson, error) {
	l := lesson{path: path, attestations: map[string][]string{}}
	subject, err := subjectOf(ctx, path, provenance.SHA256, provenance.SHA384, provenance.SHA512)
	if err != nil {
		return l, err
	}
	file := beside(path, "", evidenceSuffix)
	var there bool
	if l.evidence, there, err = readEvidence(file); err != nil {
		return l, err
	}
	if !there {
		return l, fmt.Errorf("nothing to learn from %q: there is no file %q", path, file)
	}
	var why []string // no evidence counted
	for _, s := range believed(ctx, t, l.evidence, at, &why) {
		if !slices.ContainsFunc(s.statement.Subject, func(d provenance.ResourceDescriptor) bool {
			return d.Digest.Match(subject.Digest) == provenance.Matched
		}) {
			why = append(why, "a statement is about something else")
			continue
		}
		if err := l.take(t, s); err != nil {
			return l, fmt.Errorf("%q: %w", file, err)
		}
	}
	if l.build == nil {
		if len(why) == 0 {
			why = []string{"there is none"}
		}
		return l, fmt.Errorf("nothing to learn from %q: no provenance of it that the trust file believes: %s", path, strings.Join(slices.Compact(why), "; "))
	}
	return l, nil
}

// A signed is a statement, and which principals of the trust file signed it.
type signed struct {
	statement *provenance.Statement
	by        []string
}

// believed are the statements that somebody whom t knows has signed. The same
// statement, signed apart, is one.
func believed(ctx context.Context, t *verify.Trust, bundles []*sign.Bundle, at time.Time, why *[]string) []signed {
	byID := map[provenance.Digest]int{}
	var out []signed
	for _, b := range bundles {
		a, err := verify.Authenticate(ctx, t, b, at)
		if err != nil {
			*why = append(*why, err.Error())
			continue
		}
		if a.PayloadType != provenance.PayloadType {
			continue
		}
		s, err := provenance.Parse(a.Payload)
		if err != nil {
			*why = append(*why, err.Error())
			continue
		}
		i, known := byID[a.ID]
		if !known {
			i = len(out)
			byID[a.ID] = i
			out = append(out, signed{statement: s})
		}
		for _, who := range a.Signatories {
			out[i].by = append(out[i].by, who.Principal)
		}
	}
	for i := range out {
		slices.Sort(out[i].by)
		out[i].by = slices.Compact(out[i].by)
	}
	return out
}

// take adds what a statement about the artifact says.
func (l *lesson) take(t *verify.Trust, s signed) error {
	switch s.statement.PredicateType {
	case release.ApprovalType: // for one release: the next one has its own
		return nil
	case provenance.SLSAProvenanceV02: // counts only where a policy lists it, and nothing here writes it
		return nil
	case provenance.SLSAProvenanceV1:
		if !slices.ContainsFunc(s.by, func(name string) bool { return len(t.Principals[name].Builders) > 0 }) {
			return nil // nobody who may vouch for a build
		}
		b, err := provenance.ParseBuild(s.statement)
		if err != nil {
			return err
		}
		if l.build != nil && len(provenance.Diff(l.build, b)) > 0 {
			return errors.New("it holds several provenances that differ: leave the one to learn from")
		}
		l.build, l.signedBy = b, s.by
	default:
		l.attestations[s.statement.PredicateType] = s.by
	}
	return nil
}

// learn finds what the lessons have in common.
func learn(lessons []lesson) (*verify.Policy, error) {
	first := lessons[0]
	p := &verify.Policy{Version: 1, Examine: verify.ExamineRule{Mode: verify.ExamineRequired}}
	r := &p.Provenance
	r.BuildType = first.build.BuildDefinition.BuildType
	r.Level = 3
	var signers [][]string
	for _, l := range lessons {
		if got := l.build.BuildDefinition.BuildType; got != r.BuildType {
			return nil, fmt.Errorf("%q and %q are built in different ways (%q and %q): learn a policy for each", first.path, l.path, r.BuildType, got)
		}
		signers = append(signers, l.signedBy)
	}
	r.SignedBy = quorum(signers)
	read, err := learnSource(r, lessons)
	if err != nil {
		return nil, err
	}
	r.Parameters = learnParameters(lessons, read)
	for _, kind := range slices.Sorted(maps.Keys(first.attestations)) {
		signers = nil
		for _, l := range lessons {
			if by, has := l.attestations[kind]; has {
				signers = append(signers, by)
			}
		}
		if len(signers) == len(lessons) {
			p.Attestations = append(p.Attestations, verify.AttestationRule{Type: kind, SignedBy: quorum(signers)})
		}
	}
	return p, nil
}

// quorum is the tightest one that each group of signers is: all who are in
// every group, or if nobody is, any one of them.
func quorum(groups [][]string) verify.Quorum {
	var common, all []string
	for _, name := range groups[0] {
		if !slices.ContainsFunc(groups, func(g []string) bool { return !slices.Contains(g, name) }) {
			common = append(common, name)
		}
	}
	if len(common) > 0 {
		return verify.Quorum{AtLeast: len(common), Of: common}
	}
	for _, g := range groups {
		all = append(all, g...)
	}
	slices.Sort(all)
	return verify.Quorum{AtLeast: 1, Of: slices.Compact(all)}
}

// sourcePointers are where the build types that are known hold their source,
// as their documents say.
var sourcePointers = map[string][]string{
	capture.GoBuildType:      {"/source/repository", "/source/ref", "/source/dirty"},
	capture.CommandBuildType: {"/source/repository", "/source/ref", "/source/dirty"},
	"https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1": {"/workflow/repository", "/workflow/ref"},
	"https://actions.github.io/buildtypes/workflow/v1":                       {"/workflow/repository", "/workflow/ref"},
}

// learnSource learns where it was built from, and returns the parameters that
// say so. What is known of no source is "any".
func learnSource(r *verify.ProvenanceRule, lessons []lesson) ([]string, error) {
	pointers := sourcePointers[r.BuildType]
	if pointers == nil {
		r.Source.Any = true
		return nil, nil
	}
	var refs []string
	for i, l := range lessons {
		leaves := leavesOf(l.build)
		repo, _ := leaves[pointers[0]].(string)
		ref, _ := leaves[pointers[1]].(string)
		switch {
		case i > 0 && repo != r.Source.Repository:
			return nil, fmt.Errorf("%q and %q are built from different repositories (%q and %q): learn a policy for each", lessons[0].path, l.path, r.Source.Repository, repo)
		case i == 0:
			r.Source.Repository = repo
		}
		refs = append(refs, ref)
		if len(pointers) > 2 && leaves[pointers[2]] == true {
			r.Source.Dirty = true
		}
	}
	switch ref := refPattern(refs); {
	case r.Source.Repository == "" && ref == "any":
		r.Source = verify.SourceRule{Any: true}
	case r.Source.Repository == "":
		r.Source.Repository, r.Source.Ref = "any", ref
	default:
		r.Source.Ref = ref
	}
	return pointers, nil
}

// refPattern is the one ref, or what stands for all of them: v1.0.0 and v1.2.0
// make v1.*. Without a common beginning, or where a ref is missing, it is "any".
func refPattern(refs []string) string {
	common := refs[0]
	for _, ref := range refs {
		if ref == "" {
			return "any"
		}
		for !strings.HasPrefix(ref, common) {
			common = common[:len(common)-1]
		}
	}
	if !slices.ContainsFunc(refs, func(ref string) bool { return ref != common }) {
		return common
	}
	slash := strings.LastIndexByte(common, '/') + 1
	if strings.Count(common[:slash], "/") < 2 || slices.ContainsFunc(refs, func(ref string) bool { return strings.Contains(ref[slash:], "/") }) {
		return "any" // refs/tags/… and refs/heads/…: no pattern reaches over a slash
	}
	// Back to a separator, so that v1.10 and v1.11 do not make v1.1*, which is
	// neither more nor less than chance.
	if i := strings.LastIndexAny(common[slash:], ".-_+"); i >= 0 {
		common = common[:slash+i+1]
	}
	return common + "*"
}

// learnParameters learns what each external parameter was. One that some
// builds have and others have not is "any".
func learnParameters(lessons []lesson, source []string) map[string]verify.Matcher {
	values, seen := map[string][]any{}, map[string]int{}
	for _, l := range lessons {
		for pointer, v := range leavesOf(l.build) {
			if slices.Contains(source, pointer) {
				continue
			}
			seen[pointer]++
			if !slices.ContainsFunc(values[pointer], func(w any) bool { return reflect.DeepEqual(v, w) }) {
				values[pointer] = append(values[pointer], v)
			}
		}
	}
	out := map[string]verify.Matcher{}
	for pointer, list := range values {
		switch {
		case seen[pointer] < len(lessons):
			out[pointer] = verify.Matcher{Any: true}
		case len(list) == 1:
			out[pointer] = verify.Matcher{Exact: list[0]}
		default:
			out[pointer] = verify.Matcher{OneOf: list}
		}
	}
	return out
}

// leavesOf lists the external parameters by JSON pointer. Lists are whole.
func leavesOf(b *provenance.Build) map[string]any {
	out := map[string]any{}
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case nil:
		case map[string]any:
			for name, member := range v {
				walk(at+"/"+escape.Replace(name), member)
			}
		default:
			out[at] = v
		}
	}
	walk("", b.BuildDefinition.ExternalParameters)
	return out
}

// optionalFacts may be absent from a Go binary, so a policy wants them only if
// every artifact has them.
var optionalFacts = []string{"vcs.revision", "vcs.modified", "tags", "ldflags", "cgo", "trimpath", "sbom"}

// tighten finds the highest level, the strictest examination and all facts that
// the artifacts still meet. The error says why they meet nothing.
func tighten(p *verify.Policy, meets func(*verify.Policy) error) error {
	err := meets(p)
	for ; err != nil && p.Provenance.Level > 1 && failsWith(err, verify.CodeLevel); err = meets(p) {
		p.Provenance.Level--
	}
	if err != nil { // an artifact that is no Go binary, or one that says too little
		p.Examine.Mode = verify.ExamineIfApplicable
		if err = meets(p); err != nil {
			return err
		}
	}
	if p.Examine.Mode == verify.ExamineIfApplicable {
		return nil
	}
	for _, fact := range optionalFacts {
		p.Examine.Facts = append(p.Examine.Facts, fact)
		if meets(p) != nil {
			p.Examine.Facts = p.Examine.Facts[:len(p.Examine.Facts)-1]
		}
	}
	return meets(p)
}

// failsWith reports whether a refusal has this code among its reasons.
func failsWith(err error, code verify.Code) bool {
	var no *verify.Error
	return errors.As(err, &no) && slices.ContainsFunc(no.Verdict.Failed(), func(f verify.Finding) bool { return f.Code == code })
}

// meetsAll verifies all artifacts by p.
func meetsAll(ctx context.Context, t *verify.Trust, p *verify.Policy, lessons []lesson, at time.Time) error {
	v, err := newVerifier(t, p)
	if err != nil {
		return err
	}
	for _, l := range lessons {
		if _, err := v.Verify(ctx, verify.Request{Artifact: verify.File(l.path), At: at, Evidence: l.evidence}); err != nil {
			return fmt.Errorf("no policy is met by this evidence: %w", err)
		}
	}
	return nil
}

// policyName makes a name of an artifact's.
func policyName(path string) string {
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9._@+-]+`).ReplaceAllString(filepath.Base(filepath.Clean(path)), "-"), "-._@+")
	if name == "" || name == "any" {
		return "learned"
	}
	return name[:min(len(name), 128)]
}
