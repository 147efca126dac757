// Package report turns a verdict into what others read: text for a terminal,
// JSON, SARIF for code scanners, JUnit for build servers, a page for people, and
// a verification summary that other verifiers believe.
//
//	verdict, err := v.Verify(ctx, request)
//	fmt.Print(report.Options{Width: 80, Color: true}.Text(verdict))
//	page := report.HTML(verdict)
//
// No form says yes of a verdict that is not [verify.Allow]: one that is Undecided
// fails in SARIF and in JUnit, even if it names no check, and no verification
// summary can be made of it.
//
// What strangers wrote (names, values, reasons) is escaped in every form, first so
// that it can neither move a cursor nor turn the direction of text, and then as
// the form wants it. Only [JSON] has it unchanged, with all that does not print
// as \u escapes: who decodes it must escape it again.
//
// The same verdict gives the same bytes. Nothing here reads the clock or the environment.
package report

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/safetext"
	"github.com/touchmark-go/touchmark/verify"
)

// JSON is the verdict as programs read it, indented. Its form is that of
// docs/verdict.schema.json.
func JSON(v *verify.Verdict) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// An outcome is what a finding means for whoever waits for the answer.
type outcome int

const (
	denied    outcome = iota // it keeps the answer from being yes, and is a no
	undecided                // it keeps the answer from being yes, and is none
	excepted                 // it failed, and people made an exception
	waived                   // nothing was wanted
	passed
	setAside // it decides nothing
)

func outcomeOf(f verify.Finding) outcome {
	switch {
	case f.Status == verify.Passed:
		return passed
	case f.Status == verify.Noted:
		return setAside
	case f.Status == verify.Waived && f.Exception != nil:
		return excepted
	case f.Status == verify.Waived:
		return waived
	case f.Code.Decision() == verify.Undecided:
		return undecided
	}
	return denied
}

// codeNone is the code of the finding that stands for a verdict which is not yes
// and does not say why. The verifier makes no such verdict; the zero one is one.
const codeNone verify.Code = "undecided"

// findings are those of v, without what was set aside and is the reason of a
// failure anyway. If v is not yes, one of them at least is not passed.
func findings(v *verify.Verdict) []verify.Finding {
	failed := v.Failed()
	all := slices.DeleteFunc(slices.Clone(v.Findings), func(f verify.Finding) bool {
		return f.Status == verify.Noted && slices.ContainsFunc(failed, func(r verify.Finding) bool {
			return r.Code == f.Code && r.Evidence == f.Evidence && r.Message == f.Message
		})
	})
	if v.Decision != verify.Allow && len(failed) == 0 {
		all = append(all, verify.Finding{Code: codeNone, Message: "no check says why it is not allowed",
			Want: verify.Allow.String(), Got: v.Decision.String(), Remedy: "ask again: this is not permission"})
	}
	return all
}

// policyOf is the name of the policy that a finding is about, and its rule there.
func policyOf(v *verify.Verdict, f verify.Finding) (policy, rule string) {
	if name, rule, several := strings.Cut(f.Rule, "#"); several && len(v.Policies) > 1 && !strings.Contains(name, "/") {
		return name, rule
	}
	if len(v.Policies) == 1 {
		return v.Policies[0].Name, f.Rule
	}
	return "", f.Rule
}

// show is s, safe to read in one line.
func show(s string) string { return safetext.Show(s) }

// orNothing is what is said of an empty Want or Got beside one that is not.
func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return show(s)
}

// date is an instant as every form writes it.
func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// details are what a person wants to know of a finding, besides its message.
func details(f verify.Finding) (out []detail) {
	if f.Want != "" || f.Got != "" {
		out = append(out, detail{"want", orNothing(f.Want)}, detail{"got", orNothing(f.Got)})
	}
	if f.Evidence != "" {
		out = append(out, detail{"in", show(f.Evidence)})
	}
	if f.Rule != "" {
		out = append(out, detail{"rule", show(f.Rule)})
	}
	if e := f.Exception; e != nil {
		out = append(out, detail{"by", exceptionBy(e)}, detail{"why", show(e.Reason)})
	}
	if f.Remedy != "" {
		out = append(out, detail{"do", show(f.Remedy)})
	}
	return out
}

// A detail is a word and what it is about, which is safe to read.
type detail struct{ word, text string }

// exceptionBy says whose exception it is, and until when.
func exceptionBy(e *verify.AppliedException) string {
	return show(strings.Join(e.By, ", ")) + " until " + date(e.Until) + " (" + show(e.Evidence) + ")"
}
