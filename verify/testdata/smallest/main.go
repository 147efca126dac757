// The smallest program that verifies a file: its size is held to a budget.
package main

import (
	"context"
	"log"
	"os"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

func main() {
	t, _ := os.ReadFile(os.Args[1])
	p, _ := os.ReadFile(os.Args[2])
	trust, err := verify.ParseTrust(t)
	if err != nil {
		log.Fatal(err)
	}
	policy, err := verify.ParsePolicy(p)
	if err != nil {
		log.Fatal(err)
	}
	v, err := verify.New(trust, policy)
	if err != nil {
		log.Fatal(err)
	}
	evidence, err := sign.Read(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	verdict, err := v.Verify(context.Background(), verify.Request{Artifact: verify.File(os.Args[3]), Evidence: evidence})
	if err != nil {
		log.Fatal(verdict)
	}
}
