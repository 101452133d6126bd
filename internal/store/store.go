// Package store keeps identities, sessions and flows in SQLite or PostgreSQL, behind the interfaces that the packages
// with the rules declare. It is the only place that knows SQL.
//
// Both engines run the same statements. What differs (opening, locking, error codes, how a session is looked up, how
// commits are shared) is in the files that carry the engine's name.
package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"log/slog"
	"time"

	"exeunt/internal/courier"
	"exeunt/internal/event"
	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/kratos"
	"exeunt/internal/session"
)

// Store implements the stores of identities, sessions, flows, events and deliveries on one database. It is safe for concurrent use.
type Store struct {
	engine engine
	meter  Meter
	tracer Tracer // nil for none
	bell   bell

	// What is asked for at the same moment is carried out together. What concerns a row that somebody else holds
	// waits apart, so that it takes one connection, and keeps nobody else waiting.
	ends, heldEnds       merger[ending, changed]
	extends, heldExtends merger[extending, bool]
	keys                 merger[session.TokenHash, foundKey]
}

var (
	_ identity.Store = (*Store)(nil)
	_ session.Store  = (*Store)(nil)
	_ flow.Store     = (*Store)(nil)
	_ event.Store    = (*Store)(nil)
	_ courier.Store  = (*Store)(nil)
	_ kratos.Target  = (*Store)(nil)
)

// Meter counts what was committed and how long the database took. Its methods must not block.
type Meter interface {
	SessionStarted()
	SessionsEnded(reason session.Reason, n int)
	SessionExtended()
	StoreTook(operation string, d time.Duration)
	Collected(what string, n int64)
}

// Tracer records what the store is asked, as parts of requests.
type Tracer interface {
	Operation(ctx context.Context, name string) (context.Context, func(err error))
}

// Options are what a store needs besides its address.
type Options struct {
	Meter      Meter
	Tracer     Tracer // nil for none
	Log        *slog.Logger
	CacheBytes int64 // bound of what is kept of sessions in memory, most of it outside the heap of Go; zero means 128 MiB
}

// engine is what SQLite and PostgreSQL do each in their own way.
type engine interface {
	// write runs fn in one transaction and returns after it is durable. The effects that fn registers are applied
	// before write returns.
	write(ctx context.Context, how manner, fn func(context.Context, *tx) error) error
	// read runs fn outside any transaction.
	read(ctx context.Context, fn func(context.Context, *tx) error) error
	// sessionByToken is the hot path: the session of a token hash, or session.ErrNone. It measures by itself what it
	// asks of the database.
	sessionByToken(ctx context.Context, token session.TokenHash) (*session.Session, error)
	// confirm returns when what was read before is as durable as what is written.
	confirm(ctx context.Context) error
	migrate(ctx context.Context) error
	migrated(ctx context.Context) error
	ping(ctx context.Context) error
	keyMemory() *keyMemory // nil where it would not know of every change
	speaks() *dialect
	stats() Stats
	close() error
}

// manner says how a write may be carried out.
type manner struct {
	single     bool // one statement: it needs no transaction of its own around it
	long       bool // it may touch any number of rows, and is given time for them
	idempotent bool // doing it twice is the same as once: it may be repeated when its outcome is unknown
}

// Stats describes the connections to the database.
type Stats struct {
	Open, InUse, Max int
	Waited           int64 // how often a caller had to wait for a connection
	CachedSessions   int   // SQLite: live sessions held in memory, ready to be shown
	CachedBytes      int64 // memory outside the heap of Go for what is known of sessions
}

type txKey struct{}

// Atomic runs fn so that all store calls it makes with the context it is given become durable together, or not at all.
// fn may be run again after a conflict, so it must do nothing else that counts, and nothing slow: on SQLite it holds up
// every other write.
func (s *Store) Atomic(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.write(ctx, manner{}, func(ctx context.Context, t *tx) error {
		if err := fn(context.WithValue(ctx, txKey{}, t)); err != nil {
			return err
		}
		return t.failed // a part that failed half-way must not be committed, even if fn thinks nothing of it
	})
}

// Confirm returns when what was read before is as durable as what is written: whoever calls something done because it was there
// asks for it first. In a transaction it does nothing: its own commit says as much, if it writes anything.
func (s *Store) Confirm(ctx context.Context) error {
	if _, inside := ctx.Value(txKey{}).(*tx); inside {
		return nil
	}
	return s.engine.confirm(ctx)
}

func (s *Store) write(ctx context.Context, how manner, fn func(context.Context, *tx) error) (err error) {
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		return fn(ctx, t)
	}
	defer s.took("write", time.Now())
	ctx, end := s.traced(ctx, "store write")
	defer func() { end(err) }()
	noted := false
	err = s.engine.write(ctx, how, func(ctx context.Context, t *tx) error {
		err := fn(ctx, t)
		noted = t.noted
		return err
	})
	if err == nil && noted {
		s.bell.ring()
	}
	return err
}

func (s *Store) read(ctx context.Context, fn func(context.Context, *tx) error) (err error) {
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		return fn(ctx, t)
	}
	defer s.took("read", time.Now())
	ctx, end := s.traced(ctx, "store read")
	defer func() { end(err) }()
	return s.engine.read(ctx, fn)
}

// traced begins the record of an operation, if there is to be one.
func (s *Store) traced(ctx context.Context, name string) (context.Context, func(error)) {
	if s.tracer == nil {
		return ctx, func(error) {}
	}
	return s.tracer.Operation(ctx, name)
}

func (s *Store) took(operation string, start time.Time) {
	s.meter.StoreTook(operation, time.Since(start))
}

// Migrate brings the schema up to date. Several nodes may do it at once; one does the work and the others wait.
func (s *Store) Migrate(ctx context.Context) error { return s.engine.migrate(ctx) }

// Migrated fails when the schema is older than this program needs, saying what to do.
func (s *Store) Migrated(ctx context.Context) error { return s.engine.migrated(ctx) }

// Ping fails when the database cannot be reached.
func (s *Store) Ping(ctx context.Context) error { return s.engine.ping(ctx) }

// Stats describes the connections at this moment.
func (s *Store) Stats() Stats { return s.engine.stats() }

// Close waits for accepted writes and closes the database.
func (s *Store) Close() error { return s.engine.close() }

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func hashText(h session.TokenHash) string { return base64.RawURLEncoding.EncodeToString(h[:]) }

func parseHash(s string) (h session.TokenHash, err error) {
	n, err := base64.RawURLEncoding.Decode(h[:], []byte(s))
	if err == nil && n != len(h) {
		err = errors.New("a token hash of the wrong length is stored")
	}
	return h, err
}

func noRows(err error, absent *fault.Error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return absent
	}
	return err
}
