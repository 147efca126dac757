package verify

import (
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// A sourceReader finds, in a build of one type, what it was built from.
type sourceReader func(*provenance.Build) source

// A source is what provenance says a build was made from.
type source struct {
	repository, ref string
	saysDirty       bool     // the build type has a place for it
	dirty           any      // true, false, or nil if it is not said
	pointers        []string // the external parameters that say so, which count as named
}

// The build types of package capture.
const (
	goBuildType      = "https://github.com/touchmark-go/touchmark/build-types/go-build/v1"
	commandBuildType = "https://github.com/touchmark-go/touchmark/build-types/command/v1"
)

// sourceReaders holds what the documents of the build types say. A build type
// that is not here has its source named among the parameters.
var sourceReaders = map[string]sourceReader{
	goBuildType:      readSource("/source/repository", "/source/ref", "/source/dirty"),
	commandBuildType: readSource("/source/repository", "/source/ref", "/source/dirty"),
	// One form under two names: https://slsa.dev/provenance's own document of
	// GitHub Actions, and the one that GitHub's attest actions write.
	"https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1": readSource("/workflow/repository", "/workflow/ref", ""),
	"https://actions.github.io/buildtypes/workflow/v1":                       readSource("/workflow/repository", "/workflow/ref", ""),
}

func readSource(repository, ref, dirty string) sourceReader {
	return func(b *provenance.Build) source {
		params := any(b.BuildDefinition.ExternalParameters)
		text := func(pointer string) string {
			v, _ := lookup(params, pointer)
			s, _ := v.(string)
			return s
		}
		s := source{repository: text(repository), ref: text(ref), pointers: []string{repository, ref}}
		if dirty != "" {
			s.saysDirty = true
			s.dirty, _ = lookup(params, dirty)
			s.pointers = append(s.pointers, dirty)
		}
		return s
	}
}

// commits are the commits that provenance says its source resolved to: those
// of the resolved dependencies in the source's repository.
func (s source) commits(b *provenance.Build) []string {
	repo, err := repository(s.repository)
	var out []string
	for _, dep := range b.BuildDefinition.ResolvedDependencies {
		if d, ok := dep.Digest.Get(provenance.GitCommit); ok && dep.URI == "" && dep.Name == "source" && s.repository == "" {
			out = append(out, d.Hex()) // a repository without a remote has no URI
			continue
		}
		got, ref, ok := repositoryAt(dep.URI)
		if !ok || err == nil && got != repo || ref != "" && s.ref != "" && ref != s.ref {
			continue
		}
		if d, ok := dep.Digest.Get(provenance.GitCommit); ok {
			out = append(out, d.Hex())
		}
	}
	return out
}

// checkSource holds what it was built from against the policy.
func (d *deciding) checkSource(t *trial, r *ProvenanceRule) sourceReader {
	const rule = "/provenance/source"
	read := sourceReaders[t.build.BuildDefinition.BuildType]
	if r.Source.Any {
		t.waive(CodeSource, rule, "any")
		return read
	}
	if read == nil {
		t.fail(Finding{Code: CodeSource, Rule: rule, Message: "where this build type holds its source is not known", Want: r.Source.Repository, Got: "build type " + t.build.BuildDefinition.BuildType})
		return nil
	}
	s := read(t.build)
	got, err := repository(s.repository)
	switch commits := s.commits(t.build); {
	case r.Source.Repository != "any" && err != nil:
		f := Finding{Code: CodeSource, Rule: rule + "/repository", Message: "the source is no repository's URL in its one spelling", Want: r.Source.Repository, Got: ascii(s.repository)}
		if s.repository == "" {
			f.Message = "provenance does not say which repository it was built from"
		}
		t.fail(f)
	case r.Source.Repository != "any" && got != r.Source.Repository:
		t.fail(Finding{Code: CodeSource, Rule: rule + "/repository", Message: "built from another repository than the policy allows", Want: r.Source.Repository, Got: ascii(got)})
	case len(commits) != 1:
		t.fail(Finding{Code: CodeSource, Rule: rule, Message: "provenance does not pin one commit of its source", Want: "one gitCommit of " + s.repository, Got: strings.Join(commits, ", ")})
	case s.saysDirty && s.dirty != false && !r.Source.Dirty:
		f := Finding{Code: CodeSource, Rule: rule + "/dirty", Message: "built from a checkout with uncommitted changes", Want: "a clean checkout", Got: "dirty"}
		if s.dirty == nil {
			f.Message, f.Got = "provenance does not say whether the checkout was clean", ""
		}
		t.fail(f)
	case r.Source.Repository == "any":
		t.waive(CodeSource, rule+"/repository", "any")
	default:
		t.pass(CodeSource, rule)
	}
	switch {
	case r.Source.Ref == "any":
		t.waive(CodeRef, rule+"/ref", "any")
	case matchRef(r.Source.Ref, s.ref):
		t.pass(CodeRef, rule+"/ref")
	default:
		t.fail(Finding{Code: CodeRef, Rule: rule + "/ref", Message: "built from another ref than the policy allows", Want: r.Source.Ref, Got: ascii(s.ref)})
	}
	return read
}
