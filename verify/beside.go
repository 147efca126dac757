package verify

import "io"

// A beside hashes pieces of an artifact by further algorithms on a processor of
// their own. SHA-512 takes twice as long as SHA-256, so it goes through one piece
// while the next one is read and hashed. Without such algorithms it is one buffer.
type beside struct {
	hashes     []io.Writer
	one        []byte
	free, full chan []byte
	done       chan struct{} // nil if nothing runs
}

// newBeside begins with an artifact of that size. There are two pieces, one that is
// hashed and one that is read, and of a large artifact two more: without them one
// side is often asleep, and waking it takes time.
func newBeside(hashes []io.Writer, size int64) *beside {
	b := &beside{hashes: hashes}
	if len(hashes) == 0 {
		return b
	}
	ahead := 2
	if size >= 4<<20 {
		ahead = 4
	}
	b.free, b.full, b.done = make(chan []byte, ahead), make(chan []byte, ahead), make(chan struct{})
	for range ahead {
		b.free <- nil
	}
	go func() {
		defer close(b.done)
		for piece := range b.full {
			for _, h := range b.hashes {
				h.Write(piece)
			}
			b.free <- piece
		}
	}()
	return b
}

// buffer returns one for n bytes, of at most pieceSize, that nobody reads any more.
func (b *beside) buffer(n int64) []byte {
	buf := b.one
	if b.done != nil {
		buf = <-b.free
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	if b.done == nil {
		b.one = buf
	}
	return buf[:n]
}

// hand hands over what the last buffer holds now.
func (b *beside) hand(piece []byte) {
	if b.done != nil {
		b.full <- piece // there is room for all
	}
}

// end waits until all that was handed over is hashed. It may be called twice.
func (b *beside) end() {
	if b.done == nil {
		return
	}
	close(b.full)
	<-b.done
	b.done = nil
}
