package sbom_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
)

// maxMemory is how much a process may hold that scans a document of any size,
// in KiB: its peak resident set, the program itself included.
const maxMemory = 32 << 10

// A document of 76,000 components, with TOUCHMARK_INTEGRATION=1 one of 225 MB, and
// with TOUCHMARK_DEEP=1 one of a gigabyte, is scanned by a process of its own, which
// says how much it held.
func TestScanMemory(t *testing.T) {
	if n, err := strconv.Atoi(os.Getenv("TOUCHMARK_SCAN")); err == nil {
		scanLarge(t, n)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("the peak of a process is read from /proc")
	}
	sizes := []int{76_000}
	if os.Getenv("TOUCHMARK_INTEGRATION") == "1" {
		sizes = append(sizes, 300_000)
	}
	if os.Getenv("TOUCHMARK_DEEP") != "" {
		sizes = append(sizes, 1_450_000)
	}
	for _, n := range sizes {
		cmd := exec.Command(os.Args[0], "-test.run=^TestScanMemory$", "-test.v")
		cmd.Env = append(os.Environ(), "TOUCHMARK_SCAN="+strconv.Itoa(n))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		_, line, found := bytes.Cut(out, []byte("peak "))
		var peak, components, size int
		if _, err := fmt.Sscanf(string(line), "%d KiB for %d components, %d bytes", &peak, &components, &size); !found || err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if components != n {
			t.Errorf("%d components, want %d", components, n)
		}
		t.Logf("%d components, %d bytes: %d KiB", components, size, peak)
		if peak > maxMemory && !raceEnabled {
			t.Errorf("%d components, %d bytes: the process held %d KiB, want at most %d", n, size, peak, maxMemory)
		}
	}
}

// scanLarge is the process of its own.
func scanLarge(t *testing.T, n int) {
	components, dependencies := 0, 0
	r := testkit.NewLargeBOM(n)
	for p, err := range sbom.Scan(r) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Component != nil {
			components++
		}
		if p.Dependency != nil {
			dependencies++
		}
	}
	if dependencies != n+1 {
		t.Fatalf("%d dependencies, want %d", dependencies, n+1)
	}
	size, err := r.Seek(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Printf("peak %s KiB for %d components, %d bytes\n", strings.Fields(peak)[0], components, size)
}
