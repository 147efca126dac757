package gcp

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
)

const name = "projects/acme/locations/europe-west1/keyRings/release/cryptoKeys/app"

// A fakeKMS answers as Google Cloud does (gRPC, google.cloud.kms.v1), with real keys.
type fakeKMS struct {
	kmspb.UnimplementedKeyManagementServiceServer
	address string

	mutex     sync.Mutex
	purpose   kmspb.CryptoKey_CryptoKeyPurpose
	algorithm kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm
	versions  []crypto.Signer // the first is version 1
	signs     int
	trouble   func(ctx context.Context) error
	corrupt   bool
}

func startKMS(t *testing.T, algorithm kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm, versions ...crypto.Signer) *fakeKMS {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeKMS{address: l.Addr().String(), purpose: kmspb.CryptoKey_ASYMMETRIC_SIGN, algorithm: algorithm, versions: versions}
	server := grpc.NewServer()
	kmspb.RegisterKeyManagementServiceServer(server, f)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return f
}

// signer is Signer, of the fake.
func (f *fakeKMS) signer(ctx context.Context, ref string) (*keys.Key, error) {
	return signer(ctx, ref, option.WithEndpoint(f.address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
}

func (f *fakeKMS) enter(ctx context.Context) error {
	f.mutex.Lock()
	trouble := f.trouble
	f.mutex.Unlock()
	if trouble != nil {
		return trouble(ctx)
	}
	return nil
}

func (f *fakeKMS) GetCryptoKey(ctx context.Context, r *kmspb.GetCryptoKeyRequest) (*kmspb.CryptoKey, error) {
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	if r.Name != name {
		return nil, status.Errorf(codes.NotFound, "CryptoKey %s not found.", r.Name)
	}
	return &kmspb.CryptoKey{Name: name, Purpose: f.purpose}, nil
}

// version reads the number of a version.
func (f *fakeKMS) version(full string) (int, error) {
	var n int
	if _, err := fmt.Sscanf(full, name+"/cryptoKeyVersions/%d", &n); err != nil || n < 1 || n > len(f.versions) {
		return 0, status.Errorf(codes.NotFound, "CryptoKeyVersion %s not found.", full)
	}
	return n, nil
}

func (f *fakeKMS) describe(n int) *kmspb.CryptoKeyVersion {
	return &kmspb.CryptoKeyVersion{Name: fmt.Sprintf("%s/cryptoKeyVersions/%d", name, n), State: kmspb.CryptoKeyVersion_ENABLED, Algorithm: f.algorithm}
}

func (f *fakeKMS) GetCryptoKeyVersion(_ context.Context, r *kmspb.GetCryptoKeyVersionRequest) (*kmspb.CryptoKeyVersion, error) {
	n, err := f.version(r.Name)
	if err != nil {
		return nil, err
	}
	return f.describe(n), nil
}

func (f *fakeKMS) ListCryptoKeyVersions(_ context.Context, r *kmspb.ListCryptoKeyVersionsRequest) (*kmspb.ListCryptoKeyVersionsResponse, error) {
	var list kmspb.ListCryptoKeyVersionsResponse
	for n := len(f.versions); n > 0; n-- { // "name desc"
		list.CryptoKeyVersions = append(list.CryptoKeyVersions, f.describe(n))
	}
	return &list, nil
}

func (f *fakeKMS) GetPublicKey(_ context.Context, r *kmspb.GetPublicKeyRequest) (*kmspb.PublicKey, error) {
	n, err := f.version(r.Name)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(f.versions[n-1].Public())
	if err != nil {
		return nil, err
	}
	return &kmspb.PublicKey{Name: r.Name, Algorithm: f.algorithm, Pem: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}, nil
}

func (f *fakeKMS) AsymmetricSign(ctx context.Context, r *kmspb.AsymmetricSignRequest) (*kmspb.AsymmetricSignResponse, error) {
	f.mutex.Lock()
	f.signs++
	f.mutex.Unlock()
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	n, err := f.version(r.Name)
	if err != nil {
		return nil, err
	}
	hash, digest := crypto.SHA256, r.Digest.GetSha256()
	if d := r.Digest.GetSha384(); d != nil {
		hash, digest = crypto.SHA384, d
	}
	if d := r.Digest.GetSha512(); d != nil {
		hash, digest = crypto.SHA512, d
	}
	var opts crypto.SignerOpts = hash
	if strings.Contains(f.algorithm.String(), "_PSS_") {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	sig, err := f.versions[n-1].Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, err
	}
	sum := crc32.Checksum(sig, crc32.MakeTable(crc32.Castagnoli))
	if f.corrupt {
		sig[len(sig)/2] ^= 1
	}
	return &kmspb.AsymmetricSignResponse{Signature: sig, SignatureCrc32C: wrapperspb.Int64(int64(sum)), VerifiedDigestCrc32C: r.DigestCrc32C != nil, Name: r.Name}, nil
}

func newECDSA(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Every kind of key that Google Cloud signs with makes a bundle that verifies.
func TestSigner(t *testing.T) {
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key       crypto.Signer
		algorithm kmspb.CryptoKeyVersion_CryptoKeyVersionAlgorithm
		scheme    string
	}{
		{newECDSA(t, elliptic.P256()), kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256, "ecdsa-sha256"},
		{newECDSA(t, elliptic.P384()), kmspb.CryptoKeyVersion_EC_SIGN_P384_SHA384, "ecdsa-sha384"},
		{big, kmspb.CryptoKeyVersion_RSA_SIGN_PSS_2048_SHA256, "rsa-pss-sha256"},
		{big, kmspb.CryptoKeyVersion_RSA_SIGN_PKCS1_2048_SHA256, "rsa-pkcs1v15-sha256"},
		{big, kmspb.CryptoKeyVersion_RSA_SIGN_PSS_4096_SHA512, "rsa-pss-sha512"},
	} {
		f := startKMS(t, tt.algorithm, tt.key)
		for _, ref := range []string{"gcpkms://" + name, "gcpkms://" + name + "/cryptoKeyVersions/1"} {
			key, err := f.signer(t.Context(), ref)
			if err != nil {
				t.Errorf("%s: %v", tt.scheme, err)
				continue
			}
			if key.Scheme() != tt.scheme {
				t.Errorf("%s: it signs by %s", tt.scheme, key.Scheme())
			}
			verifies(t, key)
		}
	}
}

// verifies signs a statement, and checks it with the public half alone.
func verifies(t *testing.T, key *keys.Key) {
	t.Helper()
	statement, err := provenance.New("https://example.com/note/v1", map[string]string{"text": "as built"},
		provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := sign.Statement(t.Context(), statement, key)
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	public, err := keys.ParsePublic(key.MarshalPublic())
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify(key.Scheme(), public, bundle.PAE(), bundle.Signatures[0].Sig); err != nil {
		t.Errorf("%s: %v", key, err)
	}
}

// A version that is named stays the one that signs; without, the newest is taken, and its place is not handed on.
func TestRotated(t *testing.T) {
	f := startKMS(t, kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256, newECDSA(t, elliptic.P256()))
	old, err := f.signer(t.Context(), "gcpkms://"+name)
	if err != nil {
		t.Fatal(err)
	}
	f.versions = append(f.versions, newECDSA(t, elliptic.P256()))
	next, err := f.signer(t.Context(), "gcpkms://"+name)
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := f.signer(t.Context(), "gcpkms://"+name+"/cryptoKeyVersions/1")
	if err != nil {
		t.Fatal(err)
	}
	if old.String() != pinned.String() || old.String() == next.String() {
		t.Errorf("the first is %s, version 1 is %s, the newest is %s", old, pinned, next)
	}
	for _, key := range []*keys.Key{old, next, pinned} {
		verifies(t, key)
	}
	f.versions[1] = newECDSA(t, elliptic.P256())
	if _, err := next.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "not this key's") {
		t.Errorf("another key's signature: %v", err)
	}
	f.corrupt = true
	if _, err := pinned.Sign(t.Context(), []byte("hello")); err == nil {
		t.Error("a signature that was changed on the way: no error")
	}
}

func TestRefuses(t *testing.T) {
	for _, tt := range []struct {
		ref  string
		set  func(f *fakeKMS)
		want string
	}{
		{"awskms:///alias/x", nil, "want gcpkms://projects/"},
		{"gcpkms://projects/acme/locations/l/keyRings/r", nil, "want gcpkms://projects/"},
		{"gcpkms://projects/acme/locations/../keyRings/r/cryptoKeys/k", nil, "want gcpkms://projects/"},
		{"gcpkms://" + name + "?x", nil, "want gcpkms://projects/"},
		{"gcpkms://" + name + "2", nil, "not found"},
		{"gcpkms://" + name + "/cryptoKeyVersions/9", nil, "not found"},
		{"gcpkms://" + name, func(f *fakeKMS) { f.purpose = kmspb.CryptoKey_ENCRYPT_DECRYPT }, "cannot be used to sign"},
		{"gcpkms://" + name, func(f *fakeKMS) {
			f.trouble = func(context.Context) error {
				return status.Error(codes.PermissionDenied, "Permission 'cloudkms.cryptoKeys.get' denied")
			}
		}, "denied"},
	} {
		f := startKMS(t, kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256, newECDSA(t, elliptic.P256()))
		if tt.set != nil {
			tt.set(f)
		}
		if _, err := f.signer(t.Context(), tt.ref); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.ref, err, tt.want)
		}
	}
	if _, err := Signer(t.Context(), "gcpkms://x"); err == nil || !strings.Contains(err.Error(), `key "gcpkms://x": `) {
		t.Errorf("the error does not say which key: %v", err)
	}
}

// Trouble that may pass is tried again; what never answers is left alone when the caller has had enough.
func TestTrouble(t *testing.T) {
	f := startKMS(t, kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256, newECDSA(t, elliptic.P256()))
	key, err := f.signer(t.Context(), "gcpkms://"+name)
	if err != nil {
		t.Fatal(err)
	}
	set := func(trouble func(context.Context) error) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		f.signs, f.trouble = 0, trouble
	}
	left := 1
	set(func(context.Context) error {
		if left--; left >= 0 {
			return status.Error(codes.Unavailable, "try again")
		}
		return nil
	})
	verifies(t, key)
	if f.signs != 2 {
		t.Errorf("it was asked %d times, want 2", f.signs)
	}
	set(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	for _, ask := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := key.Sign(ctx, []byte("hello")); return err },
		func(ctx context.Context) error { _, err := f.signer(ctx, "gcpkms://"+name); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		if err := ask(ctx); err == nil || time.Since(start) > 5*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		cancel()
	}
}
