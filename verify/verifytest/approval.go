package verifytest

import (
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
)

// approval makes it consent to something else.
func (m *maker) approval(p *piece, change changer) {
	if _, err := release.ParseApproval(p.statement); err != nil {
		return
	}
	set := func(row, name, what, member string, value any) {
		change(row, "approval-"+name, what, func(s object) {
			if value == nil {
				delete(at(s), member)
				return
			}
			at(s)[member] = value
		})
	}
	set("38", "elsewhere", "consent for another environment", "to", "elsewhere")
	set("38", "from-elsewhere", "consent to a move from another environment", "from", "elsewhere")
	set("38", "policy", "consent under another policy", "policy", "sha256:"+otherSHA256)
	set("38", "no-policy", "consent under no policy", "policy", nil)
	set("38", "no-nonce", "consent of no round", "nonce", nil)
	set("37", "expired", "consent that has just run out", "expires", m.good.At.UTC().Format(time.RFC3339))
	set("37", "endless", "consent without an end", "expires", nil)
	set("64", "expires-offset", "an end in another spelling", "expires", strings.TrimSuffix(m.good.At.Add(time.Hour).UTC().Format(time.RFC3339), "Z")+"+00:00")
	set("38", "condition", "consent on a condition that nobody knows", "condition", "only on Mondays")
}
