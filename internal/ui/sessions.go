package ui

import (
	"html/template"
	"io"
	"strconv"
	"time"

	"exeunt/internal/wire"
)

// SessionsPage is where somebody is signed in, and was.
type SessionsPage struct {
	Here   wire.Session   // the session that is in use
	Others []wire.Session // the other live ones, in the order to show them
	More   bool           // there are others that are not listed
	Ended  []wire.Session // those that are over, in the same way
	Now    time.Time
	Done   string // what was just done: [OneEnded], or how many sessions were ended; "" for nothing
	Action string // of the forms
	CSRF   string // value of their csrf_token field
	Home   string
}

// OneEnded says that one session was just ended.
const OneEnded = "one"

// place is a session as a place where somebody is signed in, or was.
type place struct {
	ID         string
	Device     device
	Since      moment
	Seen       moment
	Active     bool // at this moment
	Stepped    bool // the second factor was shown
	Remembered bool
	Ended      moment
	Why        template.HTML
}

// pastKey is where the texts about sessions that are over are, by the reason.
const pastKey = "past."

// recently is how long after its last use a session counts as being used.
const recently = 2 * time.Minute

// Sessions draws where somebody is signed in.
func (p *Pages) Sessions(w io.Writer, v SessionsPage) error {
	here := p.place(v.Here, v.Now)
	here.Active = true // this page was asked for
	count, err := strconv.Atoi(v.Done)
	if err != nil {
		count = -1
	}
	return p.draw(w, "sessions", struct {
		SessionsPage
		One          bool
		Count        int
		This         place
		Places, Past []place
	}{v, v.Done == OneEnded, count, here, p.places(v.Others, v.Now), p.places(v.Ended, v.Now)})
}

func (p *Pages) places(all []wire.Session, now time.Time) (places []place) {
	for _, s := range all {
		places = append(places, p.place(s, now))
	}
	return places
}

func (p *Pages) place(s wire.Session, now time.Time) place {
	seen := s.AuthenticatedAt
	if s.LastSeenAt != nil {
		seen = *s.LastSeenAt
	}
	ended, why := s.ExpiresAt, s.EndReason
	if s.EndedAt != nil {
		ended = *s.EndedAt
	}
	if why == "" {
		why = "expired"
	}
	return place{
		ID: s.ID, Device: lastDevice(s), Since: p.moment(since(s)), Seen: p.moment(seen), Active: now.Sub(seen) <= recently,
		Stepped: s.AAL == "aal2", Remembered: s.Remembered, Ended: p.moment(ended), Why: p.texts.own([]string{pastKey + why}, nil, why),
	}
}

// since is when somebody has signed in. To authenticate again is not to sign in again.
func since(s wire.Session) time.Time {
	if len(s.Methods) > 0 {
		return s.Methods[0].CompletedAt
	}
	return s.AuthenticatedAt
}
