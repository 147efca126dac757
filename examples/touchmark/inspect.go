package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

func newInspect() *cobra.Command {
	var open opening
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "what is this file, who claims to have signed it, what does it say",
		Long: `inspect says what a file is, who claims to have signed it, and what it says: bundles of evidence,
statements, SBOMs, trust files, policies, keys, capsules, Go programs.

Nothing is checked, and nothing of it is to be relied on: whoever wrote the file chose every word.
touchmark verify checks.

With --open and --salt it checks one value that a build committed to (touchmark build --commit) and
that somebody is shown: exit status 0 if it is the one, 1 if it is not.`,
		Example: `  touchmark inspect dist/app.intoto.jsonl
  touchmark inspect dist/app
  touchmark inspect --salt app.salt --open DEPLOY_KEY dist/app.intoto.jsonl`,
		Args: exactly("FILE"),
		RunE: does(func(cmd *cobra.Command, args []string) error {
			if open != (opening{}) {
				return open.run(cmd, args[0])
			}
			var b bytes.Buffer
			if err := inspect(&b, args[0]); err != nil {
				return err
			}
			return emit(cmd, "", b.Bytes())
		}),
	}
	open.flag(c)
	return c
}

const unchecked = "Nothing below has been checked: it is what the file says. To check it: touchmark verify"

// inspect describes the file at path.
func inspect(w *bytes.Buffer, path string) error {
	f, err := safefs.Open(path)
	if err != nil {
		return readError("inspect", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return readError("inspect", path, err)
	}
	head := make([]byte, 4096)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return readError("inspect", path, err)
	}
	head = bytes.TrimLeft(head[:n], " \t\r\n")
	fmt.Fprintf(w, "%s: ", show(path))
	switch {
	case bytes.HasPrefix(head, []byte("{")):
		return inspectJSON(w, path)
	case bytes.HasPrefix(head, []byte("-----BEGIN ")):
		return inspectPEM(w, path)
	case bytes.HasPrefix(head, []byte("manifest.json\x00")):
		return inspectCapsule(w, path)
	}
	bom, err := sbom.FromBinary(f)
	if err == nil {
		fmt.Fprintf(w, "a Go program\n%s\n\n", unchecked)
		w.Write(bomTable(bom))
		return nil
	}
	fmt.Fprintf(w, "%d bytes, nothing that touchmark knows: neither JSON, nor a key, nor a Go program\n", info.Size())
	return nil
}

// inspectJSON tells the kinds of JSON apart by their members.
func inspectJSON(w *bytes.Buffer, path string) error {
	data, err := readFile("inspect", path, maxBOM)
	if err != nil {
		return err
	}
	var kind struct {
		Type      string `json:"_type"`
		BOMFormat string `json:"bomFormat"`
		Schema    string `json:"schema"`
	}
	if json.Unmarshal(data, &kind) != nil { // several lines, or no JSON: what can be read of it says so
		kind.Type, kind.BOMFormat, kind.Schema = "", "", ""
	}
	switch {
	case kind.Schema == verify.TrustSchema:
		t, err := verify.ParseTrust(data)
		if err != nil {
			return fmt.Errorf("%q is a trust file that cannot be used: %w", path, err)
		}
		fmt.Fprintf(w, "a trust file\n%s\n\n", "Whether it is the one to use, nobody has checked.")
		tellTrust(w, t, time.Time{})
		return nil
	case kind.Schema == verify.PolicySchema:
		p, err := verify.ParsePolicy(data)
		if err != nil {
			return fmt.Errorf("%q is a policy that cannot be used: %w", path, err)
		}
		fmt.Fprintf(w, "a policy\n%s\n\n", "Whether it is the one to use, nobody has checked.")
		tellPolicy(w, p)
		return nil
	case kind.Schema == verify.VerdictSchema:
		fmt.Fprintf(w, "a verdict, as touchmark verify --format json prints it; unsigned, so it proves nothing\n")
		return nil
	case kind.BOMFormat != "":
		bom, err := sbom.Parse(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%q is an SBOM that cannot be read: %w", path, err)
		}
		fmt.Fprintf(w, "an SBOM, CycloneDX %s, unsigned\n%s\n\n", show(bom.SpecVersion.String()), unchecked)
		w.Write(bomTable(bom))
		return nil
	case kind.Type != "":
		s, err := provenance.Parse(data)
		if err != nil {
			return fmt.Errorf("%q is a statement that cannot be read: %w", path, err)
		}
		fmt.Fprintf(w, "an in-toto statement, unsigned: nobody vouches for it\n%s\n\n", unchecked)
		tellStatement(w, "", s)
		return nil
	}
	bundles, err := sign.Read(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	if len(bundles) == 1 && bundles[0].Err != nil {
		return fmt.Errorf("%q is nothing that touchmark knows: %w", path, bundles[0].Err)
	}
	fmt.Fprintf(w, "%s of evidence\n%s\n", plural(len(bundles), "bundle", "bundles"), unchecked)
	for i, b := range bundles {
		fmt.Fprintf(w, "\n%d  ", i+1)
		tellBundle(w, b)
	}
	return nil
}

// tellBundle says what one bundle claims.
func tellBundle(w *bytes.Buffer, b *sign.Bundle) {
	if b.Err != nil {
		fmt.Fprintf(w, "cannot be read: %s\n", show(b.Err.Error()))
		return
	}
	fmt.Fprintf(w, "%s of %s, id %s\n", map[sign.Format]string{sign.DSSE: "DSSE envelope", sign.Sigstore: "Sigstore bundle"}[b.Format], show(b.PayloadType), short(b.ID().Hex()))
	for _, s := range b.Signatures {
		who := "a key that is not named"
		if s.KeyID != "" {
			who = "key " + show(s.KeyID)
		}
		if len(s.Chain) > 0 {
			who = certified(s.Chain[0])
		}
		fmt.Fprintf(w, "   claims   to be signed by %s", who)
		if n := len(s.Timestamps); n > 0 {
			fmt.Fprintf(w, ", %s", plural(n, "timestamp", "timestamps"))
		}
		if n := len(s.LogEntries); n > 0 {
			fmt.Fprintf(w, ", %s", plural(n, "log entry", "log entries"))
		}
		w.WriteByte('\n')
	}
	if len(b.Signatures) == 0 {
		w.WriteString("   claims   nothing: there is no signature\n")
	}
	if b.PayloadType != provenance.PayloadType {
		fmt.Fprintf(w, "   payload  %d bytes\n", len(b.UnverifiedPayload()))
		return
	}
	s, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil {
		fmt.Fprintf(w, "   payload  is no statement: %s\n", show(err.Error()))
		return
	}
	tellStatement(w, "   ", s)
}

// certified is whom a certificate names.
func certified(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return "a certificate that cannot be read"
	}
	names := slices.Concat(c.EmailAddresses, c.DNSNames)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.String()}
	}
	return fmt.Sprintf("%s (certificate by %s)", showAll(names), show(c.Issuer.String()))
}

// tellStatement says what a statement claims.
func tellStatement(w *bytes.Buffer, indent string, s *provenance.Statement) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s%-8s %s\n", indent, name, fmt.Sprintf(format, args...))
	}
	line("says", "%s", show(s.PredicateType))
	const most = 10
	for i, subject := range s.Subject {
		if i == most {
			line("about", "%d more", len(s.Subject)-most)
			break
		}
		digests := subject.Digest.Digests()
		text := "(no digest that is known)"
		if len(digests) > 0 {
			text = digests[0].String()
		}
		line("about", "%s", strings.TrimSpace(show(subject.Name+subject.URI)+"  "+text))
	}
	switch s.PredicateType {
	case provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02, provenance.SLSAProvenanceV01:
		b, err := provenance.ParseBuild(s)
		if err != nil {
			line("build", "cannot be read: %s", show(err.Error()))
			return
		}
		tellBuild(line, b)
	case sbom.PredicateType:
		bom, err := sbom.Parse(bytes.NewReader(s.Predicate))
		if err != nil {
			line("inside", "cannot be read: %s", show(err.Error()))
			return
		}
		tellBOM(line, bom)
	case release.ApprovalType:
		a, err := release.ParseApproval(s)
		if err != nil {
			line("approves", "cannot be read: %s", show(err.Error()))
			return
		}
		from := "anywhere"
		if a.From != "" {
			from = a.From
		}
		line("approves", "from %s to %s until %s, under policy %s", show(from), show(a.To), date(a.Expires), a.Policy)
		if a.Reason != "" {
			line("reason", "%s", show(a.Reason))
		}
	default:
		tellPredicate(line, s.Predicate)
	}
}

func tellBuild(line func(name, format string, args ...any), b *provenance.Build) {
	d := b.BuildDefinition
	line("builder", "%s", show(b.RunDetails.Builder.ID))
	line("by", "%s", show(d.BuildType))
	for _, name := range slices.Sorted(maps.Keys(d.ExternalParameters)) {
		line("asked", "%s = %s", show(name), showJSON(d.ExternalParameters[name]))
	}
	modules := 0
	for _, dep := range d.ResolvedDependencies {
		if strings.HasPrefix(dep.URI, "pkg:golang/") {
			modules++
			continue
		}
		digest := ""
		for _, d := range dep.Digest.Digests() {
			digest = d.String()
			break
		}
		name := dep.Name
		if dep.URI != "" {
			name = dep.URI
		}
		line("from", "%s  %s", show(name), digest)
	}
	if modules > 0 {
		line("from", "%s", plural(modules, "Go module", "Go modules"))
	}
	if id := b.RunDetails.Metadata.InvocationID; id != "" {
		line("run", "%s", show(id))
	}
	for _, p := range b.RunDetails.Byproducts[:min(len(b.RunDetails.Byproducts), 10)] {
		line("see", "%s  %s", show(orUnknown(p.Name)), show(p.URI))
	}
	if m := b.RunDetails.Metadata; !m.StartedOn.IsZero() {
		line("when", "%s to %s", date(m.StartedOn), date(m.FinishedOn))
	}
}

func tellBOM(line func(name, format string, args ...any), bom *cdx.BOM) {
	name := "(nothing named)"
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		c := bom.Metadata.Component
		name = strings.TrimSpace(c.Name + " " + c.Version)
	}
	line("inside", "CycloneDX %s of %s: %s", show(bom.SpecVersion.String()), show(name), plural(len(components(bom)), "component", "components"))
}

// tellPredicate lists the members of a predicate that is not known.
func tellPredicate(line func(name, format string, args ...any), predicate json.RawMessage) {
	var members map[string]any
	if json.Unmarshal(predicate, &members) != nil {
		return
	}
	const most = 20
	for i, name := range slices.Sorted(maps.Keys(members)) {
		if i == most {
			line("predicate", "%d more members", len(members)-most)
			break
		}
		line("predicate", "%s = %s", show(name), showJSON(members[name]))
	}
}

func showJSON(v any) string {
	if s, ok := v.(string); ok {
		return show(s)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return "(no JSON)"
	}
	return show(strings.TrimSpace(b.String()))
}

// inspectPEM describes a key. A private one is not read further than its name.
func inspectPEM(w *bytes.Buffer, path string) error {
	data, err := readFile("inspect", path, maxKey)
	if err != nil {
		return err
	}
	defer clear(data)
	block, _ := pem.Decode(data)
	switch {
	case block == nil:
		return fmt.Errorf("%q begins like PEM, and is none", path)
	case strings.Contains(block.Type, "PRIVATE KEY"):
		how := "NOT encrypted: whoever can read this file can sign with it"
		if strings.HasPrefix(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			how = "encrypted with a passphrase"
		}
		fmt.Fprintf(w, "a private key, %s\n", how)
	case block.Type == "PUBLIC KEY":
		pub, err := keys.ParsePublic(data)
		if err != nil {
			return fmt.Errorf("%q is a public key that cannot be used: %w", path, err)
		}
		id, err := keys.ID(pub)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "a public key (%s)\nkey ID %s\nWhose it is, the file does not say: ask its owner for the ID.\n", keyKind(pub), id)
	default:
		fmt.Fprintf(w, "PEM of type %s, nothing that touchmark uses\n", show(block.Type))
	}
	return nil
}
