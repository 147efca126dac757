package image

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/internal/lockfile"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// copyright are the licences in the copyright file of a Debian package, whose folder
// can be a link to that of another package.
func (s *scan) copyright(name string) []string {
	file, _ := s.tree.Resolve("usr/share/doc/" + name + "/copyright")
	return s.licenses[file]
}

// description is what kind of description the file at a path is, "" if none.
func description(name string) string {
	switch name {
	case "etc/os-release", "usr/lib/os-release":
		return "release"
	case "var/lib/dpkg/status":
		return "dpkg"
	case "lib/apk/db/installed", "usr/lib/apk/db/installed":
		return "apk"
	}
	if isRPM(name) {
		return "rpm"
	}
	if strings.HasPrefix(name, "var/lib/rpm/") || strings.HasPrefix(name, "usr/lib/sysimage/rpm/") {
		return "database"
	}
	if rest, ok := strings.CutPrefix(name, "var/lib/dpkg/"); ok {
		folder, base := path.Split(rest)
		switch {
		case folder == "status.d/" && strings.HasSuffix(base, ".md5sums"):
			return "dpkg sums"
		case folder == "status.d/":
			return "dpkg"
		case folder == "info/" && strings.HasSuffix(base, ".list"):
			return "dpkg list"
		}
		return "database"
	}
	if rest, ok := strings.CutPrefix(name, "usr/share/doc/"); ok && strings.Count(rest, "/") == 1 && strings.HasSuffix(rest, "/copyright") {
		return "copyright"
	}
	if strings.HasPrefix(name, "lib/apk/") || strings.HasPrefix(name, "usr/lib/apk/") {
		return "database"
	}
	if _, ok := npmFolder(name); ok {
		return "npm"
	}
	if pythonMetadata(name) {
		return "python"
	}
	if strings.HasSuffix(name, ".dist-info/RECORD") {
		return "record"
	}
	if lockfile.Known(name) {
		folder, base := path.Split(name)
		switch {
		case base == ".package-lock.json":
			return "lock"
		case strings.Contains("/"+folder, "/node_modules/"), strings.Contains(folder, "-packages/"), strings.HasPrefix(name, "usr/share/doc/"):
			return "" // one that came with a package, of its own making
		}
		return "lock"
	}
	return ""
}

// note keeps what is wrong with a file that one package wrote about itself: it
// makes the list incomplete. What r failed with stays an error, and so do limits.
func (s *scan) note(err error) error {
	var locking *lockfile.Error
	var spelling *strictjson.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &locking), errors.As(err, &spelling), errors.Is(err, strictjson.ErrLimit), errors.Is(err, errText), errors.Is(err, errNameless):
	default:
		return err
	}
	s.leave(err.Error())
	return nil
}

// leave notes what the list leaves out.
func (s *scan) leave(text string) {
	if len(s.unread) < maxUnread {
		s.unread = append(s.unread, clean(text))
	} else {
		s.unreadMore++
	}
}

// maxDescribed is the most bytes of descriptions that are read of one image. What is
// remembered of them is less.
const maxDescribed = 1 << 30

// charge counts the bytes of a description against the limit.
func (s *scan) charge(size int64) error {
	if s.described += size; s.described > maxDescribed {
		return fmt.Errorf("what speaks of packages in the image has more than %d bytes: %w", int64(maxDescribed), ErrLimit)
	}
	return nil
}

// errNameless says that a description does not say of what.
var errNameless = errors.New("has no name or no version")
