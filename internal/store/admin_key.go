package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/session"
)

const (
	insertAdminKey query = `
INSERT INTO admin_keys (id, name, secret_hash, scopes, created_at, created_by, expires_at, revoked_at, last_used_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)`

	revokeAdminKey query = `UPDATE admin_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0 RETURNING name`

	adminKeyExists query = `SELECT name FROM admin_keys WHERE id = $1`

	listAdminKeys query = `
SELECT id, name, scopes, created_at, created_by, expires_at, revoked_at, last_used_at FROM admin_keys
 ORDER BY created_at DESC, id LIMIT 1000`

	// There is one row at least, which says whether any key was not revoked.
	findAdminKeys query = `
SELECT a.kept, COALESCE(k.secret_hash, ''), COALESCE(k.id, ''), COALESCE(k.name, ''), COALESCE(k.scopes, '[]'), COALESCE(k.created_at, 0),
       COALESCE(k.created_by, ''), COALESCE(k.expires_at, 0), COALESCE(k.revoked_at, 0), COALESCE(k.last_used_at, 0)
  FROM (SELECT EXISTS (SELECT 1 FROM admin_keys WHERE revoked_at = 0) AS kept) AS a
  LEFT JOIN admin_keys k ON k.secret_hash IN ANY_OF($1)`

	touchAdminKey query = `UPDATE admin_keys SET last_used_at = $2 WHERE id = $1 AND last_used_at <= $3`
)

var _ admin.Store = (*Store)(nil)

// The kinds of events of keys. Their reason is the name of the key.
const (
	keyCreated = "key_created"
	keyRevoked = "key_revoked"
)

// InsertAdminKey implements admin.Store.
func (s *Store) InsertAdminKey(ctx context.Context, k *admin.Key, secret session.TokenHash) error {
	return s.write(ctx, manner{}, func(ctx context.Context, t *tx) error {
		t.keysChange()
		_, err := t.exec(ctx, insertAdminKey, k.ID, k.Name, hashText(secret), document(k.Scopes), micros(k.CreatedAt), k.CreatedBy, micros(k.ExpiresAt))
		if isUnique(err) {
			return admin.ErrNameTaken.Because(err)
		}
		if err != nil {
			return err
		}
		return t.event(ctx, eventRow{at: micros(k.CreatedAt), kind: keyCreated, reason: k.Name, actor: k.CreatedBy})
	})
}

// RevokeAdminKey implements admin.Store.
func (s *Store) RevokeAdminKey(ctx context.Context, id string, now time.Time, by string) error {
	fresh := false
	err := s.write(ctx, manner{}, func(ctx context.Context, t *tx) error {
		t.keysChange()
		var name string
		scan := func(r scanner) error { return r.Scan(&name) }
		err := t.one(ctx, scan, revokeAdminKey, id, micros(now))
		if fresh = err == nil; errors.Is(err, sql.ErrNoRows) {
			return noRows(t.one(ctx, scan, adminKeyExists, id), admin.ErrNoKey)
		}
		if err != nil {
			return err
		}
		return t.event(ctx, eventRow{at: micros(now), kind: keyRevoked, reason: name, actor: by})
	})
	if err != nil || fresh {
		return err
	}
	return s.Confirm(ctx)
}

func (t *tx) keysChange() { t.effects = append(t.effects, effect{kind: keysChanged}) }

// AdminKeys implements admin.Store.
func (s *Store) AdminKeys(ctx context.Context) (all []*admin.Key, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		return t.each(ctx, func(r scanner) error {
			k, err := scanAdminKey(r)
			all = append(all, k)
			return err
		}, listAdminKeys)
	})
	return all, err
}

// scanAdminKey reads a key from the end of a row, after what goes into before.
func scanAdminKey(r scanner, before ...any) (*admin.Key, error) {
	k := &admin.Key{}
	var scopes string
	var created, expires, revoked, used int64
	if err := r.Scan(append(before, &k.ID, &k.Name, &scopes, &created, &k.CreatedBy, &expires, &revoked, &used)...); err != nil {
		return nil, err
	}
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = moment(created), moment(expires), moment(revoked), moment(used)
	return k, parse(scopes, &k.Scopes)
}

// foundKey is what a look for a secret has found.
type foundKey struct {
	key *admin.Key // nil for none
	any bool
}

// AdminKey implements admin.Store. Looks that are asked for at the same moment are made together.
func (s *Store) AdminKey(ctx context.Context, secret session.TokenHash) (*admin.Key, bool, error) {
	if m := s.engine.keyMemory(); m != nil {
		if found, ok := m.recall(secret); ok {
			return found.key, found.any, nil
		}
	}
	found, _, err := s.keys.ask(ctx, secret, time.Time{})
	return found.key, found.any, err
}

// findKeys is how the merger of looks answers.
func (s *Store) findKeys(secrets []session.TokenHash, _ time.Time) (map[session.TokenHash]foundKey, error) {
	hashes := make([]string, len(secrets))
	for i, secret := range secrets {
		hashes[i] = hashText(secret)
	}
	memory, ticket := s.engine.keyMemory(), uint64(0)
	if memory != nil {
		ticket = memory.ticket()
	}
	byHash, kept := map[string]*admin.Key{}, false
	err := s.read(context.Background(), func(ctx context.Context, t *tx) error {
		clear(byHash)
		return t.each(ctx, func(r scanner) error {
			var hash string
			k, err := scanAdminKey(r, &kept, &hash)
			if k != nil && k.ID != "" {
				byHash[hash] = k
			}
			return err
		}, findAdminKeys, document(hashes))
	})
	if err != nil {
		return nil, err
	}
	found := make(map[session.TokenHash]foundKey, len(secrets))
	for i, secret := range secrets {
		found[secret] = foundKey{byHash[hashes[i]], kept}
	}
	if memory != nil {
		memory.fill(found, ticket)
	}
	return found, nil
}

// TouchAdminKey implements admin.Store.
func (s *Store) TouchAdminKey(ctx context.Context, id string, now, since time.Time) error {
	return s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		t.keysChange()
		_, err := t.exec(ctx, touchAdminKey, id, micros(now), micros(since))
		return err
	})
}
