package gofacts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// maxList is how much of the output of go list is read, in bytes. That of a
// program with a thousand modules has about 50 MiB.
const maxList = 256 << 20

// A Package is one that go list names.
type Package struct {
	// ImportPath and Name are the package's; Name is "main" of a program.
	ImportPath, Name string
	// Dir is the folder of its source.
	Dir string
	// Standard says that it is of the standard library.
	Standard bool
	// DepOnly says that it is only there because others import it.
	DepOnly bool
	// Imports are the import paths it names, after vendoring and ImportMap.
	Imports []string
	// Module is the one that it is in, nil of the standard library and of
	// packages outside every module.
	Module *Module
	// Main says that its module is a main module.
	Main bool
	// Foreign says that it is compiled from more than Go and assembly: by cgo, by
	// SWIG, or with objects that lie ready. What these link is not in any list.
	Foreign bool
	// GoFiles, NativeFiles and EmbedFiles are the files that it is compiled from,
	// relative to Dir: Go, those that import "C" too; other languages, headers and
	// objects among them; and what is embedded. They are empty unless
	// [ListFileFields] were asked for.
	GoFiles, NativeFiles, EmbedFiles []string
	// Libraries are what its #cgo lines ask the C linker for, as "-lNAME" or by
	// pkg-config, in order and without doubles. They are empty unless
	// [ListLibraryFields] were asked for.
	Libraries []string
	// ModuleDir is the folder of the module's source, GoMod its go.mod file, as
	// absolute paths; both are empty of one that is vendored.
	ModuleDir, GoMod string
	// Error is what is wrong with the package, "" if nothing is.
	Error string
}

// ListFields are the fields of go list -json=… that [ParseList] reads.
const ListFields = "ImportPath,Name,Dir,Standard,DepOnly,Imports,CgoFiles,SwigFiles,SwigCXXFiles,SysoFiles,Module,Error"

// ListFileFields are ListFields, and those that name the files.
const ListFileFields = ListFields + ",GoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,EmbedFiles"

// ListLibraryFields are ListFields, and those that name what else is linked or
// embedded.
const ListLibraryFields = ListFields + ",EmbedFiles,CgoLDFLAGS,CgoPkgConfig"

// listPackage and listModule are the JSON of go help list.
type listPackage struct {
	ImportPath, Name, Dir string
	Standard, DepOnly     bool
	Imports               []string

	CgoFiles, SwigFiles, SwigCXXFiles, SysoFiles                          []string
	GoFiles, CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, EmbedFiles []string

	CgoLDFLAGS, CgoPkgConfig []string

	Module *listModule
	Error  *struct{ Err string }
}

type listModule struct {
	Path, Version, Sum, Dir, GoMod string
	Main                           bool
	Replace                        *listModule
}

// ParseList reads what go list -json prints, one JSON object behind the other,
// in its order; with -deps that is imported packages first. It reads 256 MiB at
// most. An error names the line on which the malformed object begins.
func ParseList(r io.Reader) ([]Package, error) {
	limited := &io.LimitedReader{R: r, N: maxList + 1}
	decoder := json.NewDecoder(limited)
	var packages []Package
	line := 1
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if limited.N == 0 {
			return nil, fmt.Errorf("go list output has more than %d bytes: %w", maxList, strictjson.ErrLimit)
		}
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list output:%d: %w", line, err)
		}
		p, err := parsePackage(raw)
		if err != nil {
			return nil, fmt.Errorf("go list output:%d: package %d: %w", line, len(packages)+1, err)
		}
		line += bytes.Count(raw, []byte("\n")) + 1 // go list ends each object with a new line
		packages = append(packages, p)
	}
}

func parsePackage(raw []byte) (Package, error) {
	var lp listPackage
	if err := strictjson.Unmarshal(raw, &lp); err != nil {
		return Package{}, err
	}
	if lp.ImportPath == "" {
		return Package{}, errors.New("ImportPath is missing")
	}
	p := Package{ImportPath: lp.ImportPath, Name: lp.Name, Dir: lp.Dir, Standard: lp.Standard, DepOnly: lp.DepOnly, Imports: lp.Imports}
	p.GoFiles = slices.Concat(lp.GoFiles, lp.CgoFiles)
	p.NativeFiles = slices.Concat(lp.CFiles, lp.CXXFiles, lp.MFiles, lp.HFiles, lp.FFiles, lp.SFiles, lp.SwigFiles, lp.SwigCXXFiles, lp.SysoFiles)
	p.EmbedFiles = lp.EmbedFiles
	p.Foreign = len(lp.CgoFiles)+len(lp.SwigFiles)+len(lp.SwigCXXFiles)+len(lp.SysoFiles) > 0
	p.Libraries = libraries(lp.CgoLDFLAGS, lp.CgoPkgConfig)
	if lp.Error != nil {
		p.Error = lp.Error.Err
	}
	if m := lp.Module; m != nil && !lp.Standard {
		if m.Path == "" {
			return Package{}, fmt.Errorf("package %q has a module without a path", lp.ImportPath)
		}
		module := replacing(plainModule(m.Path, m.Version, m.Sum), m.Replace != nil, func() Module {
			return plainModule(m.Replace.Path, m.Replace.Version, m.Replace.Sum)
		})
		p.Module, p.Main = &module, m.Main
		p.ModuleDir, p.GoMod = m.Dir, m.GoMod
	}
	return p, nil
}

// libraries are the names of what is linked, from linker flags and pkg-config
// packages.
func libraries(flags, packages []string) []string {
	var names []string
	for i, flag := range flags {
		if name, ok := strings.CutPrefix(flag, "-l"); ok && name != "" {
			names = append(names, name)
		} else if ok && i+1 < len(flags) {
			names = append(names, flags[i+1])
		}
	}
	for _, p := range packages {
		if !strings.HasPrefix(p, "-") {
			names = append(names, p)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
