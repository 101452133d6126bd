package store

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"exeunt/internal/session"
)

// knownTokens tells which tokens no row of the database has, so that guessing them costs no look into the file. It is for
// a database that only this process writes: the writer adds every token before the commit that stores it, and nothing is
// denied until all that were there before have been read.
type knownTokens struct {
	maxBytes int64
	ready    atomic.Pointer[filter] // nil until the first is complete

	mu     sync.Mutex
	making *filter // is being filled; nil at rest
	wake   chan struct{}
}

func newKnownTokens(maxBytes int64) *knownTokens {
	return &knownTokens{maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// absent reports that no row has a token.
func (k *knownTokens) absent(token session.TokenHash) bool {
	f := k.ready.Load()
	return f != nil && !f.has(token)
}

// add notes the tokens of changes that are about to be committed.
func (k *knownTokens) add(effects []effect) {
	if len(effects) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.ready.Load()
	for _, e := range effects {
		if e.kind == everythingChanged {
			k.making = nil // what it has read is gone
			k.ready.Store(nil)
			k.rouse()
			return
		}
		if e.token == (session.TokenHash{}) {
			continue // it is of something else
		}
		for _, one := range []*filter{f, k.making} {
			if one != nil && !one.has(e.token) {
				one.add(e.token)
			}
		}
	}
	if f != nil && k.making == nil && f.full() {
		k.rouse()
	}
}

func (k *knownTokens) rouse() {
	select {
	case k.wake <- struct{}{}:
	default: // it is awake
	}
}

// begin makes an empty filter that add fills from now on, too.
func (k *knownTokens) begin(tokens int64) *filter {
	f := newFilter(2*tokens, k.maxBytes)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.making = f
	return f
}

// finish puts what begin has made in the place of the one before, or gives it up.
func (k *knownTokens) finish(f *filter, complete bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if complete && k.making == f {
		k.ready.Store(f)
	}
	k.making = nil
}

const (
	highestRow   query = `SELECT COALESCE(MAX(rowid), 0) FROM sessions`
	someTokens   query = `SELECT token_hash FROM sessions WHERE token_hash > $1 ORDER BY token_hash LIMIT $2`
	somePrevious query = `
SELECT previous_token_hash FROM sessions WHERE previous_token_hash > $1 AND previous_token_hash IS NOT NULL ORDER BY previous_token_hash LIMIT $2`
	tokensAtOnce = 200
)

// run reads the tokens of all rows, and again each time so many were added that the filter has become coarse. It ends
// with ctx. Reading rests as long as it works: requests come first. While it fails, checks ask the database.
func (k *knownTokens) run(ctx context.Context, e *sqliteEngine) {
	for {
		for k.learn(ctx, e) != nil {
			if !sleep(ctx, time.Minute) {
				return
			}
		}
		select {
		case <-k.wake:
		case <-ctx.Done():
			return
		}
	}
}

// learn begins in the writer, whose batches are atomic: what it added before the filter was there is committed when
// reading starts.
func (k *knownTokens) learn(ctx context.Context, e *sqliteEngine) error {
	var f *filter
	err := e.writer.do(ctx, func(ctx context.Context, t *tx) error {
		var rows int64
		err := t.one(ctx, func(r scanner) error { return r.Scan(&rows) }, highestRow)
		f = k.begin(max(rows, 1<<16))
		return err
	})
	if err != nil {
		return err
	}
	for _, q := range []query{someTokens, somePrevious} {
		if err := k.readAll(ctx, e, q, f); err != nil {
			k.finish(f, false)
			return err
		}
	}
	k.finish(f, true)
	return nil
}

func (k *knownTokens) readAll(ctx context.Context, e *sqliteEngine, q query, f *filter) error {
	for last, n := "", tokensAtOnce; n == tokensAtOnce; {
		n = 0
		start := time.Now()
		err := e.read(ctx, func(ctx context.Context, t *tx) error {
			return t.each(ctx, func(r scanner) error {
				var text sql.RawBytes
				if err := r.Scan(&text); err != nil {
					return err
				}
				n++
				last = string(text)
				token, err := parseHash(last)
				if err == nil {
					f.add(token)
				}
				return err
			}, q, last, tokensAtOnce)
		})
		if err != nil {
			return err
		}
		if !sleep(ctx, time.Since(start)) {
			return ctx.Err()
		}
	}
	return nil
}

// sleep waits, and reports whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
