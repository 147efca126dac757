package verify

import (
	"fmt"
	"os"
	"sync"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sign"
)

// Limits are how much of each may be spent. A member that is zero sets no bound.
type Limits struct {
	Checks int64 // signatures that are checked, one that is tried with several keys each time; hashing 64 KiB costs as much
	Bytes  int64 // bytes of artifacts that are read, as they lie there: before anything in an image is decompressed
	Memory int64 // bytes of payloads of the calls that run at the same time
}

// A Budget bounds what all Verifiers and Checkers that have it in their Options
// spend together, on top of the documented limits of each call: what strangers
// hand to a service must not take all of it. A call that would go over it ends
// [Undecided] with [CodeBudget], whatever it has found out: it says nothing
// about the artifact. Nobody waits for a Budget.
//
// Checks and bytes are spent until [Budget.Refill], memory is given back at the
// end of a call. The zero Budget bounds nothing; make one with [NewBudget]. It
// may be used concurrently, and must not be copied.
type Budget struct {
	limits Limits

	mu    sync.Mutex
	spent Limits
}

// NewBudget makes a Budget of which nothing is spent.
func NewBudget(l Limits) *Budget { return &Budget{limits: l} }

// Refill lets checks and bytes be spent anew, as a service may do each second.
func (b *Budget) Refill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent.Checks, b.spent.Bytes = 0, 0
}

// draw spends of all three, or of none if one of them would not do. A nil Budget
// gives whatever is wanted.
func (b *Budget) draw(want Limits) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	has := func(limit, spent, want int64) bool { return limit == 0 || want <= limit-spent }
	if !has(b.limits.Checks, b.spent.Checks, want.Checks) || !has(b.limits.Bytes, b.spent.Bytes, want.Bytes) || !has(b.limits.Memory, b.spent.Memory, want.Memory) {
		return false
	}
	b.spent.Checks, b.spent.Bytes, b.spent.Memory = b.spent.Checks+want.Checks, b.spent.Bytes+want.Bytes, b.spent.Memory+want.Memory
	return true
}

// giveBack gives memory back.
func (b *Budget) giveBack(memory int64) {
	if b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.spent.Memory -= memory
	}
}

// overBudget is the finding that something could not be spent.
func overBudget(what string) *Finding {
	return &Finding{Code: CodeBudget, Status: Failed, Message: "the budget that calls share is spent", Want: what, Got: "less than that left", Remedy: CodeBudget.Remedy()}
}

// memoryOf is what evidence costs while it is judged.
func memoryOf(evidence []*sign.Bundle) (n int64) {
	for _, b := range evidence {
		if b != nil {
			n += int64(len(b.PAE()))
		}
	}
	return n
}

// A purse is what one call may spend on checking signatures: of its own on those
// that do not say whose they are, and of the Budget that it shares on all.
type purse struct {
	left   int // of its own
	shared *Budget
	empty  bool // the Budget could not give what was wanted: whatever was found then is no answer
}

// pay spends of the Budget.
func (p *purse) pay(checks int) bool {
	if p.empty || !p.shared.draw(Limits{Checks: int64(checks)}) {
		p.empty = true
	}
	return !p.empty
}

// witnessed is how many signatures an [Authenticator] may have to check of b.
func witnessed(b *sign.Bundle) int {
	n := 0
	for _, s := range b.Signatures {
		n += 1 + len(s.Chain) + len(s.Timestamps) + len(s.LogEntries)
	}
	return n
}

// drawBytes spends the bytes of a file, or of all files in a folder.
func (b *Budget) drawBytes(path string, size int64, folder bool) *Finding {
	if b == nil || b.limits.Bytes == 0 {
		return nil
	}
	if folder {
		size = folderSize(path)
	}
	if !b.draw(Limits{Bytes: max(size, 0)}) { // a size may be claimed that nothing has
		return overBudget(fmt.Sprintf("%d bytes of an artifact", size))
	}
	return nil
}

// folderSize is how many bytes the files in a folder have. What is wrong with a
// folder, reading it says.
func folderSize(path string) (n int64) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return 0
	}
	defer root.Close()
	names, err := safefs.Files(root)
	if err != nil {
		return 0
	}
	for _, name := range names {
		if info, err := root.Lstat(name); err == nil {
			n += info.Size()
		}
	}
	return n
}
