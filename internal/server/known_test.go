package server

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exeunt/internal/identity"
)

func TestAMarkIsForOnePersonAndATime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC)
	with := func(password, app string) identity.Credentials {
		return identity.Credentials{identity.Password: {Config: []byte(password)}, identity.TOTP: {Config: []byte(app)}}
	}
	ada, bo := &identity.Identity{ID: identity.NewID(), Credentials: with("a", "b")}, &identity.Identity{ID: identity.NewID(), Credentials: with("a", "b")}
	she := func(c identity.Credentials) *identity.Identity { return &identity.Identity{ID: ada.ID, Credentials: c} }
	old, key := []byte("an old key"), []byte("the key")
	m := newMark(old, ada, now)
	forged := m
	forged[20] ^= 1
	for name, c := range map[string]struct {
		m    mark
		keys [][]byte
		to   *identity.Identity
		at   time.Time
		want bool
	}{
		"given to her":                {m, [][]byte{key, old}, ada, now, true},
		"to somebody else":            {m, [][]byte{key, old}, bo, now, false},
		"under a key that left":       {m, [][]byte{key}, ada, now, false},
		"with another proof":          {forged, [][]byte{old}, ada, now, false},
		"nothing":                     {mark{}, [][]byte{old}, ada, now, false},
		"just before it is over":      {m, [][]byte{old}, ada, now.Add(knownAge - time.Hour), true},
		"over":                        {m, [][]byte{old}, ada, now.Add(knownAge), false},
		"before another password":     {m, [][]byte{old}, she(with("c", "b")), now, false},
		"before another second step":  {m, [][]byte{old}, she(with("a", "c")), now, false},
		"before the second step left": {m, [][]byte{old}, she(with("a", "")), now, false},
		"read again from the store":   {m, [][]byte{old}, she(with("a", "b")), now, true},
	} {
		if got := c.m.is(c.keys, c.to, c.at); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if newMark(old, ada, now) == m {
		t.Error("two marks are the same")
	}
	if !m.of([][]byte{old}, ada.ID) || m.of([][]byte{old}, bo.ID) {
		t.Error("it is not told whose a mark is")
	}
}

// A neighbouring domain that plants marks does not take those of a person out of sight.
func TestPlantedMarksHideNone(t *testing.T) {
	keys, ada := [][]byte{[]byte("the key")}, &identity.Identity{ID: identity.NewID()}
	now := time.Now()
	r := httptest.NewRequest("GET", "/", nil)
	text := func(m mark) string { return base64.RawURLEncoding.EncodeToString(m[:]) }
	for n := range 20 {
		r.Header.Add("Cookie", knownCookie+"="+text(newMark([]byte("another key"), ada, now)))
		r.Header.Add("Cookie", knownCookie+"="+text(newMark(keys[0], &identity.Identity{ID: identity.ID{byte(n)}}, now)))
	}
	r.Header.Add("Cookie", knownCookie+"="+text(newMark(keys[0], ada, now)))
	all := marks(r, keys)
	if len(all) != 21 || !all[20].is(keys, ada, now) {
		t.Errorf("%d marks are seen", len(all))
	}
}

func FuzzMarks(f *testing.F) {
	m := newMark([]byte("key"), &identity.Identity{ID: identity.ID{1}}, time.Now())
	text := base64.RawURLEncoding.EncodeToString(m[:])
	for _, seed := range []string{"", ".", text, text + "." + text, strings.Repeat(text+".", 20), "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", knownCookie+"="+value)
		if all := marks(r, [][]byte{[]byte("another key")}); len(all) > 0 {
			t.Error("a mark is believed that was not made")
		}
	})
}
