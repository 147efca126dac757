package trace

import (
	"context"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// An unwatched tracing says why nobody watched.
type unwatched string

func (u unwatched) End(context.Context, capture.Places) (*capture.Trace, error) {
	return &capture.Trace{Refused: string(u)}, nil
}
