package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/session"
)

const (
	insertExchange query = `INSERT INTO exchanges (init_hash, return_hash, flow_id, session_id, expires_at) VALUES ($1, $2, $3, '', $4)`
	settleExchange query = `UPDATE exchanges SET session_id = $2, expires_at = $3 WHERE flow_id = $1 AND session_id = ''`
	exchangeByCode query = `
SELECT flow_id, session_id, expires_at FROM exchanges WHERE init_hash = $1 AND return_hash = $2 AND expires_at > $3`
	takeExchange query = `DELETE FROM exchanges WHERE init_hash = $1`
)

// InsertExchange implements session.Exchanges.
func (s *Store) InsertExchange(ctx context.Context, e session.Exchange) error {
	return s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, insertExchange, hashText(e.Init), hashText(e.Return), uuid.UUID(e.Flow).String(), micros(e.ExpiresAt))
		return err
	})
}

// SettleExchange implements session.Exchanges.
func (s *Store) SettleExchange(ctx context.Context, flow [16]byte, id session.ID, until time.Time) error {
	return s.write(ctx, manner{single: true, idempotent: true}, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, settleExchange, uuid.UUID(flow).String(), id.String(), micros(until))
		return err
	})
}

// Exchange implements session.Exchanges.
func (s *Store) Exchange(ctx context.Context, init, back session.TokenHash, now time.Time) (session.Exchange, error) {
	e := session.Exchange{Init: init, Return: back}
	var flow, id string
	var expires int64
	err := s.read(ctx, func(ctx context.Context, t *tx) error {
		return t.one(ctx, func(r scanner) error { return r.Scan(&flow, &id, &expires) }, exchangeByCode, hashText(init), hashText(back), micros(now))
	})
	if err != nil {
		return e, noRows(err, session.ErrNoExchange)
	}
	e.ExpiresAt = moment(expires)
	if id != "" {
		if err := parseUUID(id, &e.Session); err != nil {
			return e, err
		}
	}
	return e, parseUUID(flow, &e.Flow)
}

// TakeExchange implements session.Exchanges.
func (s *Store) TakeExchange(ctx context.Context, init session.TokenHash) (taken bool, err error) {
	err = s.write(ctx, manner{single: true}, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, takeExchange, hashText(init))
		taken = n > 0
		return err
	})
	return taken, err
}
