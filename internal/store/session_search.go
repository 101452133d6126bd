package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// A search looks at the next so many sessions, which an index finds, and chooses among them. $1 and $2 are the position, $3
// the earliest beginning, $4 the identity or ”, $5 how many to look at.
const (
	looked query = `
  FROM sessions
 WHERE created_at <= $1 AND (created_at < $1 OR id > $2) AND created_at >= $3`
	lookedAtAll   query = ` AND CAST($4 AS TEXT) = ''`
	lookedAtOne   query = ` AND identity_id = $4`
	lookedInOrder query = ` ORDER BY created_at DESC, id `

	lookedColumns query = `
SELECT id, identity_id, token_hash, created_at, issued_at, authenticated_at, expires_at, extended_at, aal, methods, devices,
       ended_at, end_reason, ended_by, deadline_at, last_seen_at, remembered, rotation, deleted`

	chosenSessions query = `) AS s JOIN identities i ON i.id = s.identity_id
 WHERE s.deleted = FALSE
   AND (CAST($6 AS TEXT) = ''
        OR ($6 = 'live' AND s.ended_at IS NULL AND s.expires_at > CAST($7 AS BIGINT) AND i.state = 'active')
        OR ($6 = 'ended' AND (s.ended_at IS NOT NULL OR s.expires_at <= CAST($7 AS BIGINT) OR i.state <> 'active')))
   AND (CAST($8 AS TEXT) = '' OR s.end_reason = $8)
   AND (CAST($9 AS BIGINT) = 0 OR s.aal = $9)
   AND (CAST($10 AS TEXT) = '' OR s.methods LIKE $10 ESCAPE '!')
   AND (CAST($11 AS TEXT) = '' OR s.devices LIKE $11 ESCAPE '!')
   AND (CAST($12 AS TEXT) = '' OR LOWER(s.devices) LIKE $12 ESCAPE '!')
 ORDER BY s.created_at DESC, s.id LIMIT $13`

	searchSessions   = `SELECT` + sessionColumns + `,` + identityColumns + ` FROM (` + lookedColumns + looked + lookedAtAll + lookedInOrder + `LIMIT $5` + chosenSessions
	searchSessionsOf = `SELECT` + sessionColumns + `,` + identityColumns + ` FROM (` + lookedColumns + looked + lookedAtOne + lookedInOrder + `LIMIT $5` + chosenSessions

	lastLooked   = `SELECT created_at, id` + looked + lookedAtAll + lookedInOrder + `LIMIT 1 OFFSET $5`
	lastLookedOf = `SELECT created_at, id` + looked + lookedAtOne + lookedInOrder + `LIMIT 1 OFFSET $5`
)

// SearchSessions implements session.Searcher. The database sorts out what cannot fit, by the text of the documents; what
// is left is compared as what it means.
func (s *Store) SearchSessions(ctx context.Context, q session.Search) (found session.Found, err error) {
	if unstorable(q.Browser) || unstorable(q.Method) {
		return session.Found{}, nil
	}
	find, last := searchSessions, lastLooked
	if q.Identity != nil {
		find, last = searchSessionsOf, lastLookedOf
	}
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		found = session.Found{}
		rows := 0
		err := t.each(ctx, func(r scanner) error {
			one, err := scanSession(r)
			if rows++; err != nil {
				return err
			}
			if rows > q.Limit {
				found.More = true
				return nil
			}
			found.AfterCreated, found.AfterID = one.CreatedAt, one.ID
			if q.Fits(one) {
				found.Sessions = append(found.Sessions, one)
			}
			return nil
		}, find, append(lookArgs(q, q.Scan), chooseArgs(q)...)...)
		if err != nil || found.More {
			return err
		}
		return t.lastLooked(ctx, last, q, &found)
	})
	return found, err
}

// lastLooked is where a search goes on that has looked at as many sessions as it may.
func (t *tx) lastLooked(ctx context.Context, last query, q session.Search, found *session.Found) error {
	err := t.one(ctx, func(r scanner) error {
		var created int64
		var id string
		if err := r.Scan(&created, &id); err != nil {
			return err
		}
		found.More, found.AfterCreated = true, moment(created)
		return parseUUID(id, &found.AfterID)
	}, last, lookArgs(q, q.Scan-1)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func lookArgs(q session.Search, scan int) []any {
	after, afterID, since, of := int64(math.MaxInt64), "", int64(0), ""
	if !q.AfterCreated.IsZero() {
		after, afterID = micros(q.AfterCreated), q.AfterID.String()
	}
	if !q.Since.IsZero() {
		since = micros(q.Since)
	}
	if q.Identity != nil {
		of = q.Identity.String()
	}
	return []any{after, afterID, since, of, scan}
}

func chooseArgs(q session.Search) []any {
	method, address := "", ""
	if q.Method != "" {
		method = holding(`"method":` + document(q.Method))
	}
	if q.Address.IsValid() {
		address = holding(`"ip":` + document(q.Address.String()))
	}
	browser := ""
	if q.Browser != "" {
		browser = holding(strings.ToLower(strings.Trim(document(q.Browser), `"`)))
	}
	return []any{string(q.State), micros(q.Now), string(q.Reason), int(q.AAL), method, address, browser, q.Limit + 1}
}

// holding is the pattern of texts that hold one. What is special in a pattern is not in the text.
func holding(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

const countRunning query = `
SELECT COUNT(*), COALESCE(SUM(CASE WHEN ended_at IS NULL AND expires_at > $1 THEN 1 ELSE 0 END), 0)
  FROM (SELECT ended_at, expires_at FROM sessions LIMIT $2) AS looked`

// CountRunning implements session.Searcher.
func (s *Store) CountRunning(ctx context.Context, now time.Time, scan int) (n int, more bool, err error) {
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		var looked int
		err := t.one(ctx, func(r scanner) error { return r.Scan(&looked, &n) }, countRunning, micros(now), scan)
		more = looked == scan
		return err
	})
	return n, more, err
}

// The order is that of the primary key, so no more is read than is shown.
const (
	identifiers      query = `SELECT identifier, identity_id FROM credential_identifiers WHERE identifier `
	identifiersUpTo  query = ` AND identifier < CAST($2 AS TEXT) || '` + "\U0010FFFF" + `' ORDER BY identifier, type LIMIT $3`
	identifiersFrom        = identifiers + `>= $1` + identifiersUpTo
	identifiersAfter       = identifiers + `> $1` + identifiersUpTo
)

// Identifiers implements identity.Store.
func (s *Store) Identifiers(ctx context.Context, prefix, after string, limit int) (all []identity.Identifier, err error) {
	if unstorable(prefix) || unstorable(after) {
		return nil, nil
	}
	q, from := identifiersAfter, after
	if after == "" {
		q, from = identifiersFrom, prefix
	}
	err = s.read(ctx, func(ctx context.Context, t *tx) error {
		all = nil
		return t.each(ctx, func(r scanner) error {
			var one identity.Identifier
			var id string
			if err := r.Scan(&one.Text, &id); err != nil {
				return err
			}
			err := parseUUID(id, &one.ID)
			all = append(all, one)
			return err
		}, q, from, prefix, limit)
	})
	return all, err
}
