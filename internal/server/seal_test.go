package server

import (
	"encoding/base64"
	"strings"
	"testing"

	"exeunt/internal/flow"
	"exeunt/internal/session"
)

func TestASealOpensForItsPurposeAndUntouchedAlone(t *testing.T) {
	now, rotated, foreign := seals{[]byte("one")}, seals{[]byte("two"), []byte("one")}, seals{[]byte("three")}
	text := now.seal("logout", []byte("content"))
	for name, k := range map[string]seals{"the same key": now, "a rotated list": rotated} {
		if b, ok := k.open("logout", text); !ok || string(b) != "content" {
			t.Errorf("%s: %q, %v", name, b, ok)
		}
	}
	if _, ok := foreign.open("logout", text); ok {
		t.Error("another key opens it")
	}
	for _, purpose := range []string{"error", "logou", "logout/", "", "page/logout"} {
		if _, ok := now.open(purpose, text); ok {
			t.Errorf("it opens for %q", purpose)
		}
	}
	for i := range text {
		other := "A"
		if text[i] == 'A' {
			other = "B"
		}
		if _, ok := now.open("logout", text[:i]+other+text[i+1:]); ok {
			t.Errorf("it opens with another character at %d", i)
		}
	}
	for name, bad := range map[string]string{"cut": text[:len(text)-1], "doubled": text + text, "empty": "", "padded": text + "=", "spaced": text + "\n", "long": strings.Repeat("A", 1<<20), "a seal alone": base64.RawURLEncoding.EncodeToString(make([]byte, 32))} {
		if _, ok := now.open("logout", bad); ok {
			t.Errorf("it opens when it is %s", name)
		}
	}
}

func TestALogoutTokenNamesItsSessionAndWhereToGo(t *testing.T) {
	s, id := &Server{Keys: [][]byte{[]byte("key")}}, session.NewID()
	for _, to := range []flow.Return{{}, flow.Stored("https://app.example.com/bye?a=1")} {
		token := s.logoutToken(id, to)
		if strings.Trim(strings.TrimPrefix(token, "ory_lo_"), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q is not safe in a URL", token)
		}
		if named, sealed, ok := s.openLogoutToken(token); !ok || named != id || sealed != to.String() {
			t.Errorf("got %v, %q, %v", named, sealed, ok)
		}
		for _, bad := range []string{"", "ory_lo_", strings.TrimPrefix(token, "ory_lo_"), "ory_st_" + strings.TrimPrefix(token, "ory_lo_"), token + token, " " + token} {
			if _, _, ok := s.openLogoutToken(bad); ok {
				t.Errorf("%.40q is taken for a logout token", bad)
			}
		}
	}
}

func TestTheAntiForgeryTokenIsTheSecretUnderAMask(t *testing.T) {
	a, b := csrfSecret{1, 2, 3}, csrfSecret{1, 2, 4}
	first, second := a.mask(), a.mask()
	if first == second {
		t.Error("two masks are the same")
	}
	for name, c := range map[string]struct {
		secret csrfSecret
		token  string
		want   bool
	}{
		"its own token": {a, first, true}, "another of its tokens": {a, second, true}, "another's": {b, first, false}, "none": {a, "", false},
		"the secret itself": {a, base64.StdEncoding.EncodeToString(a[:]), false}, "the secret twice": {a, base64.StdEncoding.EncodeToString(append(a[:], a[:]...)), false},
		"nothing under nothing": {a, base64.StdEncoding.EncodeToString(make([]byte, 64)), false}, "a cut token": {a, first[:len(first)-4], false}, "two tokens": {a, first + second, false},
	} {
		if got := c.secret.matches(c.token); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if a.hash() == b.hash() || strings.Contains(a.hash(), "AQID") {
		t.Error("the hash tells the secret, or is that of another")
	}
}
