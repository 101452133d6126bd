package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3/database"
)

// modernized is a backup of an older schema as one of the newest. It is brought up to date in a database of its own: what a
// migration does to rows is said in one place. The caller calls remove, also after a failure.
func modernized(ctx context.Context, b *backupReader) (newer *backupReader, remove func(), err error) {
	dir, err := os.MkdirTemp("", "exeunt-restore-")
	if err != nil {
		return nil, func() {}, err
	}
	to, err := os.OpenFile(filepath.Join(dir, "newer"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, func() { os.RemoveAll(dir) }, err
	}
	remove = func() {
		to.Close()
		os.RemoveAll(dir)
	}
	if err := migrateBackup(ctx, b, filepath.Join(dir, "exeunt.sqlite"), to); err != nil {
		return nil, remove, fmt.Errorf("bringing the backup of schema %d up to date: %w", b.head.Schema, err)
	}
	if _, err := to.Seek(0, 0); err != nil {
		return nil, remove, err
	}
	newer, err = openBackup(to)
	return newer, remove, err
}

// migrateBackup fills a new database at path with a backup, migrates it, and writes it to a file as a backup.
func migrateBackup(ctx context.Context, b *backupReader, path string, to *os.File) error {
	e, err := openSQLite(path, Options{Meter: noMeter{}, CacheBytes: defaultCacheBytes})
	if err != nil {
		return err
	}
	defer e.close()
	p, err := migrator(database.DialectSQLite3, e.writes)
	if err != nil {
		return err
	}
	if _, err := p.UpTo(ctx, b.head.Schema); err != nil {
		return err
	}
	if err := e.inOne(ctx, func(t *tx) error { return t.fill(ctx, b) }); err != nil {
		return err
	}
	if _, err := migrate(ctx, p); err != nil {
		return err
	}
	return e.inOne(ctx, func(t *tx) error {
		newest, err := newestSchema()
		if err == nil {
			_, err = t.dump(ctx, Backed{TakenAt: b.taken(), Schema: newest}, to)
		}
		return err
	})
}

// inOne runs fn in one transaction, while there is no writer yet.
func (e *sqliteEngine) inOne(ctx context.Context, fn func(*tx) error) error {
	begun, err := e.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = begun.Rollback() }() // no more than a word after the commit
	if err := fn(&tx{run: begun, dialect: e.dialect}); err != nil {
		return err
	}
	return begun.Commit()
}
