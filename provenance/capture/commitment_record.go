package capture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ownBuildTypes is what the build types of this package begin with.
const ownBuildTypes = "https://github.com/touchmark-go/touchmark/build-types/"

// prepareCommitments checks what is to be committed to.
func (b *building) prepareCommitments() error {
	for _, name := range b.options.Commit {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("capture: %q is no name of an environment variable", name)
		}
		if slices.Contains(b.options.Env, name) {
			return fmt.Errorf("capture: %q is to be recorded and to be committed to, want one of both", name)
		}
	}
	return nil
}

// recordCommitments commits to what was not written down and was asked for.
func (b *building) recordCommitments(d *draft) {
	at := pointer(atInternal, commitmentsMember)
	if len(b.options.Commit) == 0 && !b.options.CommitArguments {
		return
	}
	if b.argv == nil {
		d.grade(at, Absent, "the build had already run")
		return
	}
	salt := b.options.Salt
	if salt.key == nil {
		salt = NewSalt()
	}
	env, arguments := map[string]any{}, map[string]any{}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(b.options.Commit))) {
		value, ok := lookupOK(b.env, name)
		if !ok {
			d.grade(pointer(pointer(at, "env"), name), Absent, "the variable is not set")
			continue
		}
		c := commit(salt, Commitment{Variable: name}, value)
		d.put(env, pointer(at, "env"), name, c.Sum, Observed, c.why("the command's environment"))
		b.commitments = append(b.commitments, c)
	}
	if written, ok := d.external["command"].([]any); ok && b.options.CommitArguments && len(written) == len(b.argv) {
		for i := 1; i < len(written); i++ {
			if written[i] == b.argv[i] {
				continue
			}
			c := commit(salt, Commitment{Argument: i}, b.argv[i])
			d.put(arguments, pointer(at, "arguments"), strconv.Itoa(i), c.Sum, Observed, c.why("the command that was run"))
			b.commitments = append(b.commitments, c)
		}
	}
	if len(b.commitments) == 0 {
		return
	}
	b.salt = salt
	members := map[string]any{}
	d.put(members, at, "algorithm", hmacSHA256, Declared, "by this package")
	d.put(members, at, "salt", salt.ID(), Observed, "names the salt, which is kept apart")
	if len(env) > 0 {
		members["env"] = env
	}
	if len(arguments) > 0 {
		members["arguments"] = arguments
	}
	d.internal[commitmentsMember] = members
}

// why says where the value was seen, and warns of one that hides badly.
func (c Commitment) why(where string) string {
	if c.Guessable {
		return "a salted hash of the value in " + where + ", which is so short or simple that who has the salt may guess it"
	}
	return "a salted hash of the value in " + where
}
