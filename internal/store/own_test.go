package store

import (
	"errors"
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

func TestWhetherASessionWasRevoked(t *testing.T) {
	onEach(t, func(f fixture) {
		i, gone := f.someone(), f.someone()
		live, out, deleted, late, orphan := f.signIn(i), f.signIn(i), f.signIn(i), f.signIn(i), f.signIn(gone)
		f.logout(out, now)
		f.end(session.Scope{IDs: []session.ID{deleted.ID}, Delete: true}, now)
		f.logout(late, late.ExpiresAt.Add(time.Second))
		f.ok(f.DeleteIdentity(f.ctx, gone.ID, now))
		for name, c := range map[string]struct {
			id   session.ID
			want bool
		}{
			"live": {live.ID, false}, "signed out": {out.ID, true}, "deleted": {deleted.ID, true}, "ended when its time was over": {late.ID, false},
			"of a deleted identity": {orphan.ID, true}, "unknown": {session.NewID(), false},
		} {
			got, err := f.WasRevoked(f.ctx, c.id)
			f.ok(err)
			if got != c.want {
				f.t.Errorf("a session that is %s: %v", name, got)
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
