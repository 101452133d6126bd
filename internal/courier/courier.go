// Package courier brings what leaves the house: it tells web hooks what happened.
//
// Each event becomes one delivery for each hook that wants it, in the database, and the delivery is sent until it is
// answered with success or given up. Any number of nodes share the work: whoever sends a delivery holds it for a while,
// and when that node dies, another one goes on. So a delivery arrives at least once, under an id that stays the same.
package courier

import (
	"context"
	"time"

	"exeunt/internal/event"
	"exeunt/internal/fault"
)

// State is what has become of a delivery.
type State string

// The states.
const (
	Waiting   State = "waiting"   // to be sent, for the first time or again
	Delivered State = "delivered" // answered with success
	Dead      State = "dead"      // given up
)

// States lists them all.
var States = []State{Waiting, Delivered, Dead}

// Delivery is one event for one hook. Deliveries of one session to one hook are sent in the order of their events; those
// of events without a session, in the order of each identity.
type Delivery struct {
	ID          string
	Hook        string // name of the hook
	Event       event.Event
	State       State
	ChangedAt   time.Time // since when it is in this state
	DueAt       time.Time // not to be sent before, while it waits
	LeasedUntil time.Time // until then, some node is sending it
	Attempts    int
	TriedAt     time.Time // the last attempt; zero before the first
	Problem     string    // what went wrong with it; "" if nothing did
}

// Filter chooses deliveries for a list: those that changed last first, the same time by id.
type Filter struct {
	State State // "" for all

	AfterChanged time.Time // position: the last delivery of the page before; zero for the first page
	AfterID      string
	Limit        int
}

// Failures that callers may see.
var (
	// ErrNotFound means that there is no delivery with this id, or no longer.
	ErrNotFound = fault.New(fault.NotFound, "delivery_not_found", "There is no such delivery.")

	// ErrDelivered means that a delivery need not be sent again.
	ErrDelivered = fault.New(fault.Conflict, "delivery_delivered", "This delivery has arrived; only a dead one can be sent again.")

	// ErrNoHook means that nobody would send the delivery.
	ErrNoHook = fault.New(fault.Conflict, "hook_not_configured", "The hook of this delivery is not in the configuration any more; add it to session.hooks before.")
)

// Store keeps deliveries. Every method is atomic, durable when it returns, and safe for concurrent use by any number of
// nodes. A store that cannot be reached answers fault.ErrUnavailable.
type Store interface {
	// RegisterHook notes that a hook is configured at now. A new one is told what happens from then on.
	RegisterHook(ctx context.Context, hook string, now time.Time) error

	// QueueDeliveries looks at some of the placed events that the hook has not seen yet, and makes a waiting delivery
	// of each that is of one of the kinds and did not happen before the hook was registered. However often and wherever
	// it is called, no event is left out and none is taken twice. It returns how many deliveries it made, and whether
	// there may be more events to look at. Without a registered hook it does nothing.
	QueueDeliveries(ctx context.Context, hook string, kinds []string, now time.Time) (made int, more bool, err error)

	// ClaimDeliveries takes waiting deliveries of a hook that are due, and whose session has no earlier one waiting, so
	// that nobody else takes them before the lease is over.
	ClaimDeliveries(ctx context.Context, hook string, now, lease time.Time, limit int) ([]*Delivery, error)

	// MarkDelivered notes that a delivery has arrived.
	MarkDelivered(ctx context.Context, d *Delivery, now time.Time) error

	// MarkFailed notes that an attempt has failed, and puts the delivery and those behind it off until due. It does
	// nothing when the lease with which the delivery was claimed has gone to somebody else.
	MarkFailed(ctx context.Context, d *Delivery, problem string, due time.Time) error

	// MarkDead notes that a delivery is given up; as MarkFailed for the lease.
	MarkDead(ctx context.Context, d *Delivery, problem string, now time.Time) error

	// Delivery returns a delivery, or ErrNotFound.
	Delivery(ctx context.Context, id string) (*Delivery, error)

	// ReviveDelivery lets a dead delivery wait again, as if it were new, and writes the event of it. One in another state is left as it is.
	ReviveDelivery(ctx context.Context, id string, now time.Time) error

	// ListDeliveries returns deliveries.
	ListDeliveries(ctx context.Context, f Filter) ([]*Delivery, error)

	// CountDeliveries counts those that wait and those that are dead.
	CountDeliveries(ctx context.Context) (waiting, dead int, err error)
}
