package store

import (
	"sync"

	"exeunt/internal/session"
)

// readings remembers what rows were read as, so that a row that has not changed since is not read, decoded, nor its session
// encoded, again. It decides nothing: every look-up still asks the database, and what was read is used only for a row
// whose stamp is the same. It is safe for concurrent use.
type readings struct {
	maxBytes int64

	mu    sync.Mutex
	bytes int64
	rows  map[session.TokenHash]reading
}

type reading struct {
	stamp   string
	session *session.Session
	bytes   int64
}

func newReadings(maxBytes int64) *readings {
	return &readings{maxBytes: maxBytes, rows: map[session.TokenHash]reading{}}
}

// known returns the session that a row with this stamp was read as, or nil.
func (r *readings) known(token session.TokenHash, stamp []byte) *session.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.rows[token]; known.stamp == string(stamp) {
		return known.session
	}
	return nil
}

// remember keeps a reading in the place of the one before. A session that was ended is not asked for much.
func (r *readings) remember(token session.TokenHash, stamp []byte, s *session.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(token)
	entry := reading{stamp: string(stamp), session: s, bytes: weight(s) + int64(len(stamp))}
	if s.End != nil || entry.bytes > r.maxBytes {
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
