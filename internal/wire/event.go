package wire

import (
	"time"

	"exeunt/internal/courier"
	"exeunt/internal/event"
)

// Event is one thing that happened, as administrators and web hooks see it. What does not apply is "".
type Event struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"`
	Reason     string    `json:"reason"`
	Actor      string    `json:"actor"`
	SessionID  string    `json:"session_id"`
	IdentityID string    `json:"identity_id"`
}

// FromEvent shows an event.
func FromEvent(e event.Event) Event {
	return Event{ID: e.ID, At: e.At, Kind: e.Kind, Reason: e.Reason, Actor: e.Actor, SessionID: e.SessionID, IdentityID: e.IdentityID}
}

// Delivery is what became of one event for one web hook.
type Delivery struct {
	ID            string     `json:"id"`
	Hook          string     `json:"hook"`
	State         string     `json:"state"`
	ChangedAt     time.Time  `json:"changed_at"`
	Attempts      int        `json:"attempts"`
	LastAttemptAt *time.Time `json:"last_attempt_at"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
	Problem       string     `json:"problem"`
	Event         Event      `json:"event"`
}

// FromDelivery shows a delivery.
func FromDelivery(d *courier.Delivery) Delivery {
	w := Delivery{
		ID: d.ID, Hook: d.Hook, State: string(d.State), ChangedAt: d.ChangedAt, Attempts: d.Attempts,
		LastAttemptAt: optional(d.TriedAt), Problem: d.Problem, Event: FromEvent(d.Event),
	}
	if d.State == courier.Waiting {
		w.NextAttemptAt = &d.DueAt
	}
	return w
}
