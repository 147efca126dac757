package release_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

func TestSchemes(t *testing.T) {
	for _, test := range []struct {
		scheme release.Scheme
		good   []string
		bad    []string
	}{
		{release.SemVer, []string{"1.4.0", "v1.4.0", "0.0.0", "1.0.0-rc.1", "1.0.0-0a", "1.0.0+build.5", "1.0.0-a-b", "1.0.0-0", "1.0.0-azAZ09", "1.0.0-10", "1.0.0+0.01", "9223372036854775807.0.0", "v" + strings.Repeat("1", 18) + ".0.0-" + strings.Repeat("a", 104)},
			[]string{"", "1", "1.4", "01.4.0", "1.4.0-", "1.4.0-01", "1.4.0-a..b", "V1.4.0", "1.4.0.0", "1.4.0+", "1.4.0_1", "1.4.0 ", "１.4.0", "1.4.0-\u0430", "+1.0.0", "1.4.0-00", "1.4.0+a..b", "1.4.0-a_b", "1.4.0+a~b", "1.4.0+a+b", "9223372036854775808.0.0", "v" + strings.Repeat("1", 18) + ".0.0-" + strings.Repeat("a", 105), "-1.0.0", "1.-1.0", "vv1.0.0"}},
		{release.CalVer, []string{"2026.11", "2026.11.20", "2026.11.20.1", "2026.01.5", "1970.1", "2026.12", "2026.1.123456789"}, []string{"1969.12", "2026.1.1234567890", "2026.-1", "2026.1.", "2026.+1", "02026.1", "2026..1", "26.11", "2026", "2026.13", "2026.0", "2026.11.x", "2026.11.1.1.1", "v2026.11"}},
		{release.Free, []string{"Zesty", "1", "a_b", "z", "Z", "a", "A", "0", "9", "a.+-~_"}, []string{"", "a b", ".a", "a/b", "a\n", "`", "{", "@", "[", "/", ":", "_a", "~a"}},
		{"", nil, []string{"1.0.0"}},
	} {
		for _, v := range test.good {
			if err := test.scheme.Check(v); err != nil {
				t.Errorf("%s %q: %v", test.scheme, v, err)
			}
		}
		for _, v := range test.bad {
			if test.scheme.Check(v) == nil {
				t.Errorf("%s takes %q", test.scheme, v)
			}
		}
	}
}

// Those of one row are confusable, and those of two rows are not.
func TestSkeleton(t *testing.T) {
	rows := [][]string{
		{"1.0.0", "v1.0.0", "V1.0.0", "1.0", "1", "v1", "01", "1.00", "01.0.0", "1.0.0+meta", "1.O.0", "l.0.0", "I.0.0"},
		{"1.0.0-rc1", "1.0.0-RC1", "v1.0.0-rc1", "1.0-rc1", "1.0.0_rc1", "1.0.0-rcl"},
		{"1.0.1"}, {"1.1.0", "1.1"}, {"11.0.0", "11"}, {"1.0.0-rc2"}, {"10"}, {"2026.11.20"}, {"2026.11.2"}, {"latest"}, {"vlatest"}, {"v"}, {"v0", "0", "0.0"}, {"v9"}, {"va"}, {"v-1"}, {"1.0.0-1.0"}, {"1..0"}, {"1.."}, {"a.0"}, {"a"},
	}
	seen := map[string]int{}
	for i, row := range rows {
		for _, v := range row {
			s := release.Skeleton(v)
			if j, ok := seen[s]; ok && j != i {
				t.Errorf("%q of row %d looks like row %d: %q", v, i, j, s)
			} else if !ok && v != row[0] {
				t.Errorf("%q does not look like %q: %q", v, row[0], s)
			}
			seen[s] = i
		}
	}
}

func TestNext(t *testing.T) {
	for _, test := range []struct {
		scheme   release.Scheme
		versions []string
		bump     release.Bump
		want     string
	}{
		{release.SemVer, nil, release.Patch, "0.1.0"},
		{release.SemVer, []string{"1.9.0", "1.10.0", "1.2.9", "junk"}, release.Patch, "1.10.1"},
		{release.SemVer, []string{"1.10.0"}, release.Minor, "1.11.0"},
		{release.SemVer, []string{"v1.10.3"}, release.Major, "v2.0.0"},
		{release.SemVer, []string{"1.9.0", "2.0.0-rc.1"}, release.Major, "2.0.0"},
		{release.SemVer, []string{"2.0.0-rc.1"}, release.Patch, "2.0.0"},
		{release.SemVer, []string{"2.0.0-rc.1", "2.0.0"}, release.Patch, "2.0.1"},
		{release.SemVer, []string{"2.1.1-rc.1"}, release.Minor, "2.2.0"},
		{release.SemVer, []string{"1.0.0"}, "huge", ""},
		{release.SemVer, []string{"1.0.0", "v1.0.0"}, release.Patch, "1.0.1"}, // the first of those that are the same
		{release.SemVer, []string{"v1.0.0", "1.0.0"}, release.Patch, "v1.0.1"},
		{release.SemVer, []string{"1.2.3"}, release.Minor, "1.3.0"},
		{release.SemVer, []string{"2.0.1-rc.1"}, release.Major, "3.0.0"},
		{release.SemVer, []string{"2.1.0-rc.1"}, release.Major, "3.0.0"},
		{release.SemVer, []string{"2.1.0-rc.1"}, release.Minor, "2.1.0"},
		{release.SemVer, []string{"1.0.0", "1.0.0-rc.1"}, release.Patch, "1.0.1"},
		{release.SemVer, []string{"2.0.0-rc.1", "v2.0.0-beta"}, release.Patch, "2.0.0"}, // rc is behind beta
		{release.SemVer, []string{"v2.0.0-rc.2", "2.0.0-rc.10"}, release.Patch, "2.0.0"},
		{release.SemVer, []string{"2.0.0-rc.10", "v2.0.0-rc.2"}, release.Patch, "2.0.0"},
		{release.SemVer, []string{"v2.0.0-1", "2.0.0--"}, release.Patch, "2.0.0"}, // a text is behind a number
		{release.SemVer, []string{"2.0.0--", "v2.0.0-1"}, release.Patch, "2.0.0"},
		{release.SemVer, []string{"v2.0.0-rc", "2.0.0-rc.1"}, release.Patch, "2.0.0"},
		{release.SemVer, []string{"v2.0.0-1", "2.0.0-2"}, release.Patch, "2.0.0"},
		{release.CalVer, []string{"2026.11", "2026.11.19.5", "2026.11.20.x"}, "", "2026.11.20"},
		{release.CalVer, []string{"2026.11.20.10", "2026.11.20.9"}, "", "2026.11.20.11"},
		{release.CalVer, nil, "", "2026.11.20"},
		{release.CalVer, []string{"2026.11.19", "2026.11.20"}, "", "2026.11.20.1"},
		{release.CalVer, []string{"2026.11.20", "2026.11.20.9", "2026.11.20.10"}, "", "2026.11.20.11"},
		{release.Free, []string{"a"}, "", ""},
	} {
		got, err := test.scheme.Next(test.versions, test.bump, date(20, 8))
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s of %q by %q is %q, %v, want %q", test.scheme, test.versions, test.bump, got, err, test.want)
		}
		if err == nil && test.scheme.Check(got) != nil {
			t.Errorf("%s proposes %q, which it does not take", test.scheme, got)
		}
	}
}

// The day of a calendar version is that in UTC, and there must be one.
func TestNextDay(t *testing.T) {
	late := time.Date(2026, 11, 20, 20, 0, 0, 0, time.FixedZone("", -6*3600))
	if got, err := release.CalVer.Next(nil, "", late); got != "2026.11.21" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := release.CalVer.Next(nil, "", time.Time{}); err == nil {
		t.Error(got)
	}
}

// The id follows from what the release says, and from nothing else.
func TestReleaseID(t *testing.T) {
	rel := kinds()[1].example.(release.Release)
	id := rel.ID()
	same := rel
	same.Subjects = []provenance.ResourceDescriptor{rel.Subjects[1], rel.Subjects[0]}
	same.PURL = "" // it is what would be written
	if same.ID() != id {
		t.Error("another order is another release")
	}
	s, err := release.ParseRelease(rel.Statement())
	if err != nil || s.ID() != id {
		t.Errorf("what was read is release %s, %v, want %s", s.ID(), err, id)
	}
	seen := map[provenance.Digest]string{id: "itself"}
	v := reflect.ValueOf(&rel).Elem()
	for i := range v.NumField() { // every member counts
		changed := kinds()[1].example.(release.Release)
		f, name := reflect.ValueOf(&changed).Elem().Field(i), v.Type().Field(i).Name
		switch f.Interface().(type) {
		case string:
			if name == "Version" {
				changed.PURL = ""
			}
			f.SetString(map[string]string{"Product": "other", "Version": "1.4.1", "PURL": "pkg:generic/other@1.4.0", "Repository": "https://git.example/other", "Run": "other"}[name])
		case provenance.Digest:
			d := sum("other")
			if name == "Commit" {
				d = digest(t, "gitCommit:"+commit().Hex()[1:]+"0")
			}
			f.Set(reflect.ValueOf(d))
		case []provenance.Digest:
			f.Set(reflect.ValueOf([]provenance.Digest{sum("other")}))
		case []provenance.ResourceDescriptor:
			changed.Subjects = changed.Subjects[:1]
		case []release.Built:
			changed.Built = []release.Built{{Builder: "https://ci.example/builder/v2"}}
		default:
			changed.Created = date(21, 8)
		}
		got := changed.ID()
		if other, taken := seen[got]; taken || got.IsZero() {
			t.Errorf("with another %s the id is that of %s: %s", name, other, got)
		}
		seen[got] = name
	}
	if (release.Release{}).ID() != (provenance.Digest{}) {
		t.Error("the zero Release has an id")
	}
}
