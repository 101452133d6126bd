package rig

import (
	"testing"

	"exeunt/proof/history"
)

func TestSecretsAreFoundWhereverTheyStand(t *testing.T) {
	token, cookie, password := "ory_st_abcdefghijklmnopqrstuvwxyz012345", "ory_sc_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.mk1x2y3", "heron QWERTYUIOPASDFGHJKL"
	h := newHunt([]string{token, cookie, password, "short"})
	if h.size != 3 {
		t.Errorf("%d are looked for", h.size)
	}
	for text, found := range map[string]int{
		"":                                      0,
		"nothing to see, ory_st_aBcdefghijklmn": 0,
		"token=" + token:                        1,
		token + token:                           2,
		"…" + cookie[:39] + "…":                 1,
		"abcdefghijklmnopqrstuvwxyz012345":      1,
		"\x00" + password + "\x00":              1,
		"the hash of heron":                     0,
	} {
		s := &history.Search{}
		h.text("file", []byte(text), s)
		if len(s.Found) != found || s.Bytes != int64(len(text)) {
			t.Errorf("%q: %v in %d bytes", text, s.Found, s.Bytes)
		}
	}
}
