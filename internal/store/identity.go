package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// identityColumns are read into an identityRow.
const identityColumns query = `
       i.id, i.external_id, i.schema_id, i.state, i.state_changed_at, i.traits, i.verifiable, i.recovery,
       i.metadata_public, i.metadata_admin, i.organization_id, i.available_aal, i.created_at, i.updated_at`

type identityRow struct {
	id, schema, state, traits, verifiable, recovery, organization string
	external, public, admin                                       sql.NullString
	changed, created, updated                                     int64
	aal                                                           int
}

func (r *identityRow) dest() []any {
	return []any{&r.id, &r.external, &r.schema, &r.state, &r.changed, &r.traits, &r.verifiable, &r.recovery,
		&r.public, &r.admin, &r.organization, &r.aal, &r.created, &r.updated}
}

// stateOf lets all that are active share one text.
func stateOf(text string) identity.State {
	if text == string(identity.Active) {
		return identity.Active
	}
	return identity.State(text)
}

func (r *identityRow) identity() (*identity.Identity, error) {
	i := &identity.Identity{
		ExternalID: r.external.String, SchemaID: r.schema, State: stateOf(r.state), StateChangedAt: moment(r.changed),
		Traits: []byte(r.traits), OrganizationID: r.organization, AvailableAAL: identity.AAL(r.aal),
		CreatedAt: moment(r.created), UpdatedAt: moment(r.updated),
	}
	if r.public.Valid {
		i.MetadataPublic = []byte(r.public.String)
	}
	if r.admin.Valid {
		i.MetadataAdmin = []byte(r.admin.String)
	}
	return i, errors.Join(parseUUID(r.id, &i.ID), readAddresses(r.verifiable, &i.Verifiable), readAddresses(r.recovery, &i.Recovery))
}

const identityByID query = `SELECT` + identityColumns + ` FROM identities i WHERE i.id = $1`

const identityByExternalID query = `SELECT` + identityColumns + ` FROM identities i WHERE i.external_id = $1`

const identityByIdentifier query = `SELECT` + identityColumns + `
  FROM identities i JOIN credential_identifiers c ON c.identity_id = i.id
 WHERE c.identifier = $1 AND c.type = $2`

// Identity implements identity.Store.
func (s *Store) Identity(ctx context.Context, id identity.ID) (*identity.Identity, error) {
	return s.oneIdentity(ctx, identityByID, id.String())
}

// IdentityByExternalID implements identity.Store.
func (s *Store) IdentityByExternalID(ctx context.Context, externalID string) (*identity.Identity, error) {
	if unstorable(externalID) {
		return nil, identity.ErrNotFound
	}
	return s.oneIdentity(ctx, identityByExternalID, externalID)
}

// IdentityByIdentifier implements identity.Store.
func (s *Store) IdentityByIdentifier(ctx context.Context, t identity.CredentialType, identifier string) (*identity.Identity, error) {
	if unstorable(identifier) || unstorable(string(t)) {
		return nil, identity.ErrNotFound
	}
	return s.oneIdentity(ctx, identityByIdentifier, identifier, string(t))
}

func (s *Store) oneIdentity(ctx context.Context, q query, args ...any) (found *identity.Identity, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		var row identityRow
		if err := t.one(ctx, func(r scanner) error { return r.Scan(row.dest()...) }, q, args...); err != nil {
			return err
		}
		if found, err = row.identity(); err != nil {
			return err
		}
		return t.loadCredentials(ctx, []*identity.Identity{found})
	})
	return found, noRows(err, identity.ErrNotFound)
}

const insertIdentity query = `
INSERT INTO identities (id, external_id, schema_id, state, state_changed_at, traits, verifiable, recovery, metadata_public,
                        metadata_admin, organization_id, available_aal, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

// InsertIdentity implements identity.Store.
func (s *Store) InsertIdentity(ctx context.Context, i *identity.Identity) error {
	return s.write(ctx, manner{}, func(ctx context.Context, t *tx) error { return t.insertIdentity(ctx, i) })
}

func (t *tx) insertIdentity(ctx context.Context, i *identity.Identity) error {
	if err := storable(i); err != nil {
		return err
	}
	_, err := t.exec(ctx, insertIdentity, i.ID.String(), nullable([]byte(i.ExternalID)), i.SchemaID, string(i.State),
		micros(i.StateChangedAt), string(i.Traits), addressesDoc(i.Verifiable), addressesDoc(i.Recovery), nullable(i.MetadataPublic),
		nullable(i.MetadataAdmin), i.OrganizationID, int(i.AvailableAAL), micros(i.CreatedAt), micros(i.UpdatedAt))
	if err != nil {
		return taken(err)
	}
	if err := t.event(ctx, eventRow{at: micros(i.CreatedAt), kind: "identity_created", identity: i.ID.String(), actor: identity.ActorIn(ctx)}); err != nil {
		return err
	}
	return t.saveCredentials(ctx, i)
}

// errUnstorable means that some text is none to PostgreSQL. SQLite would take it, but a database may move.
var errUnstorable = fault.New(fault.Invalid, "text_unstorable", "A value of the identity holds a NUL character or is not UTF-8, and cannot be stored.")

func storable(i *identity.Identity) error {
	texts := []string{i.ExternalID, i.SchemaID, string(i.Traits), string(i.MetadataPublic), string(i.MetadataAdmin), i.OrganizationID}
	for _, c := range i.Credentials {
		texts = append(append(texts, string(c.Type), string(c.Config)), c.Identifiers...)
	}
	if slices.ContainsFunc(texts, unstorable) {
		return errUnstorable
	}
	return nil
}

// unstorable reports whether text can be in no row.
func unstorable(text string) bool { return !utf8.ValidString(text) || strings.ContainsRune(text, 0) }

// taken says that a unique value is in use, if that is what err means.
func taken(err error) error {
	if isUnique(err) {
		return identity.ErrTaken.Because(err)
	}
	return err
}

// InsertIdentities implements identity.Store. A savepoint around each keeps one's failure from the others.
func (s *Store) InsertIdentities(ctx context.Context, all []*identity.Identity) (results []error, err error) {
	err = s.write(ctx, manner{}, func(ctx context.Context, t *tx) error {
		results = make([]error, len(all))
		for n, i := range all {
			err := t.savepoint(ctx, func() error { return t.insertIdentity(ctx, i) })
			if err != nil && !errors.Is(err, identity.ErrTaken) && !errors.Is(err, errUnstorable) {
				return err
			}
			results[n] = err
		}
		return nil
	})
	return results, err
}

const (
	savepoint  query = `SAVEPOINT part`
	rollbackTo query = `ROLLBACK TO SAVEPOINT part`
	release    query = `RELEASE SAVEPOINT part`
)

// savepoint runs fn and takes back what it did if it fails.
func (t *tx) savepoint(ctx context.Context, fn func() error) error {
	if _, err := t.exec(ctx, savepoint); err != nil {
		return err
	}
	failed := fn()
	if failed != nil {
		if _, err := t.exec(ctx, rollbackTo); err != nil {
			return errors.Join(failed, err)
		}
		t.failed = nil
	}
	if _, err := t.exec(ctx, release); err != nil {
		return errors.Join(failed, err)
	}
	return failed
}

const updateIdentity query = `
UPDATE identities SET external_id = $3, schema_id = $4, state = $5, state_changed_at = $6, traits = $7, verifiable = $8,
       recovery = $9, metadata_public = $10, metadata_admin = $11, organization_id = $12, available_aal = $13, updated_at = $14
 WHERE id = $1 AND updated_at = $2`

const identityExists query = `SELECT updated_at FROM identities WHERE id = $1`

// UpdateIdentity implements identity.Store.
func (s *Store) UpdateIdentity(ctx context.Context, i *identity.Identity, version time.Time, by string) error {
	if err := storable(i); err != nil {
		return err
	}
	return s.write(ctx, manner{long: true}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, updateIdentity, i.ID.String(), micros(version), nullable([]byte(i.ExternalID)), i.SchemaID,
			string(i.State), micros(i.StateChangedAt), string(i.Traits), addressesDoc(i.Verifiable), addressesDoc(i.Recovery),
			nullable(i.MetadataPublic), nullable(i.MetadataAdmin), i.OrganizationID, int(i.AvailableAAL), micros(i.UpdatedAt))
		if err != nil {
			return taken(err)
		}
		if n == 0 {
			return t.whyNotUpdated(ctx, i.ID)
		}
		t.effects = append(t.effects, effect{kind: identityChanged, identity: i.ID})
		err = t.event(ctx, eventRow{at: micros(i.UpdatedAt), kind: "identity_updated", identity: i.ID.String(), reason: string(i.State), actor: by})
		if err != nil {
			return err
		}
		if err := t.saveCredentials(ctx, i); err != nil { // may wait for an identifier: sessions are not held meanwhile
			return err
		}
		return t.tellSessions(ctx, i, by)
	})
}

const newVersion query = `UPDATE sessions SET identity_version = $2 WHERE identity_id = $1 AND ended_at IS NULL`

// tellSessions makes a change of an identity show in the rows of its sessions: those of an active one get its version, those of
// another end. The identity's row is held by then, so that no session starts with the version before.
func (t *tx) tellSessions(ctx context.Context, i *identity.Identity, by string) error {
	if i.State != identity.Active {
		return t.endAllOf(ctx, i.ID, session.End{At: i.UpdatedAt, Reason: session.IdentityDisabled, By: by}, false)
	}
	_, err := t.exec(ctx, newVersion, i.ID.String(), micros(i.UpdatedAt))
	return err
}

func (t *tx) whyNotUpdated(ctx context.Context, id identity.ID) error {
	var version int64
	err := t.one(ctx, func(r scanner) error { return r.Scan(&version) }, identityExists, id.String())
	if err != nil {
		return noRows(err, identity.ErrNotFound)
	}
	return identity.ErrChanged
}

func (t *tx) endAllOf(ctx context.Context, id identity.ID, end session.End, gone bool) error {
	_, err := t.endSessions(ctx, session.Scope{Identities: []identity.ID{id}, Delete: gone}, end)
	return err
}

const deleteIdentity query = `DELETE FROM identities WHERE id = $1`

// DeleteIdentity implements identity.Store. The identity's row goes first: a sign-in that holds it commits before, and
// its session is then ended here; one that comes later finds no identity.
func (s *Store) DeleteIdentity(ctx context.Context, id identity.ID, now time.Time) error {
	return s.write(ctx, manner{long: true}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, deleteIdentity, id.String())
		if err != nil {
			return err
		}
		if n == 0 {
			return identity.ErrNotFound
		}
		t.effects = append(t.effects, effect{kind: identityChanged, identity: id})
		if err := t.event(ctx, eventRow{at: micros(now), kind: "identity_deleted", identity: id.String(), actor: identity.AdminIn(ctx)}); err != nil {
			return err
		}
		return t.endAllOf(ctx, id, session.End{At: now, Reason: session.IdentityDeleted, By: identity.AdminIn(ctx)}, true)
	})
}
