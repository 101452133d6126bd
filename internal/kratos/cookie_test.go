package kratos

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"strings"
	"testing"

	"github.com/gorilla/securecookie"

	"exeunt/internal/session"
)

// A cookie that a Kratos has set, with a secret that was made up for it.
const (
	vectorName   = "ory_kratos_session"
	vectorSecret = "exeunt-test-vector-cookie-secret-01"
	vectorToken  = "ory_st_D5mIMbEnDTVICdrW8YJHXZDF4JivSKQp"
	vectorCookie = "MTc5NTIxMjU0MHxQcV9QNWpydHNybWVrNS0ybFA5bW1uT2NGSDNXTjYzN3VUMHU5RGFKSUdfTXVfXzRCQlVHd2ZTVll2TXJkbEY4dDE4NG5PYTVUNjFRSnFaUklCaGdxU1RDWmZzd0dnR3ZOclVINWh4T1FDanlkZ253bmhwdDJQazZLSEdrOEZYS0w5OTZrNGxZUVRkTmNSRG9NMU0yS0haOVlkWUd4RURIai1IeEN5THhmaDdiOWNCYUdIYWtBcVRwS1Yta1JiRU5weTRNN095OG53UEtScl9aamF2T0pQdmUtdC1aM2RGLVppU2xMTzdaNGNwb04zOWZfdDYzMlBNTl9mUXlEaTBFbXN0MXV5bUtSRG9fak9XZmNhU298UiQtC6yjM0IL1ybGdcVhvlJPNA1ejHnvkWPCdS73-aE="
)

func secretsOf(all ...string) (keys [][]byte) {
	for _, s := range all {
		keys = append(keys, []byte(s))
	}
	return keys
}

func TestACookieOfKratosIsOpened(t *testing.T) {
	flipped := []byte(vectorCookie)
	flipped[len(flipped)-10] ^= 1
	for _, c := range []struct {
		what, name, value string
		secrets           []string
		opens             bool
	}{
		{"with its secret", vectorName, vectorCookie, []string{vectorSecret}, true},
		{"with a former secret", vectorName, vectorCookie, []string{"brand-new-secret-0123456789", vectorSecret}, true},
		{"under another name", "other", vectorCookie, []string{vectorSecret}, false},
		{"with another secret", vectorName, vectorCookie, []string{vectorSecret + "x"}, false},
		{"without its padding", vectorName, strings.TrimSuffix(vectorCookie, "="), []string{vectorSecret}, false},
		{"with another MAC", vectorName, string(flipped), []string{vectorSecret}, false},
		{"cut off", vectorName, vectorCookie[:200], []string{vectorSecret}, false},
		{"far too long", vectorName, strings.Repeat("A", 5000), []string{vectorSecret}, false},
		{"without any secret", vectorName, vectorCookie, nil, false},
		{"empty", vectorName, "", []string{vectorSecret}, false},
	} {
		token, err := NewCookies(secretsOf(c.secrets...)).Open(c.name, c.value)
		if (err == nil) != c.opens || c.opens && token.Reveal() != vectorToken {
			t.Errorf("%s: %v, %v", c.what, token.Reveal(), err)
		}
	}
}

func seal(t *testing.T, name string, held any) string {
	t.Helper()
	value, err := securecookie.EncodeMulti(name, held, NewCookies(secretsOf(vectorSecret)).codecs...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestWhatIsSealedHasToBeASessionToken(t *testing.T) {
	c := NewCookies(secretsOf(vectorSecret))
	old := strings.Repeat("a", 32) // before tokens had a prefix
	for what, held := range map[string]any{
		"a map of another type":            map[string]string{"session_token": vectorToken},
		"no token":                         map[any]any{"ory_kratos_settings_password": "some id", "nonce": strings.Repeat("x", 80)},
		"a token that is no text":          map[any]any{"session_token": 7, "nonce": strings.Repeat("x", 80)},
		"an empty token":                   map[any]any{"session_token": "", "nonce": strings.Repeat("x", 80)},
		"a token of our own cookies":       map[any]any{"session_token": string(session.InCookie) + strings.Repeat("a", 32)},
		"a token with odd letters":         map[any]any{"session_token": "ory_st_" + strings.Repeat("é", 16)},
		"a token that is longer than any":  map[any]any{"session_token": "ory_st_" + strings.Repeat("a", 33)},
		"something else than a collection": strings.Repeat("ory_st_", 20),
	} {
		if token, err := c.Open(vectorName, seal(t, vectorName, held)); err == nil {
			t.Errorf("%s: opened as %q", what, token.Reveal())
		}
	}
	for _, text := range []string{vectorToken, old} {
		if token, err := c.Open(vectorName, seal(t, vectorName, map[any]any{"session_token": text})); err != nil || token.Reveal() != text {
			t.Errorf("a token alone: %v", err)
		}
	}
	if _, err := c.Open(vectorName, "v1."+strings.Repeat("A", 300)); !errors.Is(err, ErrNewer) {
		t.Errorf("a cookie of a newer Kratos: %v", err)
	}
}

func FuzzCookie(f *testing.F) {
	f.Add(vectorName, vectorCookie)
	f.Add("", base64.URLEncoding.EncodeToString(bytes.Repeat([]byte("|"), 300)))
	var b bytes.Buffer
	_ = gob.NewEncoder(&b).Encode(map[any]any{"session_token": vectorToken})
	f.Add(vectorName, base64.URLEncoding.EncodeToString(b.Bytes()))
	c := NewCookies(secretsOf(vectorSecret))
	f.Fuzz(func(t *testing.T, name, value string) {
		if token, err := c.Open(name, value); err == nil && (name != vectorName || token.Reveal() != vectorToken) {
			t.Errorf("a cookie that nobody has sealed is opened as %q", token.Reveal())
		}
	})
}
