package learn

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
)

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
func sourcePointers(buildType string) []string {
	return map[string][]string{
		"https://github.com/touchmark-go/touchmark/build-types/go-build/v1":      {"/source/repository", "/source/ref", "/source/dirty"},
		"https://github.com/touchmark-go/touchmark/build-types/command/v1":       {"/source/repository", "/source/ref", "/source/dirty"},
		"https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1": {"/workflow/repository", "/workflow/ref"},
		"https://actions.github.io/buildtypes/workflow/v1":                       {"/workflow/repository", "/workflow/ref"},
	}[buildType]
}

// learnSource learns where it was built from, and returns the parameters that
// say so. What is known of no source is "any".
func learnSource(r *verify.ProvenanceRule, lessons []*studied) ([]string, error) {
	pointers := sourcePointers(r.BuildType)
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
			return nil, fmt.Errorf("%q and %q are built from different repositories (%q and %q): learn a policy for each", lessons[0].Name, l.Name, r.Source.Repository, repo)
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
func learnParameters(lessons []*studied, source []string) map[string]verify.Matcher {
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
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case nil:
		case map[string]any:
			for name, member := range v {
				walk(at+"/"+strictjson.EscapePointer(name), member)
			}
		default:
			out[at] = v
		}
	}
	walk("", b.BuildDefinition.ExternalParameters)
	return out
}
