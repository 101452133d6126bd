package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// rotate gives a session a new token, in the place of the one before until a moment.
func (f fixture) rotate(c client, at, until time.Time) client {
	f.t.Helper()
	s, err := f.Session(f.ctx, c.ID)
	f.ok(err)
	next := client{refreshed(s, at), session.NewSecret(session.InHeader).Hash()}
	next.Rotation = s.Rotation
	done, err := f.RefreshSession(f.ctx, next.Session, next.token, session.Renewed{Now: at, PreviousUntil: until, Kind: session.SessionRefreshed})
	f.ok(err)
	if !done {
		f.t.Fatal("the session was not refreshed")
	}
	return next
}

// A look-up is of more than one statement, on PostgreSQL; a replacement in between must not hide the session.
func TestATokenIsFoundWhileItIsReplaced(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		for range 50 {
			c := f.signIn(i)
			replaced, errs := make(chan struct{}), make(chan []error)
			go func() {
				errs <- together(4, func(int) error {
					for {
						if _, err := f.SessionByToken(f.ctx, c.token); err != nil {
							return err
						}
						select {
						case <-replaced:
							return nil
						default:
						}
					}
				})
			}()
			f.rotate(c, now.Add(time.Second), now.Add(5*time.Second))
			close(replaced)
			f.ok(errors.Join(<-errs...))
		}
	})
}

func TestATokenThatWasReplacedWorksForAMoment(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		soon, later := now.Add(time.Second), now.Add(5*time.Second)
		f.run("both work, and are one session", func(f fixture) {
			c := f.signIn(i)
			f.check(c)
			n := f.rotate(c, soon, later)
			for range 2 {
				if before, after := f.check(c), f.check(n); before.ID != after.ID || !before.TokenUntil.Equal(later) || after.TokenUntil != nil || after.Rotation != 1 {
					f.t.Errorf("%+v\n%+v", before, after)
				}
			}
			if !f.valid(c, later.Add(-1000)) || f.valid(c, later) || !f.valid(n, later) {
				f.t.Error("the token before works for too long, or not at all")
			}
		})
		f.run("signing out with either ends the session for both", func(f fixture) {
			for _, which := range []func(c, n client) client{func(c, _ client) client { return c }, func(_, n client) client { return n }} {
				c := f.signIn(i)
				n := f.rotate(c, soon, later)
				f.check(c)
				f.check(n)
				if !f.logout(which(c, n), soon) || f.valid(c, soon) || f.valid(n, soon) {
					f.t.Error("the session lives on")
				}
				if !f.logout(c, later.Add(time.Hour)) || !f.logout(n, soon) {
					f.t.Error("a second sign-out is no success")
				}
			}
		})
		f.run("after that moment it can end nothing", func(f fixture) {
			c := f.signIn(i)
			n := f.rotate(c, soon, later)
			if f.logout(c, later) || !f.valid(n, later) {
				f.t.Error("a token that is worth nothing ended a session")
			}
		})
		f.run("two replacements later it is unknown", func(f fixture) {
			c := f.signIn(i)
			n := f.rotate(f.rotate(c, soon, later), soon, later)
			_, err := f.SessionByToken(f.ctx, c.token)
			f.is(err, session.ErrNone)
			if f.logout(c, soon) || !f.valid(n, soon) {
				f.t.Error("it still ends the session")
			}
		})
		f.run("of two refreshes at once one wins, and the other is told", func(f fixture) {
			c := f.signIn(i)
			errs := together(8, func(n int) error {
				next := refreshed(c.Session, soon)
				done, err := f.RefreshSession(f.ctx, next, session.NewSecret(session.InHeader).Hash(), session.Renewed{Now: soon, PreviousUntil: later, Kind: session.SessionRefreshed})
				if err == nil && !done {
					err = session.ErrNone
				}
				return err
			})
			if won := tally(f, errs, session.ErrNone); won != 1 {
				f.t.Errorf("%d won", won)
			}
		})
		f.run("ending all of an identity ends it for both", func(f fixture) {
			j := f.someone()
			c := f.signIn(j)
			n := f.rotate(c, soon, later)
			f.check(c)
			f.check(n)
			f.end(session.Scope{Identities: []identity.ID{j.ID}}, soon)
			if f.valid(c, soon) || f.valid(n, soon) {
				f.t.Error("the session lives on")
			}
		})
	})
}

func TestUseMovesTheExpiryWithinTheDeadline(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		const idle = 10 * time.Minute
		at := now.Add(5 * time.Minute)
		touch := func(f fixture, moment time.Time, ids ...session.ID) {
			f.t.Helper()
			f.ok(f.TouchSessions(f.ctx, ids, moment, moment.Add(-time.Minute), idle))
		}
		f.run("many at once, and each alone", func(f fixture) {
			a, b, c := f.signIn(i), f.signIn(i), f.signIn(i)
			f.check(a)
			touch(f, at, a.ID, b.ID, session.NewID())
			for _, seen := range []client{a, b} {
				if s := f.check(seen); !s.LastSeenAt.Equal(at) || !s.ExpiresAt.Equal(at.Add(idle)) || !s.DeadlineAt.Equal(seen.DeadlineAt) {
					f.t.Errorf("%+v", s)
				}
			}
			f.same(c.Session, f.check(c))
		})
		f.run("never past the deadline", func(f fixture) {
			c := f.signIn(i)
			late := c.DeadlineAt.Add(-time.Minute)
			touch(f, late, c.ID)
			if s := f.check(c); !s.ExpiresAt.Equal(c.DeadlineAt) {
				f.t.Errorf("%v, the deadline is %v", s.ExpiresAt, c.DeadlineAt)
			}
		})
		f.run("not twice within the grain", func(f fixture) {
			c := f.signIn(i)
			touch(f, at, c.ID)
			touch(f, at.Add(59*time.Second), c.ID)
			if s := f.check(c); !s.LastSeenAt.Equal(at) {
				f.t.Errorf("seen %v", s.LastSeenAt)
			}
			touch(f, at.Add(time.Minute), c.ID)
			if s := f.check(c); !s.LastSeenAt.Equal(at.Add(time.Minute)) {
				f.t.Errorf("seen %v", s.LastSeenAt)
			}
		})
		f.run("what is over stays over", func(f fixture) {
			ended, expired := f.signIn(i), f.signIn(i)
			f.logout(ended, now)
			touch(f, expired.ExpiresAt, ended.ID, expired.ID)
			if f.valid(ended, at) || f.valid(expired, expired.ExpiresAt) {
				f.t.Error("it came back")
			}
		})
		f.run("it writes no event", func(f fixture) {
			c := f.signIn(i)
			touch(f, at, c.ID)
			if got := f.events(c.ID); len(got) != 1 {
				f.t.Errorf("%v", got)
			}
		})
	})
}

func TestSlidingAndExtendingFollowTheLengths(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		at := now.Add(10 * time.Minute)
		lengths := session.Lengths{Lifespan: testkit.Lifespan, Remembered: 30 * testkit.Lifespan, Max: 3 * testkit.Lifespan, Idle: 20 * time.Minute}
		unused := lengths.Unused()
		extend := func(f fixture, slide bool, c client, at time.Time) bool {
			f.t.Helper()
			how := f.ExtendSession
			if slide {
				how = func(ctx context.Context, id session.ID, rule session.ExtendRule) (bool, error) {
					return f.SlideSession(ctx, id, c.Rotation, rule)
				}
			}
			done, err := how(f.ctx, c.ID, session.ExtendRule{Now: at, Lengths: lengths})
			f.ok(err)
			return done
		}
		for sentence, c := range map[string]struct {
			slide, remembered     bool
			at                    time.Time
			deadline, expiry, use time.Time
		}{
			"a slide counts as use":                        {true, false, at, at.Add(testkit.Lifespan), at.Add(unused), at},
			"an extension does not":                        {false, false, at, at.Add(testkit.Lifespan), now.Add(unused), now},
			"a remembered session gets the longer one":     {true, true, at, now.Add(3 * testkit.Lifespan), at.Add(unused), at},
			"the longest life bounds what is extended too": {false, true, at, now.Add(3 * testkit.Lifespan), now.Add(unused), now},
		} {
			f.run(sentence, func(f fixture) {
				s, token := testkit.Session(i, now)
				s.Remembered = c.remembered
				f.ok(f.InsertSession(f.ctx, s, token.Hash(), session.Limit{}))
				one := client{s, token.Hash()}
				f.check(one)
				if !extend(f, c.slide, one, c.at) {
					f.t.Fatal("it was not extended")
				}
				if got := f.check(one); !got.DeadlineAt.Equal(c.deadline) || !got.ExpiresAt.Equal(c.expiry) || !got.LastSeenAt.Equal(c.use) || !got.ExtendedAt.Equal(c.at) {
					f.t.Errorf("deadline %v, expiry %v, seen %v", got.DeadlineAt.Sub(now), got.ExpiresAt.Sub(now), got.LastSeenAt.Sub(now))
				}
			})
		}
		f.run("at its longest life nothing moves any more", func(f fixture) {
			s, token := testkit.Session(i, now.Add(-3*testkit.Lifespan))
			s.DeadlineAt, s.ExpiresAt = now, now.Add(time.Minute)
			f.ok(f.InsertSession(f.ctx, s, token.Hash(), session.Limit{}))
			if c := (client{s, token.Hash()}); extend(f, true, c, now) || extend(f, false, c, now) {
				f.t.Error("it was extended")
			}
		})
		f.run("a row that a program of the release before has written is as good as any", func(f fixture) {
			c := f.signIn(i)
			f.raw(`UPDATE sessions SET deadline_at = 0, last_seen_at = 0 WHERE id = $1`, c.ID.String())
			if s := f.check(c); !s.DeadlineAt.Equal(c.ExpiresAt) || !s.LastSeenAt.Equal(c.IssuedAt) {
				f.t.Errorf("deadline %v, seen %v", s.DeadlineAt, s.LastSeenAt)
			}
			if !extend(f, false, c, at) || !f.check(c).ExpiresAt.Equal(now.Add(unused)) {
				f.t.Errorf("it expires %v", f.check(c).ExpiresAt.Sub(now))
			}
			f.raw(`UPDATE sessions SET deadline_at = 0, last_seen_at = 0 WHERE id = $1`, c.ID.String())
			f.ok(f.TouchSessions(f.ctx, []session.ID{c.ID}, at, at, 0))
			if !f.valid(c, now.Add(unused).Add(-1000)) {
				f.t.Error("its use has shortened it")
			}
		})
		f.run("whoever has a token that was replaced meanwhile slides nothing, and so gets no cookie with it", func(f fixture) {
			c := f.signIn(i)
			n := f.rotate(c, now, at.Add(time.Second))
			n.Rotation++
			if extend(f, true, c, at) || !extend(f, true, n, at) {
				f.t.Error("the token before slid, or the present one did not")
			}
		})
		f.run("a slide says that its holder did it", func(f fixture) {
			c := f.signIn(i)
			extend(f, true, c, at)
			story := f.story(c.ID)
			if last := story[len(story)-1]; last.Kind != sessionExtended || last.Reason != "activity" || last.Actor != i.ID.String() {
				f.t.Errorf("%+v", last)
			}
		})
	})
}

func TestTheLimitHoldsWhereASessionIsInserted(t *testing.T) {
	onEach(t, func(f fixture) {
		start := func(f fixture, i *identity.Identity, at time.Time, limit session.Limit) (client, error) {
			f.t.Helper()
			s, token := testkit.Session(i, at)
			return client{s, token.Hash()}, f.InsertSession(f.ctx, s, token.Hash(), limit)
		}
		minute := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
		for policy, evicted := range map[session.Policy]int{session.EvictOldest: 0, session.EvictIdle: 1, session.Deny: -1} {
			f.run(string(policy), func(f fixture) {
				i, other := f.someone(), f.someone()
				limit := session.Limit{Max: 3, Policy: policy}
				var all []client
				for n := range 3 {
					c, err := start(f, i, minute(n), limit)
					f.ok(err)
					all = append(all, c)
				}
				stranger := f.signIn(other)
				f.ok(f.TouchSessions(f.ctx, []session.ID{all[0].ID, all[2].ID}, minute(5), minute(5), 0))
				c, err := start(f, i, minute(6), limit)
				if policy == session.Deny {
					f.is(err, session.ErrLimit)
				} else {
					f.ok(err)
					if end := f.check(all[evicted]).End; end == nil || *end != (session.End{At: minute(6), Reason: session.LimitReached, By: session.ByPolicy}) {
						f.t.Errorf("%+v", end)
					}
					if !f.valid(c, minute(6)) {
						f.t.Error("the new session is not live")
					}
				}
				live := 0
				for _, one := range all {
					if f.valid(one, minute(6)) {
						live++
					}
				}
				if want := 3; policy == session.Deny && live != want || policy != session.Deny && live != want-1 || !f.valid(stranger, minute(6)) {
					f.t.Errorf("%d of the old sessions live", live)
				}
			})
		}
		f.run("ended and expired sessions take no room", func(f fixture) {
			i := f.someone()
			limit := session.Limit{Max: 1, Policy: session.Deny}
			first, err := start(f, i, now, limit)
			f.ok(err)
			f.logout(first, now)
			second, err := start(f, i, now, limit)
			f.ok(err)
			_, err = start(f, i, second.ExpiresAt, limit)
			f.ok(err)
		})
		f.run("a lower limit ends as many as it takes", func(f fixture) {
			i := f.someone()
			for n := range 5 {
				f.signInAt(i, minute(n))
			}
			_, err := start(f, i, minute(9), session.Limit{Max: 2, Policy: session.EvictOldest})
			f.ok(err)
			if n := f.count(session.Filter{Identity: &i.ID, Active: new(true), Now: minute(9)}); n != 2 {
				f.t.Errorf("%d are live", n)
			}
		})
		f.run("a session that steps up takes room, if it lives", func(f fixture) {
			i := f.someone()
			other, gone, c := f.signIn(i), f.signIn(i), f.signIn(i)
			f.logout(gone, now)
			up := session.Renewed{Now: minute(1), PreviousUntil: minute(2), Kind: session.SessionSteppedUp, Limit: session.Limit{Max: 1, Policy: session.EvictOldest}}
			done, err := f.RefreshSession(f.ctx, refreshed(gone.Session, minute(1)), gone.token, up)
			if f.ok(err); done || !f.valid(other, minute(1)) || !f.valid(c, minute(1)) {
				f.t.Errorf("one that has ended was refreshed: %v, or others made room for it", done)
			}
			up.Limit.Policy = session.Deny
			_, err = f.RefreshSession(f.ctx, refreshed(c.Session, minute(1)), c.token, up)
			if f.is(err, session.ErrLimit); f.check(c).AAL != c.AAL || !f.valid(other, minute(1)) {
				f.t.Error("one that may not step up has done so")
			}
			up.Limit.Policy = session.EvictOldest
			done, err = f.RefreshSession(f.ctx, refreshed(c.Session, minute(1)), c.token, up)
			if f.ok(err); !done || f.valid(other, minute(1)) || !f.valid(c, minute(1)) {
				f.t.Errorf("one that lives has stepped up: %v, or others made no room", done)
			}
		})
		f.run("many at once are never too many", func(f fixture) {
			i := f.someone()
			errs := together(12, func(n int) error {
				_, err := start(f, i, minute(0).Add(time.Duration(n)), session.Limit{Max: 4, Policy: session.EvictOldest})
				return err
			})
			f.ok(errors.Join(errs...))
			if n := f.count(session.Filter{Identity: &i.ID, Active: new(true), Now: now}); n != 4 {
				f.t.Errorf("%d are live", n)
			}
		})
	})
}

func TestACodeIsUsedOnce(t *testing.T) {
	onEach(t, func(f fixture) {
		i, other := f.someone(), f.someone()
		errs := together(10, func(int) error {
			first, err := f.UseCode(f.ctx, i.ID, "code", now, now.Add(time.Minute))
			if err == nil && !first {
				err = errUsed
			}
			return err
		})
		if won := tally(f, errs, errUsed); won != 1 {
			f.t.Errorf("%d were first", won)
		}
		first, err := f.UseCode(f.ctx, other.ID, "code", now, time.Time{})
		f.ok(err)
		used, err := f.UsedCodes(f.ctx, i.ID)
		f.ok(err)
		if !first || len(used) != 1 || !used["code"].Equal(now) {
			f.t.Errorf("%v %v", first, used)
		}
		c := &Collector{Store: f.Store, Batch: 3, Margin: time.Hour, Retention: time.Hour}
		for _, step := range []struct {
			after time.Duration
			left  int
		}{{clockMargin + time.Minute, 2}, {clockMargin + time.Minute + time.Microsecond, 1}, {time.Hour, 1}} {
			_, err = c.Collect(f.ctx, now.Add(step.after))
			f.ok(err)
			if n := f.number(`SELECT COUNT(*) FROM used_codes`); n != step.left {
				f.t.Errorf("after %v %d codes are left, want %d: the one that works for ever, and the other while a clock may be behind", step.after, n, step.left)
			}
		}
		f.ok(f.DeleteIdentity(f.ctx, other.ID, now))
		if n := f.number(`SELECT COUNT(*) FROM used_codes`); n != 0 {
			f.t.Errorf("%d codes of nobody", n)
		}
	})
}

var errUsed = errors.New("the code was used already")

func TestExchanges(t *testing.T) {
	onEach(t, func(f fixture) {
		hash := func() session.TokenHash { return session.NewSecret(session.InHeader).Hash() }
		e := session.Exchange{Init: hash(), Return: hash(), Flow: [16]byte(session.NewID()), ExpiresAt: now.Add(time.Hour)}
		f.ok(f.InsertExchange(f.ctx, e))
		got, err := f.Exchange(f.ctx, e.Init, e.Return, now)
		f.ok(err)
		if got != e {
			f.t.Errorf("got %+v, want %+v", got, e)
		}
		for _, pair := range [][2]session.TokenHash{{e.Return, e.Init}, {e.Init, e.Init}, {hash(), e.Return}, {e.Init, hash()}} {
			_, err := f.Exchange(f.ctx, pair[0], pair[1], now)
			f.is(err, session.ErrNoExchange)
		}
		id := session.NewID()
		f.ok(f.SettleExchange(f.ctx, e.Flow, id, now.Add(time.Minute)))
		f.ok(f.SettleExchange(f.ctx, e.Flow, session.NewID(), now.Add(time.Minute))) // a second session of the flow changes nothing
		if got, err = f.Exchange(f.ctx, e.Init, e.Return, now); err != nil || got.Session != id || !got.ExpiresAt.Equal(now.Add(time.Minute)) {
			f.t.Errorf("got %+v, %v", got, err)
		}
		_, err = f.Exchange(f.ctx, e.Init, e.Return, now.Add(time.Minute))
		f.is(err, session.ErrNoExchange)
		errs := together(6, func(int) error {
			taken, err := f.TakeExchange(context.WithoutCancel(f.ctx), e.Init)
			if err == nil && !taken {
				err = errUsed
			}
			return err
		})
		if won := tally(f, errs, errUsed); won != 1 {
			f.t.Errorf("%d took it", won)
		}
	})
}
