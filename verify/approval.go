package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

const approvalType = release.ApprovalType

// An approver is a person whose approval counts for this decision, and where it stands.
type approver struct{ name, evidence string }

// checkApprovals counts people. Each counts once, for one of the quorums at
// most, and never for what is their own work.
func (d *deciding) checkApprovals(status *release.Status) {
	if len(d.Approvals) == 0 {
		return
	}
	valid, reasons := d.approvals(status)
	seats := make([]map[string]bool, 0, len(d.Approvals)) // one for each person wanted
	for i, q := range d.Approvals {
		for range q.AtLeast {
			seats = append(seats, d.approvers[i])
		}
	}
	taken := assign(seats, sortedKeys(valid))
	seat := 0
	for i, q := range d.Approvals {
		var got, evidence []string
		for range q.AtLeast {
			if name := taken[seat]; name != "" {
				got = append(got, name)
				evidence = append(evidence, valid[name].evidence)
			}
			seat++
		}
		slices.Sort(got)
		rule := fmt.Sprintf("/approvals/%d", i)
		if len(got) >= q.AtLeast {
			slices.Sort(evidence)
			d.add(Finding{Code: CodeApproval, Status: Passed, Rule: rule, Evidence: strings.Join(slices.Compact(evidence), ", "), Got: strings.Join(got, ", ")})
			continue
		}
		said := []string{}
		if len(got) > 0 {
			said = append(said, strings.Join(got, ", "))
		}
		for _, name := range sortedKeys(reasons) {
			if _, counts := valid[name]; !counts && (d.approvers[i][name] || !d.isApprover(name)) {
				said = append(said, reasons[name])
			}
		}
		for _, name := range sortedKeys(valid) {
			switch {
			case !d.isApprover(name):
				said = append(said, name+" is not among them")
			case d.approvers[i][name] && !slices.Contains(got, name):
				said = append(said, name+" counts once, for another quota")
			}
		}
		d.add(Finding{Code: CodeApproval, Status: Failed, Rule: rule, Message: fmt.Sprintf("%d of %d people", len(got), q.AtLeast), Want: q.String(), Got: strings.Join(said, "; "),
			Remedy: d.askFor(i, valid, status)})
	}
}

// isApprover reports whether some quorum of the policy names the person.
func (d *deciding) isApprover(name string) bool {
	return slices.ContainsFunc(d.approvers, func(people map[string]bool) bool { return people[name] })
}

// askFor says who can still approve. Nobody is asked to approve what has no
// provenance.
func (d *deciding) askFor(i int, valid map[string]approver, status *release.Status) string {
	if d.provenance == nil {
		return "first its provenance must be accepted; nobody should approve it before"
	}
	missing := d.couldApprove(d.approvers[i], valid, status)
	if len(missing) == 0 { // those who may sit here sit elsewhere, and move if somebody takes their seat
		for _, people := range d.approvers {
			missing = append(missing, d.couldApprove(people, valid, status)...)
		}
		slices.Sort(missing)
		missing = slices.Compact(missing)
	}
	if len(missing) == 0 {
		return "nobody who is left may approve it; change the policy only after review"
	}
	return fmt.Sprintf("%s: approve %s to %s under this policy, then hand in the new evidence", strings.Join(missing, " or "), d.artifact.primary, d.Environment)
}

// couldApprove are those of people who have not approved and are no authors.
func (d *deciding) couldApprove(people map[string]bool, valid map[string]approver, status *release.Status) []string {
	var out []string
	for _, name := range sortedKeys(people) {
		if _, counts := valid[name]; !counts && !d.isAuthor(name, status) {
			out = append(out, name)
		}
	}
	return out
}

// isAuthor reports whether the person released or built the artifact: whoever
// signed provenance of it, whether the rule counts them or not, and whether this
// or other provenance was accepted.
func (d *deciding) isAuthor(name string, status *release.Status) bool {
	if status != nil && slices.Contains(status.Authors, name) {
		return true
	}
	return slices.ContainsFunc(d.units, func(u *unit) bool {
		_, signed := u.signatories[name]
		return signed && u.matched == provenance.Matched && slices.Contains(d.types, u.statement.PredicateType)
	})
}

// approvals are the people whose approval of this artifact counts, and of the
// others why theirs does not.
func (d *deciding) approvals(status *release.Status) (valid map[string]approver, reasons map[string]string) {
	valid, reasons = map[string]approver{}, map[string]string{}
	for _, u := range d.units {
		if u.statement == nil {
			if u.parseErr != nil {
				for _, s := range u.sorted() { // of whatever kind it was meant to be
					reasons[s.Principal] = fmt.Sprintf("%s signed what cannot be used: %s", s.Principal, u.parseErr)
				}
			} else if claimedType(u) == approvalType {
				for _, r := range u.refusals {
					reasons[r.principal] = r.message
				}
			}
			continue
		}
		if u.statement.PredicateType != approvalType {
			continue
		}
		a, err := release.ParseApproval(u.statement)
		for _, r := range u.refusals {
			if r.principal != "" {
				reasons[r.principal] = r.message
			}
		}
		for _, s := range u.sorted() {
			why := ""
			if err != nil {
				why = err.Error()
			} else {
				why = d.countsNot(u, a, s, status)
			}
			if why == "" {
				valid[s.Principal] = approver{s.Principal, u.origin()}
			} else {
				reasons[s.Principal] = fmt.Sprintf("%s's %s", s.Principal, why)
			}
		}
	}
	return valid, reasons
}

// countsNot is why one person's approval does not count; "" if it does.
func (d *deciding) countsNot(u *unit, a *release.Approval, s Signatory, status *release.Status) string {
	from := ""
	if d.Release != nil {
		from = d.Release.From
	}
	switch {
	case s.Kind != Person:
		return fmt.Sprintf("is a %s's, and only persons approve", s.Kind)
	case u.matched != provenance.Matched:
		return "is for another artifact"
	case a.To != d.Environment:
		return fmt.Sprintf("is for %q", a.To)
	case a.From != from:
		return fmt.Sprintf("is from %q, want %q", a.From, from)
	case a.Policy != d.approvedAs:
		return "is under another policy, " + short(a.Policy)
	case !d.req.At.Before(a.Expires):
		return "expired " + a.Expires.UTC().Format(time.RFC3339)
	case status != nil && slices.Contains(status.Authors, s.Principal):
		return "is the author's own: who released it does not approve it"
	case d.isAuthor(s.Principal, status):
		return "is the author's own: who built it does not approve it"
	}
	return ""
}

// assign seats as many people as possible, each on one seat that is open to
// them, and returns who sits where. The result depends only on the order of
// seats and people.
func assign(seats []map[string]bool, people []string) []string {
	taken := make([]string, len(seats))
	var place func(name string, tried []bool) bool
	place = func(name string, tried []bool) bool {
		for i, open := range seats {
			if !open[name] || tried[i] {
				continue
			}
			tried[i] = true
			if taken[i] == "" || place(taken[i], tried) {
				taken[i] = name
				return true
			}
		}
		return false
	}
	for _, name := range people {
		place(name, make([]bool, len(seats)))
	}
	return taken
}
