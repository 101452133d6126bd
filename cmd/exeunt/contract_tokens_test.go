package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"exeunt/internal/testkit"
)

// signingKey is a new private key as a member of a key set.
func signingKey(t *testing.T, kid, alg string) object {
	t.Helper()
	var private any
	var err error
	switch alg {
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "RS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jose.JSONWebKey{Key: private, KeyID: kid, Algorithm: alg}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var k object
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

func keySet(t *testing.T, keys ...object) []byte {
	t.Helper()
	raw, err := json.Marshal(object{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func inline(raw []byte) string { return "base64://" + base64.StdEncoding.EncodeToString(raw) }

// templates is the configuration of templates: name, settings, name, settings …
func templates(pairs ...string) string {
	text := "session:\n  whoami:\n    tokenizer:\n      templates:\n"
	for i := 0; i+1 < len(pairs); i += 2 {
		text += "        " + pairs[i] + ": {" + pairs[i+1] + "}\n"
	}
	return text
}

// tokenize asks whoami for a token.
func (in *instance) tokenize(template, token string) answer {
	in.t.Helper()
	return in.call("GET", in.public+"/sessions/whoami?tokenize_as="+template, nil, "X-Session-Token", token)
}

// keys are the published keys.
func (in *instance) keys() (set jose.JSONWebKeySet) {
	in.t.Helper()
	a := in.call("GET", in.public+"/.well-known/jwks.json", nil).expect(in.t, 200)
	if err := json.Unmarshal([]byte(a.body), &set); err != nil {
		in.t.Fatal(err)
	}
	return set
}

// verified reads the token in an answer with the published keys.
func (in *instance) verified(a answer) (header, claims object) {
	in.t.Helper()
	signed := a.expect(in.t, 200).text(in.t, "tokenized")
	parsed, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.RS256})
	if err != nil {
		in.t.Fatalf("%v: %q", err, signed)
	}
	keys := in.keys()
	payload, err := parsed.Verify(&keys)
	if err != nil {
		in.t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(signed, ".")[0])
	if err != nil || json.Unmarshal(raw, &header) != nil || json.Unmarshal(payload, &claims) != nil {
		in.t.Fatalf("no token: %s", signed)
	}
	return header, claims
}

func TestContractTokenizer(t *testing.T) {
	t.Parallel()
	mapper := func(source string) string { return "claims_mapper_url: '" + inline([]byte(source)) + "'" }
	keys := "jwks_url: '" + inline(keySet(t, signingKey(t, "first", "ES256"), signingKey(t, "second", "ES256"))) + "'"
	config := templates("plain", keys+", ttl: 10m", "usual", keys, "external", keys+", subject_source: external_id",
		"ed", "jwks_url: '"+inline(keySet(t, signingKey(t, "ed", "EdDSA")))+"'", "rsa", "jwks_url: '"+inline(keySet(t, signingKey(t, "rsa", "RS256")))+"'",
		"long", keys+", ttl: 1000h", "a.B_c-9", keys,
		"mapped", keys+", "+mapper(`local s = std.extVar('session'); {claims: {sub: 'me', iss: 'https://other.example', aud: ['x'], jti: 'j', sid: 'S', exp: std.extVar('claims').iat + 5, mail: s.identity.traits.email, aal: s.authenticator_assurance_level}}`),
		"failing", keys+", "+mapper(`{claims: {plan: std.extVar('session').identity.metadata_public.plan}}`),
		"shapeless", keys+", "+mapper(`{claims: 'none'}`), "bare", keys+", "+mapper(`'none'`)) + "feature_flags: {cacheable_sessions: true}\n"
	contract(t, config, []row{
		{"sessions 3.6: the header", func(t *testing.T, in *instance) {
			p := in.person()
			for template, want := range map[string]object{"plain": {"alg": "ES256", "kid": "first"}, "ed": {"alg": "EdDSA", "kid": "ed"}, "rsa": {"alg": "RS256", "kid": "rsa"}} {
				header, _ := in.verified(in.tokenize(template, p.token))
				if header["alg"] != want["alg"] || header["kid"] != want["kid"] || header["typ"] != "JWT" || len(header) != 3 {
					t.Errorf("%s: %v", template, header)
				}
			}
		}},
		{"sessions 3.6: the claims, iss, sub and exp", func(t *testing.T, in *instance) {
			p := in.person()
			_, claims := in.verified(in.tokenize("plain", p.token))
			for name, want := range map[string]any{"iss": in.public + "/", "sub": p.id, "sid": p.session, "nbf": claims["iat"], "exp": claims["iat"].(float64) + 600} {
				if claims[name] != want {
					t.Errorf("%s is %v, want %v", name, claims[name], want)
				}
			}
			if age := time.Since(time.Unix(int64(claims["iat"].(float64)), 0)); age < 0 || age > time.Minute || len(claims["jti"].(string)) != 36 || len(claims) != 7 {
				t.Errorf("%v", claims)
			}
		}},
		{"sessions 3.6, W17: without ttl a token holds for a minute", func(t *testing.T, in *instance) {
			_, claims := in.verified(in.tokenize("usual", in.person().token))
			if claims["exp"] != claims["iat"].(float64)+60 {
				t.Errorf("%v", claims)
			}
		}},
		{"sessions 3.6: every token has an id of its own", func(t *testing.T, in *instance) {
			p := in.person()
			_, one := in.verified(in.tokenize("usual", p.token))
			_, two := in.verified(in.tokenize("usual", p.token))
			if one["jti"] == two["jti"] {
				t.Errorf("both are %v", one["jti"])
			}
		}},
		{"sessions 3.6: a token never outlives its session", func(t *testing.T, in *instance) {
			a := in.tokenize("long", in.person().token)
			_, claims := in.verified(a)
			end, err := time.Parse(time.RFC3339Nano, a.text(t, "expires_at"))
			if err != nil || claims["exp"] != float64(end.Unix()) {
				t.Errorf("the token ends at %v, the session at %v", claims["exp"], end)
			}
		}},
		{"sessions 3.6: nor the credential that it was asked for with", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("login", "?refresh=true", as(p.token)...)
			fresh := in.signIn(f, p.email, passphrase, as(p.token)...).expect(t, 200).text(t, "session_token")
			for token, most := range map[string]float64{p.token: 5, fresh: 600} {
				_, claims := in.verified(in.tokenize("plain", token))
				if left := claims["exp"].(float64) - claims["iat"].(float64); left > most || left < most-5 {
					t.Errorf("it holds for %v seconds, and may for %v", left, most)
				}
			}
		}},
		{"sessions 3.6: the subject may be the external id", func(t *testing.T, in *instance) {
			email, external := testkit.Email(), testkit.Email()
			in.create(object{"traits": object{"email": email}, "external_id": external, "credentials": clear(passphrase)}).expect(t, 201)
			token, _ := in.login(email)
			if _, claims := in.verified(in.tokenize("external", token)); claims["sub"] != external {
				t.Errorf("%v", claims)
			}
			in.tokenize("external", in.person().token).refused(t, 400, "tokenizer_subject_missing")
		}},
		{"sessions 3.6: the mapper overrides everything but sub", func(t *testing.T, in *instance) {
			p := in.person()
			_, claims := in.verified(in.tokenize("mapped", p.token))
			for name, want := range map[string]any{"sub": p.id, "iss": "https://other.example", "jti": "j", "sid": "S", "mail": p.email, "aal": "aal1", "exp": claims["iat"].(float64) + 5} {
				if claims[name] != want {
					t.Errorf("%s is %v, want %v", name, claims[name], want)
				}
			}
			if fmt.Sprint(claims["aud"]) != "[x]" {
				t.Errorf("aud is %v", claims["aud"])
			}
		}},
		{"sessions 3.6: the response is the session with the token, and is not to be kept", func(t *testing.T, in *instance) {
			p := in.person()
			plain := in.whoami(p.token).expect(t, 200)
			a := in.tokenize("plain", p.token).expect(t, 200)
			signed := a.text(t, "tokenized")
			if strings.Replace(a.body, `,"tokenized":"`+signed+`"`, "", 1) != plain.body || signed == "" {
				t.Errorf("got %s, without the token it is %s", a.body, plain.body)
			}
			if a.header.Get("X-Kratos-Authenticated-Identity-Id") != p.id || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != noStore || a.header["Ory-Session-Cache-For"] != nil {
				t.Errorf("headers %v", a.header)
			}
			if again := in.whoami(p.token); again.body != plain.body {
				t.Errorf("the session is now shown as %s", again.body)
			}
			if strings.Contains(in.output.String(), signed) {
				t.Error("the token is in the log")
			}
		}},
		{"sessions 3.6: by a cookie, and with HEAD", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			if _, claims := in.verified(b.ask("/sessions/whoami?tokenize_as=usual")); claims["sub"] != p.id {
				t.Errorf("%v", claims)
			}
			if a := in.call("HEAD", in.public+"/sessions/whoami?tokenize_as=usual", nil, "Cookie", carrying(b.cookie())).expect(t, 200); a.body != "" {
				t.Errorf("a body: %s", a.body)
			}
		}},
		{"sessions 3.6: an unknown template", func(t *testing.T, in *instance) {
			p := in.person()
			for _, name := range []string{"nope", "PLAIN", "plain.ttl", "plain%00", "%2e%2e", "plain%2Fttl"} {
				a := in.tokenize(name, p.token).refused(t, 400, "tokenizer_template_unknown")
				if a.header["X-Kratos-Authenticated-Identity-Id"] != nil {
					t.Error("the header names an identity")
				}
			}
			in.verified(in.tokenize("a.B_c-9", p.token))
		}},
		{"sessions 3.6: an empty tokenize_as is ignored", func(t *testing.T, in *instance) {
			if a := in.tokenize("", in.person().token).expect(t, 200); a.json(t, "tokenized") != nil || a.header.Get("Ory-Session-Cache-For") == "" {
				t.Errorf("%v", a)
			}
		}},
		{"sessions 3.6: an error in the mapper", func(t *testing.T, in *instance) {
			a := in.tokenize("failing", in.person().token).refused(t, 400, "tokenizer_mapper_failed")
			if strings.Contains(a.body, "RUNTIME") || strings.Contains(a.body, "plan") {
				t.Errorf("the answer tells of the mapper: %s", a.body)
			}
			until(t, func() bool {
				return strings.Contains(in.output.String(), `the mapper of the template \"failing\" failed at line 1, column 1`)
			})
		}},
		{"sessions W16: a mapper that returns something else", func(t *testing.T, in *instance) {
			p := in.person()
			for _, template := range []string{"shapeless", "bare"} {
				a := in.tokenize(template, p.token).refused(t, 500, "tokenizer_claims_invalid")
				if found := telltale(a.body); found != "" || a.header["X-Kratos-Authenticated-Identity-Id"] != nil {
					t.Errorf("the answer tells %q: %s", found, a.body)
				}
			}
		}},
		{"sessions 3.6: who is nobody learns nothing about templates", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			for _, template := range []string{"plain", "nope", "shapeless"} {
				in.tokenize(template, p.token).refused(t, 401, "session_inactive")
				in.call("GET", in.public+"/sessions/whoami?tokenize_as="+template, nil).refused(t, 401, "session_inactive")
			}
		}},
		{"sessions W17: the published keys", func(t *testing.T, in *instance) {
			a := in.call("GET", in.public+"/.well-known/jwks.json", nil).expect(t, 200)
			if a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != "public, max-age=60" || a.header["Vary"] != nil || a.header["Set-Cookie"] != nil {
				t.Errorf("headers %v", a.header)
			}
			var ids []string
			for _, k := range in.keys().Keys {
				ids = append(ids, k.KeyID)
				if !k.IsPublic() || k.Use != "sig" || k.Algorithm == "" {
					t.Errorf("published is %+v", k)
				}
			}
			if strings.Join(ids, " ") != "first second ed rsa" {
				t.Errorf("published are %v", ids)
			}
			in.call("HEAD", in.public+"/.well-known/jwks.json", nil).expect(t, 200)
			in.call("POST", in.public+"/.well-known/jwks.json", nil).refused(t, 405, "method_not_allowed")
			for _, path := range []string{"/.well-known/jwks", "/keys", "/.well-known/jwks.json/"} {
				in.call("GET", in.public+path, nil).refused(t, 404, "route_not_found")
			}
			in.call("GET", in.admin+"/.well-known/jwks.json", nil).refused(t, 404, "route_not_found")
		}},
	})
}

func TestContractNoTokenizer(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"sessions W17: without templates no key is published", func(t *testing.T, in *instance) {
			if a := in.call("GET", in.public+"/.well-known/jwks.json", nil).expect(t, 200); a.body != `{"keys":[]}`+"\n" {
				t.Error(a.body)
			}
		}},
		{"sessions 3.4: by default no answer is to be kept", func(t *testing.T, in *instance) {
			for _, a := range []answer{in.whoami(in.person().token).expect(t, 200), in.call("GET", in.public+"/sessions/whoami", nil).expect(t, 401)} {
				if a.header["Ory-Session-Cache-For"] != nil {
					t.Errorf("headers %v", a.header)
				}
			}
		}},
	})
}

func TestContractCacheableSessions(t *testing.T) {
	t.Parallel()
	keeps := func(t *testing.T, a answer, status int, want string) {
		t.Helper()
		if got := a.expect(t, status).header.Get("Ory-Session-Cache-For"); got != want {
			t.Errorf("it may be kept for %q, want %q", got, want)
		}
	}
	rows := func(left string) []row {
		return []row{
			{"sessions 3.4: a session", func(t *testing.T, in *instance) {
				keeps(t, in.whoami(in.person().token), 200, left)
			}},
			{"sessions 3.4: no credential that can be decoded", func(t *testing.T, in *instance) {
				who := in.public + "/sessions/whoami"
				keeps(t, in.call("GET", who, nil), 401, "60")
				for _, header := range [][2]string{{"Cookie", "ory_kratos_session=garbage"}, {"Cookie", "ory_kratos_session=" + in.person().token}, {"Cookie", "other=x"}, {"Authorization", "Basic eDp5"}, {"X-Session-Token", ""}} {
					keeps(t, in.call("GET", who, nil, header[0], header[1]), 401, "60")
				}
			}},
			{"sessions 3.4: a credential that is unknown, or was signed out", func(t *testing.T, in *instance) {
				who := in.public + "/sessions/whoami"
				b, p := in.visitor()
				cookie := carrying(b.cookie())
				in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/sessions", nil).expect(t, 204)
				other := in.person()
				in.logout(other.token).expect(t, 204)
				for _, header := range [][2]string{{"X-Session-Token", "bogus"}, {"X-Session-Token", other.token}, {"Authorization", "Bearer bogus"}, {"Authorization", "bearer " + other.token}, {"Cookie", cookie}, {"Cookie", cookie + "; ory_kratos_session=x"}} {
					keeps(t, in.call("GET", who, nil, header[0], header[1]), 401, "")
				}
			}},
		}
	}
	contract(t, "feature_flags: {cacheable_sessions: true}\n", rows("86400"))
	t.Run("capped", func(t *testing.T) {
		contract(t, "feature_flags: {cacheable_sessions: true, cacheable_sessions_max_age: 60s}\n", rows("60"))
	})
	t.Run("capped above the rest of its life", func(t *testing.T) {
		contract(t, "feature_flags: {cacheable_sessions: true, cacheable_sessions_max_age: 240h}\n", rows("86400"))
	})
}

// TestContractSecondFactorComesBeforeTokens gives an identity a second factor behind the server's back.
func TestContractSecondFactorComesBeforeTokens(t *testing.T) {
	t.Parallel()
	config := templates("jwt", "jwks_url: '"+inline(keySet(t, signingKey(t, "a", "EdDSA")))+"'") + "feature_flags: {cacheable_sessions: true}\n"
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			dsn := engine.DSN(t)
			before := start(t, dsn, config)
			p := before.person()
			if err := before.stop(); err != nil {
				t.Fatal(err)
			}
			db := before.database()
			if _, err := db.Exec(`UPDATE identities SET available_aal = 2 WHERE id = $1`, p.id); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			in := start(t, dsn, config)
			for _, a := range []answer{in.tokenize("jwt", p.token), in.tokenize("nope", p.token), in.whoami(p.token)} {
				a.refused(t, 403, "session_aal2_required")
				if a.header["Ory-Session-Cache-For"] != nil {
					t.Errorf("sessions 3.4: headers %v", a.header)
				}
			}
		})
	}
}

func TestKeysAreRotatedByEditingTheirFile(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "a key file.json")
			put := func(raw []byte) {
				if err := os.WriteFile(file, raw, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			first, second := signingKey(t, "first", "EdDSA"), signingKey(t, "second", "ES256")
			put(keySet(t, first))
			in := start(t, engine.DSN(t), templates("jwt", "jwks_url: 'file://"+strings.ReplaceAll(file, " ", "%20")+"', ttl: 10m"))
			p := in.person()
			old := in.tokenize("jwt", p.token)
			if header, _ := in.verified(old); header["kid"] != "first" {
				t.Fatalf("signed by %v", header["kid"])
			}

			second["nbf"] = time.Now().Add(time.Hour).Unix()
			put(keySet(t, first, second))
			until(t, func() bool { return len(in.keys().Keys) == 2 })
			if header, _ := in.verified(in.tokenize("jwt", p.token)); header["kid"] != "first" {
				t.Errorf("published in advance, %v signs already", header["kid"])
			}

			second["nbf"], first["exp"] = time.Now().Unix(), time.Now().Unix()
			put(keySet(t, first, second))
			until(t, func() bool { header, _ := in.verified(in.tokenize("jwt", p.token)); return header["kid"] == "second" })
			if header, claims := in.verified(old); header["kid"] != "first" || claims["sub"] != p.id {
				t.Errorf("the old token: %v %v", header, claims)
			}

			put([]byte(`{"keys":`))
			until(t, func() bool { return strings.Contains(in.output.String(), "a key file cannot be used") })
			in.verified(in.tokenize("jwt", p.token))
			if a := in.call("GET", in.public+"/health/alive", nil); a.status != http.StatusOK {
				t.Errorf("the server is not well: %v", a)
			}
		})
	}
}
