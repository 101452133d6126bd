package admin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"exeunt/internal/session"
)

// kept is a store with one key, for the rules that no database changes.
type kept struct {
	Store
	key     *Key
	hash    session.TokenHash
	touched []time.Time
}

func (s *kept) InsertAdminKey(_ context.Context, k *Key, hash session.TokenHash) error {
	s.key, s.hash = k, hash
	return nil
}

func (s *kept) AdminKey(_ context.Context, hash session.TokenHash) (*Key, bool, error) {
	if hash != s.hash {
		return nil, s.key != nil && s.key.RevokedAt.IsZero(), nil
	}
	return s.key, s.key != nil && s.key.RevokedAt.IsZero(), nil
}

func (s *kept) TouchAdminKey(_ context.Context, _ string, now, _ time.Time) error {
	s.touched = append(s.touched, now)
	return nil
}

func TestNamesOfKeysAreThoseOfNobodyElse(t *testing.T) {
	for name, ok := range map[string]bool{
		"backend": true, "a": true, "7": true, "ci.deploy_2-x": true, strings.Repeat("x", 63): true,
		"": false, "admin": false, "policy": false, "import": false, "Backend": false, "-x": false, ".x": false, "a b": false, "a\n": false, "é": false,
		strings.Repeat("x", 64): false, session.NewID().String(): false, strings.ReplaceAll(session.NewID().String(), "-", ""): false,
	} {
		if err := checkName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestScopesAllowWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		has, need Scope
		allows    bool
	}{
		{SessionsRead, SessionsRead, true}, {SessionsRead, SessionsWrite, false}, {SessionsWrite, SessionsRead, true}, {SessionsWrite, SessionsWrite, true},
		{SessionsWrite, IdentitiesRead, false}, {IdentitiesWrite, IdentitiesRead, true}, {IdentitiesWrite, SessionsRead, false}, {Settings, Settings, true},
		{Settings, All, false}, {IdentitiesWrite, All, false}, {All, All, true}, {All, Settings, true}, {All, SessionsWrite, true}, {SessionsRead, "", true},
	} {
		if got := (&Key{Scopes: []Scope{c.has}}).Allows(c.need); got != c.allows {
			t.Errorf("%s for %q: %v", c.has, c.need, got)
		}
	}
	if (&Key{}).Allows(SessionsRead) {
		t.Error("a key without scopes allows something")
	}
}

func TestAKeyIsAdmittedWhileItCounts(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &kept{}
	r := NewKeyring(s)
	r.Now = func() time.Time { return now }
	admit := func(bearer string, want error) {
		t.Helper()
		if _, err := r.Admit(t.Context(), bearer, SessionsRead); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	admit("", nil)
	_, secret, err := r.Create(t.Context(), "backend", []Scope{SessionsRead}, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	admit("", ErrKeyMissing)
	admit(secret.Reveal(), nil)
	admit(secret.Reveal(), nil)
	now = now.Add(59 * time.Second)
	admit(secret.Reveal(), nil)
	if len(s.touched) != 1 {
		t.Errorf("its use was noted %d times within a minute", len(s.touched))
	}
	now = now.Add(time.Second)
	admit(secret.Reveal(), nil)
	if len(s.touched) != 2 {
		t.Errorf("its use was noted %d times in a minute", len(s.touched))
	}
	for _, wrong := range []string{"x", string(InKey), secret.Reveal() + "x", " " + secret.Reveal(), strings.ToUpper(secret.Reveal()), strings.Repeat("x", 1<<20)} {
		admit(wrong, ErrKeyWrong)
	}
	if _, err := r.Admit(t.Context(), secret.Reveal(), All); !errors.Is(err, ErrScope) {
		t.Errorf("a scope that the key has not: %v", err)
	}
	now = s.key.ExpiresAt
	admit(secret.Reveal(), ErrKeyWrong)
	admit("", ErrKeyMissing)
	s.key.RevokedAt = now
	admit("", nil)
}
