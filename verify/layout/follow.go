package layout

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/verify"
)

// Limits of a chain.
const (
	// MaxFiles is how many links and sublayouts it may have.
	MaxFiles = 1024
	// MaxDepth is how deep sublayouts may nest: a layout that is none has depth 1.
	MaxDepth = 8
)

// maxTries bounds how many signatures are checked for one chain.
const maxTries = 4096

// A failure is why a chain is not to be believed.
type failure struct {
	code verify.Code
	msg  string
}

func (f *failure) Error() string { return f.msg }

// Code is the code of the finding, see [verify.Authenticator].
func (f *failure) Code() verify.Code { return f.code }

func failf(code verify.Code, format string, args ...any) error {
	return &failure{code, fmt.Sprintf(format, args...)}
}

// A follower goes through a layout and the layouts inside it.
type follower struct {
	folders     map[string][]string // names of files by folder, sorted
	files       map[string][]byte
	left        int                   // signatures that may still be checked
	judge       bool                  // whether times and inspections matter, too
	at          time.Time             // the instant to judge
	inspections map[string]Inspection // what the caller found
	warnings    []string
}

func newFollower(files map[string][]byte) (*follower, error) {
	if len(files) > MaxFiles {
		return nil, failf(verify.CodeLimit, "%d files, want at most %d", len(files), MaxFiles)
	}
	f := &follower{folders: map[string][]string{}, files: files, left: maxTries}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir, base := path.Split(name)
		f.folders[dir] = append(f.folders[dir], base)
	}
	return f, nil
}

// A stepRecord says who did a step.
type stepRecord struct {
	Name     string   `json:"name"`
	SignedBy []string `json:"signedBy"` // ids of keys, sorted
}

// follow holds everything in one folder against a layout whose signatures were
// checked, and returns what the chain as a whole took and made: the materials of
// its first step and the products of its last.
func (f *follower) follow(l *layout, dir string, depth int) (account, []stepRecord, error) {
	if depth > MaxDepth {
		return account{}, nil, failf(verify.CodeLimit, "%s: layouts nest deeper than %d", where(dir), MaxDepth)
	}
	if f.judge && !f.at.Before(l.Expires) {
		return account{}, nil, failf(verify.CodeStale, "%s: the layout expired %s", where(dir), l.Expires.UTC().Format(time.RFC3339))
	}
	all := map[string]account{}
	var records []stepRecord
	for i := range l.Steps {
		s := &l.Steps[i]
		own, signers, err := f.step(l, s, dir, depth)
		if err != nil {
			return account{}, nil, err
		}
		all[s.Name] = own
		records = append(records, stepRecord{s.Name, signers})
	}
	for _, s := range l.Steps {
		if err := f.hold(dir, fmt.Sprintf("step %q", s.Name), s.rules, all[s.Name], all); err != nil {
			return account{}, nil, err
		}
	}
	if f.judge {
		if err := f.inspect(l, dir, all); err != nil {
			return account{}, nil, err
		}
	}
	return account{all[l.Steps[0].Name].materials, all[l.Steps[len(l.Steps)-1].Name].products}, records, nil
}

// inspect wants a result of every inspection, and holds it against the rules.
func (f *follower) inspect(l *layout, dir string, all map[string]account) error {
	for _, s := range l.Inspect {
		found, there := f.inspections[dir+s.Name]
		if !there {
			return failf(verify.CodeUnsupported, "%s: inspection %q wants a command to be run, and nothing here runs one: run %q and hand in what it took and made", where(dir), s.Name, s.Run)
		}
		var own account
		var err error
		if own.materials, err = found.Materials.clean(); err == nil {
			own.products, err = found.Products.clean()
		}
		if err != nil {
			return failf(verify.CodePredicate, "%s: the result of inspection %q: %v", where(dir), s.Name, err)
		}
		all[s.Name] = own
	}
	for _, s := range l.Inspect {
		if err := f.hold(dir, fmt.Sprintf("inspection %q", s.Name), s.rules, all[s.Name], all); err != nil {
			return err
		}
	}
	return nil
}

// hold applies the rules to both sides of an account.
func (f *follower) hold(dir, who string, rules [2][]rule, own account, all map[string]account) error {
	for i, side := range []string{"materials", "products"} {
		left, err := apply(rules[i], i == 1, own, all)
		if err != nil {
			return failf(verify.CodeCondition, "%s: %s of %s: %v", where(dir), side, who, err)
		}
		if len(left) > 0 {
			f.warnings = append(f.warnings, fmt.Sprintf("%s: no rule is about %s of %s: %s", where(dir), side, who, some(left)))
		}
	}
	return nil
}

// step finds the links of a step, wants enough functionaries who all say the
// same, and returns what they say and who they are.
func (f *follower) step(l *layout, s *step, dir string, depth int) (account, []string, error) {
	able := l.able(s)
	counted := map[string]bool{}
	var said account
	var asides []string
	for _, base := range f.folders[dir] {
		id, ok := strings.CutPrefix(base, s.Name+".")
		if id, ok = cutSuffix(id, ok, ".link"); !ok || !isShortID(id) {
			continue
		}
		m, err := parse(f.files[dir+base])
		if err != nil {
			asides = append(asides, fmt.Sprintf("%s: %v", base, err))
			continue
		}
		if m.link != nil && m.link.Name != s.Name { // a file may be renamed, what is signed may not
			asides = append(asides, fmt.Sprintf("%s is a link of step %q", base, m.link.Name))
			continue
		}
		signers := f.signers(m, l, able)
		if len(signers) == 0 {
			asides = append(asides, base+": signed by nobody who may do it")
			continue
		}
		got, err := f.account(m, dir+s.Name+"."+id+"/", depth)
		if err != nil {
			return account{}, nil, err
		}
		if len(counted) > 0 && !(said.materials.equal(got.materials) && said.products.equal(got.products)) {
			return account{}, nil, failf(verify.CodeDigestConflict, "%s: those who did step %q do not say the same", where(dir), s.Name)
		}
		said = got
		for _, signer := range signers {
			counted[signer] = true
		}
		if m.link != nil && len(s.Command) > 0 && !slices.Equal(s.Command, m.link.Command) {
			f.warnings = append(f.warnings, fmt.Sprintf("%s: step %q was done by %q, the layout expects %q", where(dir), s.Name, m.link.Command, s.Command))
		}
	}
	if len(counted) < s.Threshold {
		why := ""
		if len(asides) > 0 {
			why = ": " + strings.Join(asides[:min(3, len(asides))], "; ")
		}
		return account{}, nil, failf(verify.CodeThreshold, "%s: %d of %d functionaries for step %q%s", where(dir), len(counted), s.Threshold, s.Name, why)
	}
	return said, slices.Sorted(maps.Keys(counted)), nil
}

// account is what a link says, or what the layout that stands in its place leads to.
func (f *follower) account(m *metadata, dir string, depth int) (account, error) {
	if m.link != nil {
		return account{m.link.Materials, m.link.Products}, nil
	}
	got, _, err := f.follow(m.layout, dir, depth+1)
	return got, err
}

// signers are the functionaries among able who signed m. The name of a key is
// only looked up in the layout; one that is not there may be anybody's.
func (f *follower) signers(m *metadata, l *layout, able map[string]*functionary) []string {
	found := map[string]bool{}
	for _, s := range m.signatures {
		try := slices.Sorted(maps.Keys(able))
		if named := l.functionaries[s.keyID]; named != nil {
			try = []string{named.id}
		}
		for _, id := range try {
			who := able[id]
			if who == nil || f.left <= 0 {
				continue
			}
			f.left--
			if keycheck.Verify(who.scheme, who.public, m.message, s.sig) == nil {
				found[id] = true
				break
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func cutSuffix(s string, ok bool, suffix string) (string, bool) {
	base, found := strings.CutSuffix(s, suffix)
	return base, ok && found
}

// isShortID reports whether s is the beginning of a key's name in a file name.
func isShortID(s string) bool {
	return len(s) == 8 && strings.Trim(s, "0123456789abcdef") == ""
}

func where(dir string) string {
	if dir == "" {
		return "layout"
	}
	return "layout of " + strings.TrimSuffix(dir, "/")
}
