package gomod_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
)

// source writes a program without dependencies to a folder of its own.
func source() string {
	dir, err := os.MkdirTemp("", "gomod")
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":  "module example.com/hello\n\ngo 1.26.0\n",
		"main.go": "package main\n\nfunc main() { println(\"hello\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			log.Fatal(err)
		}
	}
	return dir
}

// List what a build would link, and who imports whom.
func ExampleFromSource() {
	dir := source()
	defer os.RemoveAll(dir)
	bom, err := gomod.FromSource(context.Background(), dir, ".")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bom.Metadata.Component.PackageURL)
	for _, c := range *bom.Components {
		fmt.Println("  links", c.Name)
	}
	// Output:
	// pkg:golang/example.com/hello
	//   links stdlib
}

// Add the edges to what the linker recorded in a binary.
func ExampleAddEdges() {
	dir := source()
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", "hello.bin", ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		log.Fatalf("%v: %s", err, out)
	}
	binary, err := os.Open(filepath.Join(dir, "hello.bin"))
	if err != nil {
		log.Fatal(err)
	}
	defer binary.Close()

	bom, err := sbom.FromBinary(binary)
	if err != nil {
		log.Fatal(err)
	}
	if err := gomod.AddEdges(context.Background(), dir, bom); err != nil {
		log.Fatal(err) // the source would link something else
	}
	fmt.Println("document version", bom.Version)
	program := (*bom.Dependencies)[0]
	for range *program.Dependencies {
		fmt.Println(program.Ref, "depends on the standard library")
	}
	// Output:
	// document version 2
	// example.com/hello depends on the standard library
}

// List what a module requires, from its files alone.
func ExampleFromFiles() {
	bom, err := gomod.FromFiles(gomod.Files{
		GoMod: []byte("module example.com/app\n\ngo 1.26.0\n\nrequire golang.org/x/mod v0.42.0\n"),
		GoSum: []byte("golang.org/x/mod v0.42.0 h1:ICeL3t2L30ljSPHHxDnR4fqVcBt/zR2zJAb9juavmQg=\n"),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range *bom.Components {
		fmt.Println(c.BOMRef)
	}
	for _, p := range *bom.Metadata.Properties {
		fmt.Println(p.Name, p.Value)
	}
	// Output:
	// golang.org/x/mod@v0.42.0
	// stdlib
	// touchmark:go:edges requires
	// touchmark:go:list required
}
