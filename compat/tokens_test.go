package compat

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"exeunt/internal/testkit"
)

// member is a private key as a member of a key set; ends is 0 for never.
func member(t *testing.T, private any, kid, alg string, ends int64) map[string]any {
	t.Helper()
	raw, err := jose.JSONWebKey{Key: private, KeyID: kid, Algorithm: alg}.MarshalJSON()
	must(t, "encoding a key", err)
	var m map[string]any
	must(t, "reading a key", json.Unmarshal(raw, &m))
	if ends > 0 {
		m["exp"] = ends
	}
	return m
}

// tokenFrom asks whoami for a token about the session.
func tokenFrom(t *testing.T, p *testkit.Process, sessionToken string) string {
	t.Helper()
	req, err := http.NewRequest("GET", p.Public+"/sessions/whoami?tokenize_as=jwt", nil)
	must(t, "asking for a token", err)
	req.Header.Set("X-Session-Token", sessionToken)
	resp, err := http.DefaultClient.Do(req)
	must(t, "asking for a token", err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, "reading the answer", err)
	var session struct{ Tokenized string }
	must(t, "reading the session", json.Unmarshal(body, &session))
	if resp.StatusCode != http.StatusOK || session.Tokenized == "" {
		t.Fatalf("no token: %d %s", resp.StatusCode, body)
	}
	return session.Tokenized
}

// signer is the id of the key that signed a token.
func signer(t *testing.T, token string) string {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256})
	must(t, "parsing a token", err)
	return parsed.Signatures[0].Header.KeyID
}

// TestAStockVerifierChecksTokensAcrossARotation knows nothing of the server but its issuer and the address of its keys.
func TestAStockVerifierChecksTokensAcrossARotation(t *testing.T) {
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			ctx, dir := context.Background(), t.TempDir()
			file := filepath.Join(dir, "keys.json")
			put := func(keys ...map[string]any) {
				raw, err := json.Marshal(map[string]any{"keys": keys})
				must(t, "encoding keys", err)
				must(t, "writing keys", os.WriteFile(file, raw, 0o600))
			}
			_, first, err := ed25519.GenerateKey(rand.Reader)
			must(t, "making a key", err)
			second, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			must(t, "making a key", err)
			put(member(t, first, "first", "EdDSA", 0))
			p := testkit.Start(t, dir, fmt.Sprintf("dsn: %q\nsession: {whoami: {tokenizer: {templates: {jwt: {jwks_url: %q, ttl: 10m}}}}}\n%s", engine.DSN(t), "file://"+file, testkit.Quick))
			public := api(p.Public)
			signUp(t, public)
			sessionToken, id := signIn(t, public)

			keys := oidc.NewRemoteKeySet(ctx, p.Public+"/.well-known/jwks.json")
			verifier := oidc.NewVerifier(p.Public+"/", keys, &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.EdDSA, oidc.ES256}})
			check := func(token string) {
				t.Helper()
				checked, err := verifier.Verify(ctx, token)
				must(t, "verifying a token", err)
				var claims struct{ SID string }
				must(t, "reading claims", checked.Claims(&claims))
				if claims.SID != id || checked.Subject == "" || time.Until(checked.Expiry) > 10*time.Minute {
					t.Errorf("the token says %+v and %+v", checked, claims)
				}
			}
			before := tokenFrom(t, p, sessionToken)
			check(before)

			put(member(t, second, "second", "ES256", 0), member(t, first, "first", "EdDSA", time.Now().Unix()))
			after, tick := before, time.NewTicker(50*time.Millisecond)
			defer tick.Stop()
			for end := time.Now().Add(20 * time.Second); signer(t, after) != "second"; after = tokenFrom(t, p, sessionToken) {
				if time.Now().After(end) {
					t.Fatal("the edit of the key file rotated nothing within 20 seconds")
				}
				<-tick.C
			}
			check(after)
			check(before)
			fresh := oidc.NewVerifier(p.Public+"/", oidc.NewRemoteKeySet(ctx, p.Public+"/.well-known/jwks.json"), &oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.EdDSA, oidc.ES256}})
			if _, err := fresh.Verify(ctx, before); err != nil {
				t.Errorf("whoever fetches the keys only now does not know the old one: %v", err)
			}
			if _, err := fresh.Verify(ctx, after[:len(after)-8]+"AAAAAAAA"); err == nil {
				t.Error("a changed token is verified")
			}
			must(t, "stopping", p.Stop())
		})
	}
}
