// Package testkit is what the tests of several packages share: databases to run on, a way to cut a database off, and
// ready-made identities, sessions and flows.
package testkit

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable names the environment variable with the address of a PostgreSQL server on which the tests may make and drop
// databases.
const Variable = "EXEUNT_TEST_POSTGRES"

// Engine is a database engine that the tests run on.
type Engine struct {
	Name string
	DSN  func(t testing.TB) string // the address of a new, empty database that vanishes after the test
}

// The names of the engines.
const (
	SQLite     = "SQLite"
	PostgreSQL = "PostgreSQL"
)

// Engines lists SQLite always, and PostgreSQL if there is a server for it. What is left out is said aloud.
func Engines(testing.TB) []Engine {
	all := []Engine{{SQLite, File}}
	if HasPostgres() {
		all = append(all, Engine{PostgreSQL, Postgres})
	}
	return all
}

// File returns the address of a new SQLite database.
func File(t testing.TB) string { return "sqlite://" + filepath.Join(t.TempDir(), "exeunt.sqlite") }

var sayOnce sync.Once

// HasPostgres reports whether there is a PostgreSQL server for the tests, and says so once if there is none.
func HasPostgres() bool {
	if os.Getenv(Variable) != "" {
		return true
	}
	sayOnce.Do(func() {
		fmt.Fprintf(os.Stderr, "PostgreSQL is left out: set %s or run make test\n", Variable)
	})
	return false
}

// Postgres returns the address of a new database on the server that the environment names. It fails the test if there
// is none: ask HasPostgres before.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Variable)
	name := "test_" + strings.ToLower(rand.Text())
	administer(t, server, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
	t.Cleanup(func() { administer(t, server, `DROP DATABASE `+pgx.Identifier{name}.Sanitize()+` WITH (FORCE)`) })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not an address: %v", Variable, err)
	}
	u.Path = "/" + name
	return u.String()
}

// administer runs a statement outside the database under test. It does not end with the test's context, as it also
// tidies up.
func administer(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connecting to %s: %v", Variable, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("preparing the database: %v", err)
	}
}

// WithHost returns a database address that leads to another host and port.
func WithHost(t testing.TB, dsn, host string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("parsing the address: %v", err)
	}
	u.Host = host
	return u.String()
}

// Host returns the host and port of a database address.
func Host(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("parsing the address: %v", err)
	}
	return u.Host
}

// WithOption returns a database address with one more query parameter.
func WithOption(t testing.TB, dsn, key, value string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("parsing the address: %v", err)
	}
	q := u.Query()
	q.Set(key, value)
	// A server option may hold a space, which PostgreSQL's addresses write as %20.
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}
