//go:build amd64 || arm64

package trace

import (
	"strings"
)

// An access is what one call does to one file.
type access struct {
	file  *file  // nil if it is not known yet
	name  string // without links in it
	alias string // see [record.known]; "" if there was no file
	look
	there bool // there was a file

	read, write, exec bool
	missed            bool   // it was opened to be read, and was not there
	movedTo           string // name is that of a folder, which gets this one
}

// A file is what is known of one name.
type file struct {
	name              string
	read, write, exec bool

	opened identity // when it was read or executed first
	varied bool     // and it was another one later
	made   bool     // it was not there when it was written first
	before identity // what it was then
	last   identity

	started     identity // when interpreter was read
	interpreter string
}

// A record is what was seen of all files and connections.
type record struct {
	files   map[string]*file
	aliases map[string]*file // by the path with which a task was followed
	missed  map[string]bool
	peers   map[peer]bool
	odd     [len(oddities)]int
}

// Limits of what is kept. What goes beyond is counted as [oddLimit].
const (
	maxFiles  = 1_000_000
	maxMissed = 1_000_000
	maxPeers  = 10_000
)

// aliasOf makes a path, which ends with a zero, a key for [record.aliases]. The
// path is as it was after aliasOf is called with it again.
func aliasOf(path []byte, follow bool) []byte {
	key := append([]byte(nil), path...)
	if follow {
		key[len(key)-1] = 1
	}
	return key
}

// known is the file that was found at path before, if it still is that one.
func (r *record) known(path []byte, follow bool, l look) *file {
	last := len(path) - 1
	if follow {
		path[last] = 1
	}
	f := r.aliases[string(path)]
	path[last] = 0
	if f == nil || f.last.dev != l.dev || f.last.ino != l.ino {
		return nil
	}
	return f
}

// keep records what one call did.
func (r *record) keep(did []access, met []peer, odd []oddity) {
	for _, o := range odd {
		r.odd[o]++
	}
	for _, p := range met {
		if r.peers == nil {
			r.peers = map[peer]bool{}
		}
		if !r.peers[p] && len(r.peers) >= maxPeers {
			r.odd[oddLimit]++
			continue
		}
		r.peers[p] = true
	}
	for _, a := range did {
		switch {
		case a.movedTo != "":
			r.move(a.name, a.movedTo)
		case a.missed:
			r.miss(a.name)
		default:
			r.do(a)
		}
	}
}

func (r *record) miss(name string) {
	if r.missed == nil {
		r.missed = map[string]bool{}
	}
	if len(r.missed) >= maxMissed {
		r.odd[oddLimit]++
		return
	}
	r.missed[name] = true
}

// file is the one of that name, or nil beyond the limit.
func (r *record) file(name string) *file {
	if f := r.files[name]; f != nil {
		return f
	}
	if len(r.files) >= maxFiles {
		r.odd[oddLimit]++
		return nil
	}
	if r.files == nil {
		r.files, r.aliases = map[string]*file{}, map[string]*file{}
	}
	f := &file{name: name}
	r.files[name] = f
	return f
}

func (r *record) do(a access) {
	f := a.file
	if f == nil {
		if f = r.file(a.name); f == nil {
			return
		}
		if a.alias != "" && len(r.aliases) < maxFiles {
			r.aliases[a.alias] = f
		}
	}
	if a.read || a.exec {
		switch f.opened {
		case identity{}:
			f.opened = a.identity
		case a.identity:
		default:
			f.varied = true
		}
	}
	if a.write && !f.write {
		f.made, f.before = !a.there, a.identity
	}
	f.read, f.write, f.exec = f.read || a.read, f.write || a.write, f.exec || a.exec
	f.last = a.identity
}

// move takes along what is known of the files in a folder that is renamed.
func (r *record) move(from, to string) {
	from, to = from+"/", to+"/"
	var names []string
	for name := range r.files {
		if strings.HasPrefix(name, from) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		r.do(access{name: name, write: true, there: !r.files[name].made})
		r.do(access{name: to + name[len(from):], write: true})
	}
}
