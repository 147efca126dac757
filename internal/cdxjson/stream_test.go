package cdxjson

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/internal/testkit"
)

// gather puts a document together from its parts.
func gather(r io.Reader) (*cdx.BOM, []Lost, error) {
	bom, lost := &cdx.BOM{}, []Lost(nil)
	err := Scan(r, func(p *Part) bool {
		lost = append(lost, p.Lost...)
		switch {
		case p.Component != nil:
			add(&bom.Components, *p.Component)
		case p.Service != nil:
			add(&bom.Services, *p.Service)
		case p.Dependency != nil:
			add(&bom.Dependencies, *p.Dependency)
		case p.Composition != nil:
			add(&bom.Compositions, *p.Composition)
		case p.Vulnerability != nil:
			add(&bom.Vulnerabilities, *p.Vulnerability)
		default:
			from, to := reflect.ValueOf(p.Rest).Elem(), reflect.ValueOf(bom).Elem()
			for i := range from.NumField() {
				if !from.Field(i).IsZero() {
					to.Field(i).Set(from.Field(i))
				}
			}
		}
		return true
	})
	return bom, lost, err
}

func add[T any](list **[]T, item T) {
	if *list == nil {
		*list = &[]T{}
	}
	**list = append(**list, item)
}

// What is read part by part gets the same verdict, at the same place, as what
// is read at once, and holds the same, however the bytes arrive.
func TestScanAgrees(t *testing.T) {
	for _, doc := range documents(t) {
		whole, wantLost, want := Decode(doc.text)
		for name, r := range map[string]io.Reader{
			"byte by byte": iotest.OneByteReader(struct{ io.Reader }{strings.NewReader(doc.text)}), "at once": strings.NewReader(doc.text),
		} {
			parts, lost, got := gather(r)
			if (got == nil) != (want == nil) {
				t.Errorf("%s, %s: %v, want %v", doc.id, name, got, want)
				continue
			}
			var a, b *Error
			if errors.As(got, &a) && errors.As(want, &b) {
				a.offset, b.offset = 0, 0
				b.Msg = strings.Replace(b.Msg, "found item 0 again", "found one again", 1)
				if *a != *b && a.Pointer != "" {
					t.Errorf("%s, %s:\n%v, want\n%v", doc.id, name, got, want)
				}
			}
			if got != nil {
				continue
			}
			for i := range lost {
				lost[i].offset = 0
			}
			for i := range wantLost {
				wantLost[i].offset = 0
			}
			if !reflect.DeepEqual(lost, wantLost) {
				t.Errorf("%s, %s: lost %v, want %v", doc.id, name, lost, wantLost)
			}
			for _, p := range []**[]cdx.Component{&whole.Components, &parts.Components} {
				if *p != nil && len(**p) == 0 {
					*p = nil // a list without items has no parts
				}
			}
			if encode(t, parts) != encode(t, whole) {
				t.Errorf("%s, %s: the parts are not the whole:\n%s\n%s", doc.id, name, encode(t, parts), encode(t, whole))
			}
		}
	}
}

// document14 is a small document with one part of every kind.
const document14 = `{"bomFormat":"CycloneDX","specVersion":"1.4","version":1,"metadata":{"component":{"type":"file","name":"x"}},
 "components":[{"type":"file","name":"a","bom-ref":"a"},{"type":"file","name":"b"}],
 "services":[{"name":"s"}],"dependencies":[{"ref":"a"}],"compositions":[{"aggregate":"unknown"}],"vulnerabilities":[{"id":"v"}],
 "externalReferences":[]}`

// Each attack is one change to that document, with its place.
func TestScanRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"nothing":            {"", "", ""},
		"text behind":        {`[]}`, `[]} x`, `want the end, found "x"`},
		"a second document":  {`[]}`, `[]}{}`, "want the end, found an object"},
		"no end":             {`[]}`, `[]`, "want ',' or '}', found the end"},
		"no end of a string": {`"s"}`, `"s}`, "the end of the document"},
		"a member twice":     {`"version":1,`, `"version":1,"version":1,`, `/version: duplicate member "version"`},
		"a list twice":       {`"externalReferences"`, `"components":[],"externalReferences"`, "/components: duplicate member"},
		"an unknown member":  {`"externalReferences"`, `"externalreferences"`, "has no member"},
		"a later member":     {`"externalReferences"`, `"properties"`, "has no member"},
		"no format":          {`"bomFormat":"CycloneDX",`, ``, `want the member "bomFormat"`},
		"no version":         {`"version":1,`, ``, `want the member "version"`},
		"no list":            {`[{"name":"s"}]`, `{"name":"s"}`, "/services: want an array, found an object"},
		"no object":          {`{"name":"s"}`, `"s"`, `line 3, column 14: /services/0: want an object (service), found "s"`},
		"no comma":           {`{"type":"file","name":"b"}`, `{"type":"file" "name":"b"}`, `line 2, column 72: /components/1/type: want ',' or '}', found "name"`},
		"two without comma":  {`},{"type":"file","name":"b"}`, `}{"type":"file","name":"b"}`, "/components: want ',' or ']', found an object"},
		"a comma at the end": {`"b"}]`, `"b"},]`, "/components/2: want an object"},
		"deep inside":        {`"x"}`, `"x","type":"no"}`, `line 1, column 108: /metadata/component/type: duplicate member "type"`},
		"an item twice":      {`{"type":"file","name":"b"}`, `{"name":"a","type":"file","bom-ref":"a"}`, "/components/1: want items that differ"},
		"a wrong bracket":    {`"b"}]`, `"b"]]`, "/components/1/name: want ',' or '}'"},
		"an old version":     {`"1.4"`, `"1.1"`, `/specVersion: want a specVersion of 1.2 to 1.7, found "1.1"`},
		"no specVersion":     {`"specVersion":"1.4",`, ``, "no specVersion"},
		"a null":             {`{"ref":"a"}`, `null`, "/dependencies/0: want an object (dependency), found null"},
		"no UTF-8":           {`"id":"v"`, "\"id\":\"\xff\"", "/vulnerabilities/0/id: a string that is not UTF-8"},
	} {
		document := strings.Replace(document14, c.old, c.new, 1)
		_, _, whole := Decode(document)
		err := Scan(struct{ io.Reader }{strings.NewReader(document)}, func(*Part) bool { return true })
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a word about %q", name, err, c.want)
		}
		if (whole == nil) != (err == nil) {
			t.Errorf("%s: %v part by part, %v at once", name, err, whole)
		}
	}
}

// Breaking out of the loop ends the reading.
func TestScanStops(t *testing.T) {
	count := 0
	r := strings.NewReader(document14 + " garbage")
	if err := Scan(r, func(p *Part) bool { count++; return p.Component == nil }); err != nil || count != 5 {
		t.Errorf("%d parts, %v, want 5", count, err)
	}
}

// The specVersion may stand at the end if the document can be read again, and
// not far away if it can not.
func TestScanLateVersion(t *testing.T) {
	late := `{"bomFormat":"CycloneDX","version":1,"components":[` + strings.Repeat(`{"type":"file","name":"`+strings.Repeat("n", 4000)+`"},`, 0) +
		`{"type":"file","name":"` + strings.Repeat("n", windowSize) + `"}],"specVersion":"1.6"}`
	if err := Scan(strings.NewReader(late), func(*Part) bool { return true }); err != nil {
		t.Error(err)
	}
	if err := Scan(struct{ io.Reader }{strings.NewReader(late)}, func(*Part) bool { return true }); err == nil || !strings.Contains(err.Error(), "want specVersion in the first") {
		t.Errorf("read once: %v", err)
	}
}

// A part that is too large is refused before it is held.
func TestScanLimit(t *testing.T) {
	huge := `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"file","name":"` + strings.Repeat("n", MaxPart+1) + `"}]}`
	if err := Scan(strings.NewReader(huge), func(*Part) bool { return true }); !errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("%v, want %v", err, strictjson.ErrLimit)
	}
	deep := `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[` + strings.Repeat(`{"type":"file","name":"n","components":[`, 40)
	if err := Scan(strings.NewReader(deep+strings.Repeat("]}", 41)), func(*Part) bool { return true }); !errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("%v, want %v", err, strictjson.ErrLimit)
	}
}

// A document of many items is read a second time where a filter cannot tell
// them apart, and nothing but a real twin is refused.
func TestScanTwins(t *testing.T) {
	document := testkit.LargeBOM(t, 3000)
	twin := strings.Replace(document, `],"dependencies"`, `,`+firstItem(document)+`],"dependencies"`, 1)
	for name, text := range map[string]string{"none": document, "one": twin} {
		for _, isFilter := range []bool{false, true} {
			s := newStream(strings.NewReader(text), func(*Part) bool { return true })
			if err := s.prepare(); err != nil {
				t.Fatal(err)
			}
			if isFilter {
				// So small that every tenth item is a suspect.
				s.items = itemSet{slots: make([]uint64, 1<<9), isFilter: true, suspects: map[uint64]bool{}}
			}
			err := s.scan()
			if isFilter && len(s.items.suspects) < 10 {
				t.Errorf("%d suspects, want many", len(s.items.suspects))
			}
			if (err == nil) != (name == "none") || err != nil && !strings.Contains(err.Error(), "/components/3000: want items that differ") {
				t.Errorf("%s, filter %v: %v", name, isFilter, err)
			}
		}
	}
}

// firstItem is the first component.
func firstItem(document string) string {
	d := decoder{s: document, pos: strings.Index(document, `"components":[{"bom-ref"`) + len(`"components":[`)}
	from := d.pos
	d.skip()
	return document[from:d.pos]
}

// A reader that fails is no end.
func TestScanBrokenReader(t *testing.T) {
	broken := errors.New("broken")
	for n := range len(document14) {
		r := io.MultiReader(strings.NewReader(document14[:n]), iotest.ErrReader(broken))
		if err := Scan(r, func(*Part) bool { return true }); !errors.Is(err, broken) {
			t.Fatalf("after %d bytes: %v, want %v", n, err, broken)
		}
		if err := Scan(strings.NewReader(document14[:n]), func(*Part) bool { return true }); err == nil {
			t.Fatalf("%d bytes are a document", n)
		}
	}
	if err := Scan(strings.NewReader(document14), func(*Part) bool { return true }); err != nil {
		t.Error(err)
	}
}
