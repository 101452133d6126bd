package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the migration files as an engine wants them. SQLite compares text byte by byte anyway and does not
// know PostgreSQL's name for that.
func migrations(dialect goose.Dialect) (fs.FS, error) {
	files := fstest.MapFS{}
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if dialect == database.DialectSQLite3 {
			text = []byte(strings.ReplaceAll(string(text), ` COLLATE "C"`, ""))
		}
		files[strings.TrimPrefix(name, "migrations/")] = &fstest.MapFile{Data: text}
	}
	return files, nil
}

func migrator(dialect goose.Dialect, db *sql.DB, opts ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := migrations(dialect)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, db, files, opts...)
}

// migrate reports whether there was anything to do.
func migrate(ctx context.Context, p *goose.Provider) (changed bool, err error) {
	done, err := p.Up(ctx)
	if err != nil {
		return false, fmt.Errorf("migrating the database: %w", err)
	}
	return len(done) > 0, nil
}

func migrated(ctx context.Context, p *goose.Provider) error {
	pending, err := p.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("reading the version of the database: %w", err)
	}
	if pending {
		return fmt.Errorf("the database is older than this program: run `exeunt migrate`, or start with `exeunt serve --migrate`")
	}
	return nil
}
