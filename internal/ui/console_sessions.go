package ui

import (
	"html/template"
	"io"
	"slices"
	"strings"

	"exeunt/internal/wire"
)

// SessionSearch is what was asked for, as it was typed.
type SessionSearch struct{ Who, Address, Browser, Method, AAL, Age, State, Reason string }

// SessionsList is a part of the sessions.
type SessionsList struct {
	Sessions      []wire.Session
	Next          *Older
	End           string // the action, below the console
	MayWrite      bool
	MayIdentities bool
}

// ConsoleSessionsPage finds sessions.
type ConsoleSessionsPage struct {
	SessionsList
	Search  SessionSearch
	Methods []string // what can be asked for
	Reasons []string
	Ages    []string
	Scanned int // how many were looked at
	Wrong   *wire.Error
}

// consoleSession is a row.
type consoleSession struct {
	ID, Who, Person, Methods, AAL, By string
	Device                            device
	Started, Seen, Until, Ended       instant
	Live                              bool
	Why                               template.HTML
}

type consoleSessions struct {
	Rows                    []consoleSession
	Next                    *Older
	End                     string
	MayWrite, MayIdentities bool
}

func (c *Console) sessionRows(l SessionsList) consoleSessions {
	rows := make([]consoleSession, len(l.Sessions))
	for i, s := range l.Sessions {
		rows[i] = c.sessionRow(s)
	}
	return consoleSessions{rows, l.Next, c.path + l.End, l.MayWrite, l.MayIdentities}
}

func (c *Console) sessionRow(s wire.Session) consoleSession {
	place := c.place(s, s.ExpiresAt)
	row := consoleSession{ID: s.ID, Who: who(s), AAL: s.AAL, By: s.EndedBy, Device: place.Device, Live: s.Active, Why: place.Why,
		Started: at(since(s)), Seen: at(s.AuthenticatedAt), Until: at(s.ExpiresAt), Ended: at(s.ExpiresAt)}
	if s.Identity != nil {
		row.Person = c.path + "identities/" + s.Identity.ID
		if row.By == s.Identity.ID { // the reason tells as much
			row.By = ""
		}
	}
	if s.LastSeenAt != nil {
		row.Seen = at(*s.LastSeenAt)
	}
	if s.EndedAt != nil {
		row.Ended = at(*s.EndedAt)
	}
	var methods []string
	for _, m := range s.Methods {
		if !slices.Contains(methods, m.Method) {
			methods = append(methods, m.Method)
		}
	}
	row.Methods = strings.Join(methods, ", ")
	return row
}

// FoundSessions draws what a search for sessions has found.
func (c *Console) FoundSessions(w io.Writer, v Visit, p ConsoleSessionsPage) error {
	q := p.Search
	wrong := template.HTML("")
	if p.Wrong != nil {
		wrong = c.reason(*p.Wrong)
	}
	return c.draw(w, v, "sessions", struct {
		consoleSessions
		Fields  []asked
		Scanned string
		Wrong   template.HTML
	}{c.sessionRows(p.SessionsList), []asked{
		c.typed("who", q.Who), c.typed("ip", q.Address), c.typed("browser", q.Browser), c.choice("method", q.Method, "", p.Methods),
		c.choice("aal", q.AAL, "", []string{"aal1", "aal2"}), c.choice("age", q.Age, "console.age.", p.Ages),
		c.choice("state", q.State, "console.state.", []string{"live", "ended"}), c.choice("reason", q.Reason, pastKey, p.Reasons),
	}, grouped(int64(p.Scanned)), wrong})
}

// Describe names a session in a line: whose it is, and where.
func Describe(s wire.Session) string {
	d := lastDevice(s)
	parts := []string{who(s)}
	for _, part := range []string{d.Browser, d.System, d.IP} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}
