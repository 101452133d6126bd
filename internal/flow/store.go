package flow

import "context"

// Store keeps flows. Every method is atomic and safe for concurrent use; a store that cannot be reached answers
// fault.ErrUnavailable.
type Store interface {
	// InsertFlow stores a new flow.
	InsertFlow(ctx context.Context, f *Flow) error

	// Flow returns a flow of a kind, expired ones included as long as they are kept, or ErrNotFound.
	Flow(ctx context.Context, kind Kind, id ID) (*Flow, error)

	// UpdateFlow stores a flow's state. A flow that is gone is no error.
	UpdateFlow(ctx context.Context, f *Flow) error

	// Atomic runs fn so that everything it stores with its context becomes durable together or not at all. fn may be
	// run again, so it must do nothing else that counts, and nothing slow.
	Atomic(ctx context.Context, fn func(ctx context.Context) error) error
}
