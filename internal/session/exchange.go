package session

import (
	"context"
	"errors"
	"time"

	"exeunt/internal/fault"
)

// Exchange is the way of a session that was started in one place to the native client that waits for it in another: the
// client holds one code from the beginning, and gets the other with the address that it is sent back to. Whoever has both
// gets a token of the session, once.
type Exchange struct {
	Init, Return TokenHash // of the two codes
	Flow         [16]byte  // id of the flow that starts the session
	Session      ID        // zero until it has
	ExpiresAt    time.Time
}

// exchangeTime is how long after the sign-in the codes can be exchanged.
const exchangeTime = 5 * time.Minute

// Exchanges keeps exchanges. Its methods are atomic, as those of [Store] are.
type Exchanges interface {
	// InsertExchange stores a new one.
	InsertExchange(ctx context.Context, e Exchange) error

	// SettleExchange says which session a flow has started, and until when it can be fetched.
	SettleExchange(ctx context.Context, flow [16]byte, id ID, until time.Time) error

	// Exchange returns the one that both codes belong to, if it has not expired at now; else ErrNoExchange.
	Exchange(ctx context.Context, init, back TokenHash, now time.Time) (Exchange, error)

	// TakeExchange removes it, and reports whether it was there: of several callers one is told so.
	TakeExchange(ctx context.Context, init TokenHash) (bool, error)

	// Atomic is that of flow.Store.
	Atomic(ctx context.Context, fn func(ctx context.Context) error) error
}

// ErrNoExchange means that no session waits for these codes.
var ErrNoExchange = &fault.Error{Kind: fault.NotFound, ID: "exchange_not_found", Reason: "There is no session yet for this \"code\", or it was fetched already.",
	Message: "The requested resource could not be found"}

// Settle lets the holder of the codes of a flow fetch the session that it has started.
func (m *Manager) Settle(ctx context.Context, x Exchanges, flow [16]byte, id ID) error {
	return x.SettleExchange(ctx, flow, id, m.Moment().Add(exchangeTime))
}

// Redeem gives the token of a session for its codes, once: ErrNoExchange when they were used, are too old, belong to
// nothing, or to a session that has ended. The session is nil as long as the flow has not started one.
func (m *Manager) Redeem(ctx context.Context, x Exchanges, init, back Secret) (found Exchange, s *Session, token Secret, err error) {
	found, err = x.Exchange(ctx, init.Hash(), back.Hash(), m.Moment())
	if err != nil || found.Session == (ID{}) {
		return found, nil, Secret{}, err
	}
	err = x.Atomic(ctx, func(ctx context.Context) error {
		taken, err := x.TakeExchange(ctx, init.Hash())
		if err != nil {
			return err
		}
		if !taken {
			return ErrNoExchange
		}
		live, err := m.Store.Session(ctx, found.Session)
		if err != nil {
			return err
		}
		if !m.counts(live, m.Moment()) {
			return ErrNone
		}
		s, token, err = m.Refresh(ctx, live, Renewal{Carrier: InHeader, Reason: "token_exchange"})
		return err
	})
	if errors.Is(err, ErrNone) || errors.Is(err, ErrNotFound) {
		err = ErrNoExchange
	}
	return found, s, token, err
}
