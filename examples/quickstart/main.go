// Command quickstart does the whole job once, for real, and tells the story: it
// builds a program, records how, lists what is inside, signs both, decides
// whether the program may run, and then tries to cheat.
//
//	go run ./examples/quickstart [MAIN-PACKAGE]
//
// It needs Go, and nothing else; without git there is one attack less to show.
// All keys are made for this one run, and no private key is ever written down.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

func main() {
	ctx, lab := context.Background(), newLab(arguments()) // a folder, and in it a git repository with the program's source

	lab.chapter("Build %s and record how (provenance/capture)", lab.program)
	build, output := lab.goBuild(ctx)
	record := must(capture.Run(ctx, build, output))
	lab.tellRecord(record)

	lab.chapter("List what is inside (sbom)")
	artifact := must(lab.keep(output)) // an *os.File
	bom := must(sbom.FromBinary(artifact))
	lab.tellBOM(bom)

	lab.chapter("Sign both with a fresh key; two people approve (sign)")
	cast := must(newCast()) // the builder ci, and the release managers alice and bob
	trust, policy := cast.trust(), lab.policy(build)
	provenance := must(sign.Statement(ctx, record.Statement(), cast.ci))
	contents := must(sign.Statement(ctx, must(sbom.Statement(bom)), cast.ci))
	approval := must(cast.approval(record, policy))
	byAlice := must(sign.Statement(ctx, approval, cast.alice)) // each at home
	byBob := must(sign.Statement(ctx, approval, cast.bob))
	evidence := []*sign.Bundle{provenance, contents, byAlice, byBob}
	lab.tellSigned(cast, evidence)

	lab.chapter("May it run in prod? (verify)")
	verifier := must(verify.New(trust, policy))
	verdict, err := verifier.Verify(ctx, verify.Request{Artifact: verify.File(artifact.Name()), Environment: "prod", Evidence: evidence})
	if err != nil {
		log.Fatalf("this should have been allowed:\n%s", verdict)
	}
	lab.tellAllow(verdict)

	lab.chapter("Cheat, with the builder's own key where it helps")
	attacks := must(lab.attacks(ctx, cast, artifact.Name(), record, evidence))
	for _, attack := range attacks {
		if attack.skipped != "" {
			lab.tellSkipped(attack)
			continue
		}
		verdict, err := verifier.Verify(ctx, verify.Request{Artifact: verify.File(attack.artifact), Environment: "prod", Evidence: attack.evidence})
		if err == nil {
			log.Fatalf("%s: this should have been refused:\n%s", attack.name, verdict)
		}
		lab.tellDeny(attack, verdict)
	}

	lab.chapter("Look at it yourself")
	must(0, lab.leave(trust, policy, bom, evidence, attacks))
}

// arguments is the main package to build.
func arguments() string {
	log.SetFlags(0)
	log.SetPrefix("quickstart: ")
	switch len(os.Args) {
	case 1:
		return "github.com/touchmark-go/touchmark/examples/quickstart/app"
	case 2:
		return os.Args[1]
	}
	fmt.Fprintln(os.Stderr, "usage: quickstart [MAIN-PACKAGE]")
	os.Exit(64)
	return ""
}

// must ends the story at the first error. A program of yours handles them: see
// the examples in the packages, and in the README.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
