package store

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"

	"exeunt/internal/session"
)

// readings remembers what rows were read as, so that a row that has not changed since is not read, decoded, nor its session
// encoded, again. It decides nothing: every look-up still asks the database, and what was read is used only for a row
// whose stamp is the same. It is safe for concurrent use.
//
// As in the table of live sessions, all are kept in a compact form, and those that are asked for often ready to be shown.
type readings struct {
	maxBytes int64 // of those that are ready to be shown
	shelf    *shelf
	compact  compact
	seeds    [2]maphash.Seed

	mu    sync.Mutex
	bytes int64
	rows  map[session.TokenHash]reading
}

type reading struct {
	stamp   string
	session *session.Session
	bytes   int64
}

// stamp is all of a row in which a change shows. What it says of the identity is the same for all its sessions.
type stamp struct{ session, identity []byte }

func newReadings(maxBytes int64) *readings {
	return &readings{maxBytes: maxBytes / readyPart, shelf: newShelf(maxBytes - maxBytes/readyPart), compact: compact{newWords()},
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, rows: map[session.TokenHash]reading{}}
}

// known returns the session that a row with this stamp was read as, or nil.
func (r *readings) known(token session.TokenHash, now stamp) *session.Session {
	r.mu.Lock()
	ready, full := r.rows[token], r.bytes > r.maxBytes*3/4
	r.mu.Unlock()
	if ready.session != nil && now.is(ready.stamp) {
		return ready.session
	}
	found := r.unpack(token, now)
	if found != nil && (!full || rand.IntN(turnover) == 0) {
		r.makeReady(token, now.text(), found)
	}
	return found
}

func (s stamp) text() string { return string(s.session) + string(s.identity) }

// is reports whether a text is that of this stamp.
func (s stamp) is(text string) bool {
	n := len(s.session)
	return len(text) == n+len(s.identity) && text[:n] == string(s.session) && text[n:] == string(s.identity)
}

func (r *readings) unpack(token session.TokenHash, now stamp) *session.Session {
	packed, ok := r.unchanged(sessionKey(token.Key()), now.session)
	if !ok {
		return nil
	}
	owner, ok := r.unchanged(identityKey(r.compact.identityOf(packed)), now.identity)
	if !ok {
		return nil
	}
	return r.compact.read(packed, owner)
}

// mark stands for a part of a stamp in little room. Nobody can choose parts that share one, as the seeds are secret.
func (r *readings) mark(part []byte) [markLength]byte {
	var m [markLength]byte
	for i, seed := range r.seeds {
		sum := maphash.Bytes(seed, part)
		for j := range 8 {
			m[8*i+j] = byte(sum >> (8 * j))
		}
	}
	return m
}

const markLength = 16

// unchanged returns what is kept under a key, if that was read with this part of a stamp.
func (r *readings) unchanged(k shelfKey, part []byte) (packed string, ok bool) {
	kept, ok := r.shelf.get(k)
	if m := r.mark(part); !ok || kept[:markLength] != string(m[:]) {
		return "", false
	}
	return kept[markLength:], true
}

func (r *readings) keep(k shelfKey, part, packed []byte) {
	m := r.mark(part)
	r.shelf.put(k, append(m[:], packed...))
}

// remember keeps a reading in the place of the one before. A session that was ended is not asked for much, nor is one by a
// token that was replaced.
func (r *readings) remember(token session.TokenHash, now stamp, s *session.Session) {
	if s.End != nil || s.TokenUntil != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.forget(token)
		r.shelf.drop(sessionKey(token.Key()))
		return
	}
	r.keep(identityKey(s.IdentityID), now.identity, r.compact.identity(s.Identity))
	r.keep(sessionKey(token.Key()), now.session, r.compact.session(s))
	r.makeReady(token, now.text(), s)
}

func (r *readings) makeReady(token session.TokenHash, stamp string, s *session.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(token)
	entry := reading{stamp: stamp, session: s, bytes: weight(s) + int64(len(stamp))}
	if entry.bytes > r.maxBytes {
		return
	}
	for other := range r.rows { // Go's map order makes it a random one
		if r.bytes+entry.bytes <= r.maxBytes {
			break
		}
		r.forget(other)
	}
	r.rows[token] = entry
	r.bytes += entry.bytes
}

func (r *readings) forget(token session.TokenHash) {
	r.bytes -= r.rows[token].bytes
	delete(r.rows, token)
}
