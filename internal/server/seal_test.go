package server

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/session"
)

func TestWhatIsSealedOpensForItsPurposeAndKeysAlone(t *testing.T) {
	old, rotated, other := seals{[]byte("one")}, seals{[]byte("two"), []byte("one")}, seals{[]byte("two")}
	text := old.seal("logout", []byte("x"))
	for name, c := range map[string]struct {
		keys          seals
		purpose, text string
		ok            bool
	}{
		"as it was made":             {old, "logout", text, true},
		"after a rotation":           {rotated, "logout", text, true},
		"when its key is gone":       {other, "logout", text, false},
		"for another purpose":        {old, "error", text, false},
		"for part of its purpose":    {old, "logou", text, false},
		"cut":                        {old, "logout", text[:len(text)-1], false},
		"doubled":                    {old, "logout", text + text, false},
		"padded":                     {old, "logout", text + "=", false},
		"in the other alphabet":      {old, "logout", strings.NewReplacer("-", "+", "_", "/").Replace(text) + "+", false},
		"with its last bits changed": {old, "logout", text[:len(text)-1] + string(text[len(text)-1]+1), false},
		"with a line break":          {old, "logout", text + "\n", false},
		"nothing":                    {old, "logout", "", false},
		"a megabyte":                 {old, "logout", strings.Repeat("A", 1<<20), false},
	} {
		if b, ok := c.keys.open(c.purpose, c.text); ok != c.ok || ok && string(b) != "x" {
			t.Errorf("%s: %q, %v", name, b, ok)
		}
	}
}

func TestErrorsAreShownForAWhile(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	s := &Server{Keys: [][]byte{[]byte("key")}, Sessions: &session.Manager{Now: func() time.Time { return now }}}
	id := s.errorID(session.ErrNone)
	for wait, ok := range map[time.Duration]bool{0: true, shownFor: true, shownFor + time.Microsecond: false, 24 * time.Hour: false} {
		later := &Server{Keys: s.Keys, Sessions: &session.Manager{Now: func() time.Time { return now.Add(wait) }}}
		e, at, err := later.openError(id)
		if (err == nil) != ok || ok && (e.Error.ID != "session_inactive" || e.Error.Request != "" || !at.Equal(now)) {
			t.Errorf("after %v: %+v, %v, %v", wait, e, at, err)
		}
		if err != nil && !errors.Is(err, errNoError) {
			t.Errorf("after %v: %v", wait, err)
		}
	}
}

func TestLogoutTokens(t *testing.T) {
	s := &Server{Keys: [][]byte{[]byte("key")}}
	id := session.NewID()
	for _, to := range []string{"", "https://app.example/x?y#z", "https://app.example/" + strings.Repeat("x", 2028)} {
		got, returnTo, ok := s.openLogoutToken(s.logoutToken(id, flow.Stored(to)))
		if !ok || got != id || returnTo != to {
			t.Errorf("%q: %v, %q, %v", to, got, returnTo, ok)
		}
	}
	if _, _, ok := s.openLogoutToken(logoutPrefix + seals(s.Keys).seal("logout", id[:15])); ok {
		t.Error("a token that is too short opens")
	}
}

func FuzzLogoutToken(f *testing.F) {
	s := &Server{Keys: [][]byte{[]byte("key")}}
	id := session.ID{1}
	f.Add(s.logoutToken(id, flow.Return{}))
	f.Add("ory_lo_")
	f.Add("ory_lo_AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		if got, _, ok := s.openLogoutToken(token); ok && got != id {
			t.Errorf("%q was never given out", token)
		}
	})
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
