package provenance_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/touchmark-go/touchmark/provenance"
)

func ExampleParseDigest() {
	for _, s := range []string{
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
	} {
		d, err := provenance.ParseDigest(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(d, d == provenance.SumSHA256(nil))
	}
	// Output:
	// sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 true
	// sha256 digest has "E" at character 1, want lower-case hexadecimal
}

func ExampleDigestSet_Match() {
	app, other := provenance.SumSHA256([]byte("app")), provenance.SumSHA256([]byte("other"))
	artifact := provenance.Set(app)
	artifact["sha1"] = "d2a84f4b8b650937ec8f73cd8be2c74add5a911b" // weak, and computed all the same

	fmt.Println(provenance.Set(app).Match(artifact))
	fmt.Println(provenance.Set(other).Match(artifact))
	fmt.Println(provenance.DigestSet{"sha1": artifact["sha1"]}.Match(artifact))
	fmt.Println(provenance.DigestSet{"sha1": artifact["sha1"], "sha256": other.Hex()}.Match(artifact))
	// Output:
	// match
	// no match
	// weak
	// conflict
}

func ExampleNew() {
	app := provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))}
	statement, err := provenance.New("https://example.com/checked/v1", map[string]string{"by": "hand"}, app)
	if err != nil {
		log.Fatal(err)
	}
	data, err := statement.Marshal()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", data)
	// Output:
	// {"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"}}],"predicateType":"https://example.com/checked/v1","predicate":{"by":"hand"}}
}

func ExampleParse() {
	// The signature on these bytes has been checked already.
	data := []byte(`{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [{"name": "app", "digest": {"sha256": "a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"}}],
  "predicateType": "https://example.com/checked/v1",
  "predicate": {"by": "hand", "since": "always"}
}`)
	statement, err := provenance.Parse(data)
	if err != nil {
		log.Fatal(err)
	}
	var checked struct {
		By string `json:"by"`
	}
	if err := statement.Decode("https://example.com/checked/v1", &checked); err != nil {
		log.Fatal(err)
	}
	fmt.Println(statement.Subject[0].Name, "was checked by", checked.By)
	fmt.Println(statement.Decode("https://example.com/checked/v2", &checked))

	_, err = provenance.Parse([]byte(`{"_type": "https://in-toto.io/Statement/v1", "subject": [], "subject": []}`))
	fmt.Println(err)
	// Output:
	// app was checked by hand
	// predicate type is "https://example.com/checked/v1", want "https://example.com/checked/v2"
	// statement: line 1, column 61: duplicate member "subject"
}

func ExampleSubjects() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(filepath.Join(dir, "dist", "docs"), 0o700); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"app", "docs/index.html"} {
		if err := os.WriteFile(filepath.Join(dir, "dist", name), []byte(name), 0o600); err != nil {
			log.Fatal(err)
		}
	}

	// Without Root: relative to the working folder, and provenance.Subjects(ctx, "dist/app") will do.
	options := provenance.SubjectOptions{Root: dir}
	subjects, err := options.Subjects(context.Background(), filepath.Join(dir, "dist/app"), filepath.Join(dir, "dist/docs"))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range subjects {
		fmt.Println(s.Name, s.Digest.Digests())
	}
	_, err = options.Subjects(context.Background(), filepath.Join(dir, "nothing"))
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// dist/app [sha256:a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333]
	// dist/docs [dirHash:737c88f4a48eed91c93bb9bf13815581235844cd9a37bd4c9a4708489a7aae97]
	// true
}

// exampleBuild is how some build would describe itself.
func exampleBuild(version string) *provenance.Build {
	return &provenance.Build{
		BuildDefinition: provenance.BuildDefinition{
			BuildType:          "https://example.com/build-types/go/v1",
			ExternalParameters: map[string]any{"source": map[string]any{"ref": "refs/tags/" + version}},
			ResolvedDependencies: []provenance.ResourceDescriptor{
				{Name: "golang.org/x/mod", URI: "pkg:golang/golang.org/x/mod@" + version},
			},
		},
		RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: "https://example.com/builder/v1"}},
	}
}

func ExampleBuild_Statement() {
	app := provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))}
	statement, err := exampleBuild("v0.42.0").Statement(app)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(statement.PredicateType)
	fmt.Printf("%s\n", statement.Predicate)

	_, err = new(provenance.Build).Statement(app)
	fmt.Println(err)
	// Output:
	// https://slsa.dev/provenance/v1
	// {"buildDefinition":{"buildType":"https://example.com/build-types/go/v1","externalParameters":{"source":{"ref":"refs/tags/v0.42.0"}},"resolvedDependencies":[{"name":"golang.org/x/mod","uri":"pkg:golang/golang.org/x/mod@v0.42.0"}]},"runDetails":{"builder":{"id":"https://example.com/builder/v1"}}}
	// /buildDefinition/buildType is missing
}

func ExampleParseBuild() {
	statement, err := provenance.Parse([]byte(`{
  "_type": "https://in-toto.io/Statement/v0.1",
  "subject": [{"name": "app", "digest": {"sha256": "a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"}}],
  "predicateType": "https://slsa.dev/provenance/v0.2",
  "predicate": {
    "builder": {"id": "https://example.com/builder/v1"},
    "buildType": "https://example.com/build-types/workflow/v1",
    "invocation": {"configSource": {"uri": "git+https://example.com/app@refs/tags/v1", "entryPoint": "build.yml"}}
  }
}`))
	if err != nil {
		log.Fatal(err)
	}
	build, err := provenance.ParseBuild(statement)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(build.From)
	fmt.Println(build.RunDetails.Builder.ID, build.BuildDefinition.ExternalParameters["source"])
	// Output:
	// https://slsa.dev/provenance/v0.2
	// https://example.com/builder/v1 git+https://example.com/app@refs/tags/v1
}

func ExampleDiff() {
	for _, change := range provenance.Diff(exampleBuild("v0.42.0"), exampleBuild("v0.9.0")) {
		fmt.Println(change)
	}
	// Output:
	// source /source/ref changed from refs/tags/v0.42.0 to refs/tags/v0.9.0
	// dependency golang.org/x/mod downgraded from v0.42.0 to v0.9.0
}
