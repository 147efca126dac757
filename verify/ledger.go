package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
)

// checkRelease asks the ledger: is its head fresh and witnessed, was this
// artifact released and not revoked, and did it soak where it came from.
func (d *deciding) checkRelease() *release.Status {
	r := d.Release
	if r == nil {
		return nil
	}
	const rule = "/release"
	view, now := d.req.Release, d.req.At
	head := view.Head()
	sound := d.checkHead(head)
	status, err := view.Status(d.ctx, r.Product, d.artifact.primary)
	switch {
	case errors.Is(err, release.ErrUnknown) && !sound:
		return nil // another, or an old, ledger need not know it
	case errors.Is(err, release.ErrUnknown):
		d.add(Finding{Code: CodeRelease, Status: Failed, Rule: rule + "/product", Message: "it is in no release", Want: "a release of " + r.Product, Got: d.artifact.primary.String()})
		return nil
	case err != nil || status == nil:
		message := "the ledger gave no answer"
		if err != nil {
			message = err.Error()
		}
		d.add(Finding{Code: CodeLedger, Status: Failed, Rule: rule, Message: message})
		return nil
	}
	d.pass(CodeRelease, rule+"/product", status.Release.Name)
	message, got := "", ""
	switch v := status.Revoked; {
	case v != nil:
		message, got = "the release was revoked", fmt.Sprintf("revoked %s by %s: %s", v.At.UTC().Format(time.RFC3339), v.By, v.Reason)
	case status.Suspect != "":
		message, got = "what the release rests on was revoked", status.Suspect
	}
	if message != "" {
		d.add(Finding{Code: CodeRevoked, Status: Failed, Rule: rule, Evidence: status.Release.Name, Message: message, Want: "a release in force", Got: got})
	} else {
		d.pass(CodeRevoked, rule, status.Release.Name)
	}
	if r.From == "" {
		return status
	}
	var since time.Time
	for _, p := range status.Promotions {
		if p.Environment == r.From && (since.IsZero() || p.Time.Before(since)) {
			since = p.Time
		}
	}
	f := Finding{Code: CodeRelease, Status: Failed, Rule: rule + "/from", Evidence: status.Release.Name}
	switch soaked := now.Sub(since); {
	case !sound && (since.IsZero() || soaked < r.Soak): // it need not know that either
	case since.IsZero():
		f.Message, f.Want, f.Got = "it was never promoted to "+r.From, "a promotion to "+r.From, promotedTo(status.Promotions)
		d.add(f)
	case soaked < r.Soak:
		f.Rule, f.Message = rule+"/soak", "it has not soaked long enough in "+r.From
		f.Want, f.Got = formatDuration(r.Soak), fmt.Sprintf("%s, since %s", roughly(soaked), since.UTC().Format(time.RFC3339))
		f.Remedy = "wait until " + since.Add(r.Soak).UTC().Format(time.RFC3339)
		d.add(f)
	default:
		d.pass(CodeRelease, rule+"/from", status.Release.Name)
	}
	return status
}

// promotedTo says where a release was promoted to.
func promotedTo(promotions []release.Entry) string {
	var out []string
	for _, p := range promotions {
		if !slices.Contains(out, p.Environment) {
			out = append(out, p.Environment)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// checkHead wants a head of the trusted log, cosigned by enough witnesses, and
// not older than the policy allows. What rests on another head is no answer.
func (d *deciding) checkHead(head release.Head) (sound bool) {
	const rule = "/release/maxHeadAge"
	r, age := d.Release, d.req.At.Sub(head.Time)
	f := Finding{Code: CodeLedger, Status: Failed, Rule: rule, Evidence: head.Origin}
	switch {
	case head.Origin != d.trust.ledger.Origin:
		f.Rule, f.Message, f.Want, f.Got = "/release", "the view is of another log than trust names", d.trust.ledger.Origin, head.Origin
	case head.Witnesses < max(r.Witnesses, d.trust.ledger.Witnesses.AtLeast):
		f.Rule, f.Message = "/release/witnesses", "too few witnesses cosigned the ledger's head"
		f.Want, f.Got = fmt.Sprint(max(r.Witnesses, d.trust.ledger.Witnesses.AtLeast)), fmt.Sprint(head.Witnesses)
	case r.MaxHeadAge != 0 && head.Time.IsZero():
		f.Message, f.Want, f.Got = "the ledger's head is of no known age", "at most "+formatDuration(r.MaxHeadAge), "no cosigned time"
	case r.MaxHeadAge != 0 && age > r.MaxHeadAge:
		most, got := formatDuration(r.MaxHeadAge), roughly(age)
		if got == most { // by less than one says roughly
			got = age.Truncate(time.Second).String()
		}
		f.Message, f.Want, f.Got = "the ledger's head is too old", "at most "+most, fmt.Sprintf("%s, of %s", got, head.Time.UTC().Format(time.RFC3339))
	case r.MaxHeadAge != 0 && age < -maxSkew:
		f.Message, f.Want, f.Got = "the ledger's head is of the future", d.req.At.UTC().Format(time.RFC3339), head.Time.UTC().Format(time.RFC3339)
	default:
		d.pass(CodeLedger, "/release", head.Origin)
		return true
	}
	d.add(f)
	return false
}
