package sbom_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/sbom"
)

// Two documents that go by have the differences of two that are held.
func TestDiffStream(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	differ := 0
	for range 100 {
		a, b := randomBOM(r), randomBOM(r)
		x, y := string(write(t, a)), string(write(t, b))
		got, err := sbom.DiffStream(strings.NewReader(x), strings.NewReader(y))
		if err != nil {
			t.Fatal(err)
		}
		want := sbom.Diff(parse(t, x), parse(t, y))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("changes:\n%v\nwant:\n%v\nof\n%s\n%s", got, want, x, y)
		}
		if len(got) > 0 {
			differ++
		}
		if same, err := sbom.DiffStream(strings.NewReader(x), strings.NewReader(x)); same != nil || err != nil {
			t.Fatalf("a document differs from itself by %v, %v", same, err)
		}
	}
	if differ < 60 {
		t.Errorf("only %d pairs differ", differ)
	}
}

// Documents say the same in whatever order their members stand.
func TestDiffStreamOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	shuffled := func(document string) string {
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(document), &members); err != nil {
			t.Fatal(err)
		}
		names := slices.Sorted(maps.Keys(members))
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for i, name := range names {
			names[i] = fmt.Sprintf("%q:%s", name, members[name])
		}
		return "{" + strings.Join(names, ",") + "}"
	}
	for range 200 {
		x, y := string(write(t, randomBOM(r))), string(write(t, randomBOM(r)))
		a, b := shuffled(x), shuffled(y)
		got, err := sbom.DiffStream(strings.NewReader(a), strings.NewReader(b))
		if want := sbom.Diff(parse(t, x), parse(t, y)); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("changes:\n%v, %v\nwant:\n%v\nof\n%s\n%s", got, err, want, a, b)
		}
		if same, err := sbom.DiffStream(strings.NewReader(x), strings.NewReader(a)); same != nil || err != nil {
			t.Fatalf("a document differs from itself in another order by %v, %v", same, err)
		}
	}
}

// One change in one of the things that are compared is found, and what is not
// compared is not.
func TestDiffStreamChanges(t *testing.T) {
	for name, change := range map[string][2]string{
		"nothing":      {"", ""},
		"a version":    {`"name":"b","version":"2"`, `"name":"b","version":"3"`},
		"an edge":      {`{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["a"]}`},
		"no entry":     {`,{"ref":"b","dependsOn":[]}`, ``},
		"completeness": {`"aggregate":"complete"`, `"aggregate":"incomplete"`},
		"one more":     {`"components":[`, `"components":[{"type":"library","name":"b","version":"2"},`},
		"a time":       {`"metadata":{`, `"metadata":{"timestamp":"2026-11-21T03:07:00Z",`},
		"a bom-ref":    {`"ref":"zz"`, ``},
	} {
		other := strings.Replace(sound, change[0], change[1], 1)
		got, err := sbom.DiffStream(strings.NewReader(sound), strings.NewReader(other))
		if want := sbom.Diff(parse(t, sound), parse(t, other)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}
	for name, other := range map[string]io.ReadSeeker{"nothing": strings.NewReader(""), "half": strings.NewReader(sound[:len(sound)/2])} {
		if _, err := sbom.DiffStream(strings.NewReader(sound), other); err == nil {
			t.Errorf("%s is compared", name)
		}
		if _, err := sbom.DiffStream(other, strings.NewReader(sound)); err == nil {
			t.Errorf("%s is compared", name)
		}
	}
}
