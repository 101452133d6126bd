package store

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// onPostgres runs fn with the address of an empty database, if there is a server for the tests.
func onPostgres(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	if testkit.HasPostgres() {
		fn(t, testkit.Postgres(t))
	}
}

// direct opens connections of a test's own, past the store.
func direct(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestUnmigratedDatabaseSaysWhatToDo(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		s, err := Open(t.Context(), dsn, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		f := fixture{Store: s, t: t, ctx: t.Context()}
		if err := f.Migrated(f.ctx); err == nil || !strings.Contains(err.Error(), "exeunt migrate") {
			t.Errorf("Migrated() = %v", err)
		}
		f.ok(f.Migrate(f.ctx))
		f.ok(f.Migrated(f.ctx))
	})
}

func TestNodesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		var nodes []*Store
		for range 3 {
			s, err := Open(t.Context(), dsn, Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			nodes = append(nodes, s)
		}
		for _, err := range together(len(nodes), func(n int) error { return nodes[n].Migrate(t.Context()) }) {
			if err != nil {
				t.Error(err)
			}
		}
		f := fixture{Store: nodes[0], t: t, ctx: t.Context()}
		f.ok(nodes[2].Migrated(t.Context()))
		c := f.signIn(f.someone())
		f.ok(nodes[1].Migrate(t.Context()))
		f.check(c)
	})
}

// TestLogoutIsSeenOnAllNodesAtOnce keeps the other node busy with checks, so that one is always under way.
func TestLogoutIsSeenOnAllNodesAtOnce(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		one, two := opened(t, dsn, Options{}), opened(t, dsn, Options{})
		i := one.someone()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan []error)
		var watched atomic.Pointer[client]
		first := one.signIn(i)
		watched.Store(&first)
		go func() {
			ended <- together(6, func(int) error {
				for ctx.Err() == nil {
					if _, err := two.SessionByToken(ctx, watched.Load().token); err != nil && ctx.Err() == nil {
						return err
					}
				}
				return nil
			})
		}()
		for n := range 60 {
			c := one.signIn(i)
			watched.Store(&c)
			if !two.valid(c, now) {
				t.Error("a new session is not seen on the other node")
			}
			if n%2 == 0 {
				one.logout(c, now)
			} else {
				one.end(session.Scope{IDs: []session.ID{c.ID}}, now)
			}
			if two.valid(c, now) {
				t.Fatal("an ended session counts on the other node")
			}
		}
		cancel()
		for _, err := range <-ended {
			one.ok(err)
		}
	})
}

func TestARowThatIsHeldKeepsNobodyElseWaiting(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		i := f.someone()
		held := f.signIn(i)
		inside, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			done <- f.Atomic(f.ctx, func(ctx context.Context) error {
				_, err := ctx.Value(txKey{}).(*tx).exec(ctx, `UPDATE sessions SET remembered = remembered WHERE id = $1`, held.ID.String())
				close(inside)
				<-free
				return err
			})
		}()
		<-inside
		waiting := make(chan bool)
		for range 3 {
			go func() { waiting <- f.logout(held, now) }()
		}
		await(t, "they wait for the row", func() bool {
			f.heldEnds.mu.Lock()
			defer f.heldEnds.mu.Unlock()
			return f.heldEnds.busy > 0
		})
		rule := session.ExtendRule{Now: now, Lengths: session.Lengths{Lifespan: 2 * testkit.Lifespan}}
		for range 5 {
			other := f.signIn(i)
			if extended, err := f.ExtendSession(f.ctx, other.ID, rule); err != nil || !extended {
				t.Errorf("extended %v, %v", extended, err)
			}
			if !f.logout(other, now) {
				t.Error("somebody else cannot sign out")
			}
		}
		if f.check(held).End != nil {
			t.Error("the row was not held")
		}
		close(free)
		f.ok(<-done)
		for range 3 {
			if !<-waiting {
				t.Error("whose row was held is not signed out")
			}
		}
	})
}

func TestLookupsAreMerged(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		i := f.someone()
		var clients []client
		for range 20 {
			clients = append(clients, f.signIn(i))
		}
		f.logout(clients[0], now)
		l := f.engine.(*postgresEngine).lookups
		acquired := func() int64 { return l.engine.checks.Stat().AcquireCount() }

		// While as many queries as allowed are under way, everybody else waits for the next one.
		l.mu.Lock()
		l.busy = l.flights
		l.mu.Unlock()
		const each = 10
		found := make([]*session.Session, len(clients)*each)
		errs := make(chan []error)
		go func() {
			errs <- together(len(found)+1, func(n int) (err error) {
				if n == len(found) {
					_, err = f.SessionByToken(f.ctx, session.NewSecret(session.InHeader).Hash())
					return err
				}
				found[n], err = f.SessionByToken(f.ctx, clients[n/each].token)
				return err
			})
		}()
		await(t, "all look-ups wait", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.waiting) == len(found)+1
		})
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		_, err := f.SessionByToken(ctx, clients[0].token)
		f.is(err, context.Canceled)
		before := acquired()
		l.mu.Lock()
		l.busy = 1
		l.mu.Unlock()
		l.drain()
		for n, err := range <-errs {
			if n == len(found) {
				f.is(err, session.ErrNone)
				continue
			}
			f.ok(err)
			if found[n].ID != clients[n/each].ID || found[n].Valid(now) != (n/each > 0) {
				t.Errorf("look-up %d got the wrong session", n)
			}
		}
		if n := acquired() - before; n != 3 {
			t.Errorf("%d look-ups took %d queries, want one for what has changed, one for replaced tokens, as one is unknown, and one for whole rows", len(found)+1, n)
		}
		if l.busy != 0 || len(l.waiting) != 0 {
			t.Errorf("busy %d, waiting %d", l.busy, len(l.waiting))
		}

		before = acquired()
		f.check(clients[1])
		if n := acquired() - before; n != 1 {
			t.Errorf("a look-up of what is known took %d queries", n)
		}

		before = acquired()
		for _, err := range together(300, func(n int) error { _, err := f.SessionByToken(f.ctx, clients[n%20].token); return err }) {
			f.ok(err)
		}
		if n := acquired() - before; n > 200 {
			t.Errorf("300 look-ups at once took %d queries", n)
		}
	})
}

func TestMoreLookupsThanFitOneQuery(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		c := f.signIn(f.someone())
		for n, err := range together(2*maxMerged+10, func(n int) error {
			token := c.token
			if n%2 == 1 {
				token = session.NewSecret(session.InHeader).Hash()
			}
			_, err := f.SessionByToken(f.ctx, token)
			return err
		}) {
			if n%2 == 1 {
				f.is(err, session.ErrNone)
			} else {
				f.ok(err)
			}
		}
	})
}

// TestSerializationFailuresAreTriedAgain runs what collides most on a server whose transactions are serializable.
func TestSerializationFailuresAreTriedAgain(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, testkit.WithOption(t, dsn, "options", "-c default_transaction_isolation=serializable"), Options{})
		var isolation string
		f.ok(f.engine.(*postgresEngine).db.QueryRow(`SHOW transaction_isolation`).Scan(&isolation))
		if isolation != "serializable" {
			t.Fatalf("the isolation is %s", isolation)
		}
		i := f.someone()
		c := f.signIn(i)
		f.run("in single statements", func(f fixture) {
			var done atomic.Int64
			for _, err := range together(6, func(n int) error {
				ok, err := extendTo(f.ctx, f.Store, c.ID, now.Add(testkit.Lifespan+time.Hour), session.ExtendRule{Now: now})
				if ok {
					done.Add(1)
				}
				return err
			}) {
				f.ok(err)
			}
			if done.Load() != 1 {
				f.t.Errorf("%d of 6 extended", done.Load())
			}
		})
		f.run("in transactions", func(f fixture) {
			errs := together(4, func(n int) error {
				return edit(f.ctx, f.Store, i.ID, func(i *identity.Identity) { i.Traits = json.RawMessage(`{}`) })
			})
			for _, err := range errs {
				f.ok(err)
			}
		})
		f.run("in Atomic, which runs again", func(f fixture) {
			fl := testkit.Flow(flow.Login, now)
			f.ok(f.InsertFlow(f.ctx, fl))
			const callers = 3
			errs := together(callers, func(int) error {
				return f.Atomic(f.ctx, func(ctx context.Context) error {
					got, err := f.Flow(ctx, fl.Kind, fl.ID)
					if err != nil {
						return err
					}
					n, _ := got.Answers["n"].(string)
					got.Answers = map[string]any{"n": n + "."}
					return f.UpdateFlow(ctx, got)
				})
			})
			for _, err := range errs {
				f.ok(err)
			}
			got, err := f.Flow(f.ctx, fl.Kind, fl.ID)
			f.ok(err)
			if got.Answers["n"] != strings.Repeat(".", callers) {
				f.t.Errorf("of %d changes are stored: %v", callers, got.Answers["n"])
			}
		})
		f.run("while one ends", func(f fixture) {
			for _, err := range together(4, func(int) error { return endings["logout"](f.ctx, f.Store, c) }) {
				f.ok(err)
			}
			if f.valid(c, now) {
				f.t.Error("the session is live")
			}
		})
	})
}

func TestCommitsAreDurableWhateverTheServerSays(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		for level, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
			name := pgxName(t, dsn)
			if _, err := direct(t, dsn).Exec(t.Context(), `ALTER DATABASE `+name+` SET synchronous_commit = `+level); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), dsn, Options{})
			if err != nil {
				t.Fatal(err)
			}
			errs := together(4, func(int) error {
				var got string
				err := s.engine.(*postgresEngine).db.QueryRowContext(t.Context(), `SHOW synchronous_commit`).Scan(&got)
				if err == nil && got != want {
					err = errors.New("it is " + got)
				}
				return err
			})
			if err := errors.Join(errs...); err != nil {
				t.Errorf("a default of %s: %v, want %s", level, err, want)
			}
			s.Close()
		}
	})
}

func pgxName(t *testing.T, dsn string) string {
	t.Helper()
	var name string
	if err := direct(t, dsn).QueryRow(t.Context(), `SELECT quote_ident(current_database())`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestSessionThatStartsDuringADeletionIsNeverHiddenAlive lets a session start between the two statements of a deletion.
func TestSessionThatStartsDuringADeletionIsNeverHiddenAlive(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		i := f.someone()
		first := f.signIn(i)
		inside, free, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			held <- f.Atomic(f.ctx, func(ctx context.Context) error {
				_, err := extendTo(ctx, f.Store, first.ID, now.Add(2*testkit.Lifespan), session.ExtendRule{Now: now})
				close(inside)
				<-free
				return err
			})
		}()
		<-inside
		deleted := make(chan error, 1)
		go func() {
			_, err := f.EndSessions(f.ctx, session.Scope{Identities: []identity.ID{i.ID}, Delete: true}, byAdmin(now))
			deleted <- err
		}()
		await(t, "the deletion waits for the row", func() bool {
			return f.held() > 0
		})
		started := make(chan client, 1)
		go func() { started <- f.signIn(i) }()
		await(t, "the sign-in waits for the deletion", func() bool {
			return f.held() > 1
		})
		close(free)
		f.ok(<-held)
		f.ok(<-deleted)
		second := <-started
		if f.valid(first, now) {
			t.Error("the first session is live")
		}
		if _, err := f.Session(f.ctx, second.ID); f.valid(second, now) != (err == nil) {
			t.Errorf("the second session counts: %v, but finding it says: %v", f.valid(second, now), err)
		}
	})
}

// held counts the statements that wait for somebody else's lock.
func (f fixture) held() int {
	f.t.Helper()
	return f.number(`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
}

// meet begins the second of two changes while the first is done but not committed, and returns what became of the second.
func (f fixture) meet(c client, first, second func(context.Context, client) error) error {
	f.t.Helper()
	inside, free, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- f.Atomic(f.ctx, func(ctx context.Context) error {
			err := first(ctx, c)
			close(inside)
			<-free
			return err
		})
	}()
	<-inside
	done := make(chan error, 1)
	go func() { done <- second(f.ctx, c) }()
	await(f.t, "the second waits for the first", func() bool { return len(done) > 0 || f.held() > 0 })
	close(free)
	f.ok(<-held)
	return <-done
}

// TestNoSessionStartsBesideTheEndOfItsIdentity lets a sign-in and the end of its identity meet, in both orders.
func TestNoSessionStartsBesideTheEndOfItsIdentity(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		for _, name := range []string{"identity disabled", "identity deleted"} {
			finish := func(ctx context.Context, c client) error { return endings[name](ctx, f.Store, c) }
			start := func(ctx context.Context, c client) error {
				return f.InsertSession(ctx, c.Session, c.token, session.Limit{})
			}
			for sentence, c := range map[string]struct {
				first, second func(context.Context, client) error
				want          error
			}{
				"while it ends":   {finish, start, session.ErrIdentityInactive},
				"before it ended": {start, finish, nil},
			} {
				f.run(name+", a session starts "+sentence, func(f fixture) {
					s, secret := testkit.Session(f.someone(), now)
					cl := client{s, secret.Hash()}
					f.is(f.meet(cl, c.first, c.second), c.want)
					if f.valid(cl, now) || f.number(`SELECT COUNT(*) FROM sessions WHERE token_hash = $1 AND ended_at IS NULL`, hashText(cl.token)) > 0 {
						f.t.Error("a session lives on without its identity")
					}
				})
			}
		}
	})
}

// TestKilledConnectionsAreSurvived ends all connections of the store several times while it works.
func TestKilledConnectionsAreSurvived(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		i := f.someone()
		live := f.signIn(i)
		var clients []client
		for range 120 {
			clients = append(clients, f.signIn(i))
		}
		kill := direct(t, dsn)
		var worked atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		killed := make(chan error, 1)
		go func() {
			defer close(killed)
			for n := range 4 {
				for worked.Load() < int64(n*20) && ctx.Err() == nil {
					runtime.Gosched()
				}
				_, err := kill.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'exeunt'`)
				if err != nil {
					killed <- err
					return
				}
			}
		}()
		errs := together(4, func(n int) error {
			for _, c := range clients[n*30 : n*30+30] {
				if s, err := f.SessionByToken(f.ctx, live.token); err != nil || !s.Valid(now) {
					return errors.Join(errors.New("checking"), err)
				}
				if _, err := f.Session(f.ctx, live.ID); err != nil {
					return err
				}
				if err := endings["logout"](f.ctx, f.Store, c); err != nil {
					return err
				}
				worked.Add(1)
			}
			return nil
		})
		cancel()
		f.ok(<-killed)
		for _, err := range errs {
			f.ok(err)
		}
		for _, c := range clients {
			if f.valid(c, now) {
				t.Error("a session is live after its end was answered")
			}
		}
	})
}

// A transaction has a connection, and must not wait for another: those who hold all of them would wait for each other.
func TestATransactionNeedsOneConnection(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn+"&max_conns=1", Options{})
		i := f.someone()
		own := f.signIn(i)
		f.ok(f.Atomic(f.ctx, func(ctx context.Context) error {
			done, err := f.EndSessions(ctx, session.Scope{Identities: []identity.ID{i.ID}, Except: own.ID}, byAdmin(now))
			if done.Count != 0 {
				t.Errorf("%d sessions ended", done.Count)
			}
			reason, err2 := f.EndReason(ctx, own.ID)
			if reason != "" {
				t.Errorf("it has ended: %s", reason)
			}
			return errors.Join(err, err2)
		}))
		f.ok(f.Atomic(f.ctx, func(ctx context.Context) error {
			_, err := f.EndByToken(ctx, own.token, session.End{At: now, Reason: session.Logout})
			reason, err2 := f.EndReason(ctx, own.ID)
			if reason != session.Logout {
				t.Errorf("it has ended: %s", reason)
			}
			return errors.Join(err, err2)
		}))
	})
}

// A refresh among other changes of its identity's sessions, as where it ends all others, takes the identity's row first, as a change
// of the identity does: else each of them could wait for the other, until PostgreSQL ends one after a second.
func TestARefreshThatEndsOthersAndAChangeOfTheIdentityDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f := opened(t, dsn, Options{})
		i := f.someone()
		c, runs, changed := f.signIn(i), 0, make(chan error, 1)
		f.ok(f.Atomic(f.ctx, func(ctx context.Context) error {
			runs++
			if err := refresh(ctx, f.Store, c.token, refreshed(c.Session, now), now); err != nil {
				return err
			}
			if runs == 1 {
				go func() {
					changed <- edit(f.ctx, f.Store, i.ID, func(i *identity.Identity) { i.MetadataPublic = []byte(`{"a":1}`) })
				}()
				await(t, "the change waits", func() bool { return f.held() > 0 })
			}
			_, err := f.EndSessions(ctx, session.Scope{Identities: []identity.ID{i.ID}, Except: c.ID}, byAdmin(now))
			return err
		}))
		f.ok(<-changed)
		if runs != 1 {
			t.Errorf("it took %d tries", runs)
		}
	})
}
