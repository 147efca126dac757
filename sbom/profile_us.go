package sbom

import cdx "github.com/CycloneDX/cyclonedx-go"

const (
	ntiaFields    = "NTIA 2021, section III, Data Fields: "
	ntiaFormat    = "NTIA 2021, section III, Automation Support"
	ntiaPractices = "NTIA 2021, section III, Practices and Processes: "
	cisaFields    = "CISA 2025 (draft), Data Fields: "
	cisaPractices = "CISA 2025 (draft), Practices and Processes: "
	cisaFormat    = "CISA 2025 (draft), Automation Support"
)

const addSupplier = "name who makes or supplies the component; if nobody knows, let the gap stand"

// machineReadable reports whether a document says in what format it is.
func machineReadable(bom *cdx.BOM) (string, bool) {
	return bom.BOMFormat, bom.BOMFormat == cdx.BOMFormat && bom.SpecVersion > 0
}

func ntiaRules() []rule {
	return []rule{
		{name: "format", reference: ntiaFormat, want: "a machine-readable format with its version", remedy: "say bomFormat and specVersion", document: machineReadable},
		{name: "author", reference: ntiaFields + "Author of SBOM Data", want: "who made the document", remedy: "say metadata.authors or metadata.manufacturer", document: hasAuthor},
		{name: "timestamp", reference: ntiaFields + "Timestamp", want: "when the document was made", remedy: "say metadata.timestamp", document: hasTimestamp},
		{name: "supplier", reference: ntiaFields + "Supplier Name", want: "who supplies the component", remedy: addSupplier, component: hasProducer},
		{name: "name", reference: ntiaFields + "Component Name", want: "the component's name", remedy: "name it", component: hasComponentName},
		{name: "version", reference: ntiaFields + "Version of the Component", want: "the component's version", remedy: "build from a tag or a commit, so that there is one", component: hasVersion},
		{name: "identifier", advice: true, reference: ntiaFields + "Other Unique Identifiers", want: "a package URL, CPE or SWID, if there is one", remedy: "add the one that databases know it by", component: hasIdentifier},
		{name: "dependencies", reference: ntiaFields + "Dependency Relationship", want: "what the main component depends on", remedy: "list its dependencies", graph: topLevel},
		{name: "known-unknowns", reference: ntiaPractices + "Known Unknowns", want: "the component's dependencies, or that they are not known", remedy: "add its entry in the dependencies, or a composition that says unknown", graph: unknownSaid},
	}
}

func cisaRules() []rule {
	return []rule{
		{name: "format", reference: cisaFormat, want: "a machine-readable format with its version", remedy: "say bomFormat and specVersion", document: machineReadable},
		{name: "author", reference: cisaFields + "SBOM Author", want: "who made the document", remedy: "say metadata.authors or metadata.manufacturer", document: hasAuthor},
		{name: "timestamp", reference: cisaFields + "Timestamp", want: "when the document was made, by ISO 8601", remedy: "say metadata.timestamp", document: hasTimestamp},
		{name: "tool", reference: cisaFields + "Tool Name", want: "the name of the tool that made the document", remedy: "say metadata.tools", document: hasTool},
		{name: "tool-version", advice: true, reference: cisaFields + "Tool Name", want: "the version of the tool", remedy: "say it in metadata.tools", document: hasToolVersion},
		{name: "context", reference: cisaFields + "Generation Context", want: "whether it was made before, during or after the build", remedy: "say metadata.lifecycles", document: hasLifecycle},
		{name: "producer", reference: cisaFields + "Software Producer", want: "who makes the component", remedy: addSupplier, component: hasProducer},
		{name: "name", reference: cisaFields + "Component Name", want: "the component's name", remedy: "name it", component: hasComponentName},
		{name: "version", reference: cisaFields + "Component Version", want: "the component's version", remedy: "build from a tag or a commit, so that there is one", component: hasVersion},
		{name: "identifier", reference: cisaFields + "Software Identifiers", want: "a package URL, CPE, OmniBOR or SWHID", remedy: "add one that databases know it by", component: hasIdentifier},
		{name: "hash", reference: cisaFields + "Component Hash", want: "a cryptographic hash of the component with its algorithm", remedy: "hash the file that was taken; a sum over a list of files is another thing", component: hasHash},
		{name: "license", reference: cisaFields + "License", want: "the component's licence", remedy: "add what its metadata declares or its text says", component: hasLicense},
		{name: "dependencies", reference: cisaFields + "Dependency Relationship", want: "what the main component depends on", remedy: "list its dependencies", graph: topLevel},
		{name: "coverage", reference: cisaPractices + "Coverage", want: "all dependencies, transitive ones too, or that they are not known", remedy: "add its entry in the dependencies, or a composition that says how far they are known", graph: unknownSaid},
		{name: "known-unknowns", advice: true, reference: cisaPractices + "Known Unknowns", want: "a word on how complete the document is", remedy: "add compositions", document: hasCompositions},
	}
}

func hasCompositions(bom *cdx.BOM) (string, bool) {
	return "", len(listOf(bom.Compositions)) > 0
}

func hasToolVersion(bom *cdx.BOM) (string, bool) {
	for _, t := range toolsOf(bom) {
		if said(t.name) && said(t.version) {
			return "", true
		}
	}
	return "", false
}
