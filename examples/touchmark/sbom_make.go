package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
	"github.com/touchmark-go/touchmark/sbom/license"
)

// A bomMaker is what a publisher says, and what is at hand, where an SBOM is made.
type bomMaker struct {
	authors, moduleSuppliers, moduleCPEs []string
	goRelease, sumdb                     string
	manufacturer, supplier               string
	license, dataLicense                 string
	repository, distribution, lifecycle  string
	modules, source                      string
	publisher                            sbom.Publisher
	time                                 time.Time
	moduleCache, goroot, answers, folder string
}

// flags adds the flags of a maker to a command and to those below it.
func (m *bomMaker) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.SortFlags = false
	f.StringVar(&m.source, "source", "", "say who imports whom, from the source in `DIR` that the binary was built from")
	f.StringVar(&m.modules, "modules", "", "add digests, repositories and licences from the module cache in `DIR`; auto is the go command's")
	f.StringVar(&m.sumdb, "sumdb", "", "add the proofs of the checksum database with this `KEY`, as in GOSUMDB, that are in the module cache")
	f.StringArrayVar(&m.authors, "author", nil, "who answers for the document: `'NAME <EMAIL>'`, may come several times")
	f.StringVar(&m.manufacturer, "manufacturer", "", "who made the program: `'NAME <EMAIL or URL>'`")
	f.StringVar(&m.supplier, "supplier", "", "who hands it out: `'NAME <EMAIL or URL>'`")
	f.StringArrayVar(&m.moduleSuppliers, "module-supplier", nil, "who supplies the modules below a path: `'PATH=NAME <EMAIL or URL>'`, may come several times")
	f.StringArrayVar(&m.moduleCPEs, "module-cpe", nil, "what the vulnerability database calls a module: `'PATH=CPE'` with * for the version, may come several times")
	f.StringVar(&m.goRelease, "go-release", "", "the `DIGEST` of the archive that the Go release came in, which becomes that of stdlib")
	f.StringVar(&m.license, "license", "", "the program's licence: an SPDX `EXPRESSION`")
	f.StringVar(&m.dataLicense, "data-license", "", "the document's own licence: an SPDX `EXPRESSION`, most often CC0-1.0")
	f.StringVar(&m.repository, "repository", "", "where the program's source is: `URL`")
	f.StringVar(&m.distribution, "distribution", "", "where the binary is handed out: `URL`")
	f.StringVar(&m.lifecycle, "lifecycle", "", "when the list was made: pre-build, build, post-build or another `PHASE`")
}

// used reports whether something is to be made, and not only read.
func (m *bomMaker) used() bool {
	return len(m.authors)+len(m.moduleSuppliers)+len(m.moduleCPEs) > 0 || m.goRelease+m.manufacturer+m.supplier+m.license+m.dataLicense+m.repository+m.distribution+m.lifecycle+m.modules+m.source+m.sumdb != ""
}

// prepare reads the flags.
func (m *bomMaker) prepare(ctx context.Context) error {
	m.publisher = sbom.Publisher{}
	p := &m.publisher
	for _, a := range m.authors {
		name, contact, err := person("author", a)
		if err != nil {
			return err
		}
		if strings.Contains(contact, "://") {
			return usagef("--author: %q: want an e-mail address", contact)
		}
		p.Authors = append(p.Authors, cdx.OrganizationalContact{Name: name, Email: contact})
	}
	for _, o := range []struct {
		flag, value string
		to          **cdx.OrganizationalEntity
	}{{"manufacturer", m.manufacturer, &p.Manufacturer}, {"supplier", m.supplier, &p.Supplier}} {
		if o.value == "" {
			continue
		}
		entity, err := organization(o.flag, o.value)
		if err != nil {
			return err
		}
		*o.to = entity
	}
	for _, s := range m.moduleSuppliers {
		path, who, err := pair("module-supplier", s)
		if err != nil {
			return err
		}
		entity, err := organization("module-supplier", who)
		if err != nil {
			return err
		}
		if p.Suppliers == nil {
			p.Suppliers = map[string]*cdx.OrganizationalEntity{}
		}
		p.Suppliers[path] = entity
	}
	for _, s := range m.moduleCPEs {
		path, cpe, err := pair("module-cpe", s)
		if err != nil {
			return err
		}
		if p.CPEs == nil {
			p.CPEs = map[string]string{}
		}
		p.CPEs[path] = cpe
	}
	if m.goRelease != "" {
		digest, err := provenance.ParseDigest(m.goRelease)
		if err != nil {
			return usagef("--go-release: %v", err)
		}
		p.GoRelease = provenance.Set(digest)
	}
	p.License, p.DataLicense, p.Repository, p.Distribution, p.Lifecycle = m.license, m.dataLicense, m.repository, m.distribution, cdx.LifecyclePhase(m.lifecycle)
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %q is no number of seconds", epoch)
		}
		m.time = time.Unix(seconds, 0).UTC()
	}
	if m.modules == "" {
		if m.sumdb != "" {
			return usagef("--sumdb: the proofs are in the module cache: name it with --modules")
		}
		return nil
	}
	m.moduleCache = m.modules
	if m.modules == "auto" {
		out, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE", "GOROOT").Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err != nil || len(lines) != 2 {
			return errors.New("--modules auto: the go command does not say where its module cache is")
		}
		m.moduleCache, m.goroot = strings.TrimSpace(lines[0]), strings.TrimSpace(lines[1])
	}
	if info, err := os.Stat(m.moduleCache); err != nil || !info.IsDir() {
		return fmt.Errorf("--modules: there is no folder %q", m.moduleCache)
	}
	if cache, err := os.UserCacheDir(); err == nil {
		m.answers = filepath.Join(cache, "touchmark")
	}
	return nil
}

// person reads 'NAME <CONTACT>', 'NAME' or an e-mail address.
func person(flag, s string) (name, contact string, err error) {
	name, rest, has := strings.Cut(s, "<")
	name = strings.TrimSpace(name)
	if !has {
		if strings.Contains(name, "@") {
			return "", name, nil
		}
		if name == "" {
			return "", "", usagef("--%s: %q names nobody: want 'NAME <CONTACT>'", flag, s)
		}
		return name, "", nil
	}
	contact, ok := strings.CutSuffix(strings.TrimSpace(rest), ">")
	if !ok || contact == "" {
		return "", "", usagef("--%s: %q: want 'NAME <CONTACT>'", flag, s)
	}
	if !strings.Contains(contact, "://") {
		if _, err := mail.ParseAddress(contact); err != nil {
			return "", "", usagef("--%s: %q is neither an e-mail address nor a URL", flag, contact)
		}
	}
	return name, contact, nil
}

func organization(flag, s string) (*cdx.OrganizationalEntity, error) {
	name, contact, err := person(flag, s)
	if err != nil {
		return nil, err
	}
	o := &cdx.OrganizationalEntity{Name: name}
	switch {
	case strings.Contains(contact, "://"):
		o.URL = &[]string{contact}
	case contact != "":
		o.Contact = &[]cdx.OrganizationalContact{{Email: contact}}
	}
	return o, nil
}

// source makes the BOM of the main package in a folder.
func (m *bomMaker) fromSource(ctx context.Context, dir string) (*cdx.BOM, error) {
	if m.source != "" {
		return nil, usagef("--source is for a binary; %q is source already", dir)
	}
	m.folder = dir
	bom, err := gomod.Options{Publisher: m.publisher, Time: m.time}.FromSource(ctx, dir, ".")
	if err != nil {
		return nil, err
	}
	return bom, m.enrich(ctx, bom, true)
}

// fromBinary makes the BOM of a file. The error is errNoBOM if it is no Go program.
func (m *bomMaker) fromBinary(ctx context.Context, path string) (*cdx.BOM, error) {
	f, err := safefs.Open(path)
	if errors.Is(err, safefs.ErrNotRegular) {
		return nil, errNoBOM
	}
	if err != nil {
		return nil, readError("SBOM", path, err)
	}
	defer f.Close()
	if m.publisher.Distribution != "" || m.publisher.Manufacturer != nil {
		m.publisher.Filename = filepath.Base(path)
	}
	bom, err := sbom.Options{Publisher: m.publisher, Time: m.time}.FromBinary(f)
	if errors.Is(err, sbom.ErrNotGo) {
		return nil, errNoBOM
	}
	if err != nil {
		return nil, fmt.Errorf("SBOM of %q: %w", path, err)
	}
	if m.source != "" {
		m.folder = m.source
		if err := gomod.AddEdges(ctx, m.source, bom); err != nil {
			return nil, err
		}
	}
	return bom, m.enrich(ctx, bom, m.source != "")
}

// enrich adds what the module cache knows.
func (m *bomMaker) enrich(ctx context.Context, bom *cdx.BOM, edges bool) error {
	if m.moduleCache == "" {
		return nil
	}
	kept := func(name string) string {
		if m.answers == "" {
			return ""
		}
		return filepath.Join(m.answers, name)
	}
	cache := sbom.ModuleCache{FS: os.DirFS(m.moduleCache), Answers: kept("digests")}
	if err := cache.AddDigests(ctx, bom); err != nil {
		return err
	}
	if !edges {
		if err := cache.AddRequirements(bom); err != nil {
			return err
		}
	}
	if m.sumdb != "" {
		name, _, _ := strings.Cut(m.sumdb, "+")
		db := gomod.SumDB{FS: os.DirFS(filepath.Join(m.moduleCache, "cache", "download", "sumdb", filepath.Base(name))), Key: m.sumdb}
		if err := db.Prove(ctx, bom); err != nil {
			return err
		}
	}
	finder := license.Finder{ModuleCache: os.DirFS(m.moduleCache), Answers: kept("licenses")}
	if m.goroot != "" {
		finder.Go = os.DirFS(m.goroot)
	}
	if m.folder != "" {
		finder.Main = os.DirFS(m.folder)
	}
	return finder.Describe(ctx, bom)
}
