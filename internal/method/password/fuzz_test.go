package password

import (
	"errors"
	"testing"
)

func seed(f *testing.F, add func(hash string)) {
	for _, v := range vectors {
		add(v.hash)
		add(v.hash[:len(v.hash)-1])
		add(v.hash + "$")
	}
	for _, hash := range []string{"", "$", "$2", "{SSHA}", "$md5$", "$hmac-$$", "$argon2id$v=19$m=,t=,p=$$", "$scrypt$ln=0,r=0,p=0$$"} {
		add(hash)
	}
}

func FuzzCheckImported(f *testing.F) {
	seed(f, func(hash string) { f.Add(hash) })
	f.Fuzz(func(t *testing.T, hash string) {
		err := CheckImported(hash)
		if err != nil && !errors.Is(err, ErrUnknownHash) && !errors.Is(err, ErrHashCost) {
			t.Errorf("CheckImported(%q): %v", hash, err)
		}
		if d, perr := parse(hash); err == nil && (perr != nil || d.try == nil || affordable(d.costs) != nil) {
			t.Errorf("%q is accepted and cannot be tried", hash)
		}
	})
}

func FuzzVerify(f *testing.F) {
	h := quick(f)
	seed(f, func(hash string) { f.Add(hash, goodPassword) })
	f.Fuzz(func(t *testing.T, hash, password string) {
		if slow(hash) {
			return
		}
		match, _, err := h.Verify(t.Context(), password, hash)
		if err != nil {
			t.Fatalf("Verify(%q, %q): %v", password, hash, err)
		}
		if match && (CheckImported(hash) != nil || len(password) > maxPassword) {
			t.Errorf("%q matches %q, which nobody could have stored", password, hash)
		}
		other, _, err := h.Verify(t.Context(), "other "+password, hash)
		if err != nil || match && other && len(password) <= maxBcrypt-len("other ") {
			t.Errorf("two passwords match %q (%v)", hash, err)
		}
	})
}

// slow reports whether trying the hash would hold the fuzzing up.
func slow(hash string) bool {
	d, err := parse(hash)
	if err != nil {
		return false
	}
	for _, c := range d.costs {
		if c.value > 5000 || c.name == "bcrypt cost" && c.value > 5 || c.name == "firescrypt ln" && c.value > 11 {
			return true
		}
	}
	return false
}
