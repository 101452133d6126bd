package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"exeunt/internal/session"
)

// lookups finds the sessions of tokens. Each look-up asks the database for what can change in a row, and for the whole row
// only when that is not as it was when the row was read before.
type lookups struct {
	merger[session.TokenHash, *session.Session]
	engine   *postgresEngine
	readings *readings
}

// A stamp shows every change of a row: what is written without one of these columns is written with a new rotation, or, when it is taken
// over from elsewhere, a later extension. Of the identity it has the version, which is never given twice, as the row itself has it: the
// identity of a session that has not ended is then active. For a row that does not know it the identity is looked at, which makes a check half
// as dear again; there the number also says whether it is active. The first two columns are the token that was asked for and until when it works.
const (
	stampColumns query = `, s.rotation, s.expires_at, s.extended_at, s.ended_at, s.deadline_at, s.last_seen_at, `
	ownerVersion query = `CASE WHEN s.identity_version <> 0 THEN s.identity_version ELSE
       (SELECT CASE WHEN i.state = 'active' THEN i.updated_at ELSE -i.updated_at END FROM identities i WHERE i.id = s.identity_id) END`

	byToken    query = ` WHERE s.token_hash = ANY($1)`
	byPrevious query = ` WHERE s.previous_token_hash = ANY($1) AND s.previous_token_hash IS NOT NULL`
	withOwner  query = ` FROM sessions s JOIN identities i ON i.id = s.identity_id`

	stamps         query = `SELECT s.token_hash, CAST(0 AS BIGINT)` + stampColumns + ownerVersion + ` FROM sessions s` + byToken
	previousStamps query = `SELECT s.previous_token_hash, s.previous_until` + stampColumns + ownerVersion + ` FROM sessions s` + byPrevious

	stampedSessions query = `SELECT s.token_hash, CAST(0 AS BIGINT)` + stampColumns + ownerVersion + `,` + sessionColumns + `,` + identityColumns + withOwner + byToken + `
 UNION ALL SELECT s.previous_token_hash, s.previous_until` + stampColumns + ownerVersion + `,` + previousColumns + `,` + identityColumns + withOwner + byPrevious
)

// stampLength is how many columns make a stamp, with the two before it; the last is the identity's.
var stampLength = 2 + strings.Count(string(stampColumns), ",")

func newLookups(e *postgresEngine, cacheBytes int64) *lookups {
	l := &lookups{engine: e, readings: newReadings(cacheBytes)}
	l.merger = merger[session.TokenHash, *session.Session]{flights: e.dialect.flights, most: maxMerged, gather: e.dialect.gather, answer: l.query}
	return l
}

func (l *lookups) find(ctx context.Context, token session.TokenHash) (*session.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, found, err := l.wait(token, time.Time{}) // the database is given a few seconds at most
	if err == nil && !found {
		err = session.ErrNone
	}
	return s, err
}

// query asks for all tokens at once.
func (l *lookups) query(tokens []session.TokenHash, _ time.Time) (found map[session.TokenHash]*session.Session, err error) {
	defer func(start time.Time) { l.engine.meter.StoreTook("check", time.Since(start)) }(time.Now())
	err = l.engine.try(context.Background(), patience, true, func(ctx context.Context) error {
		found = make(map[session.TokenHash]*session.Session, len(tokens))
		fresh, err := l.compare(ctx, tokens, found)
		if err != nil || len(fresh) == 0 {
			return err
		}
		return l.read(ctx, fresh, found)
	})
	return found, err
}

// compare finds the sessions whose rows have not changed since they were read, and returns the tokens of the others. Only what is
// no session's token now is looked for among those that were replaced: a token is replaced once and never comes back, so that
// whichever was first, the replacement or the first of these statements, one of them sees it.
func (l *lookups) compare(ctx context.Context, tokens []session.TokenHash, found map[session.TokenHash]*session.Session) (fresh []session.TokenHash, err error) {
	for _, q := range []query{stamps, previousStamps} {
		err := l.each(ctx, q, tokens, func(rows pgx.Rows, token session.TokenHash, now stamp) error {
			if s := l.readings.known(token, now); s != nil {
				found[token] = s
				return nil
			}
			fresh = append(fresh, token)
			return nil
		})
		if tokens = missing(tokens, found, fresh); err != nil || len(tokens) == 0 {
			return fresh, err
		}
	}
	return fresh, nil
}

// missing returns those tokens that are neither found nor fresh.
func missing(tokens []session.TokenHash, found map[session.TokenHash]*session.Session, fresh []session.TokenHash) (rest []session.TokenHash) {
	for _, token := range tokens {
		if found[token] == nil && !slices.Contains(fresh, token) {
			rest = append(rest, token)
		}
	}
	return rest
}

// read reads whole rows.
func (l *lookups) read(ctx context.Context, tokens []session.TokenHash, found map[session.TokenHash]*session.Session) error {
	skipped := make([]any, stampLength)
	return l.each(ctx, stampedSessions, tokens, func(rows pgx.Rows, token session.TokenHash, now stamp) (err error) {
		var row sessionRow
		if err := rows.Scan(append(skipped[:stampLength:stampLength], row.dest()...)...); err != nil {
			return err
		}
		if found[token], err = row.session(); err == nil {
			l.readings.remember(token, now, found[token])
		}
		return err
	})
}

// each hands over the rows of a query with their tokens and stamps, which are valid until it returns.
func (l *lookups) each(ctx context.Context, q query, tokens []session.TokenHash, do func(pgx.Rows, session.TokenHash, stamp) error) error {
	rows, err := l.engine.checks.Query(ctx, string(q), hashTexts(tokens))
	if err != nil {
		return err
	}
	defer rows.Close()
	var now stamp
	for rows.Next() {
		values := rows.RawValues()[:stampLength]
		owner := values[stampLength-1:]
		if owner[0] == nil {
			continue // a session without its identity is none; where the row knew a version, it has ended and read finds no identity
		}
		token, err := parseHash(string(values[0]))
		if err != nil {
			return err
		}
		now.session = appendValues(now.session[:0], values[1:stampLength-1])
		now.identity = appendValues(now.identity[:0], owner)
		if err := do(rows, token, now); err != nil {
			return err
		}
	}
	return rows.Err()
}

// appendValues writes values one after the other. An absent value is an empty one; no column of a stamp may be both.
func appendValues(b []byte, values [][]byte) []byte {
	for _, v := range values {
		b = append(append(b, byte(len(v))), v...)
	}
	return b
}

func hashTexts(tokens []session.TokenHash) []string {
	texts := make([]string, len(tokens))
	for i, t := range tokens {
		texts[i] = hashText(t)
	}
	return texts
}

// lostConnection reports whether a connection broke under a statement.
func lostConnection(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || pgconn.Timeout(err)
}
