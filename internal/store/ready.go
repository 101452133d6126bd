package store

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// readyTable holds sessions that are ready to be shown, by the tokens that they are found by. Whoever looks for one waits for
// nobody, and touches one line of memory beside the session's own, where the table is not tiny: each further one costs a check
// more than the search. Changes are made by shard, by whoever holds its lock.
type readyTable []readyLine

// readyLine has the places of the sessions whose keys lead to it. There are seldom more of them than it has room for.
type readyLine [4]readyPlace

// readyPlace is that of one session. Its mark and its session need not belong together for whoever looks without the lock.
type readyPlace struct {
	mark    atomic.Uint64 // a part of the key, so that other sessions are not touched
	session atomic.Pointer[session.Session]
}

const (
	liveShards  = 64
	leastWeight = 2048 // bytes that a session is taken for, at the least
)

// newReadyTable makes one for sessions of so many bytes in each shard, with a line for each of them.
func newReadyTable(shardBytes int64) readyTable {
	lines := 1 // a power of two
	for int64(lines) < shardBytes/leastWeight {
		lines *= 2
	}
	return make(readyTable, lines*liveShards)
}

// Of a key, which is random, each of these takes another part.
func shardOf(key session.TokenKey) int   { return int(key[0] % liveShards) }
func lineOf(key session.TokenKey) int    { return int(binary.LittleEndian.Uint32(key[4:])) }
func markOf(key session.TokenKey) uint64 { return binary.LittleEndian.Uint64(key[8:]) }

// get returns the session that is found by a token, or nil where it is not there.
func (t readyTable) get(key session.TokenKey) *session.Session {
	_, found := t.of(shardOf(key)).find(key)
	return found
}

// of is the part of one shard.
func (t readyTable) of(shard int) readyLines {
	lines := len(t) / liveShards
	return readyLines(t[shard*lines : (shard+1)*lines])
}

// readyLines are those of one shard.
type readyLines []readyLine

// find returns the session that is found by a token, and its place; or nil.
func (t readyLines) find(key session.TokenKey) (*readyPlace, *session.Session) {
	mark, line := markOf(key), t.line(key)
	for i := range line {
		if line[i].mark.Load() != mark {
			continue
		}
		if found := line[i].session.Load(); found != nil && found.FoundBy == key {
			return &line[i], found
		}
	}
	return nil, nil
}

func (t readyLines) line(key session.TokenKey) *readyLine { return &t[lineOf(key)&(len(t)-1)] }

// readyShard keeps the sessions of one shard within a bound of bytes.
type readyShard struct {
	mu         sync.Mutex
	lines      readyLines
	bytes      int64
	maxBytes   int64
	byIdentity map[identity.ID]map[session.TokenKey]struct{}
}

// add puts in a session, in the place of others where there is no room.
func (s *readyShard) add(found *session.Session) {
	s.remove(found.FoundBy)
	bytes := weight(found)
	if bytes > s.maxBytes {
		return
	}
	for s.bytes+bytes > s.maxBytes {
		s.evict()
	}
	place := s.roomFor(found.FoundBy)
	place.mark.Store(markOf(found.FoundBy))
	place.session.Store(found)
	s.bytes += bytes
	if s.byIdentity[found.IdentityID] == nil {
		s.byIdentity[found.IdentityID] = map[session.TokenKey]struct{}{}
	}
	s.byIdentity[found.IdentityID][found.FoundBy] = struct{}{}
}

// roomFor is a place for a session, which another one has to leave where its line is full.
func (s *readyShard) roomFor(key session.TokenKey) *readyPlace {
	line := s.lines.line(key)
	for i := range line {
		if line[i].session.Load() == nil {
			return &line[i]
		}
	}
	place := &line[rand.IntN(len(line))]
	s.empty(place)
	return place
}

// evict drops any one session; there has to be one.
func (s *readyShard) evict() {
	for n := rand.IntN(len(s.lines)); ; n = (n + 1) % len(s.lines) {
		for i := range s.lines[n] {
			if place := &s.lines[n][i]; place.session.Load() != nil {
				s.empty(place)
				return
			}
		}
	}
}

func (s *readyShard) remove(key session.TokenKey) {
	if place, _ := s.lines.find(key); place != nil {
		s.empty(place)
	}
}

func (s *readyShard) empty(place *readyPlace) {
	held := place.session.Swap(nil)
	s.bytes -= weight(held)
	owned := s.byIdentity[held.IdentityID]
	delete(owned, held.FoundBy)
	if len(owned) == 0 {
		delete(s.byIdentity, held.IdentityID)
	}
}

// seen notes that a session was used, if it is there.
func (s *readyShard) seen(key session.TokenKey, at, expires int64) {
	if place, held := s.lines.find(key); place != nil {
		place.session.Store(held.Seen(moment(at), moment(expires)))
	}
}

// forget drops all sessions of an identity.
func (s *readyShard) forget(id identity.ID) {
	for key := range s.byIdentity[id] {
		s.remove(key)
	}
}

// clear drops everything.
func (s *readyShard) clear() {
	for i := range s.lines {
		for j := range s.lines[i] {
			if place := &s.lines[i][j]; place.session.Load() != nil {
				s.empty(place)
			}
		}
	}
}

// len is how many sessions there are.
func (s *readyShard) len() (n int) {
	for _, owned := range s.byIdentity {
		n += len(owned)
	}
	return n
}

// weight estimates the bytes a session takes in memory, its encoded form included. Being seen does not change it.
func weight(s *session.Session) int64 {
	n := leastWeight + 2*len(s.Identity.Traits) + 2*len(s.Identity.MetadataPublic) + len(s.Identity.MetadataAdmin)
	n += 512 * (len(s.Identity.Verifiable) + len(s.Identity.Recovery) + len(s.Devices) + len(s.Methods))
	return int64(n)
}
