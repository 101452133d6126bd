package store

import (
	"testing"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/kratos"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// arrival is an identity with a session, as an import brings them.
func arrival(fingerprint string) (kratos.Identity, kratos.Session, session.Secret) {
	i := testkit.Identity(testkit.Email())
	s, token := testkit.Session(i, now)
	return kratos.Identity{Identity: i, Source: "there", Fingerprint: fingerprint},
		kratos.Session{Session: s, Token: token.Hash(), Source: "there", Fingerprint: fingerprint, Until: s.ExpiresAt}, token
}

func (f fixture) takes(want kratos.Fate, all ...kratos.Identity) {
	f.t.Helper()
	fates, err := f.TakeIdentities(f.ctx, all, now)
	f.ok(err)
	if last := fates[len(fates)-1]; last != want {
		f.t.Errorf("the fate of an identity is %d, want %d", last, want)
	}
}

func (f fixture) takesSession(want kratos.Fate, s kratos.Session) {
	f.t.Helper()
	fates, err := f.TakeSessions(f.ctx, []kratos.Session{s}, now)
	f.ok(err)
	if fates[0] != want {
		f.t.Errorf("the fate of a session is %d, want %d", fates[0], want)
	}
}

func (f fixture) live(token session.Secret) bool {
	f.t.Helper()
	s, err := f.SessionByToken(f.ctx, token.Hash())
	return err == nil && s.Valid(now)
}

func TestAnImportBringsNobodyBack(t *testing.T) {
	onEach(t, func(f fixture) {
		f.run("a session that ended here, even when nothing is left of its row", func(f fixture) {
			i, s, token := arrival("1")
			f.takes(kratos.Added, i)
			f.takesSession(kratos.Added, s)
			f.takesSession(kratos.Unchanged, s)
			f.alike()
			if !f.live(token) {
				f.t.Fatal("an imported session does not count")
			}
			_, err := f.EndByToken(f.ctx, token.Hash(), session.End{At: now, Reason: session.Logout})
			f.ok(err)
			f.takesSession(kratos.Unchanged, s)
			s.Fingerprint, s.Until = "2", s.Until.Add(time.Hour)
			f.takesSession(kratos.Over, s)
			f.raw(`DELETE FROM sessions WHERE id = $1`, s.ID.String())
			f.takesSession(kratos.Unchanged, s)
			s.Fingerprint = "3"
			f.takesSession(kratos.Over, s)
			if f.live(token) {
				f.t.Error("it counts again")
			}
		})
		f.run("a session that was extended here is not shortened, and one whose token was replaced is left alone", func(f fixture) {
			i, s, token := arrival("1")
			f.takes(kratos.Added, i)
			f.takesSession(kratos.Added, s)
			shorter := s
			shorter.Session, shorter.Fingerprint = s.Session.Of(i.Identity), "2"
			shorter.ExpiresAt, shorter.DeadlineAt = s.ExpiresAt.Add(-time.Minute), s.DeadlineAt.Add(-time.Minute)
			f.takesSession(kratos.Updated, shorter)
			if found, err := f.SessionByToken(f.ctx, token.Hash()); err != nil || !found.ExpiresAt.Equal(s.ExpiresAt) {
				f.t.Errorf("the session was shortened: %v", err)
			}
			fresh := session.NewSecret(session.InCookie)
			done, err := f.RefreshSession(f.ctx, s.Session, fresh.Hash(), session.Renewed{Now: now, PreviousUntil: now.Add(time.Second), Kind: session.SessionRefreshed})
			if f.ok(err); !done {
				f.t.Fatal("not refreshed")
			}
			s.Fingerprint = "3"
			f.takesSession(kratos.Over, s)
			if !f.live(fresh) {
				f.t.Error("the token that took the place of the imported one does not count")
			}
		})
		f.run("an identity that was removed here", func(f fixture) {
			i, s, token := arrival("1")
			f.takes(kratos.Added, i)
			f.takesSession(kratos.Added, s)
			f.ok(f.DeleteIdentity(f.ctx, i.ID, now))
			f.takes(kratos.Removed, i)
			i.Fingerprint = "2"
			f.takes(kratos.Removed, i)
			f.takesSession(kratos.Unchanged, s)
			if f.live(token) {
				f.t.Error("its session counts again")
			}
		})
	})
}

func TestAnImportTakesNothingFromOthers(t *testing.T) {
	onEach(t, func(f fixture) {
		own := f.someone()
		i, _, _ := arrival("1")
		i.Credentials[identity.Password] = own.Credentials[identity.Password]
		f.takes(kratos.Taken, i)
		i, _, _ = arrival("1")
		i.ID = own.ID
		f.takes(kratos.Present, i)
		first, second := firstOf(arrival("1")), firstOf(arrival("1"))
		second.Credentials[identity.Password] = first.Credentials[identity.Password]
		f.takes(kratos.Taken, first, second)
		i, _, _ = arrival("1")
		i.Traits = []byte(`{"email": "a` + "\x00" + `@example.com"}`)
		f.takes(kratos.Unstorable, i)

		c := f.signIn(own)
		i, s, _ := arrival("1")
		f.takesSession(kratos.NoIdentity, s)
		f.takes(kratos.Added, i)
		s.Token = c.token
		f.takesSession(kratos.Taken, s)
		i, s, _ = arrival("1")
		i.State = identity.Inactive
		f.takes(kratos.Added, i)
		f.takesSession(kratos.NotActive, s)
	})
}

func firstOf(i kratos.Identity, _ kratos.Session, _ session.Secret) kratos.Identity { return i }

func TestWhatEndedElsewhereEnds(t *testing.T) {
	onEach(t, func(f fixture) {
		i, s, token := arrival("1")
		f.takes(kratos.Added, i)
		f.takesSession(kratos.Added, s)
		other, err := f.TakenSessions(f.ctx, "elsewhere", session.ID{}, 10)
		f.ok(err)
		taken, err := f.TakenSessions(f.ctx, "there", session.ID{}, 10)
		f.ok(err)
		if len(other) != 0 || len(taken) != 1 || taken[0].ID != s.ID || !taken[0].Until.Equal(s.Until) {
			f.t.Fatalf("taken from elsewhere %v, from there %v", other, taken)
		}
		for want := range 2 {
			n, err := f.EndTaken(f.ctx, []session.ID{s.ID}, now)
			if f.ok(err); n != 1-want {
				f.t.Errorf("ended %d", n)
			}
		}
		if f.live(token) {
			f.t.Error("it still counts")
		}
		found, err := f.Session(f.ctx, s.ID)
		if f.ok(err); found.End == nil || found.End.Reason != session.Revoked || found.End.By != kratos.Actor {
			f.t.Errorf("its end is %+v", found.End)
		}
	})
}
