package kratos

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// pageSize is how many identities or sessions are read, and stored, at once.
const pageSize = 500

// Everything is read as text, so that both engines answer alike and one odd value spoils one row and not a page. Columns
// are named, as their order differs from one installation to the next. PostgreSQL takes a bare id in ORDER BY for the text,
// which has no index.
const (
	someIdentities = `
SELECT CAST(id AS TEXT), schema_id, CAST(traits AS TEXT), state, CAST(state_changed_at AS TEXT), CAST(metadata_public AS TEXT),
       CAST(metadata_admin AS TEXT), CAST(organization_id AS TEXT), external_id, CAST(created_at AS TEXT), CAST(updated_at AS TEXT)
  FROM identities WHERE nid = ID($1) AND id > ID($2) ORDER BY identities.id LIMIT 500`

	credentialsOf = `
SELECT CAST(c.id AS TEXT), CAST(c.identity_id AS TEXT), t.name, CAST(c.config AS TEXT), CAST(c.version AS TEXT),
       CAST(c.created_at AS TEXT), CAST(c.updated_at AS TEXT)
  FROM identity_credentials c LEFT JOIN identity_credential_types t ON t.id = c.identity_credential_type_id
 WHERE c.nid = ID($1) AND c.identity_id IN IDS($2) ORDER BY c.id`

	// By credentials: SQLite has no index on the identity of an identifier.
	identifiersOf = `
SELECT CAST(identity_credential_id AS TEXT), identifier
  FROM identity_credential_identifiers WHERE nid = ID($1) AND identity_credential_id IN IDS($2) ORDER BY identifier`

	verifiableOf = `
SELECT CAST(id AS TEXT), CAST(identity_id AS TEXT), via, value, CASE WHEN verified IS TRUE THEN '1' ELSE '0' END, status,
       CAST(verified_at AS TEXT), CAST(created_at AS TEXT), CAST(updated_at AS TEXT)
  FROM identity_verifiable_addresses WHERE nid = ID($1) AND identity_id IN IDS($2) ORDER BY id`

	recoveryOf = `
SELECT CAST(id AS TEXT), CAST(identity_id AS TEXT), via, value, '0', '', NULL, CAST(created_at AS TEXT), CAST(updated_at AS TEXT)
  FROM identity_recovery_addresses WHERE nid = ID($1) AND identity_id IN IDS($2) ORDER BY id`

	// A session without a logout token is none to Kratos itself.
	someSessions = `
SELECT CAST(id AS TEXT), CAST(identity_id AS TEXT), token, CAST(expires_at AS TEXT), CAST(issued_at AS TEXT),
       CAST(authenticated_at AS TEXT), CAST(authentication_methods AS TEXT), CAST(created_at AS TEXT)
  FROM sessions
 WHERE nid = ID($1) AND id > ID($2) AND active IS TRUE AND token IS NOT NULL AND logout_token IS NOT NULL ORDER BY sessions.id LIMIT 500`

	devicesOf = `
SELECT CAST(id AS TEXT), CAST(session_id AS TEXT), ip_address, user_agent, location
  FROM session_devices WHERE nid = ID($1) AND session_id IN IDS($2) ORDER BY created_at, id`

	stateOfSessions = `
SELECT CAST(id AS TEXT), CASE WHEN active IS TRUE THEN '1' ELSE '0' END FROM sessions WHERE nid = ID($1) AND id IN IDS($2)`
)

// row is a row of texts.
type row []sql.NullString

func (r row) text(n int) string { return r[n].String }

// reader reads in one transaction.
type reader struct {
	tx    *sql.Tx
	words interface{ Replace(string) string }
}

// read runs fn in a read-only transaction: the one snapshot, or a short one of its own.
func (s *Source) read(ctx context.Context, fn func(reader) error) error {
	if s.snapshot != nil {
		return fn(reader{s.snapshot, s.words})
	}
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(reader{tx, s.words})
}

func (r reader) each(ctx context.Context, fn func(row) error, text string, args ...any) error {
	rows, err := r.tx.QueryContext(ctx, r.words.Replace(text), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		found := make(row, len(columns))
		into := make([]any, len(columns))
		for i := range found {
			into[i] = &found[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := fn(found); err != nil {
			return err
		}
	}
	return rows.Err()
}

// all returns the rows of a query.
func (r reader) all(ctx context.Context, text string, args ...any) (rows []row, err error) {
	err = r.each(ctx, func(x row) error {
		rows = append(rows, x)
		return nil
	}, text, args...)
	return rows, err
}

// by returns the rows of a query by what stands in one of their columns.
func (r reader) by(ctx context.Context, column int, text string, args ...any) (map[string][]row, error) {
	rows := map[string][]row{}
	err := r.each(ctx, func(x row) error {
		rows[x.text(column)] = append(rows[x.text(column)], x)
		return nil
	}, text, args...)
	return rows, err
}

func list(ids []string) string {
	b, _ := json.Marshal(ids) // texts cannot fail
	return string(b)
}

func column(rows []row, n int) []string {
	all := make([]string, len(rows))
	for i, x := range rows {
		all[i] = x.text(n)
	}
	return all
}

// person is all there is of an identity in the source.
type person struct {
	row                  row
	credentials          []row
	identifiers          map[string][]row // by the id of the credential
	verifiable, recovery []row
}

// people reads the next page of identities, and where the one after it begins.
func (s *Source) people(ctx context.Context, after string) (page []person, last string, err error) {
	err = s.read(ctx, func(r reader) error {
		rows, err := r.all(ctx, someIdentities, s.network, after)
		if err != nil || len(rows) == 0 {
			return err
		}
		parts, ids := make([]map[string][]row, 3), list(column(rows, 0))
		for i, q := range []string{credentialsOf, verifiableOf, recoveryOf} {
			if parts[i], err = r.by(ctx, 1, q, s.network, ids); err != nil {
				return err
			}
		}
		var credentials []string
		for _, all := range parts[0] {
			credentials = append(credentials, column(all, 0)...)
		}
		names, err := r.by(ctx, 0, identifiersOf, s.network, list(credentials))
		if err != nil {
			return err
		}
		for _, x := range rows {
			id := x.text(0)
			page = append(page, person{x, parts[0][id], names, parts[1][id], parts[2][id]})
		}
		last = rows[len(rows)-1].text(0)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("reading identities after %s: %w", after, err)
	}
	return page, last, err
}

// visit is all there is of a session in the source.
type visit struct {
	row     row
	devices []row
}

// visits reads the next page of sessions that nobody has revoked.
func (s *Source) visits(ctx context.Context, after string) (page []visit, last string, err error) {
	err = s.read(ctx, func(r reader) error {
		rows, err := r.all(ctx, someSessions, s.network, after)
		if err != nil || len(rows) == 0 {
			return err
		}
		devices, err := r.by(ctx, 1, devicesOf, s.network, list(column(rows, 0)))
		for _, x := range rows {
			page = append(page, visit{x, devices[x.text(0)]})
		}
		last = rows[len(rows)-1].text(0)
		return err
	})
	if err != nil {
		err = fmt.Errorf("reading sessions after %s: %w", after, err)
	}
	return page, last, err
}

// states says of sessions that are still there whether they are active.
func (s *Source) states(ctx context.Context, ids []string) (active map[string]bool, err error) {
	active = map[string]bool{}
	err = s.read(ctx, func(r reader) error {
		return r.each(ctx, func(x row) error {
			active[x.text(0)] = x.text(1) == "1"
			return nil
		}, stateOfSessions, s.network, list(ids))
	})
	return active, err
}

// Count is how many rows there are to read, to show how far an import has come.
func (s *Source) Count(ctx context.Context) (identities, sessions int, err error) {
	err = s.read(ctx, func(r reader) error {
		for q, n := range map[string]*int{
			`SELECT CAST(COUNT(*) AS TEXT) FROM identities WHERE nid = ID($1)`:                  &identities,
			`SELECT CAST(COUNT(*) AS TEXT) FROM sessions WHERE nid = ID($1) AND active IS TRUE`: &sessions,
		} {
			err := r.each(ctx, func(x row) error {
				_, err := fmt.Sscan(x.text(0), n)
				return err
			}, q, s.network)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return identities, sessions, err
}
