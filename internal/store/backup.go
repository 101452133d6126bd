package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// keptTables are what a backup holds, in an order in which they can be filled. What is left out lives for a short time,
// and nobody should find it working again. A test finds tables that are in neither.
var (
	keptTables = []string{"identities", "credentials", "credential_identifiers", "sessions", "used_codes", "events", "event_positions", "event_hours", "hooks", "deliveries", "admin_keys", "settings", "imports"}
	leftOut    = []string{"flows", "exchanges", "tries"}
	staying    = []string{"ended_visits"} // in no backup, and not emptied by one: what has ended stays so
)

// Backed says what a backup holds.
type Backed struct {
	TakenAt time.Time
	Schema  int64          // version of the schema
	Rows    map[string]int // by table
}

// Backup writes a copy of the database at dsn to w: all of it at one moment, while any number of processes go on using
// it. Nothing is migrated, and the writer of a SQLite database is not held up.
func Backup(ctx context.Context, dsn string, now time.Time, w io.Writer) (Backed, error) {
	db, d, shut, err := openForBackup(dsn)
	if err != nil {
		return Backed{}, err
	}
	defer shut()
	// SQLite's transactions see one state in any case, and its driver knows no levels.
	o := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if !d.noted {
		o = nil
	}
	snapshot, err := db.BeginTx(ctx, o)
	if err != nil {
		return Backed{}, fmt.Errorf("reading the database: %w", err)
	}
	defer func() { _ = snapshot.Rollback() }() // nothing was written
	t := &tx{run: snapshot, dialect: d}
	schema, err := t.schema(ctx)
	if err != nil {
		return Backed{}, err
	}
	return t.dump(ctx, Backed{TakenAt: now, Schema: schema, Rows: map[string]int{}}, w)
}

// openForBackup opens a database beside whoever is using it.
func openForBackup(dsn string) (db *sql.DB, d *dialect, shut func() error, err error) {
	scheme, rest, _ := strings.Cut(dsn, "://")
	switch scheme {
	case "memory":
		return nil, nil, nil, errors.New("dsn: a database in memory goes with its process; there is nothing to back up")
	case "sqlite", "sqlite3":
		path, err := sqlitePath(rest)
		if err != nil {
			return nil, nil, nil, err
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil, fmt.Errorf("dsn: there is no database %s", path)
		}
		// The lock of the process that serves is not asked for: in WAL mode a reader sees one state and holds up nobody.
		db, err = sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=rw&_pragma=busy_timeout(10000)&_pragma=query_only(1)")
		if err != nil {
			return nil, nil, nil, err
		}
		return db, sqliteDialect(), db.Close, nil
	}
	e, err := openEngine(dsn, Options{})
	if err != nil {
		return nil, nil, nil, err
	}
	p := e.(*postgresEngine)
	return p.db, p.dialect, p.close, nil
}

const schemaVersion query = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`

// schema is the version of the schema of a database that can be read, and no newer than this program.
func (t *tx) schema(ctx context.Context) (version int64, err error) {
	if err := t.one(ctx, func(r scanner) error { return r.Scan(&version) }, schemaVersion); err != nil {
		return 0, fmt.Errorf("reading the version of the database; is it one of exeunt? %w", err)
	}
	newest, err := newestSchema()
	if err == nil && version > newest {
		err = fmt.Errorf("the database has schema %d, and this program knows %d: use the version of exeunt that serves it", version, newest)
	}
	return version, err
}

// newestSchema is the version that this program migrates to.
func newestSchema() (int64, error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, errors.New("no migrations are built in"))
	}
	return goose.NumericComponent(filepath.Base(files[len(files)-1]))
}

// dump writes all kept tables.
func (t *tx) dump(ctx context.Context, b Backed, to io.Writer) (Backed, error) {
	w, err := newBackupWriter(to, b)
	if err != nil {
		return b, err
	}
	for _, table := range keptTables {
		if err := t.dumpTable(ctx, w, table); err != nil {
			return b, fmt.Errorf("copying the table %s: %w", table, err)
		}
	}
	b.Rows = w.rows
	return b, w.finish()
}

func (t *tx) dumpTable(ctx context.Context, w *backupWriter, table string) error {
	columns, err := t.columns(ctx, table)
	if err != nil || len(columns) == 0 {
		return err // a table that an older schema does not have yet
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	if err := w.table(table, names); err != nil {
		return err
	}
	// The names are those of the database's own catalog.
	all := query(`SELECT CAST(JSON_ROW(` + strings.Join(names, ", ") + `) AS TEXT) FROM ` + table)
	return t.each(ctx, func(r scanner) error {
		var row sql.RawBytes
		if err := r.Scan(&row); err != nil {
			return err
		}
		return w.row(row)
	}, all)
}

// column is a column of a table, as the database describes it.
type column struct{ name, kind string }

const columnsOf query = `SELECT name, type FROM COLUMNS_OF($1) AS c ORDER BY name`

func (t *tx) columns(ctx context.Context, table string) (all []column, err error) {
	err = t.each(ctx, func(r scanner) error {
		var c column
		err := r.Scan(&c.name, &c.kind)
		all = append(all, c)
		return err
	}, columnsOf, table)
	return all, err
}
