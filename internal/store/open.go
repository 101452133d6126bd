package store

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"exeunt/internal/session"
)

const defaultCacheBytes = 128 << 20

// Open opens the store at dsn: sqlite://path, memory (a SQLite database that vanishes at the end), or a postgres://
// address. A SQLite database is brought up to date at once, as nobody else can be using it; for PostgreSQL see
// [Store.Migrate] and [Store.Migrated].
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	if o.Meter == nil {
		o.Meter = noMeter{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	e, err := openEngine(dsn, o)
	if err != nil {
		return nil, err
	}
	s := &Store{engine: e, meter: o.Meter, tracer: o.Tracer}
	s.merge()
	if lite, ok := e.(*sqliteEngine); ok {
		if err := lite.migrate(ctx); err != nil {
			_ = lite.close() // the first failure is the one to tell
			return nil, err
		}
	}
	return s, nil
}

// merge prepares what is carried out together.
func (s *Store) merge() {
	ends, extends := endByTokens, extendSession
	d := s.engine.speaks()
	if d.shared {
		ends, extends = endFreeByTokens, extendFree
	}
	s.ends = merger[ending, changed]{flights: d.flights, most: maxMerged, gather: d.gather, answer: s.ending(ends)}
	s.heldEnds = merger[ending, changed]{flights: 1, most: maxMerged, gather: d.gather, answer: s.ending(endByTokens)}
	s.extends = merger[extending, bool]{flights: d.flights, most: maxMerged, once: true, gather: d.gather, answer: s.extending(extends)}
	s.keys = merger[session.TokenHash, foundKey]{flights: d.flights, most: maxMerged, gather: d.gather, answer: s.findKeys}
	s.heldExtends = merger[extending, bool]{flights: 1, most: maxMerged, once: true, gather: d.gather, answer: s.extending(extendSession)}
}

func openEngine(dsn string, o Options) (engine, error) {
	scheme, rest, _ := strings.Cut(dsn, "://")
	switch scheme {
	case "memory":
		return openScratch(o)
	case "sqlite", "sqlite3":
		path, err := sqlitePath(rest)
		if err != nil {
			return nil, err
		}
		return openSQLite(path, o)
	case "postgres", "postgresql", "cockroach":
		return openPostgres(poolParameters(rest), o)
	}
	return nil, fmt.Errorf("dsn: the scheme %q is not supported; use sqlite://, postgres:// or memory", scheme)
}

// sqlitePath is the file that the address of a SQLite database names, after its scheme.
func sqlitePath(rest string) (string, error) {
	path, _, _ := strings.Cut(rest, "?")
	path, err := url.PathUnescape(path)
	if err != nil || path == "" {
		return "", fmt.Errorf("dsn: no file name in the address; it looks like sqlite:///var/lib/exeunt/exeunt.sqlite")
	}
	return path, nil
}

// openScratch opens a database in a directory that goes with it.
func openScratch(o Options) (engine, error) {
	dir, err := os.MkdirTemp("", "exeunt-memory-")
	if err != nil {
		return nil, fmt.Errorf("making a place for the temporary database: %w", err)
	}
	e, err := openSQLite(filepath.Join(dir, "exeunt.sqlite"), o)
	if err != nil {
		return nil, err
	}
	e.scratch = dir
	return e, nil
}

// poolParameters gives the connection limits that a Kratos address may carry the names that the driver knows. The rest
// stays as it is written: in these addresses, unlike in others, a plus sign is no space.
func poolParameters(rest string) string {
	address, rawQuery, ok := strings.Cut(rest, "?")
	if !ok {
		return "postgres://" + rest
	}
	var kept []string
	for pair := range strings.SplitSeq(rawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "max_conns", "max_conn_lifetime", "max_conn_idle_time":
			kept = append(kept, "pool_"+key+"="+value)
		case "max_idle_conns": // the pool has no such limit
		default:
			kept = append(kept, pair)
		}
	}
	return "postgres://" + address + "?" + strings.Join(kept, "&")
}
