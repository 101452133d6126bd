package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/kratos"
)

// The kinds of rows that were imported.
const (
	importedIdentity = "identity"
	importedSession  = "session"
)

// imported is what is known of a row that was imported before.
type imported struct {
	fingerprint string
	version     int64
}

const (
	importedOnes query = `SELECT id, fingerprint, version FROM imports WHERE id IN ANY_OF($1) AND kind = $2`
	saveImports  query = `
INSERT INTO imports (kind, id, source, fingerprint, version)
SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS TEXT), CAST(value ->> 3 AS TEXT), CAST(value ->> 4 AS BIGINT) FROM JSON_ROWS($1)
 WHERE TRUE
    ON CONFLICT (id, kind) DO UPDATE SET fingerprint = excluded.fingerprint, version = excluded.version`
)

func (t *tx) importedOnes(ctx context.Context, kind, ids string) (map[string]imported, error) {
	found := map[string]imported{}
	return found, t.each(ctx, func(r scanner) error {
		var id string
		var was imported
		err := r.Scan(&id, &was.fingerprint, &was.version)
		found[id] = was
		return err
	}, importedOnes, ids, kind)
}

// rows are rows to insert with one statement.
type rows [][]any

func (t *tx) insertAll(ctx context.Context, q query, all rows) error {
	if len(all) == 0 {
		return nil
	}
	_, err := t.exec(ctx, q, document(all))
	return err
}

const (
	identityVersions query = `SELECT id, updated_at FROM identities WHERE id IN ANY_OF($1)`
	namesInUse       query = `SELECT identifier, type, identity_id FROM credential_identifiers WHERE identifier IN ANY_OF($1)`
	externalInUse    query = `SELECT external_id, '', id FROM identities WHERE external_id IN ANY_OF($1)`
)

// TakeIdentities implements kratos.Target. The page is judged first and then stored with a few statements; a server that
// takes one of its names at the same moment has the database refuse all of it, and it is judged once more.
func (s *Store) TakeIdentities(ctx context.Context, all []kratos.Identity, now time.Time) (fates []kratos.Fate, err error) {
	for range maxAttempts {
		err = s.write(ctx, manner{long: true, idempotent: true}, func(ctx context.Context, t *tx) error {
			fates, err = s.takeIdentities(context.WithValue(ctx, txKey{}, t), t, all, now)
			return err
		})
		if !errors.Is(err, identity.ErrTaken) {
			break
		}
	}
	return fates, err
}

func (s *Store) takeIdentities(ctx context.Context, t *tx, all []kratos.Identity, now time.Time) ([]kratos.Fate, error) {
	page, err := t.openPage(ctx, all)
	if err != nil {
		return nil, err
	}
	fates := make([]kratos.Fate, len(all))
	var fresh []kratos.Identity
	var saved rows
	for n, i := range all {
		fates[n] = page.fate(i)
		switch fates[n] {
		case kratos.Added:
			fresh = append(fresh, i)
		case kratos.Updated:
			if fates[n], err = s.retake(ctx, t, i, page.versions[i.ID.String()], now); err != nil {
				return nil, err
			}
		}
		if fates[n] == kratos.Added || fates[n] == kratos.Updated {
			page.reserve(i)
			saved = append(saved, []any{importedIdentity, i.ID.String(), i.Source, i.Fingerprint, micros(i.UpdatedAt)})
		}
	}
	if err := t.insertIdentities(ctx, fresh, now); err != nil {
		return nil, err
	}
	return fates, t.insertAll(ctx, saveImports, saved)
}

// page is what the database has to do with a page of identities.
type page struct {
	imported map[string]imported
	versions map[string]int64
	owners   map[[2]string]string // who has a name of a type, or, without a type, an external id
}

func (t *tx) openPage(ctx context.Context, all []kratos.Identity) (p page, err error) {
	ids, names, externals := make([]identity.ID, len(all)), []string{}, []string{}
	for n, i := range all {
		ids[n] = i.ID
		if storable(i.Identity) != nil {
			continue
		}
		if i.ExternalID != "" {
			externals = append(externals, i.ExternalID)
		}
		for _, c := range i.Credentials {
			names = append(names, c.Identifiers...)
		}
	}
	p = page{versions: map[string]int64{}, owners: map[[2]string]string{}}
	if p.imported, err = t.importedOnes(ctx, importedIdentity, idList(ids)); err != nil {
		return p, err
	}
	err = t.each(ctx, func(r scanner) error {
		var id string
		var version int64
		err := r.Scan(&id, &version)
		p.versions[id] = version
		return err
	}, identityVersions, idList(ids))
	if err != nil {
		return p, err
	}
	owner := func(r scanner) error {
		var name, kind, id string
		err := r.Scan(&name, &kind, &id)
		p.owners[[2]string{kind, name}] = id
		return err
	}
	return p, errors.Join(t.each(ctx, owner, namesInUse, document(names)), t.each(ctx, owner, externalInUse, document(externals)))
}

// fate is what is to become of an identity. One that has changed on both sides stays as it is here: what its owner or an
// administrator did after the switch counts.
func (p *page) fate(i kratos.Identity) kratos.Fate {
	id := i.ID.String()
	version, exists := p.versions[id]
	was, before := p.imported[id]
	switch {
	case storable(i.Identity) != nil:
		return kratos.Unstorable
	case before && !exists:
		return kratos.Removed
	case before && was.fingerprint == i.Fingerprint:
		return kratos.Unchanged
	case before && was.version != version:
		return kratos.Changed
	case exists && !before:
		return kratos.Present
	case !p.free(i):
		return kratos.Taken
	case exists:
		return kratos.Updated
	}
	return kratos.Added
}

func keys(i *identity.Identity) (all [][2]string) {
	if i.ExternalID != "" {
		all = append(all, [2]string{"", i.ExternalID})
	}
	for _, c := range i.Credentials {
		for _, name := range c.Identifiers {
			all = append(all, [2]string{string(c.Type), name})
		}
	}
	return all
}

// free reports whether nobody else has a name or the external id of an identity.
func (p *page) free(i kratos.Identity) bool {
	return !slices.ContainsFunc(keys(i.Identity), func(k [2]string) bool { return p.owners[k] != "" && p.owners[k] != i.ID.String() })
}

func (p *page) reserve(i kratos.Identity) {
	for _, k := range keys(i.Identity) {
		p.owners[k] = i.ID.String()
	}
}

// retake gives an identity that was imported before the form that it has now.
func (s *Store) retake(ctx context.Context, t *tx, i kratos.Identity, version int64, now time.Time) (kratos.Fate, error) {
	i.UpdatedAt = now
	if before := moment(version); !now.After(before) {
		i.UpdatedAt = before.Add(time.Microsecond)
	}
	err := t.savepoint(ctx, func() error {
		if err := s.UpdateIdentity(ctx, i.Identity, moment(version), kratos.Actor); err != nil {
			return err
		}
		return t.noteUsed(ctx, i)
	})
	if errors.Is(err, identity.ErrTaken) {
		return kratos.Taken, nil
	}
	return kratos.Updated, err
}

const insertIdentities query = `
INSERT INTO identities (id, external_id, schema_id, state, state_changed_at, traits, verifiable, recovery, metadata_public,
                        metadata_admin, organization_id, available_aal, created_at, updated_at)
SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS TEXT), CAST(value ->> 3 AS TEXT), CAST(value ->> 4 AS BIGINT),
       CAST(value ->> 5 AS TEXT), CAST(value ->> 6 AS TEXT), CAST(value ->> 7 AS TEXT), CAST(value ->> 8 AS TEXT), CAST(value ->> 9 AS TEXT),
       CAST(value ->> 10 AS TEXT), CAST(value ->> 11 AS SMALLINT), CAST(value ->> 12 AS BIGINT), CAST(value ->> 13 AS BIGINT)
  FROM JSON_ROWS($1)`

const insertCredentials query = `
INSERT INTO credentials (identity_id, type, identifiers, config, version, created_at, updated_at)
SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS TEXT), CAST(value ->> 3 AS TEXT),
       CAST(value ->> 4 AS SMALLINT), CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS BIGINT)
  FROM JSON_ROWS($1)`

const insertIdentifiers query = `
INSERT INTO credential_identifiers (identifier, type, identity_id)
SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS TEXT) FROM JSON_ROWS($1)`

const insertCreated query = `
INSERT INTO events (id, at, kind, session_id, identity_id, reason, actor)
SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS BIGINT), 'identity_created', '', CAST(value ->> 2 AS TEXT), '', 'import' FROM JSON_ROWS($1)`

func (t *tx) insertIdentities(ctx context.Context, all []kratos.Identity, now time.Time) error {
	var identities, credentials, identifiers, events rows
	for _, i := range all {
		id := i.ID.String()
		identities = append(identities, []any{id, nullable([]byte(i.ExternalID)), i.SchemaID, i.State, micros(i.StateChangedAt), string(i.Traits),
			addressesDoc(i.Verifiable), addressesDoc(i.Recovery), nullable(i.MetadataPublic), nullable(i.MetadataAdmin), i.OrganizationID,
			int(i.AvailableAAL), micros(i.CreatedAt), micros(i.UpdatedAt)})
		for _, c := range i.Credentials {
			credentials = append(credentials, []any{id, c.Type, document(c.Identifiers), nullable(c.Config), c.Version, micros(c.CreatedAt), micros(c.UpdatedAt)})
			for _, name := range c.Identifiers {
				identifiers = append(identifiers, []any{name, c.Type, id})
			}
		}
		events = append(events, []any{eventID(), micros(now), id})
	}
	t.noted = t.noted || len(all) > 0
	for _, part := range []struct {
		into query
		rows rows
	}{{insertIdentities, identities}, {insertCredentials, credentials}, {insertIdentifiers, identifiers}, {insertCreated, events}} {
		if err := t.insertAll(ctx, part.into, part.rows); err != nil {
			return taken(err)
		}
	}
	for _, i := range all {
		if err := t.noteUsed(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// noteUsed notes the recovery codes that were used before.
func (t *tx) noteUsed(ctx context.Context, i kratos.Identity) error {
	for _, used := range i.Used {
		if _, err := t.exec(ctx, useCode, i.ID.String(), used.Hash, micros(used.At), forever); err != nil {
			return err
		}
	}
	return nil
}
