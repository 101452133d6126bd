package store

import (
	"sync"

	"exeunt/internal/admin"
	"exeunt/internal/session"
)

// keyMemory remembers what looks for admin keys have found, for a database that only this process writes: every change of a
// key empties it before its caller is answered. A look that a change has overtaken is not remembered. It holds found keys, and
// whether there are none at all, so that guessing cannot make it grow. It is safe for concurrent use.
type keyMemory struct {
	mu      sync.RWMutex
	changes uint64
	none    bool // no key counts, so that every secret is nobody's
	keys    map[session.TokenHash]*admin.Key
}

// recall returns what is remembered of a secret.
func (m *keyMemory) recall(secret session.TokenHash) (found foundKey, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.none {
		return foundKey{}, true
	}
	k, ok := m.keys[secret]
	return foundKey{k, true}, ok
}

// ticket notes the state before a look.
func (m *keyMemory) ticket() uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.changes
}

// fill remembers what was found, unless something has changed since the ticket. A key that was revoked is not found again here:
// whether others count is only said by a look.
func (m *keyMemory) fill(found map[session.TokenHash]foundKey, ticket uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes != ticket {
		return
	}
	for secret, f := range found {
		switch {
		case f.key == nil && !f.any:
			m.none = true
		case f.key != nil && f.key.RevokedAt.IsZero():
			if m.keys == nil {
				m.keys = map[session.TokenHash]*admin.Key{}
			}
			m.keys[secret] = f.key
		}
	}
}

// apply forgets everything when keys have changed, or may have.
func (m *keyMemory) apply(effects []effect) {
	for _, e := range effects {
		if e.kind == keysChanged || e.kind == everythingChanged {
			m.mu.Lock()
			m.changes++
			m.none = false
			m.keys = nil
			m.mu.Unlock()
			return
		}
	}
}
