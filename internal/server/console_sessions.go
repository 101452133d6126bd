package server

import (
	"context"
	"encoding/base64"
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
	maxCounted     = 50_000 // live sessions; beyond that there are more
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

// consoleEndSessions does what the forms of lists of sessions ask for: extend one, or end one, those that were chosen, or
// all that fit. Before it ends any, it asks.
func (s *Server) consoleEndSessions(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	f := readFinding(r.URL.Query())
	back := "sessions?" + f.query().Encode()
	if one := text(form, "extend", ""); one != "" {
		return s.consoleExtend(w, r, v, one, back)
	}
	if text(form, "confirmed", "") == "yes" {
		return s.consoleEndNow(w, r, v, form, back)
	}
	ids, more, err := s.chosen(r.Context(), f, form)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return s.toConsole(w, r, back+"&"+s.saying(v, "nothing", 0))
	}
	page := ui.ConfirmPage{What: "sessions", Count: len(ids), More: more, Action: "sessions/end?" + f.query().Encode(), Back: back,
		Hidden: []ui.Hidden{{Name: "ids", Value: pack(ids)}}}
	if page.List, err = s.namesOf(r.Context(), ids); err != nil {
		return err
	}
	return s.askOnce(w, r, v, "sessions", page)
}

func (s *Server) askOnce(w http.ResponseWriter, r *http.Request, v *visit, at string, page ui.ConfirmPage) error {
	seen := s.seen(v, at, r)
	return s.drawConsole(w, http.StatusOK, func(w io.Writer) error { return s.Console.Confirm(w, seen, page) })
}

func (s *Server) consoleExtend(w http.ResponseWriter, r *http.Request, v *visit, one, back string) error {
	id, err := session.ParseID(one)
	if err != nil {
		return err
	}
	said := "extended"
	err = s.Sessions.Extend(r.Context(), id)
	switch {
	case errors.Is(err, session.ErrNotExtendable):
		said = "unextended"
	case err != nil:
		return err
	default:
		note(w, "session_extended", id.String())
	}
	return s.toConsole(w, r, back+"&"+s.saying(v, said, 0))
}

// consoleEndNow ends exactly those that the question named.
func (s *Server) consoleEndNow(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any, back string) error {
	ids, err := unpack(text(form, "ids", ""))
	if err != nil {
		return err
	}
	ended, err := s.Sessions.RevokeAll(r.Context(), session.Scope{IDs: ids})
	if err != nil {
		return err
	}
	note(w, "sessions_ended", ended.Count)
	return s.toConsole(w, r, back+"&"+s.saying(v, "ended", ended.Count))
}

// chosen is which sessions a form names.
func (s *Server) chosen(ctx context.Context, f finding, form map[string]any) (ids []session.ID, more bool, err error) {
	if text(form, "all", "") != "" {
		return s.allThatFit(ctx, f)
	}
	names := []string{}
	if one := text(form, "one", ""); one != "" {
		names = append(names, one)
	} else {
		for name := range form {
			if id, ok := strings.CutPrefix(name, "session."); ok {
				names = append(names, id)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		id, err := session.ParseID(name)
		if err != nil || len(ids) == maxSelected {
			return nil, false, errSelection
		}
		ids = append(ids, id)
	}
	return ids, false, nil
}

// allThatFit is the live sessions that a search finds, up to a bound of what is ended and of what is looked at.
func (s *Server) allThatFit(ctx context.Context, f finding) (ids []session.ID, more bool, err error) {
	q, one, none, err := s.search(ctx, f)
	if err != nil || none {
		return nil, false, err
	}
	if one != nil {
		return []session.ID{one.ID}, false, nil
	}
	if q.State == session.Over {
		return nil, false, nil
	}
	q.State, q.Limit = session.Running, maxSelected
	for range selectionScans {
		found, err := s.Sessions.Search(ctx, q)
		if err != nil {
			return nil, false, err
		}
		for _, x := range found.Sessions {
			if len(ids) == maxSelected {
				return ids, true, nil
			}
			ids = append(ids, x.ID)
		}
		if more = found.More; !more || len(ids) == maxSelected {
			return ids, more, nil
		}
		q.AfterCreated, q.AfterID = found.AfterCreated, found.AfterID
	}
	return ids, more, nil
}

const namedInQuestion = 10 // sessions that a question names; the rest are counted

// namesOf is whose sessions are about to end.
func (s *Server) namesOf(ctx context.Context, ids []session.ID) ([]string, error) {
	ids = ids[:min(len(ids), namedInQuestion)]
	names := make([]string, len(ids))
	for i, id := range ids {
		found, err := s.Sessions.Find(ctx, id)
		if errors.Is(err, session.ErrNotFound) {
			names[i] = id.String()
			continue
		}
		if err != nil {
			return nil, err
		}
		names[i] = ui.Describe(s.View.FromSession(found, s.Sessions.Moment(), everything))
	}
	return names, nil
}

// pack and unpack write ids into one field of a form.
func pack(ids []session.ID) string {
	b := make([]byte, 0, len(ids)*len(session.ID{}))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func unpack(text string) (ids []session.ID, err error) {
	size := len(session.ID{})
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || len(b)%size != 0 || len(b) > maxSelected*size {
		return nil, errSelection
	}
	for chunk := range slices.Chunk(b, size) {
		ids = append(ids, session.ID(chunk))
	}
	return ids, nil
}
