package oci

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign"
)

// The annotations in which cosign keeps, beside an envelope in a layer, what
// came along with its signature (cosign's specs/SIGNATURE_SPEC.md).
const (
	cosignCertificate = "dev.sigstore.cosign/certificate"
	cosignChain       = "dev.sigstore.cosign/chain"
	cosignLogEntry    = "dev.sigstore.cosign/bundle"
	cosignTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// readLayer reads the evidence in a layer. An envelope that has its certificate
// and log entry beside it becomes one Sigstore bundle v0.1, which is the version
// for entries that a log promises, so that nothing is lost when it is written
// again. Annotations that cannot be read leave the bare envelope.
func readLayer(data []byte, annotations map[string]string) ([]*sign.Bundle, error) {
	if annotations[cosignCertificate] != "" {
		if whole, err := withAnnotations(data, annotations); err == nil {
			if bundles, err := sign.Read(bytes.NewReader(whole)); err == nil && len(bundles) == 1 && bundles[0].Err == nil {
				return bundles, nil
			}
		}
	}
	return sign.Read(bytes.NewReader(data))
}

func withAnnotations(envelope []byte, annotations map[string]string) ([]byte, error) {
	type raw struct {
		RawBytes []byte `json:"rawBytes"`
	}
	var material struct {
		Chain struct {
			Certificates []raw `json:"certificates"`
		} `json:"x509CertificateChain"`
		Entries    []any `json:"tlogEntries,omitempty"`
		Timestamps *struct {
			Responses []any `json:"rfc3161Timestamps"`
		} `json:"timestampVerificationData,omitempty"`
	}
	rest := []byte(annotations[cosignCertificate] + "\n" + annotations[cosignChain])
	for len(material.Chain.Certificates) < sign.MaxChain {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		material.Chain.Certificates = append(material.Chain.Certificates, raw{block.Bytes})
	}
	if text := annotations[cosignLogEntry]; text != "" {
		entry, err := logEntry([]byte(text))
		if err != nil {
			return nil, err
		}
		material.Entries = []any{entry}
	}
	if text := annotations[cosignTimestamp]; text != "" {
		var stamp struct {
			Response []byte `json:"SignedRFC3161Timestamp"`
		}
		if err := strictjson.Unmarshal([]byte(text), &stamp); err != nil {
			return nil, err
		}
		material.Timestamps = &struct {
			Responses []any `json:"rfc3161Timestamps"`
		}{[]any{map[string][]byte{"signedTimestamp": stamp.Response}}}
	}
	if err := strictjson.Check(envelope); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle+json;version=0.1",
		"verificationMaterial": material,
		"dsseEnvelope":         json.RawMessage(envelope),
	})
}

// logEntry turns cosign's form of a log entry into that of a Sigstore bundle.
func logEntry(text []byte) (any, error) {
	var in struct {
		SignedEntryTimestamp []byte
		Payload              struct {
			Body           []byte `json:"body"`
			IntegratedTime int64  `json:"integratedTime"`
			LogIndex       int64  `json:"logIndex"`
			LogID          string `json:"logID"`
		}
	}
	if err := strictjson.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	var body struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
	}
	if err := strictjson.Unmarshal(in.Payload.Body, &body); err != nil {
		return nil, err
	}
	id, err := hex.DecodeString(in.Payload.LogID)
	if err != nil {
		return nil, err
	}
	enc := base64.StdEncoding.EncodeToString
	return map[string]any{
		"logIndex": fmt.Sprint(in.Payload.LogIndex), "integratedTime": fmt.Sprint(in.Payload.IntegratedTime),
		"logId":             map[string]string{"keyId": enc(id)},
		"kindVersion":       map[string]string{"kind": body.Kind, "version": body.APIVersion},
		"inclusionPromise":  map[string]string{"signedEntryTimestamp": enc(in.SignedEntryTimestamp)},
		"canonicalizedBody": enc(in.Payload.Body),
	}, nil
}
