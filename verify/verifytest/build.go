package verifytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// maxParameters is how many values of the external parameters are changed, each
// in a variant of its own.
const maxParameters = 64

// provenance makes it provenance of another build.
func (m *maker) provenance(p *piece, change changer) {
	if p.build.From != provenance.SLSAProvenanceV1 {
		return // SLSA v0.2 has other members; what does not hang on them was made already
	}
	id, ref, ok := strings.Cut(p.build.RunDetails.Builder.ID, "@")
	for _, l := range lookalikeURLs(id) {
		if ok {
			l.text += "@" + ref
		}
		change("33", "builder-"+l.name, "by a builder whose id is "+l.what, func(s object) { at(s, "runDetails", "builder")["id"] = l.text })
	}
	if ok {
		change("33", "builder-branch", "by the right builder at another ref than "+ref, func(s object) { at(s, "runDetails", "builder")["id"] = id + "@refs/heads/evil" })
		change("33", "builder-no-ref", "by the right builder at no ref", func(s object) { at(s, "runDetails", "builder")["id"] = id })
	}
	change("D3", "build-type", "of another build type", func(s object) {
		at(s, "buildDefinition")["buildType"] = p.build.BuildDefinition.BuildType + ".1"
	})
	change("D4", "parameter-more", "a parameter more", func(s object) { at(s, "buildDefinition", "externalParameters")["evil"] = "1" })
	change("64", "time-offset", "its time in another spelling", func(s object) {
		metadata, _ := at(s, "runDetails")["metadata"].(object)
		if metadata == nil {
			metadata = object{}
			at(s, "runDetails")["metadata"] = metadata
		}
		metadata["finishedOn"] = strings.TrimSuffix(m.good.At.Add(-time.Hour).UTC().Format(time.RFC3339), "Z") + "+00:00"
	})
	m.source(p, change)
	m.parameters(p, change)
}

// at is the object at a path below the predicate, made where there is none.
func at(s object, path ...string) object {
	o, _ := s["predicate"].(object)
	for _, name := range path {
		next, ok := o[name].(object)
		if !ok {
			next = object{}
			o[name] = next
		}
		o = next
	}
	return o
}

// sourceOf is the repository and the ref that a build resolved to a commit.
func sourceOf(b *provenance.Build) (repository, ref string) {
	for _, d := range b.BuildDefinition.ResolvedDependencies {
		if _, ok := d.Digest.Get(provenance.GitCommit); ok {
			uri := strings.TrimPrefix(d.URI, "git+")
			if i := strings.LastIndex(uri, "@"); i > 0 {
				return uri[:i], uri[i+1:]
			}
			return uri, ""
		}
	}
	return "", ""
}

// source says that it was built from elsewhere, everywhere where it says so.
func (m *maker) source(p *piece, change changer) {
	repository, ref := sourceOf(p.build)
	swap := func(row, name, what string, old, to string) {
		change(row, name, what, func(s object) {
			predicate, _ := s["predicate"].(object)
			predicate["buildDefinition"] = replaced(predicate["buildDefinition"], old, to)
		})
	}
	if repository != "" {
		for _, l := range append(lookalikeURLs(repository), lookalike{"git-suffix", "the right one with .git behind", repository + ".git"}) {
			swap("34", "source-"+l.name, "built from a repository that is "+l.what, repository, l.text)
		}
		swap("D1", "source-fork", "built from a fork", repository, fork(repository))
	}
	short := ref[strings.LastIndex(ref, "/")+1:]
	for _, r := range []struct{ row, name, what, text string }{
		{"D2", "branch", "from another branch", "refs/heads/evil"},
		{"35", "tag-for-branch", "from a branch of the tag's name, or a tag of the branch's", map[bool]string{true: "refs/heads/", false: "refs/tags/"}[strings.HasPrefix(ref, "refs/tags/")] + short},
		{"35", "ref-short", "from a ref that is not written in full", short},
		{"35", "ref-pull", "from a change that somebody proposed", "refs/pull/1/merge"},
		{"35", "ref-below", "from a ref below the right one", ref + "/evil"},
		{"35", "ref-letter", "from a ref with a letter of another alphabet", strings.Replace(ref, "e", "\u0435", 1)},
		{"35", "ref-newline", "from the right ref, and a newline", ref + "\n"},
	} {
		if ref != "" && r.text != ref {
			swap(r.row, r.name, "built "+r.what, ref, r.text)
		}
	}
	each := func(s object, f func(d object)) {
		dependencies, _ := at(s, "buildDefinition")["resolvedDependencies"].([]any)
		for _, d := range dependencies {
			if d, ok := d.(object); ok {
				if digest, ok := d["digest"].(object); ok && digest["gitCommit"] != nil {
					f(d)
				}
			}
		}
	}
	if repository == "" {
		return
	}
	change("34", "no-commit", "it does not say from which commit", func(s object) { each(s, func(d object) { d["digest"] = object{"sha256": otherSHA256} }) })
	change("examine", "another-commit", "built from another commit: nothing holds the artifact against it", func(s object) {
		each(s, func(d object) { d["digest"] = object{"gitCommit": otherSHA256[:40]} })
	})
	if source, ok := p.build.BuildDefinition.ExternalParameters["source"].(map[string]any); ok && source["dirty"] == false {
		change("D5", "dirty", "built from a checkout with changes", func(s object) { at(s, "buildDefinition", "externalParameters", "source")["dirty"] = true })
	}
}

// fork is the repository of the same name of somebody else.
func fork(repository string) string {
	i := strings.LastIndex(repository, "/")
	j := strings.LastIndex(repository[:max(i, 0)], "/")
	if j < len("https://") {
		return repository + "-fork"
	}
	return repository[:j+1] + "mallory" + repository[i:]
}

// parameters changes each value of the parameters that says nothing of the source.
func (m *maker) parameters(p *piece, change changer) {
	repository, ref := sourceOf(p.build)
	n := 0
	var walk func(path []string, v any)
	walk = func(path []string, v any) {
		if n++; n > maxParameters {
			return
		}
		var to any
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(append(slices.Clone(path), name), v[name])
			}
			return
		case string:
			if v == repository || v == ref || strings.HasPrefix(v, "git+"+repository) {
				return
			}
			to = v + "-evil"
		case bool:
			to = !v
		case []any:
			to = append(slices.Clone(v), "evil")
		case json.Number, float64:
			to = 666
		default:
			to = "evil"
		}
		if path[0] == "source" && path[len(path)-1] == "dirty" {
			return // source does so
		}
		name := strings.NewReplacer("/", ".", "*", ".", "?", ".", "[", ".", "\\", ".").Replace(strings.Join(path, "."))
		change("D4", "parameter-"+name, fmt.Sprintf("with another value of the parameter %s", strings.Join(path, "/")), func(s object) {
			at(s, append([]string{"buildDefinition", "externalParameters"}, path[:len(path)-1]...)...)[path[len(path)-1]] = to
		})
	}
	walk(nil, map[string]any(p.build.BuildDefinition.ExternalParameters))
}
