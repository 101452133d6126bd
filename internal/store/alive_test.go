package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// TestAliveMeansTheSameInSQL compares the conditions of the statements with session.Valid, in every state that a row
// can be in.
func TestAliveMeansTheSameInSQL(t *testing.T) {
	onEach(t, func(f fixture) {
		for bits := range 24 {
			left := []time.Duration{time.Microsecond, 0, -time.Microsecond}[bits%3] // until the expiry
			ended, inactive, deleted := bits/3&1 > 0, bits/3&2 > 0, bits/3&4 > 0
			name := fmt.Sprintf("expires in %v, ended %v, inactive %v, deleted %v", left, ended, inactive, deleted)
			// A use of the rule that may change the row gets a row of its own.
			prepare := func(f fixture) (client, bool) {
				i := f.someone()
				c := f.signInAt(i, now.Add(left-testkit.Lifespan))
				if ended {
					f.logout(c, now.Add(-time.Second))
				}
				if inactive {
					f.raw(`UPDATE identities SET state = 'inactive' WHERE id = $1`, i.ID.String())
				}
				if deleted {
					f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: true}, now)
				}
				s, err := f.storedSession(c)
				f.ok(err)
				return c, s.Valid(now)
			}
			f.run(name, func(f fixture) {
				c, want := prepare(f)
				for use, alive := range map[string]func(f fixture, c client) bool{
					"check": func(f fixture, c client) bool { return f.valid(c, now) },
					"list": func(f fixture, c client) bool {
						return slices.Equal(f.list(session.Filter{Identity: &c.IdentityID, Active: new(true), Now: now}), []session.ID{c.ID})
					},
					"not listed as inactive": func(f fixture, c client) bool {
						return f.list(session.Filter{Identity: &c.IdentityID, Active: new(false), Now: now}) == nil && !deleted
					},
					"count": func(f fixture, c client) bool {
						return f.count(session.Filter{Identity: &c.IdentityID, Active: new(true), Now: now}) == 1
					},
					"extend": func(f fixture, c client) bool {
						done, err := extendTo(f.ctx, f.Store, c.ID, now.Add(time.Hour), session.ExtendRule{Now: now})
						f.ok(err)
						return done
					},
					"refresh": func(f fixture, c client) bool {
						err := refresh(f.ctx, f.Store, c.token, refreshed(c.Session, now), now)
						if !errors.Is(err, session.ErrNone) {
							f.ok(err)
						}
						return err == nil
					},
				} {
					if use == "extend" || use == "refresh" {
						c, want = prepare(f)
					}
					if got := alive(f, c); got != want {
						f.t.Errorf("%s: %v, but the rule says %v", use, got, want)
					}
				}
				// Ending asks the session alone: whose identity is inactive may still be ended.
				for use, end := range map[string]func(f fixture, c client) bool{
					"end by token": func(f fixture, c client) bool { return f.logout(c, now) && !ended && !deleted },
					"end by id":    func(f fixture, c client) bool { return f.end(session.Scope{IDs: []session.ID{c.ID}}, now) == 1 },
					"end by identity": func(f fixture, c client) bool {
						return f.end(session.Scope{Identities: []identity.ID{c.IdentityID}}, now) == 1
					},
				} {
					c, _ := prepare(f)
					s, err := f.storedSession(c)
					f.ok(err)
					s.Identity = nil
					if got, want := end(f, c), s.Valid(now); got != want {
						f.t.Errorf("%s: %v, but the rule says %v", use, got, want)
					}
					if f.valid(c, now) {
						f.t.Errorf("%s: the session is live afterwards", use)
					}
				}
			})
		}
	})
}

// storedSession reads a session's row, deleted or not, and not from any table in memory.
func (f fixture) storedSession(c client) (found *session.Session, err error) {
	err = f.engine.read(f.ctx, func(ctx context.Context, t *tx) error {
		found, err = t.sessionByToken(ctx, c.token)
		return err
	})
	return found, err
}
