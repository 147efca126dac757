package sbom

import (
	"fmt"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A Profile names a set of rules for [Check]: what a document must say to be of
// use to somebody. The zero Profile is none.
type Profile string

// The profiles. [ProfileStructure] asks whether a document contradicts itself;
// the others are what has been published about what an SBOM must hold.
const (
	// ProfileStructure is what schemas cannot say: references that lead nowhere,
	// cycles, and claims that the document itself refutes.
	ProfileStructure Profile = "structure"
	// ProfileNTIA is "The Minimum Elements For a Software Bill of Materials", NTIA, July 2021.
	ProfileNTIA Profile = "ntia-2021"
	// ProfileCISA is "2025 Minimum Elements for a Software Bill of Materials", CISA, the
	// draft of August 2025.
	ProfileCISA Profile = "cisa-2025"
	// ProfileBSI is BSI TR-03183-2, version 2.1.0 of August 2025.
	ProfileBSI Profile = "bsi-2.1"
	// ProfileSBOMQS is what sbomqs 2.0 scores; [Score] weighs it as sbomqs does.
	ProfileSBOMQS Profile = "sbomqs"
)

// Profiles are the profiles that there are, [ProfileStructure] first.
func Profiles() []Profile {
	return []Profile{ProfileStructure, ProfileNTIA, ProfileCISA, ProfileBSI, ProfileSBOMQS}
}

// An Issue is one thing that a document does not say, or says wrongly. Found
// may hold what strangers wrote; String escapes it.
type Issue struct {
	// Rule is which rule of which profile: "ntia-2021/supplier".
	Rule string `json:"rule"`
	// Reference is where the rule is written: the document and its section.
	Reference string `json:"reference"`
	// Advice is true of what the reference wants only where it exists, or merely
	// recommends: a profile is met without it.
	Advice bool `json:"advice,omitempty"`
	// Pointer is the JSON pointer to the component, or to the part of the
	// document, that it is about.
	Pointer string `json:"pointer"`
	// Component is the component's name and version, for people; "" if it is
	// about no component.
	Component string `json:"component,omitempty"`
	// Want is what the rule asks for, Found what was there in its place ("nothing"),
	// and Remedy what a person can do.
	Want   string `json:"want"`
	Found  string `json:"found"`
	Remedy string `json:"remedy"`
}

// String is the issue on one line. What is not plain text in it is quoted.
func (i Issue) String() string {
	at := i.Pointer
	if i.Component != "" {
		at += " (" + plainText(i.Component) + ")"
	}
	return fmt.Sprintf("%s %s: want %s, found %s", i.Rule, strings.TrimSpace(at), i.Want, plainText(i.Found))
}

// Check holds bom against the rules of a profile and returns what it misses, in
// the order of the document: first what the document says of itself, then
// component by component, then how they hang together. It is nil if nothing is
// missing. A profile is met if every issue is advice, see [Met].
//
// What is unknown is missing: "NOASSERTION", "unknown" and the like are not
// taken for an answer. bom need not have come from [Parse]; a nil BOM says
// nothing, and a profile that does not exist is met by nobody.
func Check(bom *cdx.BOM, profile Profile) []Issue {
	var issues []Issue
	c := newChecker(profile, func(i Issue) { issues = append(issues, i) })
	if c == nil {
		return []Issue{{Rule: string(profile), Pointer: "", Want: "one of " + profileNames(), Found: fmt.Sprintf("%q", profile), Remedy: "name a profile that there is"}}
	}
	if bom == nil {
		bom = &cdx.BOM{}
	}
	c.document(bom)
	walk(bom, c.component)
	c.finish(graphOf(bom))
	return issues
}

// Met reports whether issues are all advice, so that the profile that they are
// of is met.
func Met(issues []Issue) bool {
	return !slices.ContainsFunc(issues, func(i Issue) bool { return !i.Advice })
}

func profileNames() string {
	var names []string
	for _, p := range Profiles() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// A rule is one row of a profile. Exactly one of document, component and graph is set.
type rule struct {
	name, reference string
	advice          bool
	want, remedy    string
	// document and component report what was found in place of what is wanted;
	// ok if it is there.
	document  func(*cdx.BOM) (found string, ok bool)
	component func(*subjectComponent) (found string, ok bool)
	// graph reports what is wrong with how components hang together.
	graph func(g *graph, report func(at int, found string))
}

// A subjectComponent is a component that rules are held against.
type subjectComponent struct {
	*cdx.Component
	pointer string
	main    bool            // the document's own
	spec    cdx.SpecVersion // of the document
}

// A checker holds the parts of a document, as they come, against the rules of
// one profile.
type checker struct {
	profile Profile
	rules   []rule
	spec    cdx.SpecVersion
	report  func(Issue)
}

// newChecker is nil if there is no such profile.
func newChecker(profile Profile, report func(Issue)) *checker {
	c := &checker{profile: profile, report: report}
	switch profile {
	case ProfileStructure:
		c.rules = structureRules()
	case ProfileNTIA:
		c.rules = ntiaRules()
	case ProfileCISA:
		c.rules = cisaRules()
	case ProfileBSI:
		c.rules = bsiRules()
	case ProfileSBOMQS:
		c.rules = sbomqsRules()
	default:
		return nil
	}
	return c
}

func (c *checker) issue(r *rule, pointer, component, found string) {
	if found == "" {
		found = "nothing"
	}
	c.report(Issue{Rule: string(c.profile) + "/" + r.name, Reference: r.reference, Advice: r.advice, Pointer: pointer, Component: component, Want: r.want, Found: found, Remedy: r.remedy})
}

// document checks everything but the components and how they hang together,
// which bom need not have.
func (c *checker) document(bom *cdx.BOM) {
	c.spec = bom.SpecVersion
	for i := range c.rules {
		if r := &c.rules[i]; r.document != nil {
			if found, ok := r.document(bom); !ok {
				c.issue(r, "", "", found)
			}
		}
	}
}

// component checks one component.
func (c *checker) component(s subjectComponent) {
	s.spec = c.spec
	for i := range c.rules {
		if r := &c.rules[i]; r.component != nil {
			if found, ok := r.component(&s); !ok {
				c.issue(r, s.pointer, nameVersion(s.Component), found)
			}
		}
	}
}

// finish checks how the components hang together.
func (c *checker) finish(g *graph) {
	for i := range c.rules {
		r := &c.rules[i]
		if r.graph == nil {
			continue
		}
		r.graph(g, func(at int, found string) {
			if at < 0 {
				c.issue(r, "", "", found)
				return
			}
			c.issue(r, g.pointer(at), g.name(at), found)
		})
	}
}

// walk visits the main component and every other one, with those inside of it
// behind it, in the order of the document.
func walk(bom *cdx.BOM, visit func(subjectComponent)) {
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		visit(subjectComponent{Component: bom.Metadata.Component, pointer: "/metadata/component", main: true})
		walkList(bom.Metadata.Component.Components, "/metadata/component/components", visit)
	}
	walkList(bom.Components, "/components", visit)
}

func walkList(list *[]cdx.Component, at string, visit func(subjectComponent)) {
	if list == nil {
		return
	}
	for i := range *list {
		pointer := fmt.Sprintf("%s/%d", at, i)
		visit(subjectComponent{Component: &(*list)[i], pointer: pointer})
		walkList((*list)[i].Components, pointer+"/components", visit)
	}
}

// nameVersion is how a person calls a component.
func nameVersion(c *cdx.Component) string {
	if c.Version != "" {
		return fullName(c) + "@" + c.Version
	}
	return fullName(c)
}

// fullName is a component's name with its group before it.
func fullName(c *cdx.Component) string {
	if c.Group != "" {
		return c.Group + "/" + c.Name
	}
	return c.Name
}

// said reports whether s says something. The words that tools write where they
// know nothing are no answer.
func said(s string) bool {
	switch strings.ToLower(strings.Trim(s, " \t\r\n()[]<>")) {
	case "", "unknown", "noassertion", "n/a", "na", "none", "null", "nil", "undefined", "unspecified", "tbd", "todo", "?", "-", "devel":
		return false
	}
	return true
}
