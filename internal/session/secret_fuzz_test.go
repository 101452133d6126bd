package session

import (
	"fmt"
	"strings"
	"testing"
)

func FuzzParseSecret(f *testing.F) {
	for _, seed := range []string{"", "ory_st_abc", "ory_sc_abc", "ory_sc_" + strings.Repeat("a", tokenLength), "a\x00", "\xff", strings.Repeat("x", MaxToken+1), "ory_sc_ö"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSecret(text)
		if err != nil {
			return
		}
		if s.Reveal() != text || len(text) > MaxToken || strings.ContainsAny(text, "\x00\r\n\x7f") {
			t.Errorf("%q is taken for %q", text, s.Reveal())
		}
		if s.TravelsIn(InHeader) && s.TravelsIn(InCookie) {
			t.Errorf("%q may travel in both", text)
		}
		if shown := fmt.Sprintf("%v %s %q %#v %x", s, s, s, s, s); len(text) > 12 && strings.Contains(shown, text) {
			t.Errorf("shown as %s", shown)
		}
	})
}
