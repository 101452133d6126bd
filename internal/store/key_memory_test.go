package store

import (
	"testing"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/session"
)

func TestAKeyIsForgottenWithEveryChangeAndNotLearntFromALookThatOneHasOvertaken(t *testing.T) {
	one, other, nobodys := session.TokenHash{1}, session.TokenHash{2}, session.TokenHash{3}
	k := &admin.Key{ID: "k"}
	var m keyMemory
	known := func(secret session.TokenHash, wantKey *admin.Key, wantAny, want bool) {
		t.Helper()
		if found, ok := m.recall(secret); ok != want || ok && (found.key != wantKey || found.any != wantAny) {
			t.Errorf("%v is remembered as %+v, %t", secret[0], found, ok)
		}
	}
	known(one, nil, false, false)
	m.fill(map[session.TokenHash]foundKey{one: {k, true}, nobodys: {nil, true}, other: {&admin.Key{RevokedAt: time.Unix(1, 0)}, true}}, m.ticket())
	known(one, k, true, true)
	known(other, nil, false, false)
	known(nobodys, nil, false, false)

	commit := func(kind string) (over func()) {
		return m.leave([]*job{{tx: &tx{effects: []effect{{kind: kind}}}}})
	}
	early := m.ticket()
	over := commit(sessionEnded)
	known(one, k, true, true)
	over()
	known(one, k, true, true)
	over = commit(keysChanged)
	known(one, nil, false, false)
	meanwhile := m.ticket()
	for _, ticket := range []uint64{early, meanwhile} {
		m.fill(map[session.TokenHash]foundKey{one: {k, true}}, ticket)
		known(one, nil, false, false)
	}
	over()
	m.fill(map[session.TokenHash]foundKey{one: {k, true}}, meanwhile)
	known(one, nil, false, false)

	m.fill(map[session.TokenHash]foundKey{one: {nil, false}}, m.ticket())
	known(one, nil, false, true)
	known(other, nil, false, true)
	commit(everythingChanged)()
	known(one, nil, false, false)
}
