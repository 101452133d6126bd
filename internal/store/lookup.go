package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"exeunt/internal/session"
)

// lookups merges session look-ups: those that arrive while a query is under way travel together in the next one. None
// waits for a timer, and none is answered by a query that began before it.
type lookups struct {
	engine   *postgresEngine
	text     string
	readings *readings

	mu      sync.Mutex
	waiting []*lookup
	busy    int
}

// lookup is one caller's question.
type lookup struct {
	token session.TokenHash
	found *session.Session
	err   error
	done  chan struct{}
}

const (
	maxInFlight = 2   // queries at once: one sent while the other's answer is read
	maxMerged   = 512 // look-ups in one query
)

func newLookups(e *postgresEngine, cacheBytes int64) *lookups {
	return &lookups{engine: e, readings: newReadings(cacheBytes), text: strings.ReplaceAll(string(sessionByToken+" UNION ALL "+sessionByPrevious), "= $1", "= ANY($1)")}
}

func (l *lookups) find(ctx context.Context, token session.TokenHash) (*session.Session, error) {
	ask := &lookup{token: token, done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, ask)
	if l.busy < maxInFlight {
		l.busy++
		go l.drain()
	}
	l.mu.Unlock()
	select {
	case <-ask.done:
		return ask.found, ask.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// drain answers what is waiting until nothing is.
func (l *lookups) drain() {
	for {
		l.mu.Lock()
		batch := l.waiting
		if len(batch) > maxMerged {
			batch = batch[:maxMerged]
		}
		l.waiting = l.waiting[len(batch):]
		if len(batch) == 0 {
			l.busy--
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.answer(batch)
	}
}

func (l *lookups) answer(batch []*lookup) {
	found, err := l.query(batch)
	for _, ask := range batch {
		ask.found, ask.err = found[ask.token], err
		if err == nil && ask.found == nil {
			ask.err = session.ErrNone
		}
		close(ask.done)
	}
}

// query asks for all tokens at once. It does not end with a caller's context, as others wait for it too.
func (l *lookups) query(batch []*lookup) (found map[session.TokenHash]*session.Session, err error) {
	tokens := make([]string, len(batch))
	for i, ask := range batch {
		tokens[i] = hashText(ask.token)
	}
	err = l.engine.try(context.Background(), patience, true, func(ctx context.Context) error {
		found = make(map[session.TokenHash]*session.Session, len(batch))
		rows, err := l.engine.pool.Query(ctx, l.text, tokens)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var row sessionRow
			if err := rows.Scan(row.dest()...); err != nil {
				return err
			}
			token, err := parseHash(row.token)
			if err != nil {
				return err
			}
			if found[token], err = l.readings.session(token, &row); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return found, err
}

// lostConnection reports whether a connection broke under a statement.
func lostConnection(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || pgconn.Timeout(err)
}
