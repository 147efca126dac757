package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
)

// findLayers finds out which layer brought each package of a database: the lowest
// from which on every layer that has the database lists the package.
func (s *scan) findLayers(ctx context.Context) error {
	if len(s.databases) == 0 {
		return nil
	}
	top := 0
	for _, layer := range s.databases {
		top = max(top, layer)
	}
	for i := top - 1; i >= 0; i-- {
		listed, err := s.listed(ctx, i)
		if err != nil {
			return err
		}
		for _, p := range s.packages {
			at := &p.places[0]
			final, isDatabase := s.databases[at.path]
			// Only who was in every database above can have come with this one.
			if keys, ok := listed[ecosystemOf(at.path)]; ok && isDatabase && i < final && !p.settled {
				if keys[p.key()] {
					at.layer = i
				} else {
					p.settled = true
				}
			}
		}
	}
	return nil
}

func ecosystemOf(name string) string {
	if isRPM(name) {
		return "rpm"
	}
	if strings.HasSuffix(name, "apk/db/installed") {
		return "apk"
	}
	return "deb"
}

// listed are the packages in the databases that one layer has, by ecosystem.
func (s *scan) listed(ctx context.Context, layer int) (map[string]map[string]bool, error) {
	r, err := s.archive.Layer(s.image.Layers[layer])
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read from, and its end was read before
	found := map[string]map[string]bool{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		kind := description(name)
		rpm := kind == "rpm" && h.Size > 0 && !strings.HasSuffix(name, "-wal")
		if h.Typeflag != tar.TypeReg || kind != "apk" && name != "var/lib/dpkg/status" && !rpm {
			continue
		}
		keys := map[string]bool{}
		each := func(p *pkg) error {
			if len(keys) >= maxPackages {
				return errTooMany
			}
			keys[p.key()] = true
			return nil
		}
		switch kind {
		case "apk":
			err = parseApk(name, tr, each, func(string) {})
		case "rpm":
			if err = s.spool.fill(tr, maxDatabase); err == nil {
				err = parseRPM(name, s.spool, s.spool.size, each, func(string) error { return nil })
			}
		default:
			err = parseDpkg(name, tr, each)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", layer, err)
		}
		found[ecosystemOf(name)] = keys
	}
}
