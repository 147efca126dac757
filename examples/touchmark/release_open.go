package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"flag"
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/klog/v2"

	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
	"github.com/touchmark-go/touchmark/verify"
)

// open opens the log with the keys that lie beside it.
func (o *releaseBook) open(l *verify.Ledger) (*tessera.Log, error) {
	quietKlog()
	key, err := readFile("the log's key", filepath.Join(o.dir, ledgerKey), maxKey)
	if err != nil {
		return nil, err
	}
	options := tessera.Options{Memory: o.trust + ".head"}
	signer, err := loadWitness(filepath.Join(o.dir, ledgerWitnessKey), l.Origin)
	if err != nil {
		return nil, err
	}
	w, err := tessera.NewWitness(signer, filepath.Join(o.dir, ledgerWitness), ledger.Log{Origin: l.Origin, Key: l.Key})
	if err != nil {
		return nil, err
	}
	options.Witnesses, options.AtLeast = []tessera.Endpoint{{Key: signer.Key(), Local: w}}, 1
	log, err := options.Open(filepath.Join(o.dir, ledgerLog), strings.TrimSpace(string(key)))
	if err != nil {
		return nil, err
	}
	o.close = append(o.close, log.Close)
	return log, nil
}

// quietKlog keeps the log's engine from writing to standard error.
func quietKlog() {
	f := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(f)
	must(f.Set("logtostderr", "false"))
	must(f.Set("stderrthreshold", "FATAL"))
	klog.SetOutput(discard{})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// witnessName is what a ledger's own witness is called.
func witnessName(origin string) string { return origin + "/witness" }

func loadWitness(path, origin string) (*ledger.Signer, error) {
	data, err := readFile("the witness's key", path, maxKey)
	if err != nil {
		return nil, err
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%q is no key of a witness", path)
	}
	return ledger.NewSigner(witnessName(origin), ed25519.NewKeyFromSeed(seed))
}
