package store

import (
	"context"

	"exeunt/internal/identity"
)

const listedIdentities query = `SELECT` + identityColumns + ` FROM identities i WHERE i.id > $1`

// What a filter adds; each has its one value as $2.
const (
	noFilter        query = ` AND CAST($2 AS TEXT) = ''`
	byIDs           query = ` AND i.id IN ANY_OF($2)`
	byIdentifier    query = ` AND i.id IN (SELECT identity_id FROM credential_identifiers WHERE identifier = $2)`
	byOrganization  query = ` AND i.organization_id = $2`
	byIdentifierFew query = " AND i.id IN (SELECT identity_id FROM credential_identifiers" +
		" WHERE identifier >= $2 AND identifier < CAST($2 AS TEXT) || '" + "\U0010FFFF" + "')"
	identityPage query = ` ORDER BY i.id LIMIT $3 OFFSET $4`
)

func identityFilter(f identity.Filter) (query, string) {
	switch {
	case len(f.IDs) > 0:
		return byIDs, idList(f.IDs)
	case f.Identifier != "":
		return byIdentifier, f.Identifier
	case f.IdentifierPrefix != "":
		return byIdentifierFew, f.IdentifierPrefix
	case f.Organization != "":
		return byOrganization, f.Organization
	}
	return noFilter, ""
}

// ListIdentities implements identity.Store.
func (s *Store) ListIdentities(ctx context.Context, f identity.Filter) (all []*identity.Identity, err error) {
	filter, value := identityFilter(f)
	if unstorable(value) {
		return nil, nil
	}
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		err := t.each(ctx, func(r scanner) error {
			var row identityRow
			if err := r.Scan(row.dest()...); err != nil {
				return err
			}
			i, err := row.identity()
			all = append(all, i)
			return err
		}, listedIdentities+filter+identityPage, f.After, value, f.Limit, f.Offset)
		if err != nil || !f.WithCredentials {
			return err
		}
		return t.loadCredentials(ctx, all)
	})
	return all, err
}

const countedIdentities query = `SELECT COUNT(*) FROM identities i WHERE i.id > $1`

// CountIdentities implements identity.Store.
func (s *Store) CountIdentities(ctx context.Context, f identity.Filter) (n int, err error) {
	filter, value := identityFilter(f)
	if unstorable(value) {
		return 0, nil
	}
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&n) }, countedIdentities+filter, "", value)
	})
	return n, err
}
