package store

import (
	"sync"

	"exeunt/internal/admin"
	"exeunt/internal/session"
)

// keyMemory remembers what looks for admin keys have found, for a database that only this process writes: every change of a
// key empties it before it is committed, and nothing gets in until that is over. A look that a change has overtaken is not
// remembered. It holds found keys, and whether there are none at all, so that guessing cannot make it grow. It is safe for
// concurrent use.
type keyMemory struct {
	mu      sync.RWMutex
	changes uint64
	shut    bool // a change is being committed
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
	if m.shut || m.changes != ticket {
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

// leave forgets everything when a batch that is about to be committed changes keys, or may: looks read the file meanwhile, which
// shows a change to everybody at once. The writer, who alone does so, calls over when the commit is done or has failed.
func (m *keyMemory) leave(batch []*job) (over func()) {
	for _, j := range batch {
		for _, e := range j.effects() {
			if e.kind == keysChanged || e.kind == everythingChanged {
				m.forget(true)
				return func() { m.forget(false) } // what was read before the commit has an old ticket from now on
			}
		}
	}
	return func() {}
}

func (m *keyMemory) forget(shut bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	m.shut, m.none, m.keys = shut, false, nil
}
