// Package pkcs11 signs with keys of an HSM or a smart card, by the library that its maker gives along (PKCS #11). It is
// there only with the build tag pkcs11, and needs cgo.
//
//	key, err := pkcs11.Signer(ctx, "/usr/lib/softhsm/libsofthsm2.so", "pkcs11:token=release;object=app", keys.Prompt)
//	bundle, err := sign.Statement(ctx, statement, key)
//
// The library is code, and runs with all that this process may do. So it is named by whoever calls Signer, by its whole
// path, and never by the reference to a key.
package pkcs11
