package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// endings are all ways in which a session can be ended on purpose.
var endings = map[string]func(ctx context.Context, s *Store, c client) error{
	"logout": func(ctx context.Context, s *Store, c client) error {
		revoked, err := s.EndByToken(ctx, c.token, session.End{At: now, Reason: session.Logout})
		if err == nil && !revoked {
			err = session.ErrUnknownToken
		}
		return err
	},
	"end by id": func(ctx context.Context, s *Store, c client) error {
		_, err := s.EndSessions(ctx, session.Scope{IDs: []session.ID{c.ID}}, byAdmin(now))
		return err
	},
	"end by identity": func(ctx context.Context, s *Store, c client) error {
		_, err := s.EndSessions(ctx, session.Scope{Identities: []identity.ID{c.IdentityID}}, byAdmin(now))
		return err
	},
	"delete": func(ctx context.Context, s *Store, c client) error {
		_, err := s.EndSessions(ctx, session.Scope{IDs: []session.ID{c.ID}, Delete: true}, byAdmin(now))
		return err
	},
	"identity disabled": func(ctx context.Context, s *Store, c client) error {
		return edit(ctx, s, c.IdentityID, func(i *identity.Identity) { i.State = identity.Inactive })
	},
	"identity deleted": func(ctx context.Context, s *Store, c client) error {
		return s.DeleteIdentity(ctx, c.IdentityID, now)
	},
}

// edit changes an identity, again until nobody else was faster.
func edit(ctx context.Context, s *Store, id identity.ID, change func(*identity.Identity)) error {
	for {
		i, err := s.Identity(ctx, id)
		if err != nil {
			return err
		}
		version := i.UpdatedAt
		i.UpdatedAt = version.Add(time.Microsecond)
		change(i)
		if err := s.UpdateIdentity(ctx, i, version, identity.Admin); !errors.Is(err, identity.ErrChanged) {
			return err
		}
	}
}

// disturbances are what others do to a session and its identity at the same time.
var disturbances = []func(ctx context.Context, s *Store, c client, n int) error{
	func(ctx context.Context, s *Store, c client, n int) error {
		_, err := extendTo(ctx, s, c.ID, now.Add(testkit.Lifespan+time.Duration(n)*time.Second), session.ExtendRule{Now: now})
		return err
	},
	func(ctx context.Context, s *Store, c client, n int) error {
		return refresh(ctx, s, c.token, refreshed(c.Session, now.Add(time.Duration(n))), now)
	},
	func(ctx context.Context, s *Store, c client, n int) error {
		return edit(ctx, s, c.IdentityID, func(i *identity.Identity) { i.Traits = fmt.Appendf(nil, `{"n":%d}`, n) })
	},
	func(ctx context.Context, s *Store, c client, _ int) error {
		return edit(ctx, s, c.IdentityID, func(i *identity.Identity) { i.State = identity.Active })
	},
	func(ctx context.Context, s *Store, c client, _ int) error {
		another, secret := testkit.Session(&identity.Identity{ID: c.IdentityID}, now)
		return s.InsertSession(ctx, another, secret.Hash(), session.Limit{})
	},
	func(ctx context.Context, s *Store, c client, _ int) error {
		_, err := s.ListSessions(ctx, session.Filter{Identity: &c.IdentityID, Limit: 10, Now: now})
		return err
	},
}

// TestEndedSessionNeverCountsAgain ends sessions while others extend, refresh, check and change all around them. As soon
// as the end was answered, no check that starts may find the session live.
func TestEndedSessionNeverCountsAgain(t *testing.T) {
	onEach(t, func(f fixture) {
		const disturbers, checkers, actions = 4, 3, 8
		for name, finish := range endings {
			f.run(name, func(f fixture) {
				for round := range 3 {
					c := f.signIn(f.someone())
					var ended atomic.Bool
					var group sync.WaitGroup
					inspect := func() {
						over := ended.Load()
						s, err := f.SessionByToken(f.ctx, c.token)
						switch {
						case err != nil && !errors.Is(err, session.ErrNone):
							f.t.Errorf("checking: %v", err)
						case over && err == nil && s.Valid(now):
							f.t.Errorf("the session counts after its end (round %d)", round)
						}
					}
					for d := range disturbers {
						dice := rand.New(rand.NewPCG(uint64(round), uint64(d)))
						group.Go(func() {
							for n := range actions {
								act := disturbances[dice.IntN(len(disturbances))]
								if err := act(f.ctx, f.Store, c, n); !expected(err) {
									f.t.Errorf("disturbing: %v", err)
								}
								inspect()
							}
						})
					}
					for range checkers {
						group.Go(func() {
							for range actions * 5 {
								inspect()
							}
						})
					}
					group.Go(func() {
						for range round * 2 {
							inspect()
						}
						if err := finish(f.ctx, f.Store, c); err != nil {
							f.t.Errorf("ending: %v", err)
						}
						ended.Store(true)
						for range actions {
							inspect()
						}
					})
					group.Wait()
					inspect()
					if s, err := f.Session(f.ctx, c.ID); err == nil && s.End == nil {
						f.t.Error("the row does not say that the session ended")
					}
					if !f.logout(c, now) {
						f.t.Error("signing out afterwards is no success")
					}
				}
			})
		}
	})
}

// over is an end as it is kept: of a session whose time had run out it says so.
func over(end session.End, expiry time.Time) *session.End {
	if !expiry.After(end.At) {
		end.Reason = session.Expired
	}
	return &end
}

// TestStoreFollowsTheModel compares the store with a few lines of Go, whatever is asked of it in whatever order.
func TestStoreFollowsTheModel(t *testing.T) {
	onEach(t, func(f fixture) {
		rapid.Check(f.t, func(r *rapid.T) {
			i := f.someone()
			c := f.signIn(i)
			model := session.Session{ExpiresAt: c.ExpiresAt, Identity: &identity.Identity{State: identity.Active}}
			moment, hidden := now, false
			actions := []string{"check", "wait", "extend", "refresh", "logout", "end", "delete", "disable", "enable", "list"}
			for _, action := range rapid.SliceOfN(rapid.SampledFrom(actions), 1, 8).Draw(r, "actions") {
				alive, was := model.Valid(moment), model.End != nil
				running := !was && model.ExpiresAt.After(moment)
				switch action {
				case "wait":
					moment = moment.Add(time.Duration(rapid.IntRange(1, 45).Draw(r, "minutes")) * time.Minute)
				case "extend":
					done, err := extendTo(f.ctx, f.Store, c.ID, moment.Add(testkit.Lifespan), session.ExtendRule{Now: moment, Debounced: moment})
					f.ok(err)
					want := alive && model.ExpiresAt.Before(moment.Add(testkit.Lifespan))
					same(r, "extended", done, want)
					if want {
						model.ExpiresAt = moment.Add(testkit.Lifespan)
					}
				case "refresh":
					err := refresh(f.ctx, f.Store, c.token, refreshed(c.Session, moment), moment)
					same(r, "refreshed", err == nil, alive)
					if alive {
						model.ExpiresAt = moment.Add(testkit.Lifespan)
					}
				case "logout":
					same(r, "revoked", f.logout(c, moment), running || was && model.End.Reason != session.Expired)
					if !was {
						model.End = over(session.End{At: moment, Reason: session.Logout, By: i.ID.String()}, model.ExpiresAt)
					}
				case "end", "delete":
					n := f.end(session.Scope{IDs: []session.ID{c.ID}, Delete: action == "delete"}, moment)
					same(r, "changed", n == 1, (action == "delete" || running) && !hidden)
					if !was {
						model.End = over(byAdmin(moment), model.ExpiresAt)
					}
					hidden = hidden || action == "delete"
				case "disable", "enable":
					state := map[string]identity.State{"disable": identity.Inactive, "enable": identity.Active}[action]
					f.ok(edit(f.ctx, f.Store, i.ID, func(n *identity.Identity) { n.State, n.UpdatedAt = state, n.UpdatedAt.Add(moment.Sub(now)) }))
					model.Identity.State = state
					if stored, err := f.Identity(f.ctx, i.ID); state == identity.Inactive && !was && err == nil {
						model.End = over(session.End{At: stored.UpdatedAt, Reason: session.IdentityDisabled, By: session.Admin}, model.ExpiresAt)
					}
				case "list":
					got := f.list(session.Filter{Identity: &i.ID, Active: new(true), Now: moment})
					same(r, "listed", slices.Contains(got, c.ID), alive)
				}
				got := f.check(c)
				same(r, "valid", got.Valid(moment), model.Valid(moment))
				same(r, "ended", got.End != nil, model.End != nil)
				if got.End != nil && model.End != nil {
					same(r, "end", *got.End, *model.End)
				}
				same(r, "expiry", got.ExpiresAt, model.ExpiresAt)
				_, err := f.Session(f.ctx, c.ID)
				same(r, "found", fault.From(err) == nil, !hidden)
			}
		})
	})
}

func same[T comparable](r *rapid.T, what string, got, want T) {
	r.Helper()
	if got != want {
		r.Fatalf("%s: %v, want %v", what, got, want)
	}
}
