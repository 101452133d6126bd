package event

import (
	"context"
	"time"
)

// Store keeps events. It is safe for concurrent use, and any number of nodes may call it at the same time. A store that
// cannot be reached answers fault.ErrUnavailable.
type Store interface {
	// PlaceEvents gives the next positions to some events that have none, the earliest first. It returns the last
	// position that was ever given; more says that others may be waiting.
	PlaceEvents(ctx context.Context) (last int64, more bool, err error)

	// Events returns placed events after one position and up to another, both as PlaceEvents told them, in their order.
	Events(ctx context.Context, after, upTo int64, limit int, f Filter) ([]Event, error)

	// Hours returns how much happened in the hours since a moment, of what was placed.
	Hours(ctx context.Context, since time.Time) ([]Hour, error)

	// Committed returns a channel that is closed when this process next commits an event. Ask for it before looking, or
	// what is committed in between wakes nobody.
	Committed() <-chan struct{}
}
