package gofacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

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
	// Error is what is wrong with the package, "" if nothing is.
	Error string
}

// ListFields are the fields of go list -json=… that [ParseList] reads.
const ListFields = "ImportPath,Name,Dir,Standard,DepOnly,Imports,CgoFiles,SwigFiles,SwigCXXFiles,SysoFiles,Module,Error"

// listPackage and listModule are the JSON of go help list.
type listPackage struct {
	ImportPath, Name, Dir string
	Standard, DepOnly     bool
	Imports               []string

	CgoFiles, SwigFiles, SwigCXXFiles, SysoFiles []string

	Module *listModule
	Error  *struct{ Err string }
}

type listModule struct {
	Path, Version, Sum, Dir string
	Main                    bool
	Replace                 *listModule
}

// ParseList reads what go list -json prints, one JSON object behind the other,
// in its order; with -deps that is imported packages first. It reads 256 MiB at most.
func ParseList(r io.Reader) ([]Package, error) {
	limited := &io.LimitedReader{R: r, N: maxList + 1}
	decoder := json.NewDecoder(limited)
	var packages []Package
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
			return nil, fmt.Errorf("go list output: %w", err)
		}
		p, err := parsePackage(raw)
		if err != nil {
			return nil, fmt.Errorf("go list output, package %d: %w", len(packages)+1, err)
		}
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
	p.Foreign = len(lp.CgoFiles)+len(lp.SwigFiles)+len(lp.SwigCXXFiles)+len(lp.SysoFiles) > 0
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
	}
	return p, nil
}
