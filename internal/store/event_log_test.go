package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3/database"

	"exeunt/internal/event"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// placed gives positions to all events and returns the last one.
func (f fixture) placed() int64 {
	f.t.Helper()
	for {
		last, more, err := f.PlaceEvents(f.ctx)
		f.ok(err)
		if !more {
			return last
		}
	}
}

// log reads all events that a filter chooses.
func (f fixture) log(filter event.Filter) []event.Event {
	f.t.Helper()
	all, err := f.Events(f.ctx, 0, f.placed(), 100_000, filter)
	f.ok(err)
	return all
}

func kinds(all []event.Event) (names []string) {
	for _, e := range all {
		names = append(names, e.Kind)
	}
	return names
}

func TestEventsAreReadInTheOrderOfASessionsLife(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		c := f.signIn(i)
		extended(now.Add(time.Minute))(f, c)
		f.ok(refresh(f.ctx, f.Store, c.token, refreshed(c.Session, now.Add(2*time.Minute)), now.Add(2*time.Minute)))
		f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: true}, now.Add(3*time.Minute)) // two events of the same moment
		f.signIn(f.someone())
		got := f.log(event.Filter{SessionID: c.ID.String()})
		want := []string{"session_started", "session_extended", "session_refreshed", "session_ended", "session_deleted"}
		if diff := cmp.Diff(want, kinds(got)); diff != "" {
			f.t.Error(diff)
		}
		e := got[3]
		if e.ID == "" || !e.At.Equal(now.Add(3*time.Minute)) || e.IdentityID != i.ID.String() || e.Reason != "revoked_by_admin" || e.Actor != session.Admin {
			f.t.Errorf("the end is read as %+v", e)
		}
		if !slices.IsSortedFunc(f.log(event.Filter{}), func(a, b event.Event) int { return int(a.Position - b.Position) }) {
			f.t.Error("positions do not rise")
		}
		for _, e := range f.log(event.Filter{}) {
			if !slices.Contains(event.Kinds, e.Kind) {
				f.t.Errorf("the kind %s is not among the known ones", e.Kind)
			}
		}
	})
}

func TestEventsAreFiltered(t *testing.T) {
	onEach(t, func(f fixture) {
		i, other := f.someone(), f.someone()
		a, b, c := f.signIn(i), f.signIn(i), f.signIn(other)
		f.logout(a, now)
		f.logout(c, now)
		sessionA, who := a.ID.String(), i.ID.String()
		for sentence, c := range map[string]struct {
			filter event.Filter
			want   int
		}{
			"all":                               {event.Filter{}, 7},
			"of a kind":                         {event.Filter{Kind: "session_ended"}, 2},
			"of a session":                      {event.Filter{SessionID: sessionA}, 2},
			"of an identity":                    {event.Filter{IdentityID: who}, 4},
			"of a kind and a session":           {event.Filter{Kind: "session_ended", SessionID: sessionA}, 1},
			"of a kind and an identity":         {event.Filter{Kind: "session_started", IdentityID: who}, 2},
			"of all three":                      {event.Filter{Kind: "session_started", SessionID: b.ID.String(), IdentityID: who}, 1},
			"of a session of somebody else":     {event.Filter{SessionID: sessionA, IdentityID: other.ID.String()}, 0},
			"of a session that nobody ever had": {event.Filter{SessionID: session.NewID().String()}, 0},
		} {
			f.run(sentence, func(f fixture) {
				all := f.log(c.filter)
				if len(all) != c.want {
					f.t.Fatalf("%d events, want %d", len(all), c.want)
				}
				if c.want < 2 {
					return
				}
				one, err := f.Events(f.ctx, 0, all[1].Position, 1, c.filter)
				f.ok(err)
				two, err := f.Events(f.ctx, one[0].Position, all[1].Position, 9, c.filter)
				f.ok(err)
				if diff := cmp.Diff(all[:2], append(one, two...)); diff != "" {
					f.t.Error(diff)
				}
			})
		}
	})
}

func TestPositionsAreGivenInShortTransactions(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		f.ok(f.Atomic(f.ctx, func(ctx context.Context) error {
			for range 1100 {
				s, secret := testkit.Session(i, now)
				if err := f.InsertSession(ctx, s, secret.Hash(), session.Limit{}); err != nil {
					return err
				}
			}
			return nil
		}))
		for _, want := range []int64{500, 1000, 1101} {
			last, more, err := f.PlaceEvents(f.ctx)
			f.ok(err)
			if last != want || !more {
				f.t.Errorf("placed up to %d, more %v; want %d", last, more, want)
			}
		}
		if last, more, err := f.PlaceEvents(f.ctx); err != nil || more || last != 1101 {
			f.t.Errorf("at the end: %d, %v, %v", last, more, err)
		}
	})
}

func TestAnEventThatIsCommittedLaterGetsALaterPosition(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		i := f.someone()
		slow := f.signInAt(i, now.Add(-time.Minute))
		before := f.placed()
		inside, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			done <- f.Atomic(f.ctx, func(ctx context.Context) error {
				_, err := f.EndByToken(ctx, slow.token, session.End{At: now.Add(-time.Second), Reason: session.Logout})
				close(inside)
				<-free
				return err
			})
		}()
		<-inside
		f.signIn(i)
		end := f.placed()
		close(free)
		f.ok(<-done)
		first, err := f.Events(f.ctx, before, end, 10, event.Filter{})
		f.ok(err)
		second, err := f.Events(f.ctx, end, f.placed(), 10, event.Filter{})
		f.ok(err)
		if !slices.Equal(kinds(first), []string{"session_started"}) || !slices.Equal(kinds(second), []string{"session_ended"}) {
			t.Errorf("first %v, then %v", kinds(first), kinds(second))
		}
	})
}

// TestEveryReaderSeesEveryEventOnce has several nodes write and read at the same time.
func TestEveryReaderSeesEveryEventOnce(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes []fixture) {
		const writers, visits = 6, 40
		total := writers * (1 + 2*visits)
		var written atomic.Bool
		go func() {
			defer written.Store(true)
			together(writers, func(n int) error {
				f := nodes[n%len(nodes)]
				i := f.someone()
				for range visits {
					f.logout(f.signInAt(i, time.Now()), time.Now())
				}
				return nil
			})
		}()
		seen := make([][]event.Event, 2*len(nodes))
		for _, err := range together(len(seen), func(n int) error { return readAll(nodes[n%len(nodes)], &seen[n], total) }) {
			if err != nil {
				t.Fatal(err)
			}
		}
		await(t, "the writers are done", written.Load)
		for n, all := range seen {
			if len(all) != total || nodes[0].number(`SELECT COUNT(*) FROM events`) != total {
				t.Errorf("reader %d saw %d events of %d", n, len(all), total)
			}
			if diff := cmp.Diff(seen[0], all); diff != "" {
				t.Errorf("reader %d saw another order: %s", n, diff)
			}
		}
		begun := map[string]bool{}
		for _, e := range seen[0] {
			if e.Kind == "session_ended" && !begun[e.SessionID] {
				t.Error("a session ended before it began")
			}
			begun[e.SessionID] = true
		}
	})
}

// readAll reads pages of odd sizes until so many events were seen, each in its place.
func readAll(f fixture, into *[]event.Event, total int) error {
	var after int64
	once := map[string]bool{}
	for start := time.Now(); len(*into) < total; {
		if time.Since(start) > 30*time.Second {
			return fmt.Errorf("only %d events came", len(*into))
		}
		last, _, err := f.PlaceEvents(f.ctx)
		if err != nil {
			return err
		}
		page, err := f.Events(f.ctx, after, last, 1+len(*into)%7, event.Filter{})
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.Position <= after || once[e.ID] {
				return fmt.Errorf("event %s at %d came again, or late, after %d", e.ID, e.Position, after)
			}
			after, once[e.ID] = e.Position, true
			*into = append(*into, e)
		}
	}
	return nil
}

func TestWhoeverWaitsIsWokenByACommitWithEvents(t *testing.T) {
	onEach(t, func(f fixture) {
		rung := func(c <-chan struct{}) bool {
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		i := f.someone()
		c, other := f.signIn(i), f.signIn(i)
		for sentence, does := range map[string]struct {
			act  func(f fixture)
			want bool
		}{
			"a sign-in":      {func(f fixture) { f.signIn(i) }, true},
			"a new identity": {func(f fixture) { f.someone() }, true},
			"a sign-out":     {func(f fixture) { f.logout(c, now) }, true},
			"a check":        {func(f fixture) { f.check(other) }, false},
			"a flow":         {func(f fixture) { f.ok(f.InsertFlow(f.ctx, testkit.Flow("login", now))) }, false},
			"giving numbers": {func(f fixture) { f.placed() }, false},
			"a change that was rolled back": {func(f fixture) {
				f.is(f.Atomic(f.ctx, func(ctx context.Context) error {
					_, err := f.EndByToken(ctx, other.token, session.End{At: now, Reason: session.Logout})
					return errors.Join(err, context.Canceled)
				}), context.Canceled)
			}, false},
		} {
			f.run(sentence, func(f fixture) {
				bell := f.Committed()
				does.act(f)
				if rung(bell) != does.want {
					f.t.Errorf("rung: %v", !does.want)
				}
			})
		}
	})
}

// TestEventsOfAnOlderDatabaseAreRead begins with the schema of the first release, and writes as that does, before and
// after the migration.
func TestEventsOfAnOlderDatabaseAreRead(t *testing.T) {
	const old query = `INSERT INTO events (id, at, kind, session_id, identity_id, reason, actor) VALUES ($1, $2, 'identity_created', '', 'i', '', '')`
	for _, e := range testkit.Engines(t) {
		t.Run("on "+e.Name, func(t *testing.T) {
			t.Parallel()
			dsn := e.DSN(t)
			driver, dialect, name := "pgx", database.DialectPostgres, dsn
			if path, ok := strings.CutPrefix(dsn, "sqlite://"); ok {
				driver, dialect, name = "sqlite", database.DialectSQLite3, path
			}
			db, err := sql.Open(driver, name)
			if err != nil {
				t.Fatal(err)
			}
			p, err := migrator(dialect, db)
			if err == nil {
				_, err = p.UpTo(t.Context(), 1)
			}
			if err == nil {
				_, err = db.ExecContext(t.Context(), string(old), "second", 2)
			}
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			f := opened(t, dsn, Options{})
			f.raw(old, "first", 1)
			var ids []string
			for _, e := range f.log(event.Filter{}) {
				ids = append(ids, e.ID)
			}
			if !slices.Equal(ids, []string{"first", "second"}) {
				t.Errorf("read %v", ids)
			}
		})
	}
}
