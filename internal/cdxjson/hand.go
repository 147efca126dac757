package cdxjson

import (
	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// The structs here have another shape in Go than in JSON, so their readers and
// writers are written by hand. What they read obeys the schema like all else.

func (d *decoder) specVersion(n *cdxschema.Node) cdx.SpecVersion {
	if v, ok := cdxschema.ParseVersion(d.text(n)); ok {
		return cdx.SpecVersion1_2 + cdx.SpecVersion(v-cdxschema.First)
	}
	return 0
}

func (d *decoder) readToolsChoice(v *cdx.ToolsChoice, n *cdxschema.Node) {
	if d.kind() == '[' {
		v.Tools = list(d, n, &d.slabs.tool, (*decoder).readTool)
		return
	}
	o := d.open(n)
	for d.next(&o) {
		switch o.id {
		case nameComponents:
			v.Components = list(d, o.value, &d.slabs.component, (*decoder).readComponent)
		case nameServices:
			v.Services = list(d, o.value, &d.slabs.service, (*decoder).readService)
		default:
			d.extra(&o)
		}
	}
}

func (d *decoder) readEvidenceIdentityChoice(v *cdx.EvidenceIdentityChoice, n *cdxschema.Node) {
	if d.kind() == '[' {
		v.Identities = list(d, n, &d.slabs.evidenceIdentity, (*decoder).readEvidenceIdentity)
		return
	}
	v.Identity = new(cdx.EvidenceIdentity)
	d.readEvidenceIdentity(v.Identity, n)
}

func (d *decoder) readEnvironmentVariableChoice(v *cdx.EnvironmentVariableChoice, n *cdxschema.Node) {
	if d.kind() == '"' {
		v.Value = d.text(n)
		return
	}
	v.Property = new(cdx.Property)
	d.readProperty(v.Property, n)
}

func (d *decoder) readMLDatasetChoice(v *cdx.MLDatasetChoice, n *cdxschema.Node) {
	if n = d.choose(n); n == nil {
		return
	}
	if n.Model != "" {
		v.ComponentData = new(cdx.ComponentData)
		d.readComponentData(v.ComponentData, n)
		return
	}
	o := d.open(n)
	for d.next(&o) {
		v.Ref = d.text(o.value)
	}
}

func (d *decoder) readCertificateState(v *cdx.CertificateState, n *cdxschema.Node) {
	var state, name, description, reason string
	o := d.open(n)
	for d.next(&o) {
		text := d.text(o.value)
		switch o.id {
		case nameState:
			state = text
		case nameName:
			name = text
		case nameDescription:
			description = text
		case nameReason:
			reason = text
		}
	}
	if state != "" {
		v.Predefined = &cdx.PredefinedCertificateState{State: cdx.CertificateStateType(state), Reason: reason}
		return
	}
	v.Custom = &cdx.CustomCertificateState{Name: name, Description: description, Reason: reason}
}

func (d *decoder) readCertificateExtension(v *cdx.CertificateExtension, n *cdxschema.Node) {
	var common, custom string
	var commonValue, customValue string
	isCommon := false
	o := d.open(n)
	for d.next(&o) {
		text := d.text(o.value)
		switch o.id {
		case nameCommonExtensionName:
			common, isCommon = text, true
		case nameCommonExtensionValue:
			commonValue = text
		case nameCustomExtensionName:
			custom = text
		case nameCustomExtensionValue:
			customValue = text
		}
	}
	if isCommon {
		v.Common = &cdx.CommonCertificateExtension{Name: cdx.CertificateExtensionName(common), Value: commonValue}
		return
	}
	v.Custom = &cdx.CustomCertificateExtension{Name: custom, Value: customValue}
}

// The schema has an entity, a contact or a reference itself here, and
// cyclonedx-go's own reader an object around each, which no valid document has.
func (d *decoder) readAsserterChoice(v *cdx.AsserterChoice, n *cdxschema.Node) {
	if d.kind() == '"' {
		ref := cdx.BOMReference(d.text(n))
		v.BOMRef = &ref
		return
	}
	if n = d.choose(n); n == nil {
		return
	}
	if n.Model == "OrganizationalContact" {
		v.Individual = new(cdx.OrganizationalContact)
		d.readOrganizationalContact(v.Individual, n)
		return
	}
	v.Organization = new(cdx.OrganizationalEntity)
	d.readOrganizationalEntity(v.Organization, n)
}

func (d *decoder) readPatentChoice(v *cdx.PatentChoice, n *cdxschema.Node) {
	if n = d.choose(n); n == nil {
		return
	}
	if n.Model == "PatentFamily" {
		v.PatentFamily = new(cdx.PatentFamily)
		d.readPatentFamily(v.PatentFamily, n)
		return
	}
	v.Patent = new(cdx.Patent)
	d.readPatent(v.Patent, n)
}

// A signature is one signer, a set of them, or a chain. The reader of
// cyclonedx-go has no place for the first.
func (d *decoder) readJSFSignature(v *cdx.JSFSignature, n *cdxschema.Node) {
	if n = d.choose(n); n == nil {
		return
	}
	if n.Model == "JSFSigner" {
		v.JSFSigner = new(cdx.JSFSigner)
		d.readJSFSigner(v.JSFSigner, n)
		return
	}
	o := d.open(n)
	for d.next(&o) {
		signers := list(d, o.value, &d.slabs.jSFSigner, (*decoder).readJSFSigner)
		if o.id == nameChain {
			v.Chain = signers
		} else {
			v.Signers = signers
		}
	}
}

// A party has a member around it in a licence, and is one of two objects itself
// in a patent.
func (d *decoder) readOrganizationalEntityOrContact(v *cdx.OrganizationalEntityOrContact, n *cdxschema.Node) {
	if n.Kind == cdxschema.Choice {
		var c cdx.AsserterChoice
		d.readAsserterChoice(&c, n)
		v.Organization, v.Individual = c.Organization, c.Individual
		return
	}
	o := d.open(n)
	for d.next(&o) {
		switch o.id {
		case nameOrganization:
			v.Organization = new(cdx.OrganizationalEntity)
			d.readOrganizationalEntity(v.Organization, o.value)
		case nameIndividual:
			v.Individual = new(cdx.OrganizationalContact)
			d.readOrganizationalContact(v.Individual, o.value)
		}
	}
}
