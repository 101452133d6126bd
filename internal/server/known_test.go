package server

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/identity"
)

func TestAMarkIsForOnePersonAndATime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC)
	ada, bo := identity.ID(uuid.New()), identity.ID(uuid.New())
	old, key := []byte("an old key"), []byte("the key")
	m := newMark(old, ada, now)
	forged := m
	forged[20] ^= 1
	for name, c := range map[string]struct {
		m    mark
		keys [][]byte
		id   identity.ID
		at   time.Time
		want bool
	}{
		"given to her":           {m, [][]byte{key, old}, ada, now, true},
		"to somebody else":       {m, [][]byte{key, old}, bo, now, false},
		"under a key that left":  {m, [][]byte{key}, ada, now, false},
		"with another proof":     {forged, [][]byte{old}, ada, now, false},
		"nothing":                {mark{}, [][]byte{old}, ada, now, false},
		"just before it is over": {m, [][]byte{old}, ada, now.Add(knownAge - time.Hour), true},
		"over":                   {m, [][]byte{old}, ada, now.Add(knownAge), false},
	} {
		if got := c.m.is(c.keys, c.id, c.at); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if newMark(old, ada, now) == m {
		t.Error("two marks are the same")
	}
}

func FuzzMarks(f *testing.F) {
	m := newMark([]byte("key"), identity.ID{1}, time.Now())
	text := base64.RawURLEncoding.EncodeToString(m[:])
	for _, seed := range []string{"", ".", text, text + "." + text, strings.Repeat(text+".", 20), "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", knownCookie+"="+value)
		all := marks(r)
		if len(all) > 2*knownMarks {
			t.Errorf("%d marks", len(all))
		}
		for _, m := range all {
			if m.is([][]byte{[]byte("another key")}, identity.ID{1}, time.Now()) {
				t.Error("a mark is believed that was not made")
			}
		}
	})
}
