package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/sbom"
)

// A document that goes by is told to miss what one that is held does.
func TestCheckStream(t *testing.T) {
	const document = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"bom-ref":"app","type":"application","name":"app"}},
		"dependencies":[{"ref":"app","dependsOn":["gone"]}],"compositions":[{"aggregate":"complete","dependencies":["app"]}]}`
	bom, err := sbom.Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	profiles := []string{"structure", "ntia-2021"}
	got, err := checkStream("app.json", strings.NewReader(document), profiles)
	if want := checkBOM(bom, profiles); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	if _, err := checkStream("app.json", strings.NewReader("{"), profiles); err == nil || !strings.Contains(err.Error(), `"app.json"`) {
		t.Errorf("half a document: %v", err)
	}
	if results, err := checkLarge("sbom_check_test.go", profiles); results != nil || err != nil {
		t.Errorf("a small file: %v, %v", results, err)
	}
}
