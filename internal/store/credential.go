package store

import (
	"context"
	"database/sql"
	"time"

	"exeunt/internal/identity"
)

const (
	deleteCredentials query = `DELETE FROM credentials WHERE identity_id = $1`
	deleteIdentifiers query = `DELETE FROM credential_identifiers WHERE identity_id = $1`
	insertCredential  query = `
INSERT INTO credentials (identity_id, type, identifiers, config, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)`
	insertIdentifier query = `INSERT INTO credential_identifiers (identifier, type, identity_id) VALUES ($1, $2, $3)`
)

// saveCredentials replaces the credentials of an identity and the identifiers that they reserve.
func (t *tx) saveCredentials(ctx context.Context, i *identity.Identity) error {
	for _, q := range []query{deleteCredentials, deleteIdentifiers} {
		if _, err := t.exec(ctx, q, i.ID.String()); err != nil {
			return err
		}
	}
	for _, c := range i.Credentials {
		_, err := t.exec(ctx, insertCredential, i.ID.String(), string(c.Type), document(c.Identifiers), nullable(c.Config),
			c.Version, micros(c.CreatedAt), micros(c.UpdatedAt))
		if err != nil {
			return err
		}
		for _, name := range c.Identifiers {
			if _, err := t.exec(ctx, insertIdentifier, name, string(c.Type), i.ID.String()); err != nil {
				return taken(err)
			}
		}
	}
	return nil
}

const credentialsOf query = `
SELECT identity_id, type, identifiers, config, version, created_at, updated_at
  FROM credentials WHERE identity_id IN ANY_OF($1)`

// loadCredentials completes identities with their credentials.
func (t *tx) loadCredentials(ctx context.Context, all []*identity.Identity) error {
	byID := map[string]*identity.Identity{}
	ids := make([]identity.ID, len(all))
	for n, i := range all {
		byID[i.ID.String()], ids[n] = i, i.ID
		i.Credentials = identity.Credentials{}
	}
	return t.each(ctx, func(r scanner) error {
		var owner, kind, identifiers string
		var config sql.NullString
		var c identity.Credential
		var created, updated int64
		if err := r.Scan(&owner, &kind, &identifiers, &config, &c.Version, &created, &updated); err != nil {
			return err
		}
		c.Type, c.CreatedAt, c.UpdatedAt = identity.CredentialType(kind), moment(created), moment(updated)
		if config.Valid {
			c.Config = []byte(config.String)
		}
		if err := parse(identifiers, &c.Identifiers); err != nil {
			return err
		}
		byID[owner].Credentials[c.Type] = c
		return nil
	}, credentialsOf, idList(ids))
}

const replaceConfig query = `
UPDATE credentials SET config = $4, updated_at = $5 WHERE identity_id = $1 AND type = $2 AND config = $3`

// ReplaceCredential implements identity.Store.
func (s *Store) ReplaceCredential(ctx context.Context, id identity.ID, kind identity.CredentialType, old, next []byte, now time.Time) (done bool, err error) {
	err = s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, replaceConfig, id.String(), string(kind), string(old), string(next), micros(now))
		done = n > 0
		return err
	})
	return done, err
}
