package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func (f fixture) backup() []byte {
	f.t.Helper()
	var b bytes.Buffer
	if _, err := Backup(f.ctx, f.dsn, now, &b); err != nil {
		f.t.Fatal(err)
	}
	return b.Bytes()
}

// lines is a backup as text, the rows of each table in their order. What is set at the time of a restoration is left out.
func lines(t *testing.T, backup []byte) (tables []string) {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	var part []string
	for line := range strings.Lines(string(text)) {
		if line[0] == '{' {
			slices.Sort(part)
			tables, part = append(append(tables, part...), line), nil
			continue
		}
		if n := len(tables); n == 0 || !strings.Contains(tables[n-1], `"event_positions"`) {
			part = append(part, line)
		}
	}
	return tables
}

// populated fills every table.
func populated(f fixture) (live, over, ended client) {
	f.t.Helper()
	i := f.someone()
	live, over, ended = f.signIn(i), f.signInAt(i, now.Add(-2*testkit.Lifespan)), f.signIn(i)
	f.logout(ended, now)
	f.raw(`INSERT INTO used_codes (identity_id, code_hash, used_at, expires_at) VALUES ($1, 'quote '' " \ ü', 1, $2)`, i.ID.String(), micros(now))
	f.ok(f.RegisterHook(f.ctx, "https://app.example/hook", now.Add(-time.Hour)))
	f.keyed("backend", now.Add(time.Hour))
	_, err := f.ChangeSettings(f.ctx, 0, `{"session.lifespan":"12h"}`, nil, now, "root")
	f.ok(err)
	_, _, err = f.PlaceEvents(f.ctx)
	f.ok(err)
	_, _, err = f.QueueDeliveries(f.ctx, "https://app.example/hook", []string{sessionEnded}, now)
	f.ok(err)
	f.raw(`INSERT INTO imports (kind, id, source, fingerprint, version) VALUES ('identity', $1, 'elsewhere', 'fingerprint', 1)`, i.ID.String())
	return live, over, ended
}

// elsewhere is an empty store on another engine, or on the same where there is no other.
func elsewhere(f fixture) fixture {
	f.t.Helper()
	dsn := testkit.File(f.t)
	if strings.HasPrefix(f.dsn, "sqlite") && testkit.HasPostgres() {
		dsn = testkit.Postgres(f.t)
	}
	return opened(f.t, dsn, Options{})
}

func (f fixture) restore(backup []byte, r Restoration) (int, error) {
	f.t.Helper()
	r.Now = now.Add(time.Minute)
	_, ended, err := f.Restore(f.ctx, bytes.NewReader(backup), r)
	return ended, err
}

func TestABackupHoldsEverythingAndEitherEngineTakesIt(t *testing.T) {
	onEach(t, func(f fixture) {
		populated(f)
		first := f.backup()
		for _, table := range keptTables {
			if f.number(query(`SELECT COUNT(*) FROM `+table)) == 0 {
				f.t.Errorf("the test puts nothing into %s", table)
			}
		}
		there := elsewhere(f)
		_, err := there.restore(first, Restoration{KeepSessions: true})
		f.ok(err)
		back := elsewhere(there)
		_, err = back.restore(there.backup(), Restoration{KeepSessions: true})
		f.ok(err)
		want, got := lines(f.t, first), lines(f.t, back.backup())
		if !slices.Equal(want, got) {
			f.t.Errorf("there and back again it is\n%s\nand was\n%s", got, want)
		}
	})
}

func TestEveryTableIsInABackupOrLeftOutOnPurpose(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	var all []string
	f.ok(f.read(f.ctx, func(ctx context.Context, t *tx) error {
		return t.each(ctx, func(r scanner) error {
			var name string
			err := r.Scan(&name)
			all = append(all, name)
			return err
		}, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version' ORDER BY name`)
	}))
	known := slices.Sorted(slices.Values(slices.Concat(keptTables, leftOut, staying)))
	if !slices.Equal(all, known) {
		t.Errorf("the tables are %v, and a backup knows %v", all, known)
	}
}

func TestARestoredSessionIsEndedUnlessItIsKept(t *testing.T) {
	onEach(t, func(f fixture) {
		live, over, out := populated(f)
		before := f.backup()
		f.logout(live, now)
		there := elsewhere(f)
		if n, err := there.restore(before, Restoration{}); err != nil || n != 1 {
			f.t.Fatalf("%d sessions were ended: %v", n, err)
		}
		at := now.Add(time.Minute)
		for c, want := range map[client]session.End{
			live: {At: at, Reason: session.Restored, By: session.Admin},
			over: {At: at, Reason: session.Expired, By: session.Admin},
			out:  {At: now, Reason: session.Logout, By: out.IdentityID.String()},
		} {
			if end := there.check(c).End; end == nil || *end != want {
				f.t.Errorf("ended as %+v, want %+v", end, want)
			}
			if !slices.Equal(there.events(c.ID), []string{sessionEnded, sessionStarted}) {
				f.t.Errorf("events %v", there.events(c.ID))
			}
		}
		if !there.logout(live, at) {
			f.t.Error("signing out after that is no success")
		}
		if _, err := there.restore(before, Restoration{Force: true, KeepSessions: true}); err != nil || !there.valid(live, now) {
			f.t.Errorf("a session that is to be kept has gone: %v", err)
		}
		there.signIn(there.someone())
		there.signInAt(there.someone(), at.Add(time.Hour)) // where a clock was ahead
		n, err := there.EndRestored(f.ctx, at)
		if f.ok(err); n != 3 || there.valid(live, now) {
			f.t.Errorf("%d sessions were ended in place", n)
		}
		if n, err := there.EndRestored(f.ctx, at); n != 0 || err != nil {
			f.t.Errorf("and %d the second time: %v", n, err)
		}
	})
}

func TestReadersOfEventsMissNothingAfterARestore(t *testing.T) {
	onEach(t, func(f fixture) {
		populated(f)
		before := f.backup()
		for range 20 {
			f.signIn(f.someone())
		}
		read, _, err := f.PlaceEvents(f.ctx)
		f.ok(err)
		_, err = f.restore(before, Restoration{Force: true})
		f.ok(err)
		if last, _, err := f.PlaceEvents(f.ctx); err != nil || last <= read {
			f.t.Errorf("the first event after it has the position %d, and %d was read before: %v", last, read, err)
		}
	})
}

func TestMoreSessionsThanOneStatementEndsAreEnded(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		for n := range endedAtOnce/50 + 1 {
			f.ok(f.Atomic(f.ctx, func(ctx context.Context) error {
				for range 50 {
					s, token := testkit.Session(i, now.Add(time.Duration(n)))
					if err := f.InsertSession(ctx, s, token.Hash(), session.Limit{}); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		backup := f.backup()
		if n, err := f.EndRestored(f.ctx, now); n != endedAtOnce+50 || err != nil {
			f.t.Errorf("in place, %d: %v", n, err)
		}
		if n, err := f.restore(backup, Restoration{Force: true}); n != endedAtOnce+50 || err != nil {
			f.t.Errorf("restored, %d: %v", n, err)
		}
	})
}

// While writers are busy a backup holds what was committed before it began, and of every transaction all or nothing.
func TestABackupOfABusyDatabaseHoldsNothingHalf(t *testing.T) {
	onEach(t, func(f fixture) {
		for range 3 {
			before, backup := f.backupWhileBusy()
			there := opened(f.t, testkit.File(f.t), Options{})
			_, err := there.restore(backup, Restoration{})
			f.ok(err)
			for _, id := range before {
				if _, err := there.Identity(f.ctx, id); err != nil {
					f.t.Fatalf("what was committed before is missing: %v", err)
				}
			}
			half := there.number(`SELECT COUNT(*) FROM identities AS i WHERE (SELECT COUNT(*) FROM sessions WHERE identity_id = i.id) <> 2
			    OR NOT EXISTS (SELECT 1 FROM credentials WHERE identity_id = i.id)`)
			if lost := there.number(`SELECT COUNT(*) FROM sessions WHERE identity_id NOT IN (SELECT id FROM identities)`); half+lost != 0 {
				f.t.Errorf("%d halves, %d sessions of nobody", half, lost)
			}
		}
	})
}

// backupWhileBusy makes a backup while others write, and says what they had committed before it began.
func (f fixture) backupWhileBusy() (before []identity.ID, backup []byte) {
	f.t.Helper()
	ctx, stop := context.WithCancel(f.ctx)
	committed := make(chan identity.ID)
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for ctx.Err() == nil {
				i := testkit.Identity(testkit.Email())
				if err := f.Atomic(ctx, func(ctx context.Context) error { return f.signUpTwice(ctx, i) }); err != nil {
					continue
				}
				select {
				case committed <- i.ID:
				case <-ctx.Done():
				}
			}
		})
	}
	for range 20 {
		before = append(before, <-committed)
	}
	go func() { // whatever they commit from now on
		for range committed {
		}
	}()
	backup = f.backup()
	stop()
	writers.Wait()
	close(committed)
	return before, backup
}

func (f fixture) signUpTwice(ctx context.Context, i *identity.Identity) error {
	err := f.InsertIdentity(ctx, i)
	for range 2 {
		s, token := testkit.Session(i, now)
		err = errors.Join(err, f.InsertSession(ctx, s, token.Hash(), session.Limit{}))
	}
	return err
}
