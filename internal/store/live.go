package store

import (
	"sync"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// liveTable holds live sessions by token hash, for a database that only this process writes. The writer applies every
// committed change before its caller is answered, so the table never knows less than an answer that has left.
//
// A session gets in when a check has read it from the database. Between reading and filling it may have ended: every
// change of a session moves on the counter of its stripe, and a fill counts only if the counter has stayed put since
// before the read.
type liveTable struct {
	shards   [liveShards]liveShard
	maxBytes int64 // for each shard
}

const liveShards = 64

type liveShard struct {
	mu         sync.RWMutex
	changes    uint64
	bytes      int64
	sessions   map[session.TokenHash]liveEntry
	byIdentity map[identity.ID]map[session.TokenHash]struct{}
}

type liveEntry struct {
	session *session.Session
	bytes   int64
}

func newLiveTable(maxBytes int64) *liveTable {
	t := &liveTable{maxBytes: maxBytes / liveShards}
	for i := range t.shards {
		t.shards[i].sessions = map[session.TokenHash]liveEntry{}
		t.shards[i].byIdentity = map[identity.ID]map[session.TokenHash]struct{}{}
	}
	return t
}

func (t *liveTable) shard(token session.TokenHash) *liveShard { return &t.shards[token[0]%liveShards] }

// find returns the session, or nil when the table does not hold it, which says nothing about whether it is live.
func (t *liveTable) find(token session.TokenHash) *session.Session {
	s := t.shard(token)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sessions[token].session
}

// ticket notes the state of the table before a session is read from the database.
func (t *liveTable) ticket(token session.TokenHash) uint64 {
	s := t.shard(token)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changes
}

// fill puts in a session that was read from the database, unless something has changed since the ticket.
func (t *liveTable) fill(token session.TokenHash, found *session.Session, ticket uint64) {
	s := t.shard(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != ticket {
		return
	}
	s.remove(token)
	entry := liveEntry{session: found, bytes: weight(found)}
	if entry.bytes > t.maxBytes {
		return
	}
	for s.bytes+entry.bytes > t.maxBytes {
		s.evict()
	}
	s.sessions[token] = entry
	s.bytes += entry.bytes
	if s.byIdentity[found.IdentityID] == nil {
		s.byIdentity[found.IdentityID] = map[session.TokenHash]struct{}{}
	}
	s.byIdentity[found.IdentityID][token] = struct{}{}
}

// weight estimates the bytes a session takes in memory, its encoded form included.
func weight(s *session.Session) int64 {
	n := 2048 + 2*len(s.Identity.Traits) + 2*len(s.Identity.MetadataPublic) + len(s.Identity.MetadataAdmin)
	n += 512 * (len(s.Identity.Verifiable) + len(s.Identity.Recovery) + len(s.Devices) + len(s.Methods))
	return int64(n)
}

// evict makes room by dropping any one session; Go's map order makes it a random one.
func (s *liveShard) evict() {
	for token := range s.sessions {
		s.remove(token)
		return
	}
}

func (s *liveShard) remove(token session.TokenHash) {
	entry, ok := s.sessions[token]
	if !ok {
		return
	}
	delete(s.sessions, token)
	s.bytes -= entry.bytes
	owned := s.byIdentity[entry.session.IdentityID]
	delete(owned, token)
	if len(owned) == 0 {
		delete(s.byIdentity, entry.session.IdentityID)
	}
}

// apply drops everything that committed changes have made stale; the next check reads it anew. Being seen changes so
// little, and so often, that it is written through.
func (t *liveTable) apply(effects []effect) {
	for _, e := range effects {
		switch e.kind {
		case identityChanged:
			t.forget(e.identity)
			continue
		case everythingChanged:
			t.clear()
			continue
		}
		s := t.shard(e.token)
		s.mu.Lock()
		s.changes++
		if entry, ok := s.sessions[e.token]; ok && e.expires != 0 {
			entry.session = entry.session.Seen(moment(e.seen), moment(e.expires))
			s.sessions[e.token] = entry
		} else {
			s.remove(e.token)
		}
		s.mu.Unlock()
	}
}

// clear drops everything.
func (t *liveTable) clear() {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.changes++
		s.bytes = 0
		clear(s.sessions)
		clear(s.byIdentity)
		s.mu.Unlock()
	}
}

// forget drops all sessions of an identity.
func (t *liveTable) forget(id identity.ID) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.changes++
		for token := range s.byIdentity[id] {
			s.remove(token)
		}
		s.mu.Unlock()
	}
}

func (t *liveTable) len() (n int) {
	for i := range t.shards {
		t.shards[i].mu.RLock()
		n += len(t.shards[i].sessions)
		t.shards[i].mu.RUnlock()
	}
	return n
}
