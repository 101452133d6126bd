package store

import (
	"math/rand/v2"
	"sync/atomic"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// liveTable holds live sessions by token hash, for a database that only this process writes. Whatever a change makes stale
// leaves before the change is committed, so the table never knows less than the file, nor than an answer that has left.
//
// All are held in a compact form, as far as there is room; those that are asked for often also ready to be shown.
//
// A session gets in when a check has read it from the database. Between reading and filling it may have ended: every
// change of a session moves on the counter of its stripe, and a fill counts only if the counter has stayed put since
// before the read, and no change of the session is being committed.
type liveTable struct {
	shards [liveShards]liveShard
	_      [64]byte // what every check reads lies in no line that changes

	ready   readyTable
	shelf   *shelf
	compact compact
	leaving atomic.Pointer[leaving] // nil while nothing is being committed
}

const (
	readyPart = 16 // one of so many parts of the memory is for sessions that are ready to be shown
	turnover  = 32 // one of so many checks of others takes a place among those that are ready
)

// liveShard is a stripe of the table.
type liveShard struct {
	readyShard
	changes uint64
}

// newLiveTable makes one that takes about so many bytes.
func newLiveTable(maxBytes int64) *liveTable {
	ready := maxBytes / readyPart
	t := &liveTable{ready: newReadyTable(ready / liveShards), shelf: newShelf(maxBytes - ready), compact: compact{newWords()}}
	for i := range t.shards {
		s := &t.shards[i].readyShard
		s.lines, s.maxBytes, s.byIdentity = t.ready.of(i), ready/liveShards, map[identity.ID]map[session.TokenKey]struct{}{}
	}
	return t
}

func (t *liveTable) shard(key session.TokenKey) *liveShard { return &t.shards[shardOf(key)] }

func sessionKey(key session.TokenKey) (k shelfKey) {
	k[0] = 's'
	copy(k[1:], key[:])
	return k
}

func identityKey(id identity.ID) (k shelfKey) {
	k[0] = 'i'
	copy(k[1:], id[:])
	return k
}

// unready returns a session that is kept in compact form, or nil. That the table does not hold a session says nothing about
// whether it is live.
func (t *liveTable) unready(key session.TokenKey) *session.Session {
	s := t.shard(key)
	s.mu.Lock()
	ticket, full := s.changes, s.bytes > s.maxBytes*3/4
	s.mu.Unlock()
	found := t.unpack(key)
	if found != nil && (!full || rand.IntN(turnover) == 0) {
		t.makeReady(found, ticket)
	}
	return found
}

func (t *liveTable) unpack(key session.TokenKey) *session.Session {
	packed, ok := t.shelf.get(sessionKey(key))
	if !ok {
		return nil
	}
	owner, ok := t.shelf.get(identityKey(t.compact.identityOf(packed)))
	if !ok {
		return nil
	}
	found := t.compact.read(packed, owner)
	found.FoundBy = key
	return found
}

// ticket notes the state of the table before a session is read from the database.
func (t *liveTable) ticket(key session.TokenKey) uint64 {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes
}

// fill puts in a session that was read from the database, unless something has changed since the ticket.
func (t *liveTable) fill(found *session.Session, ticket uint64) {
	s := t.shard(found.FoundBy)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.takes(found, s, ticket) {
		return
	}
	t.shelf.put(identityKey(found.IdentityID), t.compact.identity(found.Identity))
	t.shelf.put(sessionKey(found.FoundBy), t.compact.session(found))
	s.add(found)
}

// makeReady keeps a session as it is shown, unless something has changed since the ticket.
func (t *liveTable) makeReady(found *session.Session, ticket uint64) {
	s := t.shard(found.FoundBy)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.takes(found, s, ticket) {
		s.add(found)
	}
}

// takes reports whether a session may get in that was read after a ticket was taken. The caller holds the stripe's lock.
func (t *liveTable) takes(found *session.Session, s *liveShard, ticket uint64) bool {
	return s.changes == ticket && !t.leaving.Load().has(found)
}

// used notes a committed use of a session: it changes so little, and so often, that it is written through.
func (t *liveTable) used(e effect) {
	key := e.token.Key()
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	s.seen(key, e.seen, e.expires)
	t.shelf.change(sessionKey(key), func(packed []byte) { t.compact.used(packed, e.seen, e.expires) })
}

// remove drops a session.
func (t *liveTable) remove(key session.TokenKey) {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	s.remove(key)
	t.shelf.drop(sessionKey(key))
}

// clear drops everything.
func (t *liveTable) clear() {
	t.eachShard((*readyShard).clear)
	t.shelf.clear()
}

// forget drops all sessions of an identity. In compact form they are of no use without it.
func (t *liveTable) forget(id identity.ID) {
	t.eachShard(func(s *readyShard) { s.forget(id) })
	t.shelf.drop(identityKey(id))
}

func (t *liveTable) eachShard(drop func(*readyShard)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.changes++
		drop(&s.readyShard)
		s.mu.Unlock()
	}
}

func (t *liveTable) len() (n int) {
	for i := range t.shards {
		t.shards[i].mu.Lock()
		n += t.shards[i].len()
		t.shards[i].mu.Unlock()
	}
	return n
}
