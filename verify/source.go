package verify

import (
	"slices"
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
	// SLSA's generators for GitHub, and npm. In SLSA v0.2 the configSource is read
	// as the parameter "source".
	"https://github.com/slsa-framework/slsa-github-generator/generic@v1":           readSourceURI,
	"https://github.com/slsa-framework/slsa-github-generator/go@v1":                readSourceURI,
	"https://github.com/slsa-framework/slsa-github-generator/container@v1":         readSourceURI,
	"https://github.com/slsa-framework/slsa-github-generator/delegator-generic@v0": readSourceURI,
	"https://slsa.dev/container-based-build/v0.1?draft":                            readSourceURI,
	"https://github.com/npm/cli/gha/v2":                                            readSourceURI,
}

// readSourceURI reads a source that is one URI, git+https://HOST/PATH@REF: the
// parameter itself, or its member. Some of those builders write it among the
// resolved dependencies only, as the first repository there.
func readSourceURI(b *provenance.Build) source {
	params := any(b.BuildDefinition.ExternalParameters)
	v, found := lookup(params, "/source")
	uri, isText := v.(string)
	if found && !isText {
		v, _ = lookup(params, "/source/uri")
		uri, _ = v.(string)
	}
	var s source
	if found {
		s.pointers = []string{"/source"}
	} else {
		for _, dep := range b.BuildDefinition.ResolvedDependencies {
			if strings.HasPrefix(dep.URI, "git+") {
				uri = dep.URI
				break
			}
		}
	}
	s.repository, s.ref, _ = cutRef(strings.TrimPrefix(uri, "git+"))
	return s
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
		if d, ok := commitOf(dep); ok && !slices.Contains(out, d.Hex()) {
			out = append(out, d.Hex())
		}
	}
	return out
}

// commitOf is the commit that a repository among the dependencies resolved to.
// SLSA v0.2 and its generators call a git commit sha1.
func commitOf(dep provenance.ResourceDescriptor) (provenance.Digest, bool) {
	if d, ok := dep.Digest.Get(provenance.GitCommit); ok {
		return d, true
	}
	return dep.Digest.Get("sha1")
}

// checkCertified holds the provenance against what the certificate of its signer
// says was built: whoever writes provenance cannot choose what the build system
// told the certificate authority.
func (d *deciding) checkCertified(t *trial) {
	const rule = "/provenance/source"
	read := sourceReaders[t.build.BuildDefinition.BuildType]
	for _, name := range t.counted {
		c := t.unit.signatories[name].Source
		if c == (CertifiedSource{}) {
			continue
		}
		bad := func(what, want, got string) {
			t.fail(Finding{Code: CodeSource, Rule: rule, Message: "provenance names another " + what + " than its signer's certificate", Want: ascii(want), Got: ascii(got),
				Remedy: "do not run it: one of the two lies; find out how it was signed"})
		}
		certified, err := repository(c.Repository)
		if err != nil && c.Repository != "" {
			bad("repository", c.Repository, "a certificate whose repository is no URL in its one spelling")
			continue
		}
		var commits []string
		if read != nil {
			s := read(t.build)
			commits = s.commits(t.build)
			if said, err := repository(s.repository); s.repository != "" && certified != "" && (err != nil || said != certified) {
				bad("repository", certified, s.repository)
				continue
			}
			if s.ref != "" && c.Ref != "" && s.ref != c.Ref {
				bad("ref", c.Ref, s.ref)
				continue
			}
		} else {
			for _, dep := range t.build.BuildDefinition.ResolvedDependencies {
				if repo, _, ok := repositoryAt(dep.URI); ok && repo == certified {
					if d, ok := commitOf(dep); ok {
						commits = append(commits, d.Hex())
					}
				}
			}
		}
		if c.Commit != "" && len(commits) > 0 && !slices.Contains(commits, c.Commit) {
			bad("commit", c.Commit, strings.Join(commits, ", "))
			continue
		}
		t.pass(CodeSource, rule)
	}
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
