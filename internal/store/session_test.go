package store

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// same compares sessions; their identities lose the credentials, which a session does not carry.
func (f fixture) same(want, got *session.Session) {
	f.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(session.Session{}), cmpopts.IgnoreFields(session.Session{}, "FoundBy"), cmpopts.IgnoreFields(identity.Identity{}, "Credentials")); diff != "" {
		f.t.Error(diff)
	}
}

func TestSessionIsReadAsItWasWritten(t *testing.T) {
	onEach(t, func(f fixture) {
		i := full()
		f.ok(f.InsertIdentity(f.ctx, i))
		want, secret := testkit.Session(i, now)
		want.IssuedAt, want.AuthenticatedAt, want.LastSeenAt, want.AAL = now.Add(1000), now.Add(2000), now.Add(3000), identity.AAL2
		want.DeadlineAt, want.Remembered = want.ExpiresAt.Add(time.Hour), true
		want.Methods = append(want.Methods, session.MethodUse{Method: "totp", AAL: identity.AAL2, CompletedAt: now.Add(time.Second)})
		want.Devices = append(want.Devices, session.Device{ID: uuid.New(), UserAgent: "\"quoted\" \x00 ünï"})
		f.ok(f.InsertSession(f.ctx, want, secret.Hash(), session.Limit{}))

		f.run("by token, also the second time", func(f fixture) {
			for range 3 {
				got, err := f.SessionByToken(f.ctx, secret.Hash())
				f.ok(err)
				f.same(want, got)
				if got.Identity.Credentials != nil {
					f.t.Error("the session carries credentials")
				}
			}
		})
		f.run("by id", func(f fixture) {
			got, err := f.Session(f.ctx, want.ID)
			f.ok(err)
			f.same(want, got)
		})
		f.run("in a list", func(f fixture) {
			all, err := f.ListSessions(f.ctx, session.Filter{Limit: 5})
			f.ok(err)
			if len(all) != 1 {
				f.t.Fatalf("%d sessions are listed", len(all))
			}
			f.same(want, all[0])
		})
		f.run("an unknown token or id is none", func(f fixture) {
			_, err := f.SessionByToken(f.ctx, session.NewSecret(session.InHeader).Hash())
			f.is(err, session.ErrNone)
			_, err = f.Session(f.ctx, session.NewID())
			f.is(err, session.ErrNotFound)
		})
		f.run("the token is stored as a hash alone", func(f fixture) {
			if n := f.number(`SELECT COUNT(*) FROM sessions WHERE token_hash = $1`, secret.Reveal()); n != 0 {
				f.t.Error("the token itself is stored")
			}
		})
		f.run("ended and expired sessions are still found", func(f fixture) {
			expired := f.signInAt(i, now.Add(-2*testkit.Lifespan))
			ended := f.signIn(i)
			f.logout(ended, now.Add(time.Second))
			want := session.End{At: now.Add(time.Second), Reason: session.Logout, By: i.ID.String()}
			for range 2 {
				if s := f.check(ended); s.End == nil || *s.End != want || s.Valid(now) {
					f.t.Errorf("got %+v, want %+v", s.End, want)
				}
				if s := f.check(expired); s.End != nil || s.Valid(now) {
					f.t.Errorf("got %+v", s)
				}
			}
			for _, c := range []client{expired, ended} {
				_, err := f.Session(f.ctx, c.ID)
				f.ok(err)
			}
		})
	})
}

func TestTwoSessionsCannotShareATokenOrAnID(t *testing.T) {
	onEach(t, func(f fixture) {
		c := f.signIn(f.someone())
		s, secret := testkit.Session(f.someone(), now)
		if err := f.InsertSession(f.ctx, s, c.token, session.Limit{}); err == nil {
			f.t.Error("a second session took the token")
		}
		s.ID = c.ID
		if err := f.InsertSession(f.ctx, s, secret.Hash(), session.Limit{}); err == nil {
			f.t.Error("a second session took the id")
		}
		f.same(c.Session, f.check(c))
	})
}

func TestEndByToken(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		f.run("a live session ends", func(f fixture) {
			c, other := f.signIn(i), f.signIn(i)
			f.check(c)
			if !f.logout(c, now) || f.valid(c, now) {
				f.t.Error("the session is live")
			}
			if !f.valid(other, now) {
				f.t.Error("another session ended")
			}
		})
		f.run("ending it again is a success that changes nothing", func(f fixture) {
			c := f.signIn(i)
			f.logout(c, now)
			f.end(session.Scope{IDs: []session.ID{c.ID}}, now.Add(time.Minute))
			for n := range 3 {
				if !f.logout(c, now.Add(time.Duration(n)*testkit.Lifespan)) {
					f.t.Error("a second sign-out is no success")
				}
			}
			want := session.End{At: now, Reason: session.Logout, By: i.ID.String()}
			if got := f.check(c).End; *got != want {
				f.t.Errorf("got %+v, want %+v", got, want)
			}
		})
		f.run("a session that an administrator revoked is a success and keeps its reason", func(f fixture) {
			c := f.signIn(i)
			f.end(session.Scope{IDs: []session.ID{c.ID}}, now)
			if !f.logout(c, now.Add(time.Second)) || *f.check(c).End != byAdmin(now) {
				f.t.Errorf("got %+v", f.check(c).End)
			}
		})
		f.run("an expired session is none, and is over for every clock", func(f fixture) {
			c := f.signIn(i)
			for _, at := range []time.Time{c.ExpiresAt, c.ExpiresAt.Add(time.Hour), c.ExpiresAt.Add(-time.Hour)} {
				if f.logout(c, at) {
					f.t.Error("an expired session was revoked")
				}
			}
			if end := f.check(c).End; end == nil || end.Reason != session.Expired || f.valid(c, now) {
				f.t.Errorf("a clock that is behind still finds it: %+v", end)
			}
			if c := f.signIn(i); !f.logout(c, c.ExpiresAt.Add(-time.Microsecond)) {
				f.t.Error("a session in its last microsecond could not be ended")
			}
		})
		f.run("an unknown token is none", func(f fixture) {
			if f.logout(client{token: session.NewSecret(session.InHeader).Hash()}, now) {
				f.t.Error("an unknown token was revoked")
			}
		})
		f.run("all of many who end it at the same time succeed", func(f fixture) {
			c := f.signIn(i)
			errs := together(12, func(n int) error {
				revoked, err := f.EndByToken(f.ctx, c.token, session.End{At: now.Add(time.Duration(n)), Reason: session.Logout})
				if err == nil && !revoked {
					err = session.ErrUnknownToken
				}
				if got, err := f.SessionByToken(f.ctx, c.token); err != nil || got.Valid(now) {
					f.t.Errorf("after the answer: %+v, %v", got, err)
				}
				return err
			})
			if won := tally(f, errs, nil); won != len(errs) {
				f.t.Errorf("%d of %d succeeded", won, len(errs))
			}
			if kinds := f.events(c.ID); !slices.Equal(kinds, []string{sessionEnded, sessionStarted}) {
				f.t.Errorf("events: %v", kinds)
			}
		})
	})
}

func TestEndSessions(t *testing.T) {
	onEach(t, func(f fixture) {
		f.run("by ids, known and unknown, twice, live and not", func(f fixture) {
			i := f.someone()
			a, b, ended, expired, other := f.signIn(i), f.signIn(f.someone()), f.signIn(i), f.signInAt(i, now.Add(-2*testkit.Lifespan)), f.signIn(i)
			f.logout(ended, now)
			ids := []session.ID{a.ID, b.ID, a.ID, session.NewID(), ended.ID, expired.ID}
			if n := f.end(session.Scope{IDs: ids}, now.Add(time.Second)); n != 2 {
				f.t.Errorf("%d sessions ended, want 2", n)
			}
			for _, c := range []client{a, b} {
				if got := f.check(c).End; got == nil || *got != byAdmin(now.Add(time.Second)) {
					f.t.Errorf("got %+v", got)
				}
			}
			if f.check(ended).End.Reason != session.Logout || f.check(expired).End.Reason != session.Expired || !f.valid(other, now) {
				f.t.Error("a session that should have stayed as it was has changed")
			}
			if n := f.end(session.Scope{IDs: ids}, now.Add(time.Second)); n != 0 {
				f.t.Errorf("%d sessions ended twice", n)
			}
		})
		f.run("by identities, known and unknown, twice", func(f fixture) {
			i, j, k := f.someone(), f.someone(), f.someone()
			a, b, c, other := f.signIn(i), f.signIn(i), f.signIn(j), f.signIn(k)
			if n := f.end(session.Scope{Identities: []identity.ID{i.ID, identity.NewID(), j.ID, i.ID}}, now); n != 3 {
				f.t.Errorf("%d sessions ended, want 3", n)
			}
			if f.valid(a, now) || f.valid(b, now) || f.valid(c, now) || !f.valid(other, now) {
				f.t.Error("the wrong sessions ended")
			}
		})
		f.run("of nobody", func(f fixture) {
			c := f.signIn(f.someone())
			if n := f.end(session.Scope{}, now) + f.end(session.Scope{IDs: []session.ID{}}, now); n != 0 || !f.valid(c, now) {
				f.t.Errorf("an empty scope ended %d sessions", n)
			}
		})
		f.run("and hide them", func(f fixture) {
			i := f.someone()
			live, ended, expired, other := f.signIn(i), f.signIn(i), f.signInAt(i, now.Add(-2*testkit.Lifespan)), f.signIn(i)
			f.logout(ended, now)
			f.check(live)
			scope := session.Scope{IDs: []session.ID{live.ID, ended.ID, expired.ID, session.NewID()}, Delete: true}
			if n := f.end(scope, now.Add(time.Second)); n != 3 {
				f.t.Errorf("%d sessions were deleted, want 3", n)
			}
			for name, c := range map[string]client{"live": live, "ended": ended, "expired": expired} {
				_, err := f.Session(f.ctx, c.ID)
				f.is(err, session.ErrNotFound)
				if f.valid(c, now) || f.logout(c, now.Add(time.Minute)) != (name != "expired") {
					f.t.Errorf("the %s session counts", name)
				}
				done, err := extendTo(f.ctx, f.Store, c.ID, now.Add(3*testkit.Lifespan), session.ExtendRule{Now: now})
				f.ok(err)
				if done || refresh(f.ctx, f.Store, c.token, c.Session, now) == nil {
					f.t.Errorf("the deleted %s session came back", name)
				}
			}
			if got := f.list(session.Filter{Identity: &i.ID}); !slices.Equal(got, []session.ID{other.ID}) {
				f.t.Errorf("listed: %v", got)
			}
			if n := f.count(session.Filter{Identity: &i.ID}) + f.count(session.Filter{Identity: &i.ID, Active: new(false), Now: now}); n != 1 {
				f.t.Errorf("counted %d", n)
			}
			if n := f.number(`SELECT COUNT(*) FROM sessions WHERE id = $1 AND methods = '[]' AND devices = '[]'`, live.ID.String()); n != 1 {
				f.t.Error("the session was not wiped")
			}
			if n := f.end(scope, now.Add(time.Second)); n != 0 {
				f.t.Errorf("%d sessions were deleted twice", n)
			}
			if n := f.end(session.Scope{Identities: []identity.ID{i.ID}, Delete: true}, now); n != 1 {
				f.t.Errorf("%d sessions of the identity were deleted, want 1", n)
			}
		})
	})
}

func TestEndSessionsOfAll(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		var live []client
		for range 7 {
			live = append(live, f.signIn(i))
		}
		ended := f.signIn(i)
		f.logout(ended, now)
		left := func() int { return f.count(session.Filter{Active: new(true), Now: now}) }
		if n := f.end(session.Scope{All: true, Limit: 3}, now); n != 3 || left() != 4 {
			f.t.Errorf("%d ended and %d are left, want 3 and 4", n, left())
		}
		if n := f.end(session.Scope{All: true}, now); n != 4 || left() != 0 {
			f.t.Errorf("without a limit %d ended and %d are left, want 4 and none", n, left())
		}
		for _, c := range live {
			if f.valid(c, now) {
				f.t.Error("a session is live")
			}
		}
		expired := f.signInAt(i, now.Add(-2*testkit.Lifespan))
		if n := f.end(session.Scope{All: true}, now); n != 0 || f.check(expired).End.Reason != session.Expired {
			f.t.Errorf("%d live sessions were ended, want none, and the expired one as such", n)
		}
		if n := f.end(session.Scope{All: true, Delete: true, Limit: 5}, now); n != 5 || f.count(session.Filter{}) != 4 {
			f.t.Errorf("%d were deleted and %d are left, want 5 and 4", n, f.count(session.Filter{}))
		}
		if n := f.end(session.Scope{All: true, Delete: true}, now); n != 4 || f.count(session.Filter{}) != 0 {
			f.t.Errorf("without a limit %d were deleted and %d are left, want 4 and none", n, f.count(session.Filter{}))
		}
	})
}

func TestExtendSession(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		soon := now.Add(time.Minute)
		next := soon.Add(testkit.Lifespan)
		for sentence, c := range map[string]struct {
			prepare func(f fixture, c client)
			next    time.Time
			rule    session.ExtendRule
			want    bool
		}{
			"a live session gets its new expiry":              {nil, next, session.ExtendRule{Now: soon}, true},
			"in the last microsecond of its life":             {nil, now.Add(2 * testkit.Lifespan), session.ExtendRule{Now: now.Add(testkit.Lifespan - time.Microsecond)}, true},
			"one that is just expired stays expired":          {nil, now.Add(2 * testkit.Lifespan), session.ExtendRule{Now: now.Add(testkit.Lifespan)}, false},
			"one that is long expired stays expired":          {nil, now.Add(9 * testkit.Lifespan), session.ExtendRule{Now: now.Add(8 * testkit.Lifespan)}, false},
			"one that has ended stays ended":                  {func(f fixture, c client) { f.logout(c, now) }, next, session.ExtendRule{Now: soon}, false},
			"one that was extended by time alone keeps later": {nil, now.Add(testkit.Lifespan), session.ExtendRule{Now: soon}, false},
			"no session gets shorter":                         {nil, now.Add(testkit.Lifespan / 2), session.ExtendRule{Now: soon}, false},
			"inside the window":                               {nil, next, session.ExtendRule{Now: soon, Window: new(testkit.Lifespan - time.Minute)}, true},
			"before the window":                               {nil, next, session.ExtendRule{Now: soon, Window: new(testkit.Lifespan - time.Minute - time.Microsecond)}, false},
			"a window of nothing is never open":               {nil, next, session.ExtendRule{Now: soon, Window: new(time.Duration(0))}, false},
			"not within the debounce":                         {extended(soon), next.Add(time.Second), session.ExtendRule{Now: soon.Add(time.Second), Debounced: soon.Add(-time.Microsecond)}, false},
			"just after the debounce":                         {extended(soon), next.Add(time.Second), session.ExtendRule{Now: soon.Add(time.Second), Debounced: soon}, true},
		} {
			f.run(sentence, func(f fixture) {
				cl := f.signIn(i)
				if c.prepare != nil {
					c.prepare(f, cl)
				}
				before := f.check(cl)
				done, err := extendTo(f.ctx, f.Store, cl.ID, c.next, c.rule)
				f.ok(err)
				if done != c.want {
					f.t.Fatalf("extended: %v, want %v", done, c.want)
				}
				got, want := f.check(cl), before
				if done {
					want = cl.Session
					want.ExpiresAt, want.DeadlineAt, want.ExtendedAt = c.next, c.next, c.rule.Now
				}
				f.same(want, got)
			})
		}
		f.run("one of an inactive identity is not extended", func(f fixture) {
			i := f.someone()
			c := f.signIn(i)
			f.raw(`UPDATE identities SET state = 'inactive' WHERE id = $1`, i.ID.String())
			done, err := extendTo(f.ctx, f.Store, c.ID, next, session.ExtendRule{Now: soon})
			f.ok(err)
			if done {
				f.t.Error("extended")
			}
		})
		f.run("an unknown one is not extended", func(f fixture) {
			done, err := extendTo(f.ctx, f.Store, session.NewID(), next, session.ExtendRule{Now: soon})
			f.ok(err)
			if done {
				f.t.Error("extended")
			}
		})
		for sentence, rule := range map[string]session.ExtendRule{
			"one of many at the same moment extends":     {Now: soon},
			"one of many within the debounce extends":    {Now: soon, Debounced: soon.Add(-time.Second)},
			"one of many within a narrow window extends": {Now: soon, Window: new(testkit.Lifespan - time.Minute)},
		} {
			f.run(sentence, func(f fixture) {
				c := f.signIn(i)
				won := make([]bool, 10)
				errs := together(len(won), func(n int) (err error) {
					late := time.Duration(n) * time.Microsecond
					if rule.Window == nil && rule.Debounced.IsZero() {
						late = 0
					}
					r := rule
					r.Now = r.Now.Add(late)
					if rule.Window != nil {
						r.Now = rule.Now
					}
					won[n], err = extendTo(f.ctx, f.Store, c.ID, next.Add(late), r)
					return err
				})
				tally(f, errs, nil)
				if first := slices.Index(won, true); first < 0 || slices.Contains(won[first+1:], true) {
					f.t.Errorf("extended: %v", won)
				}
			})
		}
	})
}

func extended(at time.Time) func(fixture, client) {
	return func(f fixture, c client) {
		f.t.Helper()
		done, err := extendTo(f.ctx, f.Store, c.ID, at.Add(testkit.Lifespan), session.ExtendRule{Now: at})
		f.ok(err)
		if !done {
			f.t.Fatal("the first extension did not take place")
		}
	}
}

// refreshed is what a session becomes when its holder authenticates again.
func refreshed(s *session.Session, at time.Time) *session.Session {
	return &session.Session{
		ID: s.ID, IdentityID: s.IdentityID, Identity: s.Identity, CreatedAt: s.CreatedAt, ExtendedAt: s.ExtendedAt,
		IssuedAt: at, AuthenticatedAt: at, ExpiresAt: at.Add(testkit.Lifespan), DeadlineAt: at.Add(testkit.Lifespan), LastSeenAt: at, AAL: identity.AAL2,
		Methods: append(slices.Clip(s.Methods), session.MethodUse{Method: "totp", AAL: identity.AAL2, CompletedAt: at}),
		Devices: append(slices.Clip(s.Devices), session.Device{ID: uuid.New(), IP: "2001:db8::1"}),
	}
}

func TestRefreshSession(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		soon := now.Add(time.Minute)
		f.run("a live session takes on the new proof", func(f fixture) {
			c := f.signIn(i)
			extended(soon)(f, c)
			want := refreshed(f.check(c), soon.Add(time.Minute))
			f.ok(refresh(f.ctx, f.Store, c.token, want, want.IssuedAt))
			want.Rotation++
			f.same(want, f.check(c))
		})
		for sentence, prepare := range map[string]func(f fixture, c client){
			"one that has ended is none":   func(f fixture, c client) { f.logout(c, now) },
			"one that was deleted is none": func(f fixture, c client) { f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: true}, now) },
			"one that has expired is none": func(f fixture, c client) {
				f.raw(`UPDATE sessions SET expires_at = $2 WHERE id = $1`, c.ID.String(), micros(soon))
			},
			"one of an inactive identity is none": func(f fixture, c client) {
				f.raw(`UPDATE identities SET state = 'inactive' WHERE id = $1`, c.IdentityID.String())
			},
			"an unknown one is none": func(_ fixture, c client) { c.ID = session.NewID() },
		} {
			f.run(sentence, func(f fixture) {
				c := f.signIn(f.someone())
				prepare(f, c)
				before := f.check(c)
				f.is(refresh(f.ctx, f.Store, c.token, refreshed(c.Session, soon), soon), session.ErrNone)
				f.same(before, f.check(c))
			})
		}
	})
}

// What was proved of an identity that has changed since may be of no worth: the password that was given is perhaps the one before.
func TestARefreshCountsForTheIdentityThatWasProvedAlone(t *testing.T) {
	onEach(t, func(f fixture) {
		m := &session.Manager{Store: f.Store, Rules: session.Rules{Lengths: session.Lengths{Lifespan: testkit.Lifespan}}, Now: func() time.Time { return now.Add(time.Minute) }}
		c := f.signIn(f.someone())
		s := f.check(c)
		f.ok(edit(f.ctx, f.Store, c.IdentityID, func(i *identity.Identity) { i.MetadataPublic = []byte(`{"a":1}`) }))
		before := f.check(c)
		again := session.Renewal{Use: session.MethodUse{Method: "password", AAL: identity.AAL1, CompletedAt: now}, Carrier: session.InHeader, Identity: s.Identity}
		_, _, err := m.Refresh(f.ctx, s, again)
		f.is(err, identity.ErrChanged)
		f.same(before, f.check(c))

		again.Identity = before.Identity
		next, token, err := m.Refresh(f.ctx, s, again)
		f.ok(err)
		if s := f.check(client{next, token.Hash()}); !s.AuthenticatedAt.Equal(now.Add(time.Minute)) {
			f.t.Errorf("authenticated at %v", s.AuthenticatedAt)
		}
		// A program of a release before has written the session, or changed the identity alone.
		for _, knows := range []int64{0, micros(now) - 1} {
			f.raw(`UPDATE sessions SET identity_version = $2 WHERE id = $1`, c.ID.String(), knows)
			if next, _, err = m.Refresh(f.ctx, next, again); err != nil {
				f.t.Errorf("a session that knows version %d: %v", knows, err)
			}
		}
	})
}
