package cdxjson

import (
	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// The writers of the structs whose readers are written by hand.

func (e *encoder) writeToolsChoice(v *cdx.ToolsChoice, n *cdxschema.Node) {
	if v.Tools != nil && v.Components == nil && v.Services == nil {
		items(e, *v.Tools, n, (*encoder).writeTool)
		return
	}
	if v.Tools != nil {
		e.fail("tools are a list, and components or services as well: want either")
	}
	o := e.begin(n, '{')
	if v.Components != nil {
		items(e, *v.Components, e.member(&o, nameComponents, `,"components":`), (*encoder).writeComponent)
	}
	if v.Services != nil {
		items(e, *v.Services, e.member(&o, nameServices, `,"services":`), (*encoder).writeService)
	}
	e.end(&o, '}')
}

func (e *encoder) writeEvidenceIdentityChoice(v *cdx.EvidenceIdentityChoice, n *cdxschema.Node) {
	switch {
	case v.Identity != nil && v.Identities != nil:
		e.fail("evidence has one identity and a list of them: want either")
	case v.Identity != nil:
		e.writeEvidenceIdentity(v.Identity, n)
	case v.Identities != nil:
		items(e, *v.Identities, n, (*encoder).writeEvidenceIdentity)
	default:
		e.fail("evidence has an identity that is neither one nor a list")
	}
}

func (e *encoder) writeEnvironmentVariableChoice(v *cdx.EnvironmentVariableChoice, n *cdxschema.Node) {
	if v.Property != nil {
		e.writeProperty(v.Property, n)
		return
	}
	e.text(v.Value, n)
}

func (e *encoder) writeMLDatasetChoice(v *cdx.MLDatasetChoice, n *cdxschema.Node) {
	if v.ComponentData != nil {
		e.writeComponentData(v.ComponentData, n)
		return
	}
	o := e.begin(n, '{')
	if v.Ref != "" {
		e.text(v.Ref, e.member(&o, nameRef, `,"ref":`))
	}
	e.end(&o, '}')
}

func (e *encoder) writeCertificateState(v *cdx.CertificateState, n *cdxschema.Node) {
	o := e.begin(n, '{')
	reason := ""
	switch {
	case v.Predefined != nil && v.Custom != nil:
		e.fail("a certificate's state is predefined and custom: want either")
	case v.Predefined != nil:
		e.text(string(v.Predefined.State), e.member(&o, nameState, `,"state":`))
		reason = v.Predefined.Reason
	case v.Custom != nil:
		e.text(v.Custom.Name, e.member(&o, nameName, `,"name":`))
		if v.Custom.Description != "" {
			e.text(v.Custom.Description, e.member(&o, nameDescription, `,"description":`))
		}
		reason = v.Custom.Reason
	}
	if reason != "" {
		e.text(reason, e.member(&o, nameReason, `,"reason":`))
	}
	e.end(&o, '}')
}

func (e *encoder) writeCertificateExtension(v *cdx.CertificateExtension, n *cdxschema.Node) {
	o := e.begin(n, '{')
	switch {
	case v.Common != nil && v.Custom != nil:
		e.fail("a certificate's extension is common and custom: want either")
	case v.Common != nil:
		e.text(string(v.Common.Name), e.member(&o, nameCommonExtensionName, `,"commonExtensionName":`))
		e.text(v.Common.Value, e.member(&o, nameCommonExtensionValue, `,"commonExtensionValue":`))
	case v.Custom != nil:
		e.text(v.Custom.Name, e.member(&o, nameCustomExtensionName, `,"customExtensionName":`))
		if v.Custom.Value != "" {
			e.text(v.Custom.Value, e.member(&o, nameCustomExtensionValue, `,"customExtensionValue":`))
		}
	}
	e.end(&o, '}')
}

func (e *encoder) writeAsserterChoice(v *cdx.AsserterChoice, n *cdxschema.Node) {
	switch {
	case v.Organization != nil:
		e.writeOrganizationalEntity(v.Organization, n)
	case v.Individual != nil:
		e.writeOrganizationalContact(v.Individual, n)
	case v.BOMRef != nil:
		e.text(string(*v.BOMRef), n)
	default:
		e.fail("a patent assertion has nobody who asserts")
	}
}

func (e *encoder) writeOrganizationalEntityOrContact(v *cdx.OrganizationalEntityOrContact, n *cdxschema.Node) {
	o := e.begin(n, '{')
	if v.Organization != nil {
		e.writeOrganizationalEntity(v.Organization, e.member(&o, nameOrganization, `,"organization":`))
	}
	if v.Individual != nil {
		e.writeOrganizationalContact(v.Individual, e.member(&o, nameIndividual, `,"individual":`))
	}
	e.end(&o, '}')
}

// assignees are the parties of a patent, which have no member around them.
func (e *encoder) assignees(list []cdx.OrganizationalEntityOrContact, n *cdxschema.Node) {
	o := e.begin(n, '[')
	for _, a := range list {
		e.writeAsserterChoice(&cdx.AsserterChoice{Organization: a.Organization, Individual: a.Individual}, e.next(&o))
	}
	e.end(&o, ']')
}

func (e *encoder) writePatentChoice(v *cdx.PatentChoice, n *cdxschema.Node) {
	switch {
	case v.Patent != nil:
		e.writePatent(v.Patent, n)
	case v.PatentFamily != nil:
		e.writePatentFamily(v.PatentFamily, n)
	default:
		e.fail("a patent is neither a patent nor a family")
	}
}

func (e *encoder) writeJSFSignature(v *cdx.JSFSignature, n *cdxschema.Node) {
	count := 0
	for _, is := range []bool{v.JSFSigner != nil, v.Signers != nil, v.Chain != nil} {
		if is {
			count++
		}
	}
	if count != 1 {
		e.fail("a signature has %d of a signer, signers and a chain: want one", count)
		return
	}
	if v.JSFSigner != nil {
		e.writeJSFSigner(v.JSFSigner, n)
		return
	}
	o := e.begin(n, '{')
	if v.Chain != nil {
		items(e, *v.Chain, e.member(&o, nameChain, `,"chain":`), (*encoder).writeJSFSigner)
	} else {
		items(e, *v.Signers, e.member(&o, nameSigners, `,"signers":`), (*encoder).writeJSFSigner)
	}
	e.end(&o, '}')
}

// A public key has other members for each kind of key, all of them required.
func (e *encoder) writeJSFPublicKey(v *cdx.JSFPublicKey, n *cdxschema.Node) {
	o := e.begin(n, '{')
	e.text(v.KTY, e.member(&o, nameKty, `,"kty":`))
	if v.KTY != "RSA" {
		e.text(v.CRV, e.member(&o, nameCrv, `,"crv":`))
		e.text(v.X, e.member(&o, nameX, `,"x":`))
	}
	if v.KTY == "EC" {
		e.text(v.Y, e.member(&o, nameY, `,"y":`))
	}
	if v.KTY == "RSA" {
		e.text(v.N, e.member(&o, nameN, `,"n":`))
		e.text(v.E, e.member(&o, nameE, `,"e":`))
	}
	e.end(&o, '}')
}
