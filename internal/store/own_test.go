package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func TestEndingOnesOwnSessions(t *testing.T) {
	onEach(t, func(f fixture) {
		f.run("all others, and not the one that is left out", func(f fixture) {
			i, j := f.someone(), f.someone()
			own, a, b, foreign := f.signIn(i), f.signIn(i), f.signIn(i), f.signIn(j)
			scope := session.Scope{Identities: []identity.ID{i.ID}, Except: own.ID}
			if n := f.end(scope, now); n != 2 || f.valid(a, now) || f.valid(b, now) || !f.valid(own, now) || !f.valid(foreign, now) {
				f.t.Errorf("%d sessions ended", n)
			}
			if n := f.end(scope, now); n != 0 {
				f.t.Errorf("the second time, %d sessions ended", n)
			}
		})
		f.run("one of them, and none of somebody else's", func(f fixture) {
			i, j := f.someone(), f.someone()
			mine, other, foreign := f.signIn(i), f.signIn(i), f.signIn(j)
			scope := session.Scope{IDs: []session.ID{mine.ID, foreign.ID, session.NewID()}, Owner: i.ID}
			if n := f.end(scope, now); n != 1 || f.valid(mine, now) || !f.valid(other, now) || !f.valid(foreign, now) {
				f.t.Errorf("%d sessions ended", n)
			}
		})
	})
}

func TestWhyASessionHasEnded(t *testing.T) {
	onEach(t, func(f fixture) {
		i, gone := f.someone(), f.someone()
		live, out, deleted, late, orphan := f.signIn(i), f.signIn(i), f.signIn(i), f.signIn(i), f.signIn(gone)
		f.logout(out, now)
		f.end(session.Scope{IDs: []session.ID{deleted.ID}, Delete: true}, now)
		f.logout(late, late.ExpiresAt.Add(time.Second))
		f.ok(f.DeleteIdentity(f.ctx, gone.ID, now))
		for name, c := range map[string]struct {
			id   session.ID
			want session.Reason
		}{
			"live": {live.ID, ""}, "signed out": {out.ID, session.Logout}, "deleted": {deleted.ID, session.RevokedByAdmin},
			"ended when its time was over": {late.ID, session.Expired}, "of a deleted identity": {orphan.ID, session.IdentityDeleted}, "unknown": {session.NewID(), ""},
		} {
			got, err := f.EndReason(f.ctx, c.id)
			f.ok(err)
			if got != c.want {
				f.t.Errorf("a session that is %s: %q", name, got)
			}
		}
	})
}

func TestALogoutTokenEndsNothingButTheSessionItNamesTogetherWithItsOwnCredential(t *testing.T) {
	onEach(t, func(f fixture) {
		m := &session.Manager{Store: f.Store, Now: func() time.Time { return now.Add(time.Minute) }}
		i := f.someone()
		signIn := func(at time.Time) (client, session.Secret) {
			s, token := testkit.Session(i, at)
			f.ok(f.InsertSession(f.ctx, s, token.Hash(), session.Limit{}))
			return client{s, token.Hash()}, token
		}
		mine, token := signIn(now)
		other, _ := signIn(now)
		out, _ := signIn(now)
		f.logout(out, now)
		over, _ := signIn(now.Add(-2 * testkit.Lifespan))
		for name, c := range map[string]struct {
			named session.ID
			own   *session.Session
			want  session.Fate
		}{
			"another live session":                {other.ID, mine.Session, session.NotYours},
			"a live session, by nobody":           {other.ID, nil, session.NotYours},
			"a revoked session":                   {out.ID, mine.Session, session.EndedBefore},
			"a revoked session, by nobody":        {out.ID, nil, session.EndedBefore},
			"an expired session":                  {over.ID, mine.Session, session.RunOut},
			"an expired session, by nobody":       {over.ID, nil, session.RunOut},
			"a session that was never, by one":    {session.NewID(), mine.Session, session.RunOut},
			"a session that was never, by nobody": {session.NewID(), nil, session.RunOut},
		} {
			if got, err := m.LogoutNamed(f.ctx, c.named, c.own, token); err != nil || got != c.want {
				f.t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		if !f.valid(mine, now) || !f.valid(other, now) {
			f.t.Fatal("a session has ended that nobody signed out of")
		}
		errs := together(8, func(int) error {
			fate, err := m.LogoutNamed(f.ctx, mine.ID, mine.Session, token)
			if err == nil && fate != session.EndedNow && fate != session.EndedBefore {
				return errors.New("a parallel sign-out failed")
			}
			return err
		})
		if won := tally(f, errs, nil); won != len(errs) || f.valid(mine, now) || !f.valid(other, now) {
			f.t.Errorf("%d of %d succeeded", won, len(errs))
		}
		if fate, err := m.LogoutNamed(f.ctx, mine.ID, nil, session.Secret{}); err != nil || fate != session.EndedBefore {
			f.t.Errorf("the second time: %v, %v", fate, err)
		}
	})
}

// meddled is a store in which something happens each time after a session was read by its id.
type meddled struct {
	*Store
	then func()
}

func (m meddled) Session(ctx context.Context, id session.ID) (*session.Session, error) {
	s, err := m.Store.Session(ctx, id)
	m.then()
	return s, err
}

// Whoever is told that a session is over can rely on it, whatever comes later: an extension that was on its way, a node whose
// clock is behind, or rules that become looser again.
func TestASessionThatIsSaidToHaveRunOutIsOverForGood(t *testing.T) {
	onEach(t, func(f fixture) {
		for name, c := range map[string]struct {
			rules session.Lengths // that are in force when its holder signs out
			after time.Duration
		}{
			"its time is over":                         {session.Lengths{}, testkit.Lifespan},
			"it is too old by stricter rules":          {session.Lengths{Max: testkit.Lifespan / 3}, testkit.Lifespan / 3},
			"it was unused too long by stricter rules": {session.Lengths{Idle: testkit.Lifespan / 6}, testkit.Lifespan / 3},
		} {
			f.run(name, func(f fixture) {
				loose := session.Lengths{Lifespan: testkit.Lifespan}
				c.rules.Lifespan = testkit.Lifespan
				one, at := f.signIn(f.someone()), now.Add(c.after)
				m := &session.Manager{Store: f.Store, Rules: session.Rules{Lengths: c.rules}, Now: func() time.Time { return at }}
				f.is(m.Extend(f.ctx, one.ID), session.ErrNotExtendable)
				if fate, err := m.LogoutNamed(f.ctx, one.ID, nil, session.Secret{}); err != nil || fate != session.RunOut {
					f.t.Fatalf("%v, %v", fate, err)
				}
				before := session.ExtendRule{Now: at.Add(-time.Microsecond), Lengths: loose}
				slid, err := f.SlideSession(f.ctx, one.ID, 0, before)
				f.ok(err)
				extended, err := f.ExtendSession(f.ctx, one.ID, before)
				if f.ok(err); slid || extended || f.valid(one, now) {
					f.t.Errorf("it lives again: %v, %v", slid, extended)
				}
				if end := f.check(one).End; end == nil || *end != (session.End{At: at, Reason: session.Expired, By: session.ByPolicy}) {
					f.t.Errorf("%+v", end)
				}
				if fate, err := m.LogoutNamed(f.ctx, one.ID, nil, session.Secret{}); err != nil || fate != session.RunOut {
					f.t.Errorf("the second time: %v, %v", fate, err)
				}
			})
		}
		f.run("whoever is refused by stricter rules", func(f fixture) {
			s, token := testkit.Session(f.someone(), now)
			f.ok(f.InsertSession(f.ctx, s, token.Hash(), session.Limit{}))
			at := now.Add(testkit.Lifespan / 3)
			strict, loose := &session.Manager{Store: f.Store}, &session.Manager{Store: f.Store}
			strict.Rules.Max = testkit.Lifespan / 3
			for _, m := range []*session.Manager{strict, loose} {
				_, err := m.Lookup(f.ctx, token, at)
				f.is(err, session.ErrNone)
			}
			if end := f.check(client{s, token.Hash()}).End; end == nil || *end != (session.End{At: at, Reason: session.Expired, By: session.ByPolicy}) {
				f.t.Errorf("%+v", end)
			}
		})
		f.run("it is extended while its fate is asked for", func(f fixture) {
			one, at := f.signIn(f.someone()), now.Add(testkit.Lifespan)
			extend := sync.OnceFunc(func() {
				done, err := f.ExtendSession(f.ctx, one.ID, session.ExtendRule{Now: at.Add(-time.Microsecond), Lengths: session.Lengths{Lifespan: testkit.Lifespan}})
				if f.ok(err); !done {
					f.t.Error("it was not extended")
				}
			})
			m := &session.Manager{Store: meddled{f.Store, extend}, Now: func() time.Time { return at }}
			if fate, err := m.LogoutNamed(f.ctx, one.ID, nil, session.Secret{}); err != nil || fate != session.NotYours || !f.valid(one, at) {
				f.t.Errorf("%v, %v", fate, err)
			}
		})
		f.run("it is revoked while its fate is asked for", func(f fixture) {
			one, at := f.signIn(f.someone()), now.Add(testkit.Lifespan)
			revoke := sync.OnceFunc(func() { f.end(session.Scope{IDs: []session.ID{one.ID}}, now) })
			m := &session.Manager{Store: meddled{f.Store, revoke}, Now: func() time.Time { return at }}
			if fate, err := m.LogoutNamed(f.ctx, one.ID, nil, session.Secret{}); err != nil || fate != session.EndedBefore {
				f.t.Errorf("%v, %v", fate, err)
			}
		})
	})
}
