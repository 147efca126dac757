package sign

import (
	"encoding/base64"
	"sync/atomic"
)

// aheadFrom is how many bytes a payload must have for its base64 to be written
// while it is signed. To sign is to hash, which takes about as long: of a large
// payload the two side by side take half the time. A small one does not repay
// the goroutine.
const aheadFrom = 64 << 10

// An ahead is the beginning of an envelope, up to the payload's last letter, with
// room for the rest. It belongs to whoever takes it.
type ahead struct {
	text  []byte
	done  chan struct{}
	taken atomic.Bool
}

// writeAhead begins to write. Nobody may change the payload before end returns.
func writeAhead(payload []byte, rest int) *ahead {
	a := &ahead{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.text = appendPayload(make([]byte, 0, len(envelopeHead)+base64.StdEncoding.EncodedLen(len(payload))+rest), payload)
	}()
	return a
}

// end waits for what was begun.
func (a *ahead) end() {
	if a != nil {
		<-a.done
	}
}

// take returns what was written to the first who asks, and to others nil.
func (a *ahead) take() []byte {
	if a == nil || !a.taken.CompareAndSwap(false, true) {
		return nil
	}
	text := a.text
	a.text = nil
	return text
}

// envelopeHead is what stands before the payload.
const envelopeHead = `{"payload":"`

// appendPayload writes the beginning of an envelope.
func appendPayload(dst, payload []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, envelopeHead...), payload)
}
