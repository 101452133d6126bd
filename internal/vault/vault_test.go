package vault

import (
	"errors"
	"strings"
	"testing"
)

func TestWhatWasClosedOpensForItsPurposeWithAnyOfTheKeysAndNothingElseDoes(t *testing.T) {
	old, both, other := New([][]byte{[]byte("old")}), New([][]byte{[]byte("new"), []byte("old")}), New([][]byte{[]byte("other")})
	closed := old.Close("totp of a", []byte("secret"))
	if strings.Contains(closed, "secret") || closed == old.Close("totp of a", []byte("secret")) {
		t.Errorf("%q shows what it holds, or is the same each time", closed)
	}
	for name, v := range map[string]*Vault{"the key": old, "a rotated key": both} {
		if plain, err := v.Open("totp of a", closed); string(plain) != "secret" || err != nil {
			t.Errorf("with %s: %q, %v", name, plain, err)
		}
	}
	flipped := []byte(closed)
	flipped[len(flipped)-3] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return other.Open("totp of a", closed) },
		"another purpose": func() ([]byte, error) { return old.Open("totp of b", closed) },
		"a changed text":  func() ([]byte, error) { return old.Open("totp of a", string(flipped)) },
		"a short text":    func() ([]byte, error) { return old.Open("totp of a", closed[:8]) },
		"no text":         func() ([]byte, error) { return old.Open("totp of a", "") },
		"no base64":       func() ([]byte, error) { return old.Open("totp of a", "***") },
	} {
		if plain, err := open(); plain != nil || !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}
