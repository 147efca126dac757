module github.com/touchmark-go/touchmark/sign/kms/pkcs11

go 1.26.0

// Both are released together, under one version. Who imports this module gets the released one: a replacement counts in
// this repository only.
replace github.com/touchmark-go/touchmark => ../../..

require (
	github.com/miekg/pkcs11 v1.1.1
	github.com/touchmark-go/touchmark v0.1.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/go-sql-driver/mysql v1.9.3 // indirect
	github.com/google/go-containerregistry v0.22.1 // indirect
	github.com/secure-systems-lab/go-securesystemslib v0.11.1 // indirect
	github.com/sigstore/sigstore v1.10.11 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.47.0 // indirect
)
