package aws_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/kms/aws"
)

const (
	id  = "1234abcd-12ab-34cd-56ef-1234567890ab"
	arn = "arn:aws:kms:eu-central-1:111122223333:key/" + id
)

// A fakeKMS answers as AWS does (JSON 1.1, the operations GetPublicKey, DescribeKey and Sign), with real keys.
type fakeKMS struct {
	*httptest.Server
	mutex      sync.Mutex
	key        crypto.Signer
	algorithms []string
	requests   []string
	trouble    func(http.ResponseWriter, *http.Request) (done bool)
}

func startKMS(t *testing.T, key crypto.Signer, algorithms ...string) *fakeKMS {
	t.Helper()
	f := &fakeKMS{key: key, algorithms: algorithms}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_KMS": f.URL, "AWS_ENDPOINT_URL": "", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "", "AWS_REGION": "eu-central-1", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_TLS_INSECURE_SKIP_VERIFY": "", "HTTP_PROXY": "", "http_proxy": "",
	} {
		t.Setenv(name, value)
	}
	return f
}

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	f.requests = append(f.requests, operation)
	if f.trouble != nil && f.trouble(w, r) {
		return
	}
	var in struct {
		KeyID            string `json:"KeyId"`
		Message          []byte
		MessageType      string
		SigningAlgorithm string
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") {
		refuse(w, "MissingAuthenticationTokenException", "Missing Authentication Token")
		return
	}
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, "SerializationException", "")
		return
	}
	if in.KeyID != id && in.KeyID != arn && in.KeyID != "alias/release" {
		refuse(w, "NotFoundException", "Alias arn:aws:kms:eu-central-1:111122223333:"+in.KeyID+" is not found.")
		return
	}
	usage := "SIGN_VERIFY"
	if len(f.algorithms) == 0 {
		usage = "ENCRYPT_DECRYPT"
	}
	switch operation {
	case "GetPublicKey":
		der, err := x509.MarshalPKIXPublicKey(f.key.Public())
		if err != nil {
			panic(err)
		}
		answer(w, map[string]any{"KeyId": arn, "PublicKey": der, "KeyUsage": usage, "SigningAlgorithms": f.algorithms})
	case "DescribeKey":
		answer(w, map[string]any{"KeyMetadata": map[string]any{"KeyId": id, "Arn": arn, "KeyUsage": usage, "Enabled": true, "SigningAlgorithms": f.algorithms}})
	case "Sign":
		hash := map[string]crypto.Hash{"SHA_256": crypto.SHA256, "SHA_384": crypto.SHA384, "SHA_512": crypto.SHA512}[in.SigningAlgorithm[len(in.SigningAlgorithm)-7:]]
		if in.MessageType != "DIGEST" || len(in.Message) != hash.Size() {
			refuse(w, "ValidationException", "Digest is invalid length for algorithm "+in.SigningAlgorithm+".")
			return
		}
		var opts crypto.SignerOpts = hash
		if strings.HasPrefix(in.SigningAlgorithm, "RSASSA_PSS_") {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		sig, err := f.key.Sign(rand.Reader, in.Message, opts)
		if err != nil {
			panic(err)
		}
		answer(w, map[string]any{"KeyId": arn, "Signature": sig, "SigningAlgorithm": in.SigningAlgorithm})
	default:
		refuse(w, "UnknownOperationException", "")
	}
}

func answer(w http.ResponseWriter, data any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(data)
}

func refuse(w http.ResponseWriter, kind, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": message})
}

func newECDSA(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Every kind of key that AWS signs with makes a bundle that verifies.
func TestSigner(t *testing.T) {
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaAlgorithms := []string{"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512"}
	for _, tt := range []struct {
		key        crypto.Signer
		algorithms []string
		scheme     string
	}{
		{newECDSA(t, elliptic.P256()), []string{"ECDSA_SHA_256"}, "ecdsa-sha256"},
		{newECDSA(t, elliptic.P384()), []string{"ECDSA_SHA_384"}, "ecdsa-sha384"},
		{newECDSA(t, elliptic.P521()), []string{"ECDSA_SHA_512"}, "ecdsa-sha512"},
		{big, rsaAlgorithms, "rsa-pkcs1v15-sha256"},
		{big, rsaAlgorithms[3:], "rsa-pss-sha256"},
		{big, rsaAlgorithms[5:], "rsa-pss-sha512"},
	} {
		startKMS(t, tt.key, tt.algorithms...)
		for _, ref := range []string{"awskms:///" + id, "awskms:///alias/release", "awskms:///" + arn} {
			key, err := aws.Signer(t.Context(), ref)
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

// Errors say which key, and hold no secret.
func TestRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		ref  string
		set  func(t *testing.T, f *fakeKMS)
		want string
	}{
		"another scheme":       {"gcpkms://x", nil, "want awskms:///KEY"},
		"a login":              {"awskms://user:secret@kms.example/alias/release", nil, "want awskms:///KEY"},
		"a line":               {"awskms:///alias/x\ny", nil, "want awskms:///KEY"},
		"no key":               {"awskms:///alias/other", nil, "NotFoundException"},
		"it encrypts":          {"awskms:///alias/release", func(_ *testing.T, f *fakeKMS) { f.algorithms = nil }, "none that signs"},
		"without TLS's checks": {"awskms:///alias/release", func(t *testing.T, _ *fakeKMS) { t.Setenv("AWS_TLS_INSECURE_SKIP_VERIFY", "1") }, "unset it"},
		"nobody there":         {"awskms:///alias/release", func(t *testing.T, _ *fakeKMS) { t.Setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1") }, "refused"},
		"forbidden": {"awskms:///alias/release", func(_ *testing.T, f *fakeKMS) {
			f.trouble = func(w http.ResponseWriter, _ *http.Request) bool {
				refuse(w, "AccessDeniedException", "not authorized to perform kms:GetPublicKey")
				return true
			}
		}, "AccessDeniedException"},
	} {
		t.Run(name, func(t *testing.T) {
			big, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			f := startKMS(t, big, "RSASSA_PSS_SHA_256")
			if tt.set != nil {
				tt.set(t, f)
			}
			_, err = aws.Signer(t.Context(), tt.ref)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "key \"") || strings.Contains(err.Error(), "wJalr") {
				t.Errorf("%v, want %q and the key", err, tt.want)
			}
		})
	}
}

// A KMS in trouble is asked again, three times in all; one that says no is not.
func TestTrouble(t *testing.T) {
	f := startKMS(t, newECDSA(t, elliptic.P256()), "ECDSA_SHA_256")
	key, err := aws.Signer(t.Context(), "awskms:///alias/release")
	if err != nil {
		t.Fatal(err)
	}
	fail := func(times int, how func(http.ResponseWriter)) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		f.requests, f.trouble = nil, func(w http.ResponseWriter, _ *http.Request) bool {
			if times--; times < 0 {
				return false
			}
			how(w)
			return true
		}
	}
	broken := func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }
	fail(1, broken)
	verifies(t, key)
	if len(f.requests) != 2 {
		t.Errorf("one failure: %q", f.requests)
	}
	fail(100, broken)
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || len(f.requests) != 3 || !strings.Contains(err.Error(), `"awskms:///alias/release"`) {
		t.Errorf("broken: %v after %q", err, f.requests)
	}
	fail(100, func(w http.ResponseWriter) { refuse(w, "AccessDeniedException", "no") })
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || len(f.requests) != 1 {
		t.Errorf("forbidden: %v after %q", err, f.requests)
	}
	f.trouble = nil
	f.key = newECDSA(t, elliptic.P256()) // the alias leads elsewhere now
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "not this key's") {
		t.Errorf("another key's signature: %v", err)
	}
}

// One that never answers is left alone when the caller has had enough.
func TestCanceled(t *testing.T) {
	f := startKMS(t, newECDSA(t, elliptic.P256()), "ECDSA_SHA_256")
	key, err := aws.Signer(t.Context(), "awskms:///alias/release")
	if err != nil {
		t.Fatal(err)
	}
	f.trouble = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
	for _, ask := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := key.Sign(ctx, []byte("hello")); return err },
		func(ctx context.Context) error { _, err := aws.Signer(ctx, "awskms:///alias/release"); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		if err := ask(ctx); err == nil || time.Since(start) > 5*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		cancel()
	}
}

func ExampleSigner() {
	ctx := context.Background()
	// With AWS's own configuration in the environment or in ~/.aws:
	key, err := aws.Signer(ctx, "awskms://release")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(key.MarshalPublic())) // for the trust file
	// Output: key "awskms://release": no reference to a key in AWS, want awskms:///KEY, where KEY is an id, an ARN or alias/NAME
}
