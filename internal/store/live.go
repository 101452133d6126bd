package store

import (
	"math/rand/v2"
	"sync"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// liveTable holds live sessions by token hash, for a database that only this process writes. The writer applies every
// committed change before its caller is answered, so the table never knows less than an answer that has left.
//
// All are held in a compact form, as far as there is room; those that are asked for often also ready to be shown.
//
// A session gets in when a check has read it from the database. Between reading and filling it may have ended: every
// change of a session moves on the counter of its stripe, and a fill counts only if the counter has stayed put since
// before the read.
type liveTable struct {
	shards   [liveShards]liveShard
	maxBytes int64 // of sessions that are ready to be shown, for each shard

	shelf   *shelf
	compact compact
}

const (
	liveShards = 64
	readyPart  = 16 // one of so many parts of the memory is for sessions that are ready to be shown
	turnover   = 32 // one of so many checks of others takes a place among those that are ready
)

type liveShard struct {
	mu         sync.RWMutex
	changes    uint64
	bytes      int64
	sessions   map[readyKey]*session.Session
	byIdentity map[identity.ID]map[readyKey]struct{}

	_ [8]byte // each begins a line of memory of its own
}

// newLiveTable makes one that takes about so many bytes.
func newLiveTable(maxBytes int64) *liveTable {
	ready := maxBytes / readyPart
	t := &liveTable{maxBytes: ready / liveShards, shelf: newShelf(maxBytes - ready), compact: compact{newWords()}}
	for i := range t.shards {
		t.shards[i].sessions = map[readyKey]*session.Session{}
		t.shards[i].byIdentity = map[identity.ID]map[readyKey]struct{}{}
	}
	return t
}

func (t *liveTable) shard(token session.TokenHash) *liveShard { return &t.shards[token[0]%liveShards] }

// readyKey is half of a token's hash, which is as hard to meet by chance, or on purpose, as a token is to guess.
type readyKey [len(session.TokenHash{}) / 2]byte

func keyOf(token session.TokenHash) readyKey { return readyKey(token[:]) }

func sessionKey(token session.TokenHash) (k shelfKey) {
	k[0] = 's'
	half := keyOf(token)
	copy(k[1:], half[:])
	return k
}

func identityKey(id identity.ID) (k shelfKey) {
	k[0] = 'i'
	copy(k[1:], id[:])
	return k
}

// glance is what was seen of the table by somebody who has not found a session ready.
type glance struct {
	ticket uint64
	full   bool
}

// ready returns a session that is ready to be shown, or nil and a glance for unready.
func (t *liveTable) ready(token session.TokenHash) (*session.Session, glance) {
	s := t.shard(token)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sessions[keyOf(token)], glance{s.changes, s.bytes > t.maxBytes*3/4}
}

// unready returns a session that is kept in compact form, or nil. That the table does not hold a session says nothing about
// whether it is live.
func (t *liveTable) unready(token session.TokenHash, g glance) *session.Session {
	found := t.unpack(token)
	if found != nil && (!g.full || rand.IntN(turnover) == 0) {
		t.makeReady(token, found, g.ticket)
	}
	return found
}

func (t *liveTable) unpack(token session.TokenHash) *session.Session {
	packed, ok := t.shelf.get(sessionKey(token))
	if !ok {
		return nil
	}
	owner, ok := t.shelf.get(identityKey(t.compact.identityOf(packed)))
	if !ok {
		return nil
	}
	return t.compact.read(packed, owner)
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
	t.shelf.put(identityKey(found.IdentityID), t.compact.identity(found.Identity))
	t.shelf.put(sessionKey(token), t.compact.session(found))
	t.add(s, keyOf(token), found)
}

// makeReady keeps a session as it is shown, unless something has changed since the ticket.
func (t *liveTable) makeReady(token session.TokenHash, found *session.Session, ticket uint64) {
	s := t.shard(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == ticket {
		t.add(s, keyOf(token), found)
	}
}

func (t *liveTable) add(s *liveShard, key readyKey, found *session.Session) {
	s.remove(key)
	bytes := weight(found)
	if bytes > t.maxBytes {
		return
	}
	for s.bytes+bytes > t.maxBytes {
		s.evict()
	}
	s.sessions[key] = found
	s.bytes += bytes
	if s.byIdentity[found.IdentityID] == nil {
		s.byIdentity[found.IdentityID] = map[readyKey]struct{}{}
	}
	s.byIdentity[found.IdentityID][key] = struct{}{}
}

// weight estimates the bytes a session takes in memory, its encoded form included. Being seen does not change it.
func weight(s *session.Session) int64 {
	n := 2048 + 2*len(s.Identity.Traits) + 2*len(s.Identity.MetadataPublic) + len(s.Identity.MetadataAdmin)
	n += 512 * (len(s.Identity.Verifiable) + len(s.Identity.Recovery) + len(s.Devices) + len(s.Methods))
	return int64(n)
}

// evict makes room by dropping any one session; Go's map order makes it a random one.
func (s *liveShard) evict() {
	for key := range s.sessions {
		s.remove(key)
		return
	}
}

func (s *liveShard) remove(key readyKey) {
	held, ok := s.sessions[key]
	if !ok {
		return
	}
	delete(s.sessions, key)
	s.bytes -= weight(held)
	owned := s.byIdentity[held.IdentityID]
	delete(owned, key)
	if len(owned) == 0 {
		delete(s.byIdentity, held.IdentityID)
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
		case keysChanged:
			continue
		}
		s := t.shard(e.token)
		s.mu.Lock()
		s.changes++
		key := keyOf(e.token)
		if held, ok := s.sessions[key]; ok && e.expires != 0 {
			s.sessions[key] = held.Seen(moment(e.seen), moment(e.expires))
		} else {
			s.remove(key)
		}
		t.applyPacked(e)
		s.mu.Unlock()
	}
}

func (t *liveTable) applyPacked(e effect) {
	if e.expires == 0 {
		t.shelf.drop(sessionKey(e.token))
		return
	}
	t.shelf.change(sessionKey(e.token), func(packed []byte) { t.compact.used(packed, e.seen, e.expires) })
}

// clear drops everything.
func (t *liveTable) clear() {
	t.eachShard(func(s *liveShard) {
		s.bytes = 0
		clear(s.sessions)
		clear(s.byIdentity)
	}, t.shelf.clear)
}

// forget drops all sessions of an identity. In compact form they are of no use without it.
func (t *liveTable) forget(id identity.ID) {
	t.eachShard(func(s *liveShard) {
		for key := range s.byIdentity[id] {
			s.remove(key)
		}
	}, func() { t.shelf.drop(identityKey(id)) })
}

// eachShard drops something from all shards, and from the shelf, which they share. The shelf comes in between: what is filled in
// with a ticket of before goes from the shelf then, and what was found on the shelf before that is not let in, or goes, afterwards.
func (t *liveTable) eachShard(drop func(*liveShard), fromShelf func()) {
	pass := func() {
		for i := range t.shards {
			s := &t.shards[i]
			s.mu.Lock()
			s.changes++
			drop(s)
			s.mu.Unlock()
		}
	}
	pass()
	fromShelf()
	pass()
}

func (t *liveTable) len() (n int) {
	for i := range t.shards {
		t.shards[i].mu.RLock()
		n += len(t.shards[i].sessions)
		t.shards[i].mu.RUnlock()
	}
	return n
}
