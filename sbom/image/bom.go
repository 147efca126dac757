package image

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/uuid"
	"github.com/touchmark-go/touchmark/sbom"
)

// toolName is how documents name what made them.
const toolName = "github.com/touchmark-go/touchmark/sbom/image"

// bom makes the document of what was found.
func (s *scan) bom(at time.Time) (*cdx.BOM, error) {
	d := document{scan: s, refs: map[string]bool{}, components: []cdx.Component{}}
	main, err := d.main()
	if err != nil {
		return nil, err
	}
	d.distribution()
	d.programs()
	d.list()
	d.edges()
	d.knowledge(main.BOMRef)
	bom := &cdx.BOM{
		JSONSchema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BOMFormat: cdx.BOMFormat, SpecVersion: cdx.SpecVersion1_6, Version: 1,
		SerialNumber: "urn:uuid:" + uuid.FromURL(sbom.PredicateType+"#"+s.image.Digest.String()),
		Metadata: &cdx.Metadata{
			Lifecycles: &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhasePostBuild}},
			Tools:      &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeLibrary, Name: toolName}}},
			Component:  main,
		},
		Components: &d.components, Dependencies: &d.dependencies, Compositions: &d.compositions,
	}
	if !at.IsZero() {
		bom.Metadata.Timestamp = at.UTC().Format(time.RFC3339)
	}
	return bom, nil
}

// A document is a BOM in the making.
type document struct {
	*scan
	refs         map[string]bool
	components   []cdx.Component
	dependencies []cdx.Dependency
	compositions []cdx.Composition
	os           string          // the ref of the distribution
	refOf        map[*pkg]string // of each package
	programRefs  []string
	whole, part  []cdx.BOMReference // whose dependencies are all known, and not all
	unknown      []cdx.BOMReference
}

// ref is name, or if that is taken, name with a number.
func (d *document) ref(name string) string {
	unique := name
	for i := 2; d.refs[unique]; i++ {
		unique = name + "#" + strconv.Itoa(i)
	}
	d.refs[unique] = true
	return unique
}

// programs adds the Go programs, each with its modules inside of it.
func (d *document) programs() {
	slices.SortFunc(d.binaries, func(a, b *goProgram) int { return cmp.Compare(a.first(), b.first()) })
	for _, b := range d.binaries {
		slices.SortFunc(b.places, comparePlaces)
		prefix := "/" + b.places[0].path
		rename := map[string]string{}
		c := *b.bom.Metadata.Component
		rename[c.BOMRef] = d.ref(prefix)
		c.BOMRef = rename[c.BOMRef]
		note := properties{}
		if c.Properties != nil {
			note = *c.Properties
		}
		for _, at := range b.places {
			d.place(&note, at)
		}
		c.Properties = note.list()
		modules := slices.Clone(*b.bom.Components)
		for i := range modules {
			old := modules[i].BOMRef
			rename[old] = d.ref(prefix + "#" + old)
			modules[i].BOMRef = rename[old]
		}
		c.Components = &modules
		d.components = append(d.components, c)
		d.programRefs = append(d.programRefs, c.BOMRef)
		for _, dep := range *b.bom.Dependencies {
			to := make([]string, 0, len(*dep.Dependencies))
			for _, ref := range *dep.Dependencies {
				to = append(to, rename[ref])
			}
			d.dependencies = append(d.dependencies, cdx.Dependency{Ref: rename[dep.Ref], Dependencies: &to})
		}
		for _, composition := range *b.bom.Compositions {
			copied := cdx.Composition{Aggregate: composition.Aggregate}
			if refs := composition.Assemblies; refs != nil {
				copied.Assemblies = renamed(*refs, rename)
				d.compositions = append(d.compositions, copied)
				continue
			}
			refs := *renamed(*composition.Dependencies, rename)
			switch composition.Aggregate {
			case cdx.CompositionAggregateComplete:
				d.whole = append(d.whole, refs...)
			case cdx.CompositionAggregateIncomplete:
				d.part = append(d.part, refs...)
			default:
				d.unknown = append(d.unknown, refs...)
			}
		}
	}
}

func renamed(refs []cdx.BOMReference, names map[string]string) *[]cdx.BOMReference {
	out := make([]cdx.BOMReference, 0, len(refs))
	for _, ref := range refs {
		out = append(out, cdx.BOMReference(names[string(ref)]))
	}
	return &out
}

func (b *goProgram) first() string { return slices.MinFunc(b.places, comparePlaces).path }

func comparePlaces(a, b place) int { return cmp.Or(cmp.Compare(a.path, b.path), a.layer-b.layer) }
