package ui

import (
	"bytes"
	"encoding/json"
	"html/template"
	"io"
	"maps"
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

// IdentitiesPage finds people.
type IdentitiesPage struct {
	Query string
	Found []wire.Identity
	Next  *Older
}

type consoleIdentity struct {
	ID, Who, Address, Identifiers string
	Created                       instant
	Active                        bool
}

// Identities draws who was found.
func (c *Console) Identities(w io.Writer, v Visit, p IdentitiesPage) error {
	rows := make([]consoleIdentity, len(p.Found))
	for i, one := range p.Found {
		rows[i] = consoleIdentity{one.ID, named(one), c.path + "identities/" + one.ID, identifiers(one.Credentials), at(one.CreatedAt), one.State == "active"}
	}
	return c.draw(w, v, "identities", struct {
		Query string
		Rows  []consoleIdentity
		Next  *Older
	}{p.Query, rows, p.Next})
}

func named(i wire.Identity) string { return who(wire.Session{Identity: &i}) }

func identifiers(all map[string]wire.Credential) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, text := range all[name].Identifiers {
			if !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	return strings.Join(texts, ", ")
}

// IdentityPage is one person.
type IdentityPage struct {
	Identity    wire.Identity
	Sessions    SessionsList
	MayWrite    bool // to change the identity
	MaySessions bool // to see the sessions
}

type consoleCredential struct {
	Type, Identifiers string
	Since             instant
}

// Identity draws a person.
func (c *Console) Identity(w io.Writer, v Visit, p IdentityPage) error {
	i, here := p.Identity, c.path+"identities/"+p.Identity.ID
	var credentials []consoleCredential
	for _, name := range slices.Sorted(maps.Keys(i.Credentials)) {
		one := i.Credentials[name]
		credentials = append(credentials, consoleCredential{name, strings.Join(one.Identifiers, ", "), at(one.CreatedAt)})
	}
	return c.draw(w, v, "identity", struct {
		ID, Who, Traits, Schema, State, EndAll, Events string
		Active, MayWrite, MayEnd, MaySessions          bool
		Created                                        instant
		Credentials                                    []consoleCredential
		Sessions                                       consoleSessions
	}{i.ID, named(i), indented(i.Traits), i.SchemaID, here + "/state", here + "/sessions", c.path + "events?identity_id=" + i.ID,
		i.State == "active", p.MayWrite, p.Sessions.MayWrite, p.MaySessions, at(i.CreatedAt), credentials, c.sessionRows(p.Sessions)})
}

func indented(document []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, document, "", "  ") != nil {
		return string(document)
	}
	return b.String()
}

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

// RedirectsPage is where browsers may be sent.
type RedirectsPage struct {
	Version                              int64
	Logout, Default, Allowed             string
	FromLogout, FromDefault, FromAllowed string // where each value comes from
	Wrong                                []string
	Changed                              bool // by somebody else meanwhile
}

type consoleSetting struct {
	Name, Value, Source string
	Label, Hint         template.HTML
	Lines               bool
}

// Redirects draws it.
func (c *Console) Redirects(w io.Writer, v Visit, p RedirectsPage) error {
	field := func(name, value, source string) consoleSetting {
		return consoleSetting{name, value, source, c.say("console.redirect." + name), c.say("console.redirect." + name + ".hint"), name == "allowed"}
	}
	var wrong []template.HTML
	if p.Changed {
		wrong = append(wrong, c.say("console.changed"))
	}
	for _, text := range p.Wrong {
		wrong = append(wrong, template.HTML(template.HTMLEscapeString(text)))
	}
	return c.draw(w, v, "redirects", struct {
		Version int64
		Fields  []consoleSetting
		Wrong   []template.HTML
	}{p.Version, []consoleSetting{field("logout", p.Logout, p.FromLogout), field("default", p.Default, p.FromDefault), field("allowed", p.Allowed, p.FromAllowed)}, wrong})
}

// KeysPage is the keys of the admin API.
type KeysPage struct {
	Keys     []wire.Key
	Made     *wire.Key // with its secret: now and never again
	Name     string    // that was typed
	Chosen   []string  // the scopes that were chosen
	Scopes   []string
	Expiries []string
	Wrong    *wire.Error
}

type consoleKey struct {
	ID, Name, Scopes, By string
	Created              instant
	Expires, Used        *instant
	State                template.HTML
	Live, Revocable      bool
}

type consoleScope struct {
	Name    string
	Label   template.HTML
	Checked bool
}

// Keys draws them.
func (c *Console) Keys(w io.Writer, v Visit, p KeysPage) error {
	rows := make([]consoleKey, len(p.Keys))
	for i, k := range p.Keys {
		rows[i] = c.keyRow(k)
	}
	var scopes []consoleScope
	for _, s := range p.Scopes {
		scopes = append(scopes, consoleScope{s, c.say("console.scope." + s), slices.Contains(p.Chosen, s)})
	}
	expiries := []picked{{"", c.say("console.never")}}
	for _, e := range p.Expiries {
		expiries = append(expiries, picked{e, c.say("console.expiry." + e)})
	}
	view := struct {
		Rows               []consoleKey
		Made, Secret, Name string
		Scopes             []consoleScope
		Expiries           []picked
		Wrong              template.HTML
	}{Rows: rows, Name: p.Name, Scopes: scopes, Expiries: expiries}
	if p.Made != nil {
		view.Made, view.Secret = p.Made.Name, p.Made.Secret
	}
	if p.Wrong != nil {
		view.Wrong = c.reason(*p.Wrong)
	}
	return c.draw(w, v, "keys", view)
}

func (c *Console) keyRow(k wire.Key) consoleKey {
	state := "active"
	if !k.Active {
		state = "expired"
	}
	if k.RevokedAt != nil {
		state = "revoked"
	}
	texts := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		texts[i] = string(s)
	}
	return consoleKey{k.ID, k.Name, strings.Join(texts, ", "), k.CreatedBy, at(k.CreatedAt), maybeAt(k.ExpiresAt), maybeAt(k.LastUsedAt),
		c.say("console.key." + state), k.Active, k.RevokedAt == nil}
}

// NameOf is what people call an identity.
func NameOf(i wire.Identity) string { return named(i) }

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
