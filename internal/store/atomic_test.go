package store

import (
	"context"
	"errors"
	"testing"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

var errOwn = errors.New("the caller's own failure")

func TestAtomic(t *testing.T) {
	onEach(t, func(f fixture) {
		f.run("everything is stored together", func(f fixture) {
			i := testkit.Identity(testkit.Email())
			s, secret := testkit.Session(i, now)
			f.ok(f.atomic(func(ctx context.Context) error {
				return errors.Join(f.InsertIdentity(ctx, i), f.InsertSession(ctx, s, secret.Hash(), session.Limit{}))
			}))
			if !f.valid(client{s, secret.Hash()}, now) {
				f.t.Error("the session does not count")
			}
		})
		f.run("a failure takes everything back", func(f fixture) {
			i := testkit.Identity(testkit.Email())
			s, secret := testkit.Session(i, now)
			old := f.signIn(f.someone())
			f.check(old)
			f.is(f.atomic(func(ctx context.Context) error {
				f.ok(f.InsertIdentity(ctx, i))
				f.ok(f.InsertSession(ctx, s, secret.Hash(), session.Limit{}))
				_, err := f.EndByToken(ctx, old.token, session.End{At: now, Reason: session.Logout})
				f.ok(err)
				f.ok(f.DeleteIdentity(ctx, old.IdentityID, now))
				return errOwn
			}), errOwn)
			_, err := f.Identity(f.ctx, i.ID)
			f.is(err, identity.ErrNotFound)
			_, err = f.SessionByToken(f.ctx, secret.Hash())
			f.is(err, session.ErrNone)
			if !f.valid(old, now) {
				f.t.Error("a session ended although it was taken back")
			}
		})
		f.run("calls inside see what calls before have done", func(f fixture) {
			i := testkit.Identity(testkit.Email())
			s, secret := testkit.Session(i, now)
			old := f.signIn(f.someone())
			f.check(old)
			f.ok(f.atomic(func(ctx context.Context) error {
				f.ok(f.InsertIdentity(ctx, i))
				f.ok(f.InsertSession(ctx, s, secret.Hash(), session.Limit{}))
				_, err := f.Identity(ctx, i.ID)
				f.ok(err)
				found, err := f.SessionByToken(ctx, secret.Hash())
				f.ok(err)
				if found.ID != s.ID {
					f.t.Error("the wrong session was found")
				}
				for range 2 {
					revoked, err := f.EndByToken(ctx, old.token, session.End{At: now, Reason: session.Logout})
					f.ok(err)
					found, err = f.SessionByToken(ctx, old.token)
					f.ok(err)
					if !revoked || found.Valid(now) {
						f.t.Error("a session that was ended inside is live inside")
					}
				}
				n, err := f.CountSessions(ctx, session.Filter{Identity: &i.ID, Active: new(true), Now: now})
				f.ok(err)
				if n != 1 {
					f.t.Errorf("counted %d sessions inside", n)
				}
				return f.Atomic(ctx, func(ctx context.Context) error { _, err := f.Session(ctx, s.ID); return err })
			}))
			if f.valid(old, now) {
				f.t.Error("the session is live after the commit")
			}
		})
		f.run("others see nothing before the end", func(f fixture) {
			i := f.someone()
			s, secret := testkit.Session(i, now)
			old := f.signIn(i)
			f.check(old)
			f.ok(f.atomic(func(ctx context.Context) error {
				f.ok(f.InsertSession(ctx, s, secret.Hash(), session.Limit{}))
				_, err := f.EndByToken(ctx, old.token, session.End{At: now, Reason: session.Logout})
				f.ok(err)
				if _, err := f.SessionByToken(f.ctx, secret.Hash()); !errors.Is(err, session.ErrNone) {
					f.t.Errorf("the new session is seen outside: %v", err)
				}
				if !f.valid(old, now) {
					f.t.Error("the end is seen outside")
				}
				return nil
			}))
			if f.valid(old, now) || !f.valid(client{s, secret.Hash()}, now) {
				f.t.Error("what was committed is not seen")
			}
		})
		f.run("a part that failed half-way is not committed even if its error is ignored", func(f fixture) {
			taken := f.someone()
			i, other := testkit.Identity(testkit.Email()), testkit.Identity(testkit.Email())
			i.Credentials = taken.Credentials
			err := f.atomic(func(ctx context.Context) error {
				f.is(f.InsertIdentity(ctx, i), identity.ErrTaken)
				_ = f.InsertIdentity(ctx, other)
				return nil
			})
			if err == nil {
				f.t.Error("it was committed")
			}
			for _, id := range []identity.ID{i.ID, other.ID} {
				_, err = f.Identity(f.ctx, id)
				f.is(err, identity.ErrNotFound)
			}
		})
		f.run("an import with conflicts inside does not spoil the rest", func(f fixture) {
			taken, fresh := f.someone(), testkit.Identity(testkit.Email())
			clash := testkit.Identity(testkit.Email())
			clash.Credentials = taken.Credentials
			f.ok(f.atomic(func(ctx context.Context) error {
				results, err := f.InsertIdentities(ctx, []*identity.Identity{clash, fresh})
				f.ok(err)
				f.is(results[0], identity.ErrTaken)
				return results[1]
			}))
			_, err := f.Identity(f.ctx, fresh.ID)
			f.ok(err)
			_, err = f.Identity(f.ctx, clash.ID)
			f.is(err, identity.ErrNotFound)
		})
		f.run("a call that finds nothing spoils nothing", func(f fixture) {
			i := testkit.Identity(testkit.Email())
			f.ok(f.atomic(func(ctx context.Context) error {
				_, err := f.Identity(ctx, i.ID)
				f.is(err, identity.ErrNotFound)
				f.is(f.DeleteIdentity(ctx, i.ID, now), identity.ErrNotFound)
				s, secret := testkit.Session(i, now)
				f.is(f.InsertSession(ctx, s, secret.Hash(), session.Limit{}), session.ErrIdentityInactive)
				return f.InsertIdentity(ctx, i)
			}))
			_, err := f.Identity(f.ctx, i.ID)
			f.ok(err)
		})
	})
}
