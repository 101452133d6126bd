package store

import (
	"context"
	"math"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// The conditions repeat the rule "alive" of the session package, and the new deadline its lengths; the conformance suite
// compares the two. A program of the release before leaves deadline_at and last_seen_at at zero. $2 is a lifespan from now, $3 that of a remembered session, $4 the longest life, $5 how long a session
// may go unused.
const (
	nextDeadline query = `LEAST(CASE WHEN remembered THEN CAST($3 AS BIGINT) ELSE CAST($2 AS BIGINT) END, created_at + CAST($4 AS BIGINT))`
	extendable   query = ` WHERE id IN ANY_OF($1)` + isExtendable
	freeOnes     query = ` WHERE id = ANY(ARRAY(SELECT id FROM sessions WHERE id IN ANY_OF($1) FOR UPDATE SKIP LOCKED))` + isExtendable
	isExtendable query = `
   AND ended_at IS NULL AND deleted = FALSE AND expires_at > $6
   AND GREATEST(deadline_at, expires_at) < ` + nextDeadline + ` AND GREATEST(deadline_at, expires_at) <= $7 AND extended_at <= $8
   AND EXISTS (SELECT 1 FROM identities i WHERE i.id = sessions.identity_id AND i.state = 'active')`
	wasExtended query = ` RETURNING id, identity_id, token_hash, 'session_extended' AS kind, extended_at AS at, `
)

// Who was away for too long, by rules that were made stricter since, is not brought back by an administrator.
const (
	extendByAdmin query = `
UPDATE sessions SET deadline_at = ` + nextDeadline + `, expires_at = LEAST(` + nextDeadline + `, ` + unusedUntil + `), extended_at = $6`
	unusedUntil query = `GREATEST(last_seen_at, issued_at) + CAST($5 AS BIGINT)`
	wasUsed     query = ` AND ` + unusedUntil + ` > $6`
)

// extendFree leaves out rows that somebody else holds at the moment, as endFreeByTokens does.
var (
	extendSession = newChange(extendByAdmin + extendable + wasUsed + wasExtended + `'' AS reason, CAST($9 AS TEXT) AS actor`)
	extendFree    = newChange(extendByAdmin + freeOnes + wasUsed + wasExtended + `'' AS reason, CAST($9 AS TEXT) AS actor`)
	slideSession  = newChange(`
UPDATE sessions SET deadline_at = ` + nextDeadline + `, expires_at = LEAST(` + nextDeadline + `, CAST($6 AS BIGINT) + CAST($5 AS BIGINT)), extended_at = $6, last_seen_at = $6` +
		extendable + ` AND rotation = $9` + wasExtended + `'activity' AS reason, identity_id AS actor`)
)

// ExtendSession implements session.Store.
func (s *Store) ExtendSession(ctx context.Context, id session.ID, rule session.ExtendRule) (done bool, err error) {
	key := extending{id: id, lengths: rule.Lengths, window: -1, debounce: rule.Now.Sub(rule.Debounced), by: identity.AdminIn(ctx)}
	if rule.Window != nil {
		key.window = *rule.Window
	}
	if t, ok := ctx.Value(txKey{}).(*tx); ok {
		extended, err := t.extendAll(ctx, extendSession, []extending{key}, rule.Now)
		return extended[key], err
	}
	if _, done, err = s.extends.ask(ctx, key, rule.Now); err != nil || done || !s.engine.speaks().shared {
		return done, err
	}
	_, done, err = s.heldExtends.ask(ctx, key, rule.Now)
	return done, err
}

// SlideSession implements session.Store.
func (s *Store) SlideSession(ctx context.Context, id session.ID, rotation int64, rule session.ExtendRule) (done bool, err error) {
	err = s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		rows, err := t.change(ctx, slideSession, append(extendArgs([]session.ID{id}, rule), rotation)...)
		done = len(rows) > 0
		return err
	})
	return done, err
}

// extending names a session to extend, and the rule without its moment; window is negative for none.
type extending struct {
	id               session.ID
	lengths          session.Lengths
	window, debounce time.Duration
	by               string
}

// rule is that of an extension that takes place now.
func (e extending) rule(now time.Time) session.ExtendRule {
	rule := session.ExtendRule{Now: now, Lengths: e.lengths}
	if e.debounce < math.MaxInt64 { // what is longer than a duration can be is for ever
		rule.Debounced = now.Add(-e.debounce)
	}
	if e.window >= 0 {
		rule.Window = &e.window
	}
	return rule
}

// extending is how the mergers of extensions answer.
func (s *Store) extending(how change) func(keys []extending, now time.Time) (map[extending]bool, error) {
	return func(keys []extending, now time.Time) (done map[extending]bool, err error) {
		err = s.write(context.Background(), manner{single: true}, func(ctx context.Context, t *tx) error {
			done, err = t.extendAll(ctx, how, keys, now)
			return err
		})
		return done, err
	}
}

// extendAll extends sessions, with one statement for each rule.
func (t *tx) extendAll(ctx context.Context, how change, keys []extending, now time.Time) (map[extending]bool, error) {
	byRule := map[extending][]session.ID{}
	for _, k := range keys {
		id := k.id
		k.id = session.ID{}
		byRule[k] = append(byRule[k], id)
	}
	done := make(map[extending]bool, len(keys))
	for rule, ids := range byRule {
		rows, err := t.change(ctx, how, append(extendArgs(ids, rule.rule(now)), rule.by)...)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if err := parseUUID(row.id, &rule.id); err != nil {
				return nil, err
			}
			done[rule] = true
		}
	}
	return done, nil
}

// never is a length that nothing lives for, small enough to be added to a moment.
const never = int64(1) << 60

func length(d time.Duration) int64 {
	if d == 0 {
		return never
	}
	return d.Microseconds()
}

// extendArgs are what the statements that extend take.
func extendArgs(ids []session.ID, rule session.ExtendRule) []any {
	latest := int64(math.MaxInt64)
	if rule.Window != nil {
		latest = micros(rule.Now.Add(*rule.Window))
	}
	l := rule.Lengths
	return []any{idList(ids), micros(rule.Now.Add(l.For(false))), micros(rule.Now.Add(l.For(true))),
		length(l.Max), length(l.Unused()), micros(rule.Now), latest, micros(rule.Debounced)}
}

const touchSessions query = `
UPDATE sessions SET last_seen_at = $2, expires_at = LEAST(GREATEST(deadline_at, expires_at), CAST($2 AS BIGINT) + CAST($3 AS BIGINT))
 WHERE id IN ANY_OF($1) AND ended_at IS NULL AND deleted = FALSE AND expires_at > $2 AND last_seen_at <= $4
RETURNING token_hash, last_seen_at, expires_at`

// TouchSessions implements session.Store.
func (s *Store) TouchSessions(ctx context.Context, ids []session.ID, now, since time.Time, idle time.Duration) (err error) {
	return s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		return t.each(ctx, func(r scanner) error {
			var hash string
			e := effect{kind: sessionSeen}
			if err := r.Scan(&hash, &e.seen, &e.expires); err != nil {
				return err
			}
			e.token, err = parseHash(hash)
			t.effects = append(t.effects, e)
			return err
		}, touchSessions, idList(ids), micros(now), length(idle), micros(since))
	})
}

var refreshSession = newChange(`
UPDATE sessions SET issued_at = $2, authenticated_at = $3, expires_at = $4, deadline_at = $5, last_seen_at = $6, aal = $7,
       methods = $8, devices = $9, rotation = rotation + 1, token_hash = $11, due_at = LEAST(due_at, $4),
       previous_token_hash = CASE WHEN token_hash = $11 THEN previous_token_hash ELSE token_hash END,
       previous_until = CASE WHEN token_hash = $11 THEN previous_until ELSE $10 END
 WHERE id = $1 AND rotation = $12 AND ended_at IS NULL AND deleted = FALSE AND expires_at > $13
   AND (CAST($16 AS BIGINT) = 0 OR identity_version IN (0, CAST($16 AS BIGINT)))
   AND EXISTS (SELECT 1 FROM identities i WHERE i.id = sessions.identity_id AND i.state = 'active')
RETURNING id, identity_id, COALESCE(previous_token_hash, token_hash) AS token_hash, CAST($14 AS TEXT) AS kind, CAST($13 AS BIGINT) AS at,
          CAST($15 AS TEXT) AS reason, identity_id AS actor`)

// RefreshSession implements session.Store. It may give a session less time than it had, which is then due earlier. Its
// effects concern both tokens: two requests may end up with the same new one. When a lost connection has left the outcome
// unknown it is repeated, and then finds another rotation: a caller who begins anew with the same token ends up with that,
// and nobody is left with one that was replaced. Others make room only when it is known that the session takes it.
func (s *Store) RefreshSession(ctx context.Context, n *session.Session, token session.TokenHash, r session.Renewed) (done bool, err error) {
	limited := r.Limit.Max > 0 && r.Kind == session.SessionSteppedUp
	_, among := ctx.Value(txKey{}).(*tx) // other changes, which may be of other sessions of this identity
	err = s.write(ctx, manner{single: !limited, idempotent: true}, func(ctx context.Context, t *tx) error {
		if limited || among { // the identity's row before those of its sessions, as all do
			if err := t.hold(ctx, idList([]identity.ID{n.IdentityID})); err != nil {
				return err
			}
		}
		rows, err := t.change(ctx, refreshSession, n.ID.String(), micros(n.IssuedAt), micros(n.AuthenticatedAt), micros(n.ExpiresAt),
			micros(n.DeadlineAt), micros(n.LastSeenAt), int(n.AAL), methodsDoc(n.Methods), devicesDoc(n.Devices),
			micros(r.PreviousUntil), hashText(token), n.Rotation, micros(r.Now), r.Kind, r.Reason, version(r.Identity))
		if done = len(rows) > 0; !done || err != nil {
			return err
		}
		t.effects = append(t.effects, effect{kind: sessionSeen, token: token})
		if limited {
			return t.makeRoom(ctx, n, r.Limit, r.Now)
		}
		return nil
	})
	return done, err
}
