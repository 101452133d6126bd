package store

import (
	"sync"

	"exeunt/internal/session"
)

// readings remembers what rows were read as, so that a row that has not changed since is not decoded, and its session not
// encoded, again. It decides nothing: every look-up still asks the database, and what was read is used only for a row that
// is the same in every column. It is safe for concurrent use.
type readings struct {
	maxBytes int64

	mu    sync.Mutex
	bytes int64
	rows  map[session.TokenHash]reading
}

type reading struct {
	row     sessionRow
	session *session.Session
	bytes   int64
}

func newReadings(maxBytes int64) *readings {
	return &readings{maxBytes: maxBytes, rows: map[session.TokenHash]reading{}}
}

// session reads a row.
func (r *readings) session(token session.TokenHash, row *sessionRow) (*session.Session, error) {
	r.mu.Lock()
	known, ok := r.rows[token]
	r.mu.Unlock()
	if ok && known.row == *row {
		return known.session, nil
	}
	s, err := row.session()
	if err == nil {
		r.remember(token, row, s)
	}
	return s, err
}

// remember keeps a reading in the place of the one before. A session that was ended is not asked for much.
func (r *readings) remember(token session.TokenHash, row *sessionRow, s *session.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(token)
	entry := reading{row: *row, session: s, bytes: 2 * weight(s)} // the row's texts come on top of the session
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
