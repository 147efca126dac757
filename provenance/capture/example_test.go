package capture_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// exampleModule makes a folder with a small Go program.
func exampleModule() string {
	dir, err := os.MkdirTemp("", "touchmark-example-")
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range map[string]string{
		"go.mod":  "module example.com/hello\n\ngo 1.26\n",
		"main.go": "package main\n\nfunc main() { println(\"hello\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	return dir
}

// Build a program and record how. Without Dir, the command runs where you are.
func ExampleRun() {
	dir := exampleModule()
	defer os.RemoveAll(dir)

	cmd := exec.Command("go", "build", "-trimpath", "-o", "dist/hello", ".")
	cmd.Dir = dir
	rec, err := capture.Run(context.Background(), cmd, "dist/hello")
	if err != nil {
		log.Fatal(err) // the build failed, or dist/hello is not its work
	}
	build := rec.Build()
	fmt.Println(rec.Subjects()[0].Name)
	fmt.Println(build.BuildDefinition.BuildType)
	fmt.Println(build.BuildDefinition.ExternalParameters["command"])
	for _, g := range rec.Grades() {
		if g.Field == "/predicate/buildDefinition/externalParameters/source" {
			fmt.Println("source:", g.Grade+",", g.Why)
		}
	}
	// Output:
	// dist/hello
	// https://github.com/touchmark-go/touchmark/build-types/go-build/v1
	// [go build -trimpath -o dist/hello .]
	// source: absent, the folder is in no git repository
}

// What is recorded beyond the defaults is named one by one.
func ExampleOptions_Run() {
	dir := exampleModule()
	defer os.RemoveAll(dir)

	cmd := exec.Command("go", "build", "-ldflags=-X main.version=v1.4.0 -X main.token=hunter2", "-o", "hello", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "DEPLOY_KEY=hunter2")
	rec, err := capture.Options{
		Env:      []string{"CGO_ENABLED"},
		LinkVars: []string{"main.version"},
	}.Run(context.Background(), cmd, "hello")
	if err != nil {
		log.Fatal(err)
	}
	params := rec.Build().BuildDefinition.ExternalParameters
	fmt.Println(params["env"])
	fmt.Printf("%q\n", params["command"])
	// Output:
	// map[CGO_ENABLED:0]
	// ["go" "build" "-ldflags=-X main.version=v1.4.0 -X main.token=(withheld)" "-o" "hello" "."]
}

// Record a program that was built before anybody looked. What only a witness
// could know is absent.
func ExampleAfter() {
	dir := exampleModule()
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-o", "hello", ".")
	cmd.Dir = dir
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}

	rec, err := capture.Options{Root: dir}.After(context.Background(), filepath.Join(dir, "hello"))
	if err != nil {
		log.Fatal(err)
	}
	for _, g := range rec.Grades() {
		if g.Field == "/predicate/buildDefinition/externalParameters/command" {
			fmt.Println("command:", g.Grade+",", g.Why)
		}
	}
	setup := rec.Build().BuildDefinition.InternalParameters["go"].(map[string]any)
	fmt.Println("packages:", setup["packages"])
	// Output:
	// command: absent, the build had already run
	// packages: [example.com/hello]
}

// A Record is also a statement, ready to be signed.
func ExampleRecord_Statement() {
	dir := exampleModule()
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-o", "hello", ".")
	cmd.Dir = dir
	rec, err := capture.Run(context.Background(), cmd, "hello")
	if err != nil {
		log.Fatal(err)
	}
	statement := rec.Statement()
	fmt.Println(statement.PredicateType)
	fmt.Println(len(statement.Subject), statement.Subject[0].Name)
	// Output:
	// https://slsa.dev/provenance/v1
	// 1 hello
}

// What must not be in a record can be committed to. Who is later shown the value
// and the salt can check that it is the one that the build had.
func ExampleCommitment_Open() {
	dir := exampleModule()
	defer os.RemoveAll(dir)

	cmd := exec.Command("go", "build", "-o", "hello", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEPLOY_KEY=hunter2")
	rec, err := capture.Options{Commit: []string{"DEPLOY_KEY"}}.Run(context.Background(), cmd, "hello")
	if err != nil {
		log.Fatal(err)
	}
	salt := rec.Salt() // is not in the record: keep salt.Reveal() where secrets are

	commitments, err := capture.Commitments(rec.Build())
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range commitments {
		fmt.Println(c, "was hunter2:", c.Open(salt, "hunter2") == nil)
		fmt.Println(c, "was hunter3:", c.Open(salt, "hunter3") == nil)
	}
	// Output:
	// DEPLOY_KEY was hunter2: true
	// DEPLOY_KEY was hunter3: false
}
