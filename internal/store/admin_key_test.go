package store

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exeunt/internal/admin"
	"exeunt/internal/session"
)

// keyed stores a key.
func (f fixture) keyed(name string, expires time.Time) (*admin.Key, session.TokenHash) {
	f.t.Helper()
	k, hash := madeKey(name, expires)
	f.ok(f.InsertAdminKey(f.ctx, k, hash))
	return k, hash
}

func madeKey(name string, expires time.Time) (*admin.Key, session.TokenHash) {
	k := &admin.Key{ID: session.NewID().String(), Name: name, Scopes: []admin.Scope{admin.SessionsRead, admin.Settings}, CreatedAt: now, CreatedBy: "root", ExpiresAt: expires}
	return k, session.NewSecret(admin.InKey).Hash()
}

func (f fixture) foundKey(hash session.TokenHash, wantAny bool) *admin.Key {
	f.t.Helper()
	k, any, err := f.AdminKey(f.ctx, hash)
	if f.ok(err); any != wantAny {
		f.t.Errorf("it is %v that a key is asked for", any)
	}
	return k
}

func TestAdminKeysAreFoundByTheirSecretUntilTheyAreRevoked(t *testing.T) {
	onEach(t, func(f fixture) {
		none := session.TokenHash{}
		if f.foundKey(none, false) != nil {
			f.t.Error("there is a key before any was made")
		}
		k, hash := f.keyed("backend", now.Add(time.Hour))
		if diff := cmp.Diff(k, f.foundKey(hash, true)); diff != "" {
			f.t.Error(diff)
		}
		if f.foundKey(none, true) != nil || f.foundKey(session.NewSecret(admin.InKey).Hash(), true) != nil {
			f.t.Error("another secret finds the key")
		}
		again, other := madeKey("backend", time.Time{})
		f.is(f.InsertAdminKey(f.ctx, again, other), admin.ErrNameTaken)

		f.ok(f.TouchAdminKey(f.ctx, k.ID, now.Add(time.Minute), now))
		f.ok(f.TouchAdminKey(f.ctx, k.ID, now.Add(90*time.Second), now.Add(30*time.Second)))
		if at := f.foundKey(hash, true).LastUsedAt; !at.Equal(now.Add(time.Minute)) {
			f.t.Errorf("it was used at %v", at)
		}

		f.ok(f.RevokeAdminKey(f.ctx, k.ID, now.Add(time.Second), "root"))
		f.ok(f.RevokeAdminKey(f.ctx, k.ID, now.Add(time.Hour), "another"))
		f.is(f.RevokeAdminKey(f.ctx, again.ID, now, "root"), admin.ErrNoKey)
		if at := f.foundKey(hash, false).RevokedAt; !at.Equal(now.Add(time.Second)) {
			f.t.Errorf("it was revoked at %v", at)
		}
		f.ok(f.InsertAdminKey(f.ctx, again, other))
		all, err := f.AdminKeys(f.ctx)
		if f.ok(err); len(all) != 2 || f.number(`SELECT COUNT(*) FROM events WHERE kind IN ('key_created', 'key_revoked') AND reason = 'backend' AND actor = 'root'`) != 3 {
			f.t.Errorf("there are %d keys, or other events than those of three changes", len(all))
		}
		if f.number(`SELECT COUNT(*) FROM admin_keys WHERE secret_hash LIKE '%ory_pat_%'`) != 0 {
			f.t.Error("a secret is stored")
		}
	})
}

func TestOfKeysWithOneNameThatAreMadeAtOnceOneIs(t *testing.T) {
	onEach(t, func(f fixture) {
		results := make([]error, 8)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() {
				k, hash := madeKey("same", time.Time{})
				results[i] = f.InsertAdminKey(f.ctx, k, hash)
			})
		}
		all.Wait()
		made := len(slices.DeleteFunc(results, func(err error) bool { return errors.Is(err, admin.ErrNameTaken) }))
		if made != 1 || f.number(`SELECT COUNT(*) FROM admin_keys`) != 1 || f.number(`SELECT COUNT(*) FROM events WHERE kind = 'key_created'`) != 1 {
			f.t.Errorf("%d were made: %v", made, results)
		}
	})
}

func TestSettingsChangeFromTheVersionThatWasSeen(t *testing.T) {
	onEach(t, func(f fixture) {
		found, err := f.Settings(f.ctx)
		if f.ok(err); found != (Settings{Document: "{}"}) {
			f.t.Errorf("at first there is %+v", found)
		}
		changes := []SettingChange{{"session.lifespan", `"24h"`, `"12h"`}, {"session.limit.max", "0", "3"}}
		done, err := f.ChangeSettings(f.ctx, 0, `{"a":1}`, changes, now, "root")
		if f.ok(err); !done {
			f.t.Error("nothing was changed")
		}
		done, err = f.ChangeSettings(f.ctx, 0, `{"a":2}`, changes, now, "late")
		if f.ok(err); done {
			f.t.Error("a change from an old version was made")
		}
		found, err = f.Settings(f.ctx)
		if f.ok(err); found != (Settings{1, now, `{"a":1}`}) {
			f.t.Errorf("then there is %+v", found)
		}
		beside, err := SettingsBeside(f.ctx, f.dsn)
		if f.ok(err); beside != found {
			f.t.Errorf("beside it there is %+v", beside)
		}
		version, err := f.SettingsVersion(f.ctx)
		if f.ok(err); version != 1 || f.number(`SELECT COUNT(*) FROM events WHERE kind = 'settings_changed' AND actor = 'root' AND reason LIKE '{"key":"session.l%","before":%,"after":%}'`) != 2 ||
			f.number(`SELECT COUNT(*) FROM events WHERE kind = 'settings_changed'`) != 2 {
			f.t.Errorf("the version is %d, or there are other events", version)
		}
	})
}
