package store

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/testkit"
)

// behindProxy opens the store at dsn through a proxy that can take the database away.
func behindProxy(t *testing.T, dsn string) (fixture, *testkit.Proxy) {
	t.Helper()
	p := testkit.NewProxy(t, testkit.Host(t, dsn))
	return opened(t, testkit.WithHost(t, dsn, p.Addr()), Options{}), p
}

// within calls an operation and fails if it hangs.
func (f fixture) within(bound time.Duration, o operation) error {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, bound)
	defer cancel()
	err := o.call(ctx, f.Store)
	if ctx.Err() != nil {
		f.t.Errorf("%s did not answer within %v", o.name, bound)
	}
	return err
}

func TestDatabaseThatIsCutOff(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f, p := behindProxy(t, dsn)
		c := f.signIn(f.someone())
		f.check(c)
		p.Cut()
		for _, o := range operations() {
			f.run(o.name+" says that the store is unavailable", func(f fixture) {
				f.is(f.within(20*time.Second, o), fault.ErrUnavailable)
			})
		}
		if _, err := f.SessionByToken(f.ctx, c.token); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("checking a live session: %v", err)
		}
		if f.Ping(f.ctx) == nil {
			t.Error("Ping succeeded")
		}
		p.Heal()
		await(t, "the store recovers", func() bool { return f.Ping(f.ctx) == nil })
		for _, o := range operations() {
			f.run(o.name+" works again", func(f fixture) {
				if err := f.within(20*time.Second, o); !expected(err) {
					f.t.Error(err)
				}
			})
		}
		if !f.valid(c, now) || !f.logout(c, now) || f.valid(c, now) {
			t.Error("the session from before cannot be used")
		}
	})
}

// TestDatabaseThatIsCutOffInTheMiddle cuts the connection while calls are under way.
func TestDatabaseThatIsCutOffInTheMiddle(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f, p := behindProxy(t, dsn)
		i := f.someone()
		for range 5 {
			live := f.signIn(i)
			var clients []client
			for range 12 {
				clients = append(clients, f.signIn(i))
			}
			answered := make([]bool, len(clients))
			first := make(chan struct{}, len(clients))
			cut := make(chan struct{})
			go func() { <-first; p.Cut(); close(cut) }()
			together(len(clients), func(n int) error {
				if _, err := f.SessionByToken(f.ctx, live.token); err != nil && !errors.Is(err, fault.ErrUnavailable) {
					t.Errorf("checking: %v", err)
				}
				err := endings["logout"](f.ctx, f.Store, clients[n])
				if err != nil && !errors.Is(err, fault.ErrUnavailable) {
					t.Errorf("ending: %v", err)
				}
				answered[n] = err == nil
				first <- struct{}{}
				return nil
			})
			<-cut
			p.Heal()
			for n, c := range clients {
				if answered[n] && f.valid(c, now) {
					t.Error("a session is live after its end was answered")
				}
				if !f.logout(c, now) || f.valid(c, now) {
					t.Error("a session cannot be ended after the outage")
				}
			}
			if !f.valid(live, now) {
				t.Error("a session was lost")
			}
		}
	})
}

// TestDatabaseThatNoLongerAnswers loses every packet, as a broken network does.
func TestDatabaseThatNoLongerAnswers(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f, p := behindProxy(t, dsn)
		c := f.signIn(f.someone())
		p.Stall()
		all := operations()
		errs := together(len(all), func(n int) error {
			ctx, cancel := context.WithTimeout(f.ctx, 45*time.Second)
			defer cancel()
			return all[n].call(ctx, f.Store)
		})
		for n, err := range errs {
			if !errors.Is(err, fault.ErrUnavailable) {
				t.Errorf("%s: %v", all[n].name, err)
			}
		}
		p.Heal()
		await(t, "the store recovers", func() bool { return f.Ping(f.ctx) == nil })
		if !f.valid(c, now) || !f.logout(c, now) {
			t.Error("the session from before cannot be used")
		}
	})
}

// A connection that is lost between its making and its first question is given up, as there are few for checks.
func TestDatabaseThatNoLongerAnswersANewConnection(t *testing.T) {
	t.Parallel()
	onPostgres(t, func(t *testing.T, dsn string) {
		f, p := behindProxy(t, dsn)
		c := f.signIn(f.someone())
		p.OnAnswer(func(b []byte) {
			if bytes.Contains(b, []byte("synchronous_commit")) {
				p.Stall()
			}
		})
		_, err := f.SessionByToken(f.ctx, c.token)
		f.is(err, fault.ErrUnavailable)
		checks := f.engine.(*postgresEngine).checks
		await(t, "no connection is kept", func() bool { return checks.Stat().TotalConns() == 0 })
		p.OnAnswer(nil)
		p.Heal()
		if !f.valid(c, now) {
			t.Error("a live session is refused")
		}
	})
}

func TestDatabaseThatComesUpLater(t *testing.T) {
	onPostgres(t, func(t *testing.T, dsn string) {
		p := testkit.NewProxy(t, testkit.Host(t, dsn))
		p.Cut()
		s, err := Open(t.Context(), testkit.WithHost(t, dsn, p.Addr()), Options{})
		if err != nil {
			t.Fatalf("opening while the database is down: %v", err)
		}
		t.Cleanup(func() { s.Close() })
		f := fixture{Store: s, t: t, ctx: t.Context()}
		if f.Migrate(f.ctx) == nil || f.Migrated(f.ctx) == nil {
			t.Error("a database that is down was migrated")
		}
		p.Heal()
		f.ok(f.Migrate(f.ctx))
		f.signIn(f.someone())
	})
}

// TestCallerWhoHasGone asks everything with a context that has ended: whatever the answer, it is never about a session.
func TestCallerWhoHasGone(t *testing.T) {
	onEach(t, func(f fixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		for _, o := range operations() {
			if err := o.call(ctx, f.Store); !errors.Is(err, context.Canceled) {
				f.t.Errorf("%s: %v", o.name, err)
			}
		}
	})
}
