package sign

import (
	"errors"
	"fmt"
	"io"
)

// Write writes bundles as JSON lines, each in its Format, so that [Read] reads
// them back with the same ID and the same signatures. Files made so are merged
// by appending one to the other. Nothing is written if one of the bundles
// cannot be, or if all together are over a limit.
func Write(w io.Writer, bundles ...*Bundle) error {
	if len(bundles) > MaxLines {
		return fmt.Errorf("sign: %d bundles, want at most %d: %w", len(bundles), MaxLines, ErrLimit)
	}
	if len(bundles) == 0 {
		return errors.New("sign: want a bundle to write, got none")
	}
	var out []byte
	for _, b := range bundles {
		line, err := b.Marshal()
		if err != nil {
			return err
		}
		if len(out)+len(line)+1 > MaxFileSize {
			return fmt.Errorf("sign: more than %d bytes: %w", MaxFileSize, ErrLimit)
		}
		if out == nil {
			out = line // it is ours, and a large one is not copied
		} else {
			out = append(out, line...)
		}
		out = append(out, '\n')
	}
	_, err := w.Write(out)
	return err
}
