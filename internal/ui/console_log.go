package ui

import (
	"html/template"
	"io"
	"strings"

	"exeunt/internal/wire"
)

// EventsPage is what happened, the last first.
type EventsPage struct {
	Kind, Session, Identity string // that were asked for
	Kinds                   []string
	Events                  []wire.Event
	Next                    *Older
	Live                    bool // it is the first page, which goes on
	Wrong                   *wire.Error
	MaySee                  bool // identities
}

type consoleEvent struct {
	At                                     instant
	Kind, Reason, Actor, Session, Identity string
}

// Events draws what happened.
func (c *Console) Events(w io.Writer, v Visit, p EventsPage) error {
	rows, wrong, stream := make([]consoleEvent, len(p.Events)), template.HTML(""), ""
	for i, e := range p.Events {
		rows[i] = consoleEvent{At: at(e.At), Kind: e.Kind, Reason: e.Reason, Actor: e.Actor}
		if e.SessionID != "" {
			rows[i].Session = c.path + "sessions?who=" + e.SessionID
		}
		if e.IdentityID != "" && p.MaySee {
			rows[i].Identity = c.path + "identities/" + e.IdentityID
		}
	}
	if p.Wrong != nil {
		wrong = c.reason(*p.Wrong)
	}
	if p.Live {
		stream = c.path + "events/stream"
	}
	return c.draw(w, v, "events", struct {
		Fields []asked
		Rows   []consoleEvent
		Next   *Older
		Stream string
		Kinds  string
		Wrong  template.HTML
	}{[]asked{c.choice("kind", p.Kind, "", p.Kinds), c.typed("session_id", p.Session), c.typed("identity_id", p.Identity)}, rows, p.Next, stream, strings.Join(p.Kinds, " "), wrong})
}

// DeliveriesPage is what was or is to be sent to web hooks.
type DeliveriesPage struct {
	State      string
	States     []string
	Deliveries []wire.Delivery
	Next       *Older
	MayWrite   bool
}

type consoleDelivery struct {
	ID, Hook, Kind, State, Problem string
	Said                           template.HTML
	Happened, Changed              instant
	Attempts                       int
	Dead                           bool
}

type consoleTab struct {
	Address string
	Label   template.HTML
	Here    bool
}

// Deliveries draws it.
func (c *Console) Deliveries(w io.Writer, v Visit, p DeliveriesPage) error {
	rows := make([]consoleDelivery, len(p.Deliveries))
	for i, d := range p.Deliveries {
		rows[i] = consoleDelivery{d.ID, d.Hook, d.Event.Kind, d.State, d.Problem, c.say("console.delivery." + d.State), at(d.Event.At), at(d.ChangedAt), d.Attempts, d.State == "dead"}
	}
	var tabs []consoleTab
	for _, state := range p.States {
		tabs = append(tabs, consoleTab{c.path + "hooks?state=" + state, c.say("console.delivery." + state), state == p.State})
	}
	return c.draw(w, v, "hooks", struct {
		States   []consoleTab
		Rows     []consoleDelivery
		Next     *Older
		MayWrite bool
	}{tabs, rows, p.Next, p.MayWrite})
}
