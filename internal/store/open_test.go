package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func TestOpenRefusesWhatItCannotUse(t *testing.T) {
	for _, dsn := range []string{"", "sqlite://", "sqlite://?mode=rwc", "mysql://u:hunter2@h/db", "postgres://u:hunter2@h:port/db", "postgres://u:hunter2@h/db?sslmode=perhaps", "%"} {
		s, err := Open(t.Context(), dsn, Options{})
		if err == nil {
			s.Close()
			t.Errorf("Open(%q) succeeded", dsn)
		} else if !strings.HasPrefix(err.Error(), "dsn: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q): %v", dsn, err)
		}
	}
}

func TestPoolParametersOfKratos(t *testing.T) {
	for rest, want := range map[string]string{
		"u:p@h:1/db":                          "postgres://u:p@h:1/db",
		"h/db?sslmode=disable":                "postgres://h/db?sslmode=disable",
		"h/db?max_conns=7&max_idle_conns=3":   "postgres://h/db?pool_max_conns=7",
		"h/db?max_conn_lifetime=1h&sslmode=x": "postgres://h/db?pool_max_conn_lifetime=1h&sslmode=x",
		"h/db?options=-c%20a=b&x=1+2":         "postgres://h/db?options=-c%20a=b&x=1+2",
		"h/db?max_conn_idle_time=1m":          "postgres://h/db?pool_max_conn_idle_time=1m",
		"h/db?%zz":                            "postgres://h/db?%zz",
	} {
		if got := poolParameters(rest); got != want {
			t.Errorf("%s: got %s, want %s", rest, got, want)
		}
	}
}

func TestSQLiteFileHasOneOwner(t *testing.T) {
	dsn := testkit.File(t)
	path := strings.TrimPrefix(dsn, "sqlite://")
	f := opened(t, dsn, Options{})
	c := f.signIn(f.someone())
	link := filepath.Join(t.TempDir(), "link.sqlite")
	f.ok(os.Symlink(path, link))
	for _, other := range []string{dsn, "sqlite3://" + path + "?_fk=true", "sqlite://" + filepath.Dir(path) + "/./exeunt.sqlite", "sqlite://" + link} {
		s, err := Open(t.Context(), other, Options{})
		if !errors.Is(err, ErrLocked) {
			t.Errorf("opening %s again: %v", other, err)
		}
		if err == nil {
			s.Close()
		}
	}
	if !f.logout(c, now) {
		t.Error("the first owner cannot write any more")
	}
	f.ok(f.Close())
	again := opened(t, dsn, Options{})
	if !again.logout(c, now) {
		t.Error("the sign-out was forgotten")
	}
}

func TestSQLiteFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "for us")
	path := filepath.Join(dir, "a?b%20c#d.sqlite")
	f := opened(t, "sqlite://"+strings.NewReplacer("%", "%25", "?", "%3F").Replace(path), Options{})
	f.signIn(f.someone())
	files, err := os.ReadDir(dir)
	f.ok(err)
	if len(files) < 3 {
		t.Fatalf("too few files: %v", files)
	}
	for _, entry := range files {
		info, err := entry.Info()
		f.ok(err)
		if !strings.HasPrefix(entry.Name(), filepath.Base(path)) || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", entry.Name(), info.Mode())
		}
	}
	f.ok(f.Close())

	f.ok(os.Chmod(path, 0o644))
	f = opened(t, "sqlite://"+strings.NewReplacer("%", "%25", "?", "%3F").Replace(path), Options{})
	info, err := os.Stat(path)
	f.ok(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("a file that was open to all stays so: %v", info.Mode())
	}
}

func TestSQLiteRestartFindsEverything(t *testing.T) {
	dsn := testkit.File(t)
	f := opened(t, dsn, Options{})
	i := full()
	f.ok(f.InsertIdentity(f.ctx, i))
	live, ended := f.signIn(i), f.signIn(i)
	f.logout(ended, now)
	fl := fullFlow()
	f.ok(f.InsertFlow(f.ctx, fl))
	f.ok(f.Close())

	f = opened(t, dsn, Options{})
	if !f.valid(live, now) || f.valid(ended, now) || !f.logout(ended, now) || f.check(ended).End.Reason != session.Logout {
		t.Error("sessions are not as they were")
	}
	f.same(live.Session, f.check(live))
	_, err := f.IdentityByExternalID(f.ctx, i.ExternalID)
	f.ok(err)
	_, err = f.Flow(f.ctx, fl.Kind, fl.ID)
	f.ok(err)
	f.ok(f.Ping(f.ctx))
	f.ok(f.Migrated(f.ctx))
}

func TestMemoryVanishes(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := Open(t.Context(), "memory", Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{Store: s, t: t, ctx: t.Context()}
	f.signIn(f.someone())
	f.ok(f.Close())
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDurabilityOfSQLite(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	e := f.engine.(*sqliteEngine)
	var journal string
	f.ok(e.reads.QueryRow(`PRAGMA journal_mode`).Scan(&journal))
	var sync, keys int
	row, err := e.writer.run.QueryContext(f.ctx, `PRAGMA synchronous`)
	f.ok(err)
	row.Next()
	f.ok(row.Scan(&sync))
	f.ok(row.Close())
	row, err = e.writer.run.QueryContext(f.ctx, `PRAGMA foreign_keys`)
	f.ok(err)
	row.Next()
	f.ok(row.Scan(&keys))
	f.ok(row.Close())
	if journal != "wal" || sync != 2 || keys != 1 {
		t.Errorf("journal %s, synchronous %d, foreign keys %d; want wal, 2 (FULL), 1", journal, sync, keys)
	}
}
