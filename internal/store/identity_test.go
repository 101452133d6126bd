package store

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// full is an identity that uses every field.
func full() *identity.Identity {
	i := testkit.Identity(testkit.Email())
	at := now.Add(time.Minute)
	i.ExternalID, i.OrganizationID = "ext-"+i.ID.String(), uuid.NewString()
	i.Traits = json.RawMessage(`{"email" : "Ünï@example.com", "n": 1.0}`)
	i.MetadataPublic, i.MetadataAdmin = json.RawMessage(`{"a":[1, 2]}`), json.RawMessage(`"secret"`)
	i.Verifiable[0].Verified, i.Verifiable[0].Status, i.Verifiable[0].VerifiedAt = true, identity.StatusCompleted, at
	i.Credentials[identity.Code] = identity.Credential{Type: identity.Code, Identifiers: []string{testkit.Email(), testkit.Email()}, Version: 2, CreatedAt: now, UpdatedAt: at}
	i.Credentials[identity.TOTP] = identity.Credential{Type: identity.TOTP, Config: json.RawMessage(`{"url": "otpauth://totp/x"}`), CreatedAt: now, UpdatedAt: at}
	i.AvailableAAL = identity.AAL2
	return i
}

func TestIdentityIsReadAsItWasWritten(t *testing.T) {
	onEach(t, func(f fixture) {
		want := full()
		f.ok(f.InsertIdentity(f.ctx, want))
		read := map[string]func() (*identity.Identity, error){
			"by id":          func() (*identity.Identity, error) { return f.Identity(f.ctx, want.ID) },
			"by external id": func() (*identity.Identity, error) { return f.IdentityByExternalID(f.ctx, want.ExternalID) },
			"by identifier": func() (*identity.Identity, error) {
				return f.IdentityByIdentifier(f.ctx, identity.Code, want.Credentials[identity.Code].Identifiers[1])
			},
			"in a list": func() (*identity.Identity, error) {
				all, err := f.ListIdentities(f.ctx, identity.Filter{IDs: []identity.ID{want.ID}, WithCredentials: true, Limit: 10})
				if err != nil || len(all) != 1 {
					return nil, errors.Join(err, identity.ErrNotFound)
				}
				return all[0], nil
			},
		}
		for how, find := range read {
			f.run(how, func(f fixture) {
				got, err := find()
				f.ok(err)
				if diff := cmp.Diff(want, got); diff != "" {
					f.t.Error(diff)
				}
			})
		}
		f.run("in a list without credentials", func(f fixture) {
			all, err := f.ListIdentities(f.ctx, identity.Filter{IDs: []identity.ID{want.ID}, Limit: 10})
			f.ok(err)
			if len(all) != 1 || all[0].Credentials != nil {
				f.t.Errorf("got %+v", all)
			}
		})
	})
}

func TestIdentityThatIsNotThere(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		name := i.Credentials[identity.Password].Identifiers[0]
		_, err := f.Identity(f.ctx, identity.NewID())
		f.is(err, identity.ErrNotFound)
		for _, id := range []string{"nobody", "", "nul\x00", "not\xffutf8"} {
			_, err = f.IdentityByExternalID(f.ctx, id)
			f.is(err, identity.ErrNotFound)
		}
		for kind, names := range map[identity.CredentialType][]string{
			identity.Password: {"nobody", "", name + " ", name[:len(name)-1], "nul\x00", "not\xffutf8", "%", "_"},
			identity.Code:     {name},
			"pass\x00":        {name},
		} {
			for _, n := range names {
				_, err = f.IdentityByIdentifier(f.ctx, kind, n)
				f.is(err, identity.ErrNotFound)
			}
		}
		f.is(f.UpdateIdentity(f.ctx, testkit.Identity(testkit.Email()), now, identity.Admin), identity.ErrNotFound)
		f.is(f.DeleteIdentity(f.ctx, identity.NewID(), now), identity.ErrNotFound)
		done, err := f.ReplaceCredential(f.ctx, identity.NewID(), identity.Password, []byte("a"), []byte("b"), now)
		f.ok(err)
		if done {
			f.t.Error("a credential of nobody was replaced")
		}
	})
}

func TestUniqueValuesBelongToOneIdentity(t *testing.T) {
	onEach(t, func(f fixture) {
		holder := full()
		f.ok(f.InsertIdentity(f.ctx, holder))
		name := holder.Credentials[identity.Password].Identifiers[0]
		clashes := map[string]func(*identity.Identity){
			"the identifier of a type": func(i *identity.Identity) { i.Credentials = testkit.Identity(name).Credentials },
			"one identifier of several": func(i *identity.Identity) {
				i.Credentials[identity.Code] = identity.Credential{Type: identity.Code, Identifiers: []string{testkit.Email(), holder.Credentials[identity.Code].Identifiers[1]}}
			},
			"the external id": func(i *identity.Identity) { i.ExternalID = holder.ExternalID },
			"the id":          func(i *identity.Identity) { i.ID = holder.ID },
		}
		for what, clash := range clashes {
			f.run("inserting with "+what+" is refused and stores nothing", func(f fixture) {
				i := testkit.Identity(testkit.Email())
				kept := i.Credentials[identity.Password].Identifiers[0]
				clash(i)
				f.is(f.InsertIdentity(f.ctx, i), identity.ErrTaken)
				if i.ID != holder.ID {
					_, err := f.Identity(f.ctx, i.ID)
					f.is(err, identity.ErrNotFound)
				}
				_, err := f.IdentityByIdentifier(f.ctx, identity.Password, kept)
				f.is(err, identity.ErrNotFound)
			})
			if what == "the id" {
				continue
			}
			f.run("updating to "+what+" is refused and changes nothing", func(f fixture) {
				i := f.someone()
				c := f.signIn(i)
				next := *i
				next.State, next.UpdatedAt, next.Credentials = identity.Inactive, now.Add(time.Second), testkit.Identity(testkit.Email()).Credentials
				clash(&next)
				f.is(f.UpdateIdentity(f.ctx, &next, i.UpdatedAt, identity.Admin), identity.ErrTaken)
				got, err := f.Identity(f.ctx, i.ID)
				f.ok(err)
				if diff := cmp.Diff(i, got); diff != "" {
					f.t.Error(diff)
				}
				if !f.valid(c, now) {
					f.t.Error("the session ended although the update failed")
				}
			})
		}
		f.run("the same identifier of another type is free", func(f fixture) {
			i := testkit.Identity(testkit.Email())
			i.Credentials[identity.WebAuthn] = identity.Credential{Type: identity.WebAuthn, Identifiers: []string{name}}
			f.ok(f.InsertIdentity(f.ctx, i))
		})
		f.run("any number may have no external id", func(f fixture) {
			f.someone()
			f.someone()
		})
		f.run("keeping its own values is no clash", func(f fixture) {
			f.update(holder, func(next *identity.Identity) { next.Traits = json.RawMessage(`{}`) })
		})
		f.run("an identifier is free again after it was given up", func(f fixture) {
			a := f.someone()
			given := a.Credentials
			f.update(a, func(next *identity.Identity) { next.Credentials = testkit.Identity(testkit.Email()).Credentials })
			b := testkit.Identity(testkit.Email())
			b.Credentials = given
			f.ok(f.InsertIdentity(f.ctx, b))
			f.ok(f.DeleteIdentity(f.ctx, b.ID, now))
			c := testkit.Identity(testkit.Email())
			c.Credentials = given
			f.ok(f.InsertIdentity(f.ctx, c))
		})
	})
}

func TestOneOfManyWhoWantAnIdentifierGetsIt(t *testing.T) {
	onEach(t, func(f fixture) {
		email := testkit.Email()
		errs := together(8, func(int) error { return f.InsertIdentity(f.ctx, testkit.Identity(email)) })
		if won := tally(f, errs, identity.ErrTaken); won != 1 {
			f.t.Errorf("%d of 8 got the identifier", won)
		}
		if n, err := f.CountIdentities(f.ctx, identity.Filter{Identifier: email}); err != nil || n != 1 {
			f.t.Errorf("%d identities are stored, %v", n, err)
		}
	})
}

func TestUpdateIdentityIsOptimistic(t *testing.T) {
	onEach(t, func(f fixture) {
		f.run("an update replaces everything", func(f fixture) {
			i := f.someone()
			want := full()
			want.ID, want.CreatedAt, want.UpdatedAt = i.ID, i.CreatedAt, i.UpdatedAt.Add(time.Microsecond)
			f.ok(f.UpdateIdentity(f.ctx, want, i.UpdatedAt, identity.Admin))
			got, err := f.Identity(f.ctx, i.ID)
			f.ok(err)
			if diff := cmp.Diff(want, got); diff != "" {
				f.t.Error(diff)
			}
			_, err = f.IdentityByIdentifier(f.ctx, identity.Password, i.Credentials[identity.Password].Identifiers[0])
			f.is(err, identity.ErrNotFound)
		})
		f.run("an update of an older version is refused", func(f fixture) {
			i := f.someone()
			newer := f.update(i, func(*identity.Identity) {})
			next := *i
			next.UpdatedAt, next.State = now.Add(time.Second), identity.Inactive
			c := f.signIn(newer)
			f.is(f.UpdateIdentity(f.ctx, &next, i.UpdatedAt, identity.Admin), identity.ErrChanged)
			if !f.valid(c, now) {
				f.t.Error("the session ended although the update was refused")
			}
		})
		f.run("one of many updates of the same version succeeds", func(f fixture) {
			i := f.someone()
			errs := together(8, func(n int) error {
				next := *i
				next.UpdatedAt = i.UpdatedAt.Add(time.Duration(n+1) * time.Microsecond)
				return f.UpdateIdentity(f.ctx, &next, i.UpdatedAt, identity.Admin)
			})
			if won := tally(f, errs, identity.ErrChanged); won != 1 {
				f.t.Errorf("%d of 8 updates succeeded", won)
			}
		})
		f.run("an update of a deleted identity finds none", func(f fixture) {
			i := f.someone()
			f.ok(f.DeleteIdentity(f.ctx, i.ID, now))
			f.is(f.UpdateIdentity(f.ctx, i, i.UpdatedAt, identity.Admin), identity.ErrNotFound)
		})
	})
}

func TestIdentityStateDecidesOverSessions(t *testing.T) {
	onEach(t, func(f fixture) {
		disable := func(i *identity.Identity) *identity.Identity {
			return f.update(i, func(next *identity.Identity) { next.State = identity.Inactive })
		}
		f.run("making an identity inactive ends its sessions and no others", func(f fixture) {
			i, other := f.someone(), f.signIn(f.someone())
			a, b, gone := f.signIn(i), f.signIn(i), f.signIn(i)
			f.logout(gone, now)
			next := disable(i)
			for _, c := range []client{a, b} {
				want := session.End{At: next.UpdatedAt, Reason: session.IdentityDisabled, By: session.Admin}
				if got := f.check(c).End; got == nil || *got != want {
					f.t.Errorf("got %+v, want %+v", got, want)
				}
			}
			if got := f.check(gone).End.Reason; got != session.Logout {
				f.t.Errorf("the reason of an ended session became %s", got)
			}
			if !f.valid(other, now) {
				f.t.Error("somebody else's session ended")
			}
		})
		f.run("making it active again revives none", func(f fixture) {
			i := f.someone()
			c := f.signIn(i)
			i = disable(i)
			i = f.update(i, func(next *identity.Identity) { next.State = identity.Active })
			if f.valid(c, now) || f.count(session.Filter{Identity: &i.ID, Active: new(true), Now: now}) != 0 {
				f.t.Error("a session is live again")
			}
			if !f.valid(f.signIn(i), now) {
				f.t.Error("a new session does not count")
			}
		})
		f.run("no session starts for an inactive identity or for none", func(f fixture) {
			i := f.someone()
			disable(i)
			for _, who := range []*identity.Identity{i, testkit.Identity(testkit.Email())} {
				s, token := testkit.Session(who, now)
				f.is(f.InsertSession(f.ctx, s, token.Hash(), session.Limit{}), session.ErrIdentityInactive)
				_, err := f.SessionByToken(f.ctx, token.Hash())
				f.is(err, session.ErrNone)
			}
		})
		f.run("no session starts by what was proved of an identity before it changed", func(f fixture) {
			i := f.someone()
			next := f.update(i, func(next *identity.Identity) { next.Traits = json.RawMessage(`{"new":true}`) })
			for _, limit := range []session.Limit{{}, {Max: 2, Policy: session.Deny}} {
				s, token := testkit.Session(i, now)
				f.is(f.InsertSession(f.ctx, s, token.Hash(), limit), identity.ErrChanged)
				_, err := f.SessionByToken(f.ctx, token.Hash())
				f.is(err, session.ErrNone)
			}
			if !f.valid(f.signIn(next), now) {
				f.t.Error("a new session does not count")
			}
		})
		f.run("an update that leaves it active ends nothing and is seen in its sessions", func(f fixture) {
			i := f.someone()
			c := f.signIn(i)
			f.check(c)
			f.update(i, func(next *identity.Identity) { next.Traits = json.RawMessage(`{"new":true}`) })
			if got := f.check(c); !got.Valid(now) || string(got.Identity.Traits) != `{"new":true}` {
				f.t.Errorf("the session shows %s", got.Identity.Traits)
			}
			f.alike()
		})
	})
}

func TestDeletedIdentityLeavesNothingButTombstones(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		live, ended, expired := f.signIn(i), f.signIn(i), f.signInAt(i, now.Add(-2*testkit.Lifespan))
		f.logout(ended, now)
		for _, c := range []client{live, ended, expired} {
			f.check(c)
		}
		at := now.Add(time.Minute)
		f.ok(f.DeleteIdentity(f.ctx, i.ID, at))

		for name, c := range map[string]client{"live": live, "ended": ended, "expired": expired} {
			_, err := f.SessionByToken(f.ctx, c.token)
			f.is(err, session.ErrNone)
			_, err = f.Session(f.ctx, c.ID)
			f.is(err, session.ErrNotFound)
			if revoked := f.logout(c, at.Add(time.Minute)); revoked != (name != "expired") {
				f.t.Errorf("signing out of the %s session answers %v", name, revoked)
			}
		}
		if f.list(session.Filter{Identity: &i.ID}) != nil || f.count(session.Filter{}) != 0 {
			f.t.Error("sessions are still listed")
		}
		if n := f.number(`SELECT COUNT(*) FROM sessions WHERE deleted = TRUE AND methods = '[]' AND devices = '[]'`); n != 3 {
			f.t.Errorf("%d of 3 sessions were wiped", n)
		}
		if n := f.number(`SELECT COUNT(*) FROM sessions WHERE end_reason = 'identity_deleted' AND ended_at = $1`, micros(at)); n != 1 {
			f.t.Errorf("%d sessions ended with the identity, want 1", n)
		}
		for _, q := range []query{`SELECT COUNT(*) FROM identities`, `SELECT COUNT(*) FROM credentials`, `SELECT COUNT(*) FROM credential_identifiers`} {
			if n := f.number(q); n != 0 {
				f.t.Errorf("%s: %d rows are left", q, n)
			}
		}
		f.is(f.DeleteIdentity(f.ctx, i.ID, at), identity.ErrNotFound)
	})
}

func TestReplaceCredential(t *testing.T) {
	onEach(t, func(f fixture) {
		i := f.someone()
		old, next := i.Credentials[identity.Password].Config, identity.PasswordConfig("$argon2id$next")
		replace := func(id identity.ID, kind identity.CredentialType, old []byte) bool {
			done, err := f.ReplaceCredential(f.ctx, id, kind, old, next, now.Add(time.Second))
			f.ok(err)
			return done
		}
		if replace(i.ID, identity.Password, []byte("{}")) || replace(i.ID, identity.Code, old) || replace(identity.NewID(), identity.Password, old) {
			f.t.Error("a credential that does not match was replaced")
		}
		won := slices.Repeat([]bool{false}, 8)
		together(len(won), func(n int) (err error) {
			won[n], err = f.ReplaceCredential(f.ctx, i.ID, identity.Password, old, next, now.Add(time.Second))
			return err
		})
		if slices.Index(won, true) < 0 || slices.Contains(won[slices.Index(won, true)+1:], true) {
			f.t.Errorf("one of many should replace the same config: %v", won)
		}
		got, err := f.Identity(f.ctx, i.ID)
		f.ok(err)
		c := got.Credentials[identity.Password]
		if string(c.Config) != string(next) || !c.UpdatedAt.Equal(now.Add(time.Second)) || !slices.Equal(c.Identifiers, i.Credentials[identity.Password].Identifiers) {
			f.t.Errorf("got %+v", c)
		}
	})
}

func TestInsertIdentitiesStoresWhatCanBe(t *testing.T) {
	onEach(t, func(f fixture) {
		taken := f.someone()
		first, other := full(), full()
		twin := full()
		twin.ExternalID = first.ExternalID
		clash := testkit.Identity(string(taken.Credentials[identity.Password].Identifiers[0]))
		same := testkit.Identity(testkit.Email())
		same.ID = first.ID
		all := []*identity.Identity{first, clash, twin, same, other}
		results, err := f.InsertIdentities(f.ctx, all)
		f.ok(err)
		for n, want := range []error{nil, identity.ErrTaken, identity.ErrTaken, identity.ErrTaken, nil} {
			f.is(results[n], want)
			got, err := f.Identity(f.ctx, all[n].ID)
			switch {
			case want == nil:
				f.ok(err)
				if diff := cmp.Diff(all[n], got); diff != "" {
					f.t.Error(diff)
				}
			case all[n] != same:
				f.is(err, identity.ErrNotFound)
			}
		}
		f.run("none at all is no failure", func(f fixture) {
			results, err := f.InsertIdentities(f.ctx, nil)
			f.ok(err)
			if len(results) != 0 {
				f.t.Errorf("got %v", results)
			}
		})
	})
}
