package token

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzKeys reads key files. Whatever they hold, nothing is published that could sign, and no error tells a key.
func FuzzKeys(f *testing.F) {
	ed, ec := jwk(f, "a", "EdDSA", map[string]any{"nbf": 1, "exp": 2}), jwk(f, "b", "ES256", nil)
	f.Add(string(keySet(f, ed, ec)))
	f.Add(string(keySet(f, public(f, ed), jwk(f, "c", "RS256", nil))))
	f.Add(string(keySet(f, ed, ed)))
	f.Add(`{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"c2VjcmV0c2VjcmV0"}]}`)
	f.Add(`{"keys":[{"kty":"OKP","crv":"X25519","kid":"a","alg":"EdDSA","x":"c2VjcmV0","d":"c2VjcmV0"}]}`)
	f.Add(`{"keys":[{"kty":"RSA","kid":"a","alg":"RS256","n":"AQAB","e":"AQAB","d":"AQ","p":"AQ","q":"AQ"}]}`)
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","alg":"ES256","x":"","y":"","x5c":["AA=="]}]}`)
	f.Add(`{"keys":[null,{},[],7],"keys":{}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		tokens, err := New("", []Template{{Name: "jwt", Keys: []byte(raw), TTL: 1}}, nil)
		if err != nil {
			if len(err.Error()) > 500*(mostKeys+1) {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		body := tokens.KeySet(now)
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(body, &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
				if k[private] != nil {
					t.Errorf("%s is published: %s", private, body)
				}
			}
			if k["kid"] == "" || !strings.Contains(" EdDSA ES256 RS256 ", " "+k["alg"].(string)+" ") {
				t.Errorf("published is %v", k)
			}
		}
		if k := tokens.templates["jwt"].keys.signing(now); k != nil {
			read(t, tokens, sign(t, tokens, "jwt", now), now)
		}
	})
}

// FuzzMapped merges what mappers return. Whatever it is, the subject and the end of the session stand.
func FuzzMapped(f *testing.F) {
	for _, s := range []string{`{"claims":{}}`, `{"claims":{"sub":"x","exp":1e18,"aud":["a"]}}`, `{"claims":{"exp":1.5,"iss":"x","n":{"a":[null]}}}`, `{"claims":null}`,
		`{"claims":{"a":1,"a":2,"SUB":"x","sub":"x"}}`, `{"claims":[]}`, `[]`, `null`, `{"claims":{"exp":-0}}`, `{"claims":{"exp":1e-400,"\ud800":"\ud800"}}`} {
		f.Add(s)
	}
	defaults, err := json.Marshal(standard{ExpiresAt: now.Unix() + 60, IssuedAt: now.Unix(), Subject: about.Identity, Session: about.Session})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, mapped string) {
		payload, err := merge(defaults, mapped, about.ExpiresAt)
		if err != nil {
			return
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		at, ok := claims["exp"].(float64)
		if claims["sub"] != about.Identity || !ok || at > float64(about.ExpiresAt.Unix()) || at < 0 || len(payload) > longestPayload {
			t.Errorf("the claims are %s", payload)
		}
	})
}

// FuzzMapper reads mappers. None ends the process, and what is read imports nothing.
func FuzzMapper(f *testing.F) {
	for _, s := range []string{`{claims: {}}`, `local s = std.extVar('session'); {claims: {a: s.id}}`, `import 'x'`, `[[[[`, `if true then {} else importstr "x"`, "|||\n a\n|||", `{a: $, b: super.x}`, "{\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		m, err := newMapper(source)
		if (m == nil) != (source == "" || err != nil) {
			t.Errorf("%v and %v", m, err)
		}
	})
}
