package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// A progress tells a person how far the work is: by a bar on a terminal, by a
// line for each step anywhere else.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	width int // of the terminal, 0 if there is none
	done  int
	total int
}

func newProgress(w io.Writer, width, total int) *progress {
	p := &progress{w: w, width: width, total: total}
	p.draw("")
	return p
}

// step says that something was done.
func (p *progress) step(what, done string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.width == 0 {
		fmt.Fprintf(p.w, "%s: %s\n", what, done)
		return
	}
	p.draw(what + " " + done)
}

// end takes the bar away, so that what follows stands on a line of its own.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width > 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// draw writes the bar over itself. It never fills the line: on some terminals
// the cursor would be on the next one then.
func (p *progress) draw(last string) {
	if p.width == 0 {
		return
	}
	count := fmt.Sprintf("%d/%d ", p.done, p.total)
	cells := min(24, p.width-len(count)-4)
	var line string
	if cells > 3 {
		full := cells * p.done / max(p.total, 1)
		line = "[" + strings.Repeat("#", full) + strings.Repeat("-", cells-full) + "] "
	}
	line += count
	if room := p.width - 1 - len(line); room > 0 && last != "" {
		for utf8.RuneCountInString(last) > room {
			_, size := utf8.DecodeLastRuneInString(last)
			last = last[:len(last)-size]
		}
		line += last
	}
	fmt.Fprint(p.w, "\r\x1b[K"+line)
}
