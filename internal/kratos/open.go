package kratos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver
)

// Source is a Kratos database. Nothing can be written through it.
type Source struct {
	db      *sql.DB
	words   *strings.Replacer
	first   string // sorts before every id
	network string

	snapshot *sql.Tx // PostgreSQL: everything is read as it was at one moment
}

// Options say how to read.
type Options struct {
	Network       string // which tenant to read; "" for the only one
	UnknownSchema string // the schema version that the operator accepts although it is not known
}

// The versions of the schema between which all that is read here has the same form.
const (
	oldestSchema = "20251105000000000004"
	newestSchema = "20260703000000000000"
)

// Open opens the database at dsn, and makes sure that it is what it should be before anything is read. It is not
// changed: connections are read-only, and so is every transaction.
//
// PostgreSQL is read in one snapshot. A SQLite file is read in short transactions, a page in each: as long as one is open,
// Kratos cannot write.
func Open(ctx context.Context, dsn string, o Options) (*Source, error) {
	s, err := connect(dsn)
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func connect(dsn string) (*Source, error) {
	scheme, rest, _ := strings.Cut(dsn, "://")
	switch scheme {
	case "sqlite", "sqlite3":
		return openFile(rest)
	case "postgres", "postgresql":
		return openPostgres(rest)
	}
	return nil, errors.New("--from: write the address of the Kratos database: postgres://user:password@host/database or sqlite:///path/to/db.sqlite; no other engines are read")
}

// IDs are UUIDs in PostgreSQL and texts in SQLite; both have the same order.
var (
	postgresWords = strings.NewReplacer("ID($1)", "CAST($1 AS UUID)", "ID($2)", "CAST($2 AS UUID)",
		"IN IDS($2)", "= ANY(ARRAY(SELECT CAST(jsonb_array_elements_text(CAST($2 AS JSONB)) AS UUID)))")
	sqliteWords = strings.NewReplacer("ID($1)", "$1", "ID($2)", "$2", "IN IDS($2)", "IN (SELECT value FROM json_each($2))")
)

func openFile(rest string) (*Source, error) {
	path, _, _ := strings.Cut(rest, "?")
	path, err := url.PathUnescape(path)
	if err != nil || path == "" {
		return nil, errors.New("--from: no file name in the address; it looks like sqlite:///var/lib/kratos/db.sqlite")
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &Source{db: db, words: sqliteWords}, nil
}

// kratosOnly are parameters of a Kratos address that no server knows.
var kratosOnly = []string{"max_conns", "max_idle_conns", "max_conn_lifetime", "max_conn_idle_time"}

func openPostgres(rest string) (*Source, error) {
	address, raw, _ := strings.Cut(rest, "?")
	kept := slices.DeleteFunc(strings.Split(raw, "&"), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(kratosOnly, name)
	})
	cfg, err := pgx.ParseConfig("postgres://" + address + "?" + strings.Join(kept, "&"))
	if err != nil {
		return nil, errors.New("--from: this is not a PostgreSQL address that can be read; it looks like postgres://user:password@host:5432/kratos?sslmode=verify-full")
	}
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	cfg.RuntimeParams["application_name"] = "exeunt import"
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(1)
	return &Source{db: db, words: postgresWords, first: "00000000-0000-0000-0000-000000000000"}, nil
}

// Close ends the connection.
func (s *Source) Close() error {
	if s.snapshot != nil {
		_ = s.snapshot.Rollback() // it has read, so there is nothing to keep
	}
	return s.db.Close()
}

// Is reports whether dsn names a database with the tables of a Kratos. One that cannot be opened is none.
func Is(ctx context.Context, dsn string) bool {
	s, err := connect(dsn)
	if err != nil {
		return false
	}
	defer s.Close()
	return s.read(ctx, func(r reader) error { return r.each(ctx, func(row) error { return nil }, probes[0]) }) == nil
}

func (s *Source) settle(ctx context.Context, o Options) error {
	if s.first != "" {
		tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		s.snapshot = tx
	}
	if err := s.known(ctx, o.UnknownSchema); err != nil {
		return err
	}
	if err := s.choose(ctx, o.Network); err != nil {
		return err
	}
	return s.complete(ctx)
}

const versions = `SELECT version FROM schema_migration`

// known makes sure that the schema is one whose columns mean what is assumed here.
func (s *Source) known(ctx context.Context, accepted string) error {
	highest := ""
	err := s.read(ctx, func(r reader) error {
		return r.each(ctx, func(x row) error {
			highest = max(highest, x.text(0))
			return nil
		}, versions)
	})
	switch {
	case err != nil:
		return fmt.Errorf("--from: this is no Kratos database, its table schema_migration cannot be read: %w", err)
	case highest < oldestSchema:
		return fmt.Errorf("--from: the schema of this Kratos is too old (version %q). Upgrade Kratos first, to a release whose schema is %s or later", highest, oldestSchema)
	case highest > newestSchema && highest != accepted:
		return fmt.Errorf("--from: the schema of this Kratos (version %s) is newer than what is known here (%s). To read it all the same, add --accept-unknown-schema=%s", highest, newestSchema, highest)
	}
	return nil
}

const networks = `SELECT CAST(id AS TEXT) FROM networks ORDER BY created_at`

// choose finds the tenant whose rows are read.
func (s *Source) choose(ctx context.Context, asked string) error {
	var all []string
	err := s.read(ctx, func(r reader) error {
		return r.each(ctx, func(x row) error {
			all = append(all, x.text(0))
			return nil
		}, networks)
	})
	switch {
	case err != nil:
		return fmt.Errorf("--from: reading the networks: %w", err)
	case len(all) == 0:
		return errors.New("--from: this Kratos has never been started, there is nothing to take over")
	case asked != "" && !slices.Contains(all, asked):
		return fmt.Errorf("--network: there is no network %q; there are: %s", asked, strings.Join(all, ", "))
	case asked == "" && len(all) > 1:
		return fmt.Errorf("--from: the database holds %d networks; say with --network which one to take over: %s (an open-source Kratos uses the first)", len(all), strings.Join(all, ", "))
	case asked == "":
		asked = all[0]
	}
	s.network = asked
	return nil
}

// probes fail when a column is missing that is going to be read.
var probes = []string{`SELECT 1 FROM identity_credential_types WHERE 1 = 0`,
	someIdentities, credentialsOf, identifiersOf, verifiableOf, recoveryOf, someSessions, devicesOf, stateOfSessions}

func (s *Source) complete(ctx context.Context) error {
	for i, q := range probes {
		var args []any
		switch {
		case i > 0 && strings.Contains(q, "ID($2)"):
			args = []any{s.network, "ffffffff-ffff-ffff-ffff-ffffffffffff"}
		case i > 0:
			args = []any{s.network, "[]"}
		}
		err := s.read(ctx, func(r reader) error { return r.each(ctx, func(row) error { return nil }, q, args...) })
		if err != nil {
			return fmt.Errorf("--from: a table of this Kratos is not as it should be: %w", err)
		}
	}
	return nil
}
