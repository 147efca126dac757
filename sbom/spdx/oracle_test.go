package spdx_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/touchmark-go/touchmark/sbom/spdx"
)

// reader is a program on SPDX's own Go library, which reads each document that
// it is told and writes it again beside it.
const reader = `package main

import (
	"fmt"
	"os"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

func main() {
	for _, path := range os.Args[1:] {
		if err := again(path); err != nil {
			fmt.Println(path, err)
			os.Exit(1)
		}
	}
}

func again(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	var doc v2_3.Document
	if err := json.ReadInto(in, &doc); err != nil {
		return err
	}
	out, err := os.Create(path + ".again")
	if err != nil {
		return err
	}
	if err := json.Write(&doc, out); err != nil {
		return err
	}
	return out.Close()
}
`

// SPDX's own library reads what is written here, and writes what is the same here.
func TestAgainstToolsGolang(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("builds a program on another library; set TOUCHMARK_INTEGRATION=1 to run it")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %.200q: %v\n%s", name, args, err, out)
		}
	}
	write("go.mod", []byte("module again\n\ngo 1.26\n"))
	write("main.go", []byte(reader))
	run("go", "get", "github.com/spdx/tools-golang@v0.5.5")
	run("go", "build", "-o", "again", ".")
	want := map[string][]byte{}
	var paths []string
	for seed := range uint64(60) {
		doc, _, err := spdx.FromCycloneDX((&maker{Rand: rand.New(rand.NewPCG(3, seed))}).bom())
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := spdx.Write(&b, doc); err != nil {
			t.Fatal(err)
		}
		path := write(fmt.Sprintf("%d.spdx.json", seed), b.Bytes())
		want[path], paths = b.Bytes(), append(paths, path)
	}
	run(filepath.Join(dir, "again"), paths...)
	for _, path := range paths {
		data, err := os.ReadFile(path + ".again")
		if err != nil {
			t.Fatal(err)
		}
		doc, err := spdx.Parse(bytes.NewReader(data))
		if err != nil {
			t.Errorf("what tools-golang writes is refused: %v", err)
			continue
		}
		var got bytes.Buffer
		if err := spdx.Write(&got, doc); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want[path]) {
			at := 0
			for at < min(got.Len(), len(want[path])) && got.Bytes()[at] == want[path][at] {
				at++
			}
			t.Errorf("tools-golang made …%.300s\nof …%.300s", got.Bytes()[max(0, at-100):], want[path][max(0, at-100):])
		}
	}
}
