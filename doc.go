// Package touchmark is the front page of a library that proves how software
// was made and decides whether it may be used. It holds no code; the work is
// done by four packages, in the order that an artifact meets them:
//
//   - [github.com/touchmark-go/touchmark/provenance]: what was made, from what, how
//     (in-toto Statement v1, SLSA Provenance v1). Its subpackage capture watches
//     a build and writes it down.
//   - [github.com/touchmark-go/touchmark/sbom]: what is inside (CycloneDX 1.6).
//   - [github.com/touchmark-go/touchmark/sign]: who vouches for it (DSSE, Sigstore
//     bundles).
//   - [github.com/touchmark-go/touchmark/verify]: may it be used here. A trust file
//     says who, a policy says what, evidence and the artifact go in, and a
//     verdict comes out.
//
// To attest a build:
//
//	rec, err := capture.Run(ctx, exec.Command("go", "build", "-o", "dist/app", "./cmd/app"), "dist/app")
//	prov, err := sign.Statement(ctx, rec.Statement(), key)
//
// To decide:
//
//	trust, err := verify.ParseTrust(t)
//	policy, err := verify.ParsePolicy(p)
//	v, err := verify.New(trust, policy)
//	verdict, err := v.Verify(ctx, verify.Request{Artifact: verify.File("dist/app"), Evidence: evidence})
//
// err is nil if, and only if, the artifact may be used.
package touchmark
