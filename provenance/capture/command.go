package capture

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// CommandBuildType is the build type of any other command than go build and go
// install, if none of its outputs is a Go program: docs/build-types/command/v1.md
// says what each parameter means.
const CommandBuildType = "https://github.com/touchmark-go/touchmark/build-types/command/v1"

// generic reports whether the build is of that type.
func (b *building) generic() bool {
	return !b.goBuild && !b.hasGo() && (b.argv == nil || !isGo(b.argv[0]))
}

func (b *building) buildType() string {
	if b.generic() {
		return CommandBuildType
	}
	return GoBuildType
}

// recordProgram records the file that ran. It was hashed after the command:
// what it was before, nobody looked at.
func (b *building) recordProgram(d *draft) {
	if b.argv == nil || isGo(b.argv[0]) {
		return
	}
	name := strings.TrimSuffix(strings.ToLower(programName(b.argv[0])), ".exe")
	if !isWord(name) || name == "" || name == withheld {
		return
	}
	m := material{provenance.ResourceDescriptor{Name: "program", URI: "pkg:generic/" + name}, Observed, "the file that was run, hashed after the command"}
	if b.programErr == nil {
		m.Digest = b.program
	}
	d.materials = append(d.materials, m)
}

// lookAfter looks at what the command used, once it has ended.
func (b *building) lookAfter(ctx context.Context) {
	b.lookLocksAgain()
	if !isGo(b.argv[0]) {
		b.program, b.programErr = sha256File(ctx, b.programPath())
	}
}

// programPath is the file of the command.
func (b *building) programPath() string {
	if path := b.argv[0]; filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(b.start, b.argv[0])
}

// incomplete says why the list of dependencies may lack some.
func (d *draft) incomplete(why string) {
	const at = atDependencies + "/-"
	for i := range d.grades {
		if g := &d.grades[i]; g.Field == at {
			if !strings.Contains(g.Why, why) {
				g.Why += "; " + why
			}
			return
		}
	}
	d.grade(at, Absent, why)
}
