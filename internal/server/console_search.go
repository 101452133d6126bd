package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

const (
	consolePage    = 50     // rows of a list
	searchScan     = 5000   // sessions that one page of a search looks at
	selectionScans = 4      // such parts that "all that fit" looks at
	maxSelected    = 500    // sessions that are ended at once
	maxCounted     = 50_000 // sessions, to find out how many are live
)

var (
	consoleMethods = []string{"password", "totp", "lookup_secret"}
	consoleAges    = []string{"1h", "24h", "168h", "-24h", "-168h", "-720h"}
)

var (
	errAddress   = fault.New(fault.Invalid, "console_address_invalid", "The address is no IP address; one looks like 192.0.2.7 or 2001:db8::1.")
	errSelection = fault.New(fault.Invalid, "console_selection_invalid", "The sessions to end could not be read from the form.")
)

// finding is a search as the address of the page holds it.
type finding struct {
	ui.SessionSearch
	after string
}

func readFinding(q url.Values) finding {
	field := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return finding{ui.SessionSearch{Who: field("who"), Address: field("ip"), Browser: field("browser"), Method: field("method"),
		AAL: field("aal"), Age: field("age"), State: field("state"), Reason: field("reason")}, q.Get("after")}
}

// query is the search as a query, without the page.
func (f finding) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"who": f.Who, "ip": f.Address, "browser": f.Browser, "method": f.Method, "aal": f.AAL,
		"age": f.Age, "state": f.State, "reason": f.Reason} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// search turns what was asked for into a search. none says that nothing can fit.
func (s *Server) search(ctx context.Context, f finding) (q session.Search, one *session.Session, none bool, err error) {
	q = session.Search{Limit: consolePage, Scan: searchScan, Browser: f.Browser, Method: f.Method}
	if slices.Contains(session.Reasons, session.Reason(f.Reason)) {
		q.Reason = session.Reason(f.Reason)
	}
	switch f.State {
	case string(session.Running), string(session.Over):
		q.State = session.Condition(f.State)
	}
	q.AAL = map[string]identity.AAL{"aal1": identity.AAL1, "aal2": identity.AAL2}[f.AAL]
	s.aged(&q, f.Age)
	if f.Address != "" {
		a, err := netip.ParseAddr(f.Address)
		if err != nil || a.Zone() != "" {
			return q, nil, false, errAddress
		}
		q.Address = a.Unmap()
	}
	if f.after != "" {
		var at cursor
		if err := s.openCursor("console_sessions", f.after, &at); err != nil {
			return q, nil, false, err
		}
		q.AfterCreated = time.UnixMicro(at.Created).UTC()
		if q.AfterID, err = session.ParseID(at.ID); err != nil {
			return q, nil, false, errPageToken
		}
	}
	one, none, err = s.searchWho(ctx, &q, f.Who)
	return q, one, none, err
}

// aged asks for an age: at most so old, or with a minus, older than that.
func (s *Server) aged(q *session.Search, age string) {
	if !slices.Contains(consoleAges, age) {
		return
	}
	d, _ := time.ParseDuration(age) // those above are durations
	if d > 0 {
		q.Since = s.Sessions.Moment().Add(-d)
		return
	}
	q.AfterCreated = s.Sessions.Moment().Add(d)
}

// searchWho asks for a session or a person by id, or for a person by an identifier.
func (s *Server) searchWho(ctx context.Context, q *session.Search, who string) (one *session.Session, none bool, err error) {
	if who == "" {
		return nil, false, nil
	}
	if id, err := session.ParseID(who); err == nil {
		one, err = s.Sessions.Find(ctx, id)
		if err == nil || !errors.Is(err, session.ErrNotFound) {
			return one, false, err
		}
		of := identity.ID(id)
		q.Identity = &of
		return nil, false, nil
	}
	found, err := s.Identities.Store.ListIdentities(ctx, identity.Filter{Identifier: identity.FoldIdentifier(who), Limit: 1})
	if err != nil || len(found) == 0 {
		return nil, err == nil, err
	}
	q.Identity = &found[0].ID
	return nil, false, nil
}

// consoleSessions finds sessions.
func (s *Server) consoleSessions(w http.ResponseWriter, r *http.Request, v *visit) error {
	f := readFinding(r.URL.Query())
	page := ui.ConsoleSessionsPage{Search: f.SessionSearch, Methods: consoleMethods, Ages: consoleAges, Scanned: searchScan}
	for _, reason := range session.Reasons {
		page.Reasons = append(page.Reasons, string(reason))
	}
	status := http.StatusOK
	list, err := s.foundSessions(r.Context(), f, v)
	switch f := fault.From(err); {
	case err != nil && f.Kind == fault.Invalid:
		wrong := wire.FromFault(f, "")
		page.Wrong, status = &wrong, wrong.Code
		of(w).fault = err
	case err != nil:
		return err
	}
	page.SessionsList = list
	seen := s.seen(v, "sessions", r)
	return s.drawConsole(w, status, func(w io.Writer) error { return s.Console.FoundSessions(w, seen, page) })
}

func (s *Server) foundSessions(ctx context.Context, f finding, v *visit) (ui.SessionsList, error) {
	list := ui.SessionsList{End: "sessions/end?" + f.query().Encode(), MayWrite: v.allows(admin.SessionsWrite), MayIdentities: v.allows(admin.IdentitiesRead)}
	q, one, none, err := s.search(ctx, f)
	switch {
	case err != nil || none:
		return list, err
	case one != nil:
		list.Sessions = s.showSessions([]*session.Session{one}, everything)
		return list, nil
	}
	found, err := s.Sessions.Search(ctx, q)
	if err != nil {
		return list, err
	}
	list.Sessions = s.showSessions(found.Sessions, everything)
	if found.More {
		next := f.query()
		next.Set("after", s.seal("console_sessions", cursor{Created: found.AfterCreated.UnixMicro(), ID: found.AfterID.String()}))
		list.Next = &ui.Older{Address: s.consolePath() + "sessions?" + next.Encode(), Searching: len(found.Sessions) < q.Limit}
	}
	return list, nil
}

// everything is what the console shows of a session.
var everything = wire.Expand{Identity: true, Devices: true, End: true}
