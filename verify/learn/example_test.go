package learn_test

import (
	"fmt"

	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/learn"
)

func ExampleMutants() {
	policy := &verify.Policy{Version: 1, Name: "app", Examine: verify.ExamineRule{Mode: verify.ExamineIfApplicable},
		Provenance: verify.ProvenanceRule{SignedBy: verify.Quorum{AtLeast: 2, Of: []string{"ci", "release-manager"}}, Level: verify.AnyLevel, BuildType: "any",
			Source: verify.SourceRule{Any: true}, Parameters: map[string]verify.Matcher{"": {Any: true}}}}
	mutants, err := learn.Mutants(policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range mutants {
		fmt.Println(m.Rule, m.What)
	}
	// Output:
	// /examine off
	// /provenance/signedBy any
	// /provenance/signedBy/atLeast one less
}
