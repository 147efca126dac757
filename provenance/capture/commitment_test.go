package capture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestCommitments wants what is committed to nowhere but in the hands of who has
// the salt, and the salt nowhere at all.
func TestCommitments(t *testing.T) {
	w := newWorld(t)
	const key, pin = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "1234"
	args := goBuild("-ldflags=-X main.version="+key, "-trimpath")
	o := capture.Options{Commit: []string{"DEPLOY_KEY", "PIN", "NONE", "PIN"}, CommitArguments: true}
	r := w.capture(o, args, "DEPLOY_KEY="+key, "PIN="+pin)
	validate(t, r)
	salt := r.Salt()
	if found := leaks(everything(t, r), key, salt.Reveal(), strings.TrimPrefix(salt.Reveal(), "touchmark-salt-v1:")); found != nil {
		t.Errorf("written down: %q", found)
	}
	list, err := capture.Commitments(r.Build())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, c := range list {
		names = append(names, c.String())
		made := r.Commitments()[i]
		if made.Guessable != (c.Variable == "PIN") {
			t.Errorf("%s: guessable is %v", c, made.Guessable)
		}
		if made.Guessable = false; made != c {
			t.Errorf("made is %+v, read is %+v", made, c)
		}
	}
	if got, want := strings.Join(names, ", "), "DEPLOY_KEY, PIN, argument 4"; got != want {
		t.Fatalf("committed to %s, want %s", got, want)
	}
	for i, value := range []string{key, pin, args[4]} {
		if err := list[i].Open(salt, value); err != nil {
			t.Errorf("%s: %v", list[i], err)
		}
		for _, wrong := range []string{"", value + " ", value[:len(value)-1], strings.ToUpper(value + "x"), list[(i+1)%len(list)].Sum} {
			if err := list[i].Open(salt, wrong); err == nil {
				t.Errorf("%s opens with %q", list[i], wrong)
			} else if wrong != "" && strings.Contains(err.Error(), wrong) {
				t.Errorf("the error repeats the value: %v", err)
			}
		}
		other := list[i]
		other.Variable, other.Argument = "OTHER", 0
		if err := other.Open(salt, value); err == nil {
			t.Errorf("the commitment of %s opens as that of %s", list[i], other)
		}
		if err := list[i].Open(capture.NewSalt(), value); err == nil || !strings.Contains(err.Error(), "another") {
			t.Errorf("%s with another salt: %v", list[i], err)
		}
		if err := list[i].Open(capture.Salt{}, value); err == nil {
			t.Errorf("%s opens without a salt", list[i])
		}
	}
	for field, want := range map[string]string{"env/DEPLOY_KEY": capture.Observed, "env/PIN": capture.Observed, "env/NONE": capture.Absent, "arguments/4": capture.Observed, "salt": capture.Observed} {
		if got := grade(r, atInternal+"/commitments/"+field); got != want {
			t.Errorf("%s is graded %q, want %q", field, got, want)
		}
	}
	if got := why(r, atInternal+"/commitments/env/PIN"); !strings.Contains(got, "may guess it") {
		t.Errorf("that PIN can be guessed is not said: %q", got)
	}
	if got := why(r, atInternal+"/commitments/env/DEPLOY_KEY"); strings.Contains(got, "guess") {
		t.Errorf("the key can be guessed: %q", got)
	}
}

// TestSaltOfRecords wants another salt for each record, so that none can be
// compared with another, unless the caller gives both the same.
func TestSaltOfRecords(t *testing.T) {
	w := newWorld(t)
	one := func(o capture.Options, value string) capture.Commitment {
		o.Commit = []string{"KEY"}
		r := w.capture(o, goBuild(), "KEY="+value)
		if o.Salt.ID() != "" && r.Salt().ID() != o.Salt.ID() {
			t.Errorf("the salt is another one")
		}
		return r.Commitments()[0]
	}
	a, b := one(capture.Options{}, "x"), one(capture.Options{}, "x")
	if a.SaltID == b.SaltID || a.Sum == b.Sum {
		t.Errorf("two records have %+v and %+v", a, b)
	}
	o := capture.Options{Salt: capture.NewSalt()}
	a, b = one(o, "x"), one(o, "x")
	if a != b {
		t.Errorf("with one salt, one value has %+v and %+v", a, b)
	}
	if b = one(o, "y"); a.Sum == b.Sum || a.SaltID != b.SaltID {
		t.Errorf("with one salt, two values have %+v and %+v", a, b)
	}
}

// TestCommitOptions wants no commitment where none was asked for, and no
// variable both shown and hidden.
func TestCommitOptions(t *testing.T) {
	w := newWorld(t)
	r := w.capture(capture.Options{}, goBuild())
	if got := internalParameter(t, r, "/commitments"); got != "" || r.Salt().ID() != "" || r.Commitments() != nil {
		t.Errorf("commitments are %s", got)
	}
	if list, err := capture.Commitments(r.Build()); list != nil || err != nil {
		t.Errorf("commitments are %v, %v", list, err)
	}
	for _, o := range []capture.Options{{Commit: []string{"A=B"}}, {Commit: []string{""}}, {Commit: []string{"A"}, Env: []string{"A"}}} {
		if _, err := o.Run(t.Context(), w.command(goBuild(), "A=hunter2"), "dist/app"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: error is %v", o, err)
		}
	}
	after, err := capture.Options{Root: w.dir, Commit: []string{"PATH"}}.After(t.Context(), filepath.Join(w.dir, "dist/app"))
	if err != nil {
		t.Fatal(err)
	}
	validate(t, after)
	if got := grade(after, atInternal+"/commitments"); got != capture.Absent {
		t.Errorf("after the fact, commitments are graded %q", got)
	}
}

// TestReadCommitments refuses what is not in the form that is written.
func TestReadCommitments(t *testing.T) {
	w := newWorld(t)
	r := w.capture(capture.Options{Commit: []string{"PATH"}}, goBuild())
	for _, c := range []struct {
		name   string
		change func(map[string]any)
	}{
		{"algorithm", func(m map[string]any) { m["algorithm"] = "sha1" }},
		{"no algorithm", func(m map[string]any) { delete(m, "algorithm") }},
		{"salt", func(m map[string]any) { m["salt"] = "x" }},
		{"env", func(m map[string]any) { m["env"] = []any{} }},
		{"sum", func(m map[string]any) { m["env"] = map[string]any{"A": strings.Repeat("A", 64)} }},
		{"empty name", func(m map[string]any) { m["env"] = map[string]any{"": strings.Repeat("a", 64)} }},
		{"argument", func(m map[string]any) { m["arguments"] = map[string]any{"01": strings.Repeat("a", 64)} }},
	} {
		b := r.Build()
		c.change(b.BuildDefinition.InternalParameters["commitments"].(map[string]any))
		if list, err := capture.Commitments(b); err == nil {
			t.Errorf("%s: read are %v", c.name, list)
		}
	}
	b := r.Build()
	b.BuildDefinition.InternalParameters["commitments"] = "none"
	if _, err := capture.Commitments(b); err == nil {
		t.Error("text is read")
	}
	b.BuildDefinition.BuildType = "https://example.com/build/v1" // its commitments are not ours
	if list, err := capture.Commitments(b); list != nil || err != nil {
		t.Errorf("of another build type: %v, %v", list, err)
	}
	if _, err := capture.Commitments(nil); err == nil {
		t.Error("no build is read")
	}
}

// TestSaltDoesNotPrint formats, logs and encodes a salt in every way.
func TestSaltDoesNotPrint(t *testing.T) {
	salt := capture.NewSalt()
	secret := strings.TrimPrefix(salt.Reveal(), "touchmark-salt-v1:")
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%c", "%U", "%e"} {
		fmt.Fprintf(&out, verb+" ", salt)
		fmt.Fprintf(&out, verb+" ", &salt)
		fmt.Fprintf(&out, verb+" ", struct{ Salt capture.Salt }{salt})
		fmt.Fprintf(&out, verb+" ", struct{ salt capture.Salt }{salt})
	}
	data, err := json.Marshal(struct{ Salt capture.Salt }{salt})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	slog.New(slog.NewTextHandler(&out, nil)).Info("salt", "salt", salt)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("salt", "salt", salt)
	raw := make([]byte, 0, 32)
	if _, err := fmt.Sscanf(secret, "%x", &raw); err != nil {
		t.Fatal(err)
	}
	if found := leaks(out.Bytes(), secret, string(raw), fmt.Sprint(raw)); found != nil {
		t.Errorf("printed: %q in %s", found, out.Bytes())
	}
}

func TestParseSalt(t *testing.T) {
	salt := capture.NewSalt()
	if again, err := capture.ParseSalt(" " + salt.Reveal() + "\n"); err != nil || again.Reveal() != salt.Reveal() {
		t.Errorf("a salt does not survive: %v", err)
	}
	if (capture.Salt{}).Reveal() != "" || (capture.Salt{}).ID() != "" {
		t.Error("no salt says something")
	}
	for _, text := range []string{"", "touchmark-salt-v1:", salt.Reveal()[1:], salt.Reveal()[:len(salt.Reveal())-1], salt.Reveal() + "0", strings.ToUpper(salt.Reveal()),
		"touchmark-salt-v1:" + strings.Repeat("AB", 32), "touchmark-salt-v1:" + strings.Repeat("zz", 32), "touchmark-salt-v2:" + strings.Repeat("ab", 32)} {
		if _, err := capture.ParseSalt(text); err == nil {
			t.Errorf("%q is a salt", text)
		}
	}
}

// FuzzCommitment wants every value to open its own commitment and no other's.
func FuzzCommitment(f *testing.F) {
	f.Add("hunter2", "hunter3")
	f.Add("", "\x00")
	salt := capture.NewSalt()
	f.Fuzz(func(t *testing.T, a, b string) {
		c := capture.Commit(salt, "KEY", a)
		if err := c.Open(salt, a); err != nil {
			t.Error(err)
		}
		if err := c.Open(salt, b); (err == nil) != (a == b) {
			t.Errorf("the commitment to %q opens with %q: %v", a, b, err)
		}
	})
}
