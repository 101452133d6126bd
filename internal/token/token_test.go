package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"exeunt/internal/fault"
)

var now = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// about is a session that lasts another hour.
var about = Subject{Session: "9e3afc95-0446-4cd3-8dfa-33888bf0040a", Identity: "fd376cec-5e33-4120-873e-bb510e06916f", ExternalID: "ext-1",
	ExpiresAt: now.Add(time.Hour), JSON: []byte(`{"id":"9e3afc95-0446-4cd3-8dfa-33888bf0040a","identity":{"traits":{"email":"ada@example.org","plan":"gold"}}}` + "\n")}

// jwk is a new private key as a JWK; more is added to it.
func jwk(t testing.TB, kid, alg string, more map[string]any) map[string]any {
	t.Helper()
	var private any
	var err error
	switch alg {
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "RS256":
		private, err = rsaKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	return asMembers(t, jose.JSONWebKey{Key: private, KeyID: kid, Algorithm: alg}, more)
}

// rsaKey is the RSA key of all tests, as making one takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func asMembers(t testing.TB, k jose.JSONWebKey, more map[string]any) map[string]any {
	t.Helper()
	raw, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for name, v := range more {
		all[name] = v
		if v == nil {
			delete(all, name)
		}
	}
	return all
}

// public is the public half of a JWK.
func public(t testing.TB, private map[string]any) map[string]any {
	t.Helper()
	half := map[string]any{}
	for name, v := range private {
		if !strings.Contains(" d p q dp dq qi ", " "+name+" ") {
			half[name] = v
		}
	}
	return half
}

func keySet(t testing.TB, keys ...map[string]any) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func tokenizer(t testing.TB, templates ...Template) *Tokenizer {
	t.Helper()
	made, err := New("https://auth.example.com/", templates, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// read checks a token with the published keys of a moment, and returns its header and claims.
func read(t testing.TB, tokens *Tokenizer, signed string, at time.Time) (jose.Header, map[string]any) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(tokens.KeySet(at), &set); err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	header := parsed.Signatures[0].Header
	keys := set.Key(header.KeyID)
	if len(keys) != 1 || !keys[0].IsPublic() {
		t.Fatalf("%d keys are published as %s", len(keys), header.KeyID)
	}
	payload, err := parsed.Verify(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return header, claims
}

func sign(t testing.TB, tokens *Tokenizer, template string, at time.Time) string {
	t.Helper()
	signed, err := tokens.Sign(context.Background(), template, about, at)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestATokenSaysWhoseSessionItIs(t *testing.T) {
	for _, alg := range []string{"EdDSA", "ES256", "RS256"} {
		tokens := tokenizer(t, Template{Name: "jwt", Keys: keySet(t, jwk(t, "k1", alg, nil)), TTL: 10 * time.Minute})
		header, claims := read(t, tokens, sign(t, tokens, "jwt", now), now)
		if header.KeyID != "k1" || header.Algorithm != alg || header.ExtraHeaders["typ"] != "JWT" || len(header.ExtraHeaders) != 1 {
			t.Errorf("%s: the header is %+v", alg, header)
		}
		for name, want := range map[string]any{"iss": "https://auth.example.com/", "sub": about.Identity, "sid": about.Session,
			"iat": float64(now.Unix()), "nbf": float64(now.Unix()), "exp": float64(now.Unix() + 600)} {
			if claims[name] != want {
				t.Errorf("%s: %s is %v, want %v", alg, name, claims[name], want)
			}
		}
		if id, _ := claims["jti"].(string); len(id) != 36 || len(claims) != 7 {
			t.Errorf("%s: claims %v", alg, claims)
		}
	}
}

func TestATokenNeverOutlivesItsSession(t *testing.T) {
	tokens := tokenizer(t, Template{Name: "plain", Keys: keySet(t, jwk(t, "a", "EdDSA", nil)), TTL: 10 * time.Hour},
		Template{Name: "mapped", Keys: keySet(t, jwk(t, "b", "EdDSA", nil)), TTL: time.Minute, Mapper: `{claims: {exp: std.extVar('claims').exp + 100000}}`},
		Template{Name: "earlier", Keys: keySet(t, jwk(t, "c", "EdDSA", nil)), TTL: time.Minute, Mapper: `{claims: {exp: std.extVar('claims').iat + 7}}`})
	for template, want := range map[string]time.Time{"plain": about.ExpiresAt, "mapped": about.ExpiresAt, "earlier": now.Add(7 * time.Second)} {
		if _, claims := read(t, tokens, sign(t, tokens, template, now), now); claims["exp"] != float64(want.Unix()) {
			t.Errorf("%s ends at %v, want %d", template, claims["exp"], want.Unix())
		}
	}
}

func TestTheSubjectMayBeTheExternalID(t *testing.T) {
	tokens := tokenizer(t, Template{Name: "jwt", Keys: keySet(t, jwk(t, "a", "EdDSA", nil)), TTL: time.Minute, ExternalID: true})
	if _, claims := read(t, tokens, sign(t, tokens, "jwt", now), now); claims["sub"] != "ext-1" {
		t.Errorf("the subject is %v", claims["sub"])
	}
	without := about
	without.ExternalID = ""
	if _, err := tokens.Sign(context.Background(), "jwt", without, now); !is(err, ErrNoExternalID) {
		t.Errorf("without an external id: %v", err)
	}
	if _, err := tokens.Sign(context.Background(), "JWT", about, now); !is(err, ErrUnknownTemplate) {
		t.Errorf("an unknown template: %v", err)
	}
}

func is(err error, want *fault.Error) bool {
	f := fault.From(err)
	return f != nil && f.Is(want)
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.json")
	_, err := New("", []Template{{Name: "one", KeysFile: absent, TTL: time.Minute, Mapper: "{"}, {Name: "two", KeysFile: absent, TTL: time.Minute, Mapper: `import "x"`}}, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"the key file " + absent + ": cannot be read: no such file or directory", `the mapper of the template "one": mapper:1:2 Unexpected: end of file`, `the mapper of the template "two": a mapper can import nothing`} {
		if strings.Count(err.Error(), want) != 1 {
			t.Errorf("%q is not told once in:\n%v", want, err)
		}
	}
}
