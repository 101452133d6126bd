package token

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestTheNewestKeyThatHasBegunSigns(t *testing.T) {
	at := func(d time.Duration) float64 { return float64(now.Add(d).Unix()) }
	tokens := tokenizer(t, Template{Name: "jwt", TTL: time.Minute, Keys: keySet(t,
		jwk(t, "past", "EdDSA", map[string]any{"nbf": at(-time.Hour), "exp": at(-time.Second)}),
		jwk(t, "first", "EdDSA", nil),
		jwk(t, "second", "EdDSA", nil),
		jwk(t, "now", "EdDSA", map[string]any{"nbf": at(0), "exp": at(time.Hour)}),
		public(t, jwk(t, "public", "EdDSA", map[string]any{"nbf": at(0)})),
		jwk(t, "next", "EdDSA", map[string]any{"nbf": at(30 * time.Minute), "exp": at(2 * time.Hour)}),
	)})
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{-2 * time.Hour, "first"}, {-time.Second, "first"}, {0, "now"}, {29 * time.Minute, "now"},
		{30 * time.Minute, "next"}, {90 * time.Minute, "next"}, {2 * time.Hour, "first"},
	} {
		at := now.Add(c.after)
		signed, err := tokens.Sign(context.Background(), "jwt", Subject{Session: "s", Identity: "i", ExpiresAt: now.Add(9 * time.Hour)}, at)
		if err != nil {
			t.Fatal(err)
		}
		if header, _ := read(t, tokens, signed, at); header.KeyID != c.want {
			t.Errorf("after %v %s signs, want %s", c.after, header.KeyID, c.want)
		}
	}
}

func TestKeysArePublishedBeforeTheyBeginAndUntilTheirTokensHaveEnded(t *testing.T) {
	at := func(d time.Duration) float64 { return float64(now.Add(d).Unix()) }
	tokens := tokenizer(t,
		Template{Name: "short", TTL: time.Minute, Keys: keySet(t,
			jwk(t, "old", "EdDSA", map[string]any{"exp": at(time.Hour)}),
			jwk(t, "next", "ES256", map[string]any{"nbf": at(50 * time.Minute), "exp": at(3 * time.Hour)}),
			public(t, jwk(t, "elsewhere", "RS256", nil)))},
		Template{Name: "long", TTL: 10 * time.Minute, Keys: keySet(t, jwk(t, "other", "EdDSA", nil))})
	body := string(tokens.KeySet(now))
	if &tokens.KeySet(now)[0] != &tokens.KeySet(now.Add(time.Second))[0] {
		t.Error("the set is encoded again though nothing has changed")
	}
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{0, "old next elsewhere other"}, {time.Hour, "old next elsewhere other"}, {70*time.Minute - time.Second, "old next elsewhere other"},
		{70 * time.Minute, "next elsewhere other"}, {4 * time.Hour, "elsewhere other"},
	} {
		if got := published(t, tokens, now.Add(c.after)); got != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got, c.want)
		}
	}
	for _, private := range []string{`"d":`, `"p":`, `"q":`, `"dp":`, `"k":`} {
		if strings.Contains(body, private) {
			t.Errorf("the published set holds %s", private)
		}
	}
	if !strings.Contains(body, `"use":"sig"`) || !strings.Contains(body, `"alg":"ES256"`) || !strings.HasSuffix(body, "}\n") {
		t.Errorf("the published set is %s", body)
	}
}

// published are the ids in the published set.
func published(t testing.TB, tokens *Tokenizer, at time.Time) string {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(tokens.KeySet(at), &set); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range set.Keys {
		ids = append(ids, k.KeyID)
	}
	return strings.Join(ids, " ")
}

func TestWithoutTemplatesTheSetIsEmpty(t *testing.T) {
	if got := string(tokenizer(t).KeySet(now)); got != `{"keys":[]}`+"\n" {
		t.Errorf("got %s", got)
	}
}

func TestWhenNoKeyCountsNothingIsSigned(t *testing.T) {
	tokens := tokenizer(t, Template{Name: "jwt", TTL: time.Minute, Keys: keySet(t, jwk(t, "a", "EdDSA", map[string]any{"nbf": float64(now.Unix() + 1)}))})
	if _, err := tokens.Sign(context.Background(), "jwt", about, now); !is(err, ErrNoKey) {
		t.Errorf("got %v", err)
	}
	if published(t, tokens, now) != "a" {
		t.Error("the key is not published in advance")
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	good := jwk(t, "good", "EdDSA", nil)
	other := jwk(t, "good", "EdDSA", nil)
	mixed := jwk(t, "mixed", "ES256", nil)
	mixed["d"] = jwk(t, "x", "ES256", nil)["d"]
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("do-not-print", 4)
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"no JSON":                     {[]byte(secret), "is not a key set"},
		"a bare key":                  {[]byte(`{"kty":"oct","k":"` + secret + `"}`), "holds 0 keys; want 1 to 100"},
		"an empty set":                {[]byte(`{"keys":[]}`), "holds 0 keys"},
		"a list":                      {[]byte(`["` + secret + `"]`), "is not a key set"},
		"a text for a key":            {[]byte(`{"keys":["` + secret + `"]}`), "key 1: is not a JWK"},
		"a key without anything":      {[]byte(`{"keys":[{}]}`), "key 1: has no kid"},
		"no kid":                      {keySet(t, jwk(t, "", "EdDSA", nil)), "key 1: has no kid; give each key an id of its own"},
		"a kid that is a number":      {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"kid": 7})), "key 1: is not a JWK"},
		"a long kid":                  {keySet(t, jwk(t, strings.Repeat("k", 201), "EdDSA", nil)), "key 1: its kid is not usable"},
		"a kid with a line break":     {keySet(t, jwk(t, "a\nb", "EdDSA", nil)), "its kid is not usable"},
		"the same kid twice":          {keySet(t, good, other), `key 2 (kid "good"): the kid is that of key 1; give each key an id of its own`},
		"no alg":                      {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"alg": nil})), `key 1 (kid "a"): has no alg; write EdDSA, ES256 or RS256`},
		"alg none":                    {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"alg": "none"})), `key 1 (kid "a"): alg none leaves tokens unsigned`},
		"HS256":                       {[]byte(`{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"` + secret + `"}]}`), `key 1 (kid "a"): alg "HS256" needs a secret that whoever checks tokens could make them with; use EdDSA, ES256 or RS256`},
		"HS512":                       {[]byte(`{"keys":[{"kty":"oct","kid":"a","alg":"HS512","k":"` + secret + `"}]}`), `alg "HS512" needs a secret`},
		"ES384":                       {keySet(t, jwk(t, "a", "ES384", nil)), `alg "ES384" is not supported; use EdDSA, ES256 or RS256`},
		"PS256":                       {keySet(t, jwk(t, "a", "RS256", map[string]any{"alg": "PS256"})), `alg "PS256" is not supported`},
		"a weak RSA key":              {keySet(t, asMembers(t, jose.JSONWebKey{Key: weak, KeyID: "a", Algorithm: "RS256"}, nil)), "an RSA key of 1024 bits is too weak; make one of at least 2048"},
		"a key of another kind":       {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"alg": "ES256"})), `key 1 (kid "a"): it is no key for ES256`},
		"a key on another curve":      {keySet(t, jwk(t, "a", "ES384", map[string]any{"alg": "ES256"})), "it is no key for ES256"},
		"a secret that says RS256":    {[]byte(`{"keys":[{"kty":"oct","kid":"a","alg":"RS256","k":"` + secret + `"}]}`), "its values make no key for RS256"},
		"broken values":               {keySet(t, jwk(t, "a", "ES256", map[string]any{"x": "do-not-print"})), `key 1 (kid "a"): its values make no key for ES256; make it anew`},
		"halves of different keys":    {keySet(t, mixed), `key 1 (kid "mixed"): its private and its public half do not belong together`},
		"a key for encryption":        {keySet(t, jwk(t, "a", "ES256", map[string]any{"use": "enc"})), `use is "enc"; keys that sign have sig`},
		"times in milliseconds":       {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"nbf": 1795209505000})), "nbf and exp are times in seconds since 1970"},
		"a time before time":          {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"exp": -1})), "nbf and exp are times in seconds since 1970"},
		"a time in words":             {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"exp": "tomorrow"})), "is not a JWK"},
		"an end before the beginning": {keySet(t, jwk(t, "a", "EdDSA", map[string]any{"nbf": 17, "exp": 17})), "it ends (exp) before it begins (nbf)"},
		"public keys alone":           {keySet(t, public(t, good)), "holds public keys alone"},
		"everything at once":          {keySet(t, jwk(t, "", "EdDSA", nil), jwk(t, "b", "EdDSA", map[string]any{"alg": nil})), "key 1: has no kid; give each key an id of its own\nthe key set of the template \"jwt\": key 2 (kid \"b\"): has no alg"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New("", []Template{{Name: "jwt", Keys: c.raw, TTL: time.Minute}}, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), `the key set of the template "jwt": `) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "do-not-print") {
				t.Error("the error tells a part of the key")
			}
		})
	}
}

func TestTemplatesMayShareKeysButNotIDs(t *testing.T) {
	shared := keySet(t, jwk(t, "a", "EdDSA", nil))
	file := filepath.Join(t.TempDir(), "keys.json")
	write(t, file, keySet(t, jwk(t, "b", "ES256", nil)))
	tokens := tokenizer(t, Template{Name: "one", Keys: shared, TTL: time.Minute}, Template{Name: "two", Keys: shared, TTL: time.Minute},
		Template{Name: "three", KeysFile: file, TTL: time.Minute}, Template{Name: "four", KeysFile: file, TTL: time.Minute})
	if got := published(t, tokens, now); got != "a b" {
		t.Errorf("published are %s", got)
	}
	for _, template := range []string{"one", "two", "three", "four"} {
		read(t, tokens, sign(t, tokens, template, now), now)
	}
	_, err := New("", []Template{{Name: "one", Keys: shared, TTL: time.Minute}, {Name: "two", Keys: keySet(t, jwk(t, "a", "EdDSA", nil)), TTL: time.Minute}}, nil)
	if err == nil || err.Error() != `the key set of the template "two": the kid "a" is that of a different key in the key set of the template "one"; give each key an id of its own` {
		t.Errorf("two keys with one id: %v", err)
	}
}
