package capture

import (
	"io"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// An outputKind is what an output is, as far as its first bytes and its members say.
type outputKind struct {
	mediaType string
	uri       string // package URL, of a package that names itself
}

// The media types of what people ship besides programs and images.
const (
	mediaZip   = "application/zip"
	mediaTar   = "application/x-tar"
	mediaGzip  = "application/gzip"
	mediaHelm  = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	mediaOVA   = "application/ovf"
	mediaQCOW2 = "application/x-qemu-disk"
)

// maxManifest is how many bytes of a package's own description are read.
const maxManifest = 1 << 20

// diskKind is the kind of a file that is no archive, by its first bytes.
func diskKind(start []byte) outputKind {
	if string(start) == "QFI\xfb" {
		return outputKind{mediaType: mediaQCOW2}
	}
	return outputKind{}
}

// describes reports whether the member of that name says what the archive is.
func (a *archive) describes(name string) bool {
	dir, base := path.Split(name)
	return a.compressed && (name == "package/package.json" || base == "Chart.yaml" && strings.Count(dir, "/") == 1)
}

// describe reads such a member.
func (a *archive) describe(name string, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err != nil {
		return err
	}
	if path.Base(name) == "Chart.yaml" {
		a.kind.mediaType = mediaHelm
		return nil
	}
	var p struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if strictjson.Unmarshal(data, &p) == nil {
		a.kind.uri = npmURI(p.Name, p.Version)
	}
	return nil
}

// npmURI is the package URL of an npm package, "" if its name or version is none.
func npmURI(name, version string) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-._~"
	scope, rest, scoped := strings.Cut(name, "/")
	if scoped {
		if scope == "@" || !strings.HasPrefix(scope, "@") || strings.Trim(scope[1:], letters) != "" {
			return ""
		}
		scope, name = "%40"+scope[1:]+"/", rest
	} else {
		scope = ""
	}
	if name == "" || version == "" || strings.Trim(name, letters) != "" || strings.Trim(version, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+") != "" {
		return ""
	}
	return "pkg:npm/" + scope + name + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// mark writes down what the output is.
func (k outputKind) mark(r *provenance.ResourceDescriptor) {
	if r.MediaType == "" {
		r.MediaType = k.mediaType
	}
	if r.URI == "" {
		r.URI = k.uri
	}
}
