package gofacts

import (
	"fmt"
	"io"
	"strings"
)

// A Vendored is one module of a vendor/modules.txt file.
type Vendored struct {
	Version
	// Replaced is what stands in for it: a folder if it has no Version. Nil if it
	// is itself.
	Replaced *Version
	// Explicit says that a go.mod file requires it by name.
	Explicit bool
	// Packages are the import paths of those of its packages that are there.
	Packages []string
}

// ParseVendor reads vendor/modules.txt as go mod vendor and go work vendor write
// it. Unlike the go command, it refuses what it does not know. An error names
// the line, as name:line.
func ParseVendor(name string, r io.Reader) ([]Vendored, error) {
	var list []Vendored
	err := eachLine(name, r, func(line string) error {
		switch {
		case line == "## workspace" && len(list) == 0:
			return nil
		case strings.HasPrefix(line, "# "):
			v, err := vendored(strings.Fields(line[2:]))
			list = append(list, v)
			return err
		case len(list) == 0:
			return fmt.Errorf("want a module first, as in \"# example.com/m v1.2.3\", found %q", line)
		case strings.HasPrefix(line, "## "):
			for note := range strings.SplitSeq(line[3:], ";") {
				if note = strings.TrimSpace(note); note == "explicit" {
					list[len(list)-1].Explicit = true
				} else if !strings.HasPrefix(note, "go ") {
					return fmt.Errorf("want explicit or a go version, found %q", note)
				}
			}
			return nil
		}
		if fields := strings.Fields(line); len(fields) != 1 || fields[0] != line {
			return fmt.Errorf("want the import path of a package, found %q", line)
		}
		list[len(list)-1].Packages = append(list[len(list)-1].Packages, line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// vendored reads "PATH [VERSION] [=> PATH [VERSION]]".
func vendored(fields []string) (Vendored, error) {
	var v Vendored
	own, other, replaced := fields, []string(nil), false
	for i, f := range fields {
		if f == "=>" {
			own, other, replaced = fields[:i], fields[i+1:], true
			break
		}
	}
	var ok, otherOK bool
	if v.Version, ok = version(own); !ok || !replaced && v.Version.Version == "" {
		return v, fmt.Errorf("want a module and its version, found %q", strings.Join(fields, " "))
	}
	if !replaced {
		return v, nil
	}
	by, otherOK := version(other)
	if !otherOK {
		return v, fmt.Errorf("want what stands in for %q, found %q", v.Path, strings.Join(other, " "))
	}
	v.Replaced = &by
	return v, nil
}

// version reads "PATH [VERSION]".
func version(fields []string) (Version, bool) {
	switch {
	case len(fields) == 1:
		return Version{Path: fields[0]}, true
	case len(fields) == 2 && isVersion(fields[1]):
		return Version{fields[0], fields[1]}, true
	}
	return Version{}, false
}
