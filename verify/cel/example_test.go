package cel_test

import (
	"encoding/json"
	"fmt"

	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
)

func ExampleConditions() {
	// verify.Options{Conditions: cel.Conditions}.New(trust, policy) does this for each rule.
	holds, err := cel.Conditions(verify.AttestationRule{
		Type:  "https://in-toto.io/attestation/test-result/v0.1",
		Where: `predicate.result == "PASSED" && size(predicate.passedTests) >= 2`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(holds(json.RawMessage(`{"result": "PASSED", "passedTests": ["TestA", "TestB"]}`)))
	_, err = holds(json.RawMessage(`{"result": "PASSED"}`))
	fmt.Println(err)

	_, err = cel.Conditions(verify.AttestationRule{
		Type:  "https://in-toto.io/attestation/test-result/v0.1",
		Where: `predicate.results == "PASSED"`,
	})
	fmt.Println(err)
	// Output:
	// true <nil>
	// no such key: passedTests
	// 1:10: undefined field 'results'
}

func ExampleTypes() {
	fmt.Println(cel.Types()[0])
	// Output: https://in-toto.io/attestation/vulns/v0.2
}

func ExampleLimitError() {
	fmt.Println(cel.LimitError{}.Code())
	// Output: limit
}
