package tessera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign/ledger"
)

// A Witness cosigns the checkpoints of logs that it knows, as long as each log
// only grows (C2SP tlog-witness). It keeps the newest checkpoint of each log in a
// folder, before it answers, and so remembers across restarts what it vouched
// for. It may be used concurrently, and by several processes on one folder.
type Witness struct {
	signer *ledger.Signer
	dir    string
	logs   map[string]*ledger.Verifier // by origin
}

// NewWitness returns a Witness that keeps its memory in dir, which must exist.
// Of each log only Origin and Key count: a witness follows no other.
func NewWitness(signer *ledger.Signer, dir string, logs ...ledger.Log) (*Witness, error) {
	if signer == nil {
		return nil, errors.New("tessera: a witness needs a key")
	}
	w := &Witness{signer: signer, dir: dir, logs: map[string]*ledger.Verifier{}}
	for _, l := range logs {
		v, err := ledger.Log{Origin: l.Origin, Key: l.Key}.Verifier()
		if err != nil {
			return nil, err
		}
		if w.logs[l.Origin] != nil {
			return nil, fmt.Errorf("tessera: two logs of origin %q", l.Origin)
		}
		w.logs[l.Origin] = v
	}
	return w, nil
}

// Why a Witness does not cosign. Test for them with errors.Is.
var (
	ErrUnknownLog = errors.New("tessera: the witness does not know this log")
	ErrMalformed  = errors.New("tessera: the request to the witness is malformed")
)

// A SizeError says that the witness saw the log at another size than it was
// asked to go on from.
type SizeError struct{ Size uint64 }

func (e *SizeError) Error() string {
	return fmt.Sprintf("tessera: the witness saw the log at %d records", e.Size)
}

// Cosign checks that checkpoint follows, by proof, from the one of old records
// that the witness cosigned before (0 if none), remembers it, and returns the
// line to add to the note. Any error is a no, and nothing is remembered.
func (w *Witness) Cosign(ctx context.Context, old uint64, proof tlog.TreeProof, checkpoint []byte, at time.Time) ([]byte, error) {
	origin, _, _ := strings.Cut(string(checkpoint), "\n")
	v := w.logs[origin]
	if v == nil {
		return nil, fmt.Errorf("%w: %.80q", ErrUnknownLog, origin)
	}
	now, err := v.Open(checkpoint)
	if err != nil {
		return nil, err
	}
	if old > now.Size() {
		return nil, fmt.Errorf("%w: from %d records to %d", ErrMalformed, old, now.Size())
	}
	unlock, err := dirlock.Lock(ctx, w.dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := filepath.Join(w.dir, provenance.SumSHA256([]byte(origin)).Hex())
	data, err := safefs.ReadFile(path, ledger.MaxCheckpoint)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if old != 0 {
			return nil, &SizeError{Size: 0}
		}
		if len(proof) > 0 {
			return nil, fmt.Errorf("%w: a proof from nothing", ErrMalformed)
		}
	case err != nil:
		return nil, err
	default:
		seen, err := v.Open(data)
		if err != nil {
			return nil, fmt.Errorf("tessera: the witness's own memory: %w", err)
		}
		if seen.Size() != old {
			return nil, &SizeError{Size: seen.Size()}
		}
		if err := now.Follows(seen, proof); err != nil {
			return nil, err
		}
	}
	line, err := w.signer.Cosign(checkpoint, at)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(path, checkpoint, 0o644); err != nil {
		return nil, err
	}
	return line, nil
}

// maxProof is how many hashes a consistency proof may have.
const maxProof = 63

// ServeHTTP answers add-checkpoint requests (C2SP tlog-witness). It cosigns at
// the time of the request.
func (w *Witness) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/add-checkpoint") {
		http.NotFound(rw, req)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, req.Body, ledger.MaxCheckpoint+maxProof*48+64))
	if err != nil {
		http.Error(rw, "the request is too large", http.StatusBadRequest)
		return
	}
	old, proof, checkpoint, err := parseRequest(body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	line, err := w.Cosign(req.Context(), old, proof, checkpoint, time.Now())
	var size *SizeError
	switch {
	case err == nil:
		rw.Write(line)
	case errors.As(err, &size):
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", size.Size)
	case errors.Is(err, ErrUnknownLog):
		http.Error(rw, err.Error(), http.StatusNotFound)
	case errors.Is(err, ledger.ErrUnsigned):
		http.Error(rw, err.Error(), http.StatusForbidden)
	case errors.Is(err, ledger.ErrInconsistent):
		status := http.StatusUnprocessableEntity
		if len(proof) == 0 {
			status = http.StatusConflict // of one size and another root
		}
		http.Error(rw, err.Error(), status)
	case errors.Is(err, ErrMalformed):
		http.Error(rw, err.Error(), http.StatusBadRequest)
	default:
		http.Error(rw, "the witness has trouble of its own", http.StatusInternalServerError)
	}
}

// parseRequest reads "old N", the hashes of a proof, an empty line, and a
// checkpoint.
func parseRequest(body []byte) (old uint64, proof tlog.TreeProof, checkpoint []byte, err error) {
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	size, isOld := strings.CutPrefix(lines[0], "old ")
	old, perr := strconv.ParseUint(size, 10, 62)
	if !ok || !isOld || perr != nil || strconv.FormatUint(old, 10) != size || len(lines)-1 > maxProof {
		return 0, nil, nil, fmt.Errorf("%w: want old and a size, a proof, an empty line and a checkpoint", ErrMalformed)
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return 0, nil, nil, fmt.Errorf("%w: %.60q is no hash", ErrMalformed, line)
		}
		proof = append(proof, h)
	}
	return old, proof, checkpoint, nil
}

// inProcess asks witnesses in this very process, and sends the rest on.
type inProcess struct {
	local map[string]*Witness // by host
	next  http.RoundTripper
}

func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	w := p.local[req.URL.Host]
	if w == nil {
		if p.next == nil {
			return http.DefaultTransport.RoundTrip(req)
		}
		return p.next.RoundTrip(req)
	}
	defer req.Body.Close()
	a := &answer{header: http.Header{}, status: http.StatusOK}
	w.ServeHTTP(a, req)
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(&a.body), Request: req}, nil
}

// An answer is an [http.ResponseWriter] that keeps what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// group is a quorum of witnesses: at least n of them, or as many as answer if
// n is 0.
func group(n int, list []tessera.Witness) tessera.WitnessGroup {
	if n == 0 {
		n = len(list)
	}
	return newGroup(tessera.NewWitnessGroup, n, list)
}

// newGroup calls make, whose type of components has no name outside of Tessera.
func newGroup[C any](make func(int, ...C) tessera.WitnessGroup, n int, list []tessera.Witness) tessera.WitnessGroup {
	var components []C
	for _, w := range list {
		components = append(components, any(w).(C)) // every Witness is a component
	}
	return make(n, components...)
}
