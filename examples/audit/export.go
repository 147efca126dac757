package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An export is a file that was read, and is what its manifest says.
type export struct {
	digest string
	trust  []byte
	log    map[string][]byte // by name below log/
	have   map[string]bool   // blobs by digest, and bundles of evidence by ID
	lists  map[string][]listed
	erased []erasure
	absent []string
}

type erasure struct {
	Digest string `json:"digest"`
	Record int    `json:"record"`
	Reason string `json:"reason"`
}

const maxMember = 64 << 20

// readExport reads a tar archive whose first member lists all others by digest,
// in their order. What the archive says besides names and content is not used.
func readExport(r io.Reader) (*export, error) {
	archive := tar.NewReader(r)
	next := func(want string) ([]byte, error) {
		h, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("the export ends where %s should be: %w", want, err)
		}
		if h.Name != want || h.Typeflag != tar.TypeReg || h.Size > maxMember {
			return nil, fmt.Errorf("the export has %q with %d bytes, want %s", h.Name, h.Size, want)
		}
		return io.ReadAll(archive)
	}
	data, err := next("manifest.json")
	if err != nil {
		return nil, err
	}
	sum, err := next("manifest.sha256")
	if err != nil {
		return nil, err
	}
	e := &export{digest: digestOf(data), log: map[string][]byte{}, have: map[string]bool{}, lists: map[string][]listed{}}
	if string(sum) != strings.TrimPrefix(e.digest, "sha256:")+"  manifest.json\n" {
		return nil, errors.New("manifest.sha256 is not the digest of manifest.json")
	}
	parsed, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if o, ok := parsed.(object); !ok || !o.only("schema", "at", "members", "erased", "absent") {
		return nil, errors.New("manifest.json has a member that nobody knows")
	}
	if canonical, err := canonical(parsed); err != nil || !bytes.Equal(canonical, data) {
		return nil, fmt.Errorf("manifest.json is not in its canonical form: %v", err)
	}
	var manifest struct {
		Schema, At string
		Members    []struct {
			Name, Digest string
			Size         int
		}
		Erased []erasure
		Absent []string
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if manifest.Schema != "https://github.com/touchmark-go/touchmark/capsule/v1" {
		return nil, fmt.Errorf("the schema is %q", manifest.Schema)
	}
	e.erased, e.absent = manifest.Erased, manifest.Absent
	last := ""
	for _, m := range manifest.Members {
		content, err := next(m.Name)
		if err != nil {
			return nil, err
		}
		if len(content) != m.Size || digestOf(content) != m.Digest || m.Name <= last {
			return nil, fmt.Errorf("%s is not what the manifest says, or not in its place", m.Name)
		}
		last = m.Name
		if err := e.add(m.Name, content); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	if _, err := archive.Next(); err != io.EOF {
		return nil, errors.New("the export goes on behind its last member")
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the end of the export: %v", len(rest), err)
	}
	return e, nil
}

// add takes what an audit needs.
func (e *export) add(name string, content []byte) error {
	folder, rest, _ := strings.Cut(name, "/")
	switch folder {
	case "log":
		e.log[rest] = content
	case "blobs":
		if name != "blobs/"+strings.Replace(digestOf(content), ":", "/", 1) {
			return errors.New("it is named by another digest")
		}
		e.have[digestOf(content)] = true
		if files, ok := parseList(content); ok {
			e.lists[digestOf(content)] = files
		}
	case "trust":
		if e.trust == nil && strings.HasSuffix(name, ".json") {
			e.trust = content
		}
	case "evidence":
		for line := range bytes.Lines(content) {
			env, err := parseEvidence(line)
			if err != nil {
				return err
			}
			e.have[digestOf(env.pae())] = true
		}
	case "policies", "states": // are for the library to judge
	default:
		return errors.New("nothing of an export is called so")
	}
	return nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
