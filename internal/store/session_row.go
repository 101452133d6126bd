package store

import (
	"database/sql"
	"errors"

	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// sessionRow is what the database holds of a session and its identity. Two rows that are equal mean the same.
type sessionRow struct {
	id, identityID, token, methods, devices, reason, by string
	created, issued, authenticated, expires, extended   int64
	deadline, seen, rotation, tokenUntil                int64
	remembered                                          bool
	ended                                               sql.NullInt64
	aal                                                 int
	identity                                            identityRow
}

func (r *sessionRow) dest() []any {
	own := []any{&r.id, &r.identityID, &r.token, &r.created, &r.issued, &r.authenticated, &r.expires, &r.extended, &r.aal,
		&r.methods, &r.devices, &r.ended, &r.reason, &r.by, &r.deadline, &r.seen, &r.remembered, &r.rotation, &r.tokenUntil}
	return append(own, r.identity.dest()...)
}

func (r *sessionRow) session() (*session.Session, error) {
	i, err := r.identity.identity()
	if err != nil {
		return nil, err
	}
	s := &session.Session{
		Identity: i, CreatedAt: moment(r.created), IssuedAt: moment(r.issued), AuthenticatedAt: moment(r.authenticated),
		ExpiresAt: moment(r.expires), ExtendedAt: moment(r.extended), AAL: identity.AAL(r.aal), Remembered: r.remembered,
		Rotation: r.rotation,
		// A program of the release before writes neither of these.
		DeadlineAt: moment(max(r.deadline, r.expires)), LastSeenAt: moment(max(r.seen, r.issued)),
	}
	if until := moment(r.tokenUntil); !until.IsZero() {
		s.TokenUntil = &until
	}
	if r.ended.Valid {
		s.End = &session.End{At: moment(r.ended.Int64), Reason: session.Reason(r.reason), By: r.by}
	}
	return s, errors.Join(parseUUID(r.id, &s.ID), parseUUID(r.identityID, &s.IdentityID),
		readMethods(r.methods, &s.Methods), readDevices(r.devices, &s.Devices))
}

// scanSession reads sessionColumns and identityColumns.
func scanSession(r scanner) (*session.Session, error) {
	var row sessionRow
	if err := r.Scan(row.dest()...); err != nil {
		return nil, err
	}
	return row.session()
}
