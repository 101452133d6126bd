package store

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3/database"

	"exeunt/internal/admin"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// packed is a backup with this text.
func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text) // into memory
	_ = w.Close()
	return b.Bytes()
}

func TestWhatIsNoBackupIsRefusedAndChangesNothing(t *testing.T) {
	onEach(t, func(f fixture) {
		populated(f)
		good := f.backup()
		var text strings.Builder
		zip, err := gzip.NewReader(bytes.NewReader(good))
		f.ok(err)
		_, err = io.Copy(&text, zip)
		f.ok(err)
		head, rest, _ := strings.Cut(text.String(), "\n")
		flipped := slices.Clone(good)
		flipped[len(flipped)-6] ^= 1 // in the checksum
		there := elsewhere(f)
		kept := there.signIn(there.someone())
		for name, c := range map[string]struct {
			file []byte
			want error
		}{
			"empty":                  {nil, ErrNoBackup},
			"not packed":             {[]byte("SQLite format 3\x00"), ErrNoBackup},
			"something else":         {packed("hello\n"), ErrNoBackup},
			"another format":         {packed(strings.Replace(head, "backup 1", "backup 9", 1) + "\n" + rest), ErrNoBackup},
			"cut off":                {good[:len(good)/2], ErrDamaged},
			"without its checksum":   {good[:len(good)-8], ErrDamaged},
			"with another checksum":  {flipped, ErrDamaged},
			"without its end":        {packed(text.String()[:strings.LastIndex(text.String(), "{")]), ErrDamaged},
			"more behind its end":    {packed(text.String() + "[1]\n"), ErrDamaged},
			"a row too few":          {packed(strings.Replace(text.String(), "\n[", "\n{\"table\":\"sessions\"}\n[", 1)), ErrDamaged},
			"an unknown table":       {packed(head + "\n" + `{"table":"pg_authid","columns":["rolname"]}` + "\n"), ErrDamaged},
			"a column that is none":  {packed(head + "\n" + `{"table":"hooks","columns":["name) SELECT 1 --"]}` + "\n"), ErrDamaged},
			"a row before any table": {packed(head + "\n[1]\n"), ErrDamaged},
		} {
			if _, err := there.restore(c.file, Restoration{Force: true}); !errors.Is(err, c.want) {
				f.t.Errorf("%s: %v", name, err)
			}
		}
		newer := packed(`{"format":"exeunt backup 1","schema":99999,"taken_at":1}` + "\n")
		if _, err := there.restore(newer, Restoration{Force: true}); err == nil || !strings.Contains(err.Error(), "schema 99999") {
			f.t.Errorf("a newer schema: %v", err)
		}
		if _, err := there.restore(good, Restoration{}); !errors.Is(err, ErrNotEmpty) {
			f.t.Errorf("there is data: %v", err)
		}
		if !there.valid(kept, now) || there.number(`SELECT COUNT(*) FROM sessions`) != 1 {
			f.t.Error("a refused backup has changed something")
		}
	})
}

// A visit of the console that was left stays over, although a backup knows nothing of it.
func TestRestoringBringsNoVisitOfTheConsoleBack(t *testing.T) {
	onEach(t, func(f fixture) {
		populated(f)
		backup, v := f.backup(), admin.Visit{ID: session.NewID().String(), Expires: now.Add(time.Hour)}
		f.ok(f.EndVisit(f.ctx, v, now))
		_, err := f.restore(backup, Restoration{Force: true})
		f.ok(err)
		if over, err := f.VisitEnded(f.ctx, v.ID); err != nil || !over {
			f.t.Errorf("it is over: %v, %v", over, err)
		}
	})
}

func TestADatabaseInUseIsNotRestoredTo(t *testing.T) {
	onEach(t, func(f fixture) {
		populated(f)
		backup := f.backup()
		other, err := Open(f.ctx, f.dsn, Options{})
		if strings.HasPrefix(f.dsn, "sqlite") {
			f.is(err, ErrLocked)
			return
		}
		f.ok(err)
		defer other.Close()
		f.ok(other.Ping(f.ctx))
		_, err = f.restore(backup, Restoration{Force: true})
		f.is(err, ErrInUse)
	})
}

// What a migration does to rows it also does to those of an older backup: 0005 fills in what 0002 added.
func TestABackupOfAnOlderSchemaIsBroughtUpToDate(t *testing.T) {
	dsn := testkit.File(t)
	e, err := openSQLite(strings.TrimPrefix(dsn, "sqlite://"), Options{Meter: noMeter{}, CacheBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	p, err := migrator(database.DialectSQLite3, e.writes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	_, err = e.writes.ExecContext(t.Context(), `
INSERT INTO sessions (id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal, methods, devices, end_reason, ended_by, deleted)
VALUES ('4be85580-b3cd-4be2-8aa7-c2cb012028de', '4be85580-b3cd-4be2-8aa7-c2cb012028df', $1, 1, 2, 3, $2, 0, 1, '[]', '[]', '', '', FALSE)`,
		hashText([32]byte{1}), micros(now.Add(time.Hour)))
	if err := errors.Join(err, e.close()); err != nil {
		t.Fatal(err)
	}
	var old bytes.Buffer
	if b, err := Backup(t.Context(), dsn, now, &old); err != nil || b.Schema != 1 || b.Rows["sessions"] != 1 {
		t.Fatalf("%+v: %v", b, err)
	}
	onEach(t, func(f fixture) {
		n, err := f.restore(old.Bytes(), Restoration{})
		f.ok(err)
		if n != 1 || f.number(`SELECT COUNT(*) FROM sessions WHERE last_seen_at = 2 AND deadline_at = expires_at AND end_reason = 'restored'`) != 1 {
			f.t.Errorf("%d sessions were ended, and the new columns are not filled", n)
		}
		f.signIn(f.someone())
	})
}

func TestBackupSaysWhatIsWrongWithADatabase(t *testing.T) {
	for dsn, want := range map[string]string{
		"memory":                              "nothing to back up",
		"sqlite://" + t.TempDir() + "/none":   "there is no database",
		"sqlite://":                           "no file name",
		"mysql://u:hunter2@h/db":              "mysql",
		"postgres://u:hunter2@h:port/db":      "can be read",
		"postgres://u:hunter2@127.0.0.1:1/db": "reading the database",
		"sqlite:///dev/null":                  "is it one of exeunt",
		"sqlite://" + t.TempDir():             "database",
	} {
		var b bytes.Buffer
		_, err := Backup(t.Context(), dsn, now, &b)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", dsn, err)
		}
	}
}

func FuzzBackup(f *testing.F) {
	for _, seed := range []string{"", `{"format":"exeunt backup 1","schema":5,"taken_at":1}` + "\n" + `{"table":"hooks","columns":["name"]}` + "\n[\"a\"]\n{\"rows\":1}\n"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, pack bool) {
		if pack {
			text = packed(string(text))
		}
		b, err := openBackup(bytes.NewReader(text))
		for err == nil {
			_, _, err = b.next()
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrNoBackup) && !errors.Is(err, ErrDamaged) {
			t.Errorf("an error of no kind: %v", err)
		}
	})
}
