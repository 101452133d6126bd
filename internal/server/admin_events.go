package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	events "exeunt/internal/event"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

var eventPages = paging{list: "events", most: 1000}

var errEventKind = fault.New(fault.Invalid, "event_kind_invalid", "The kind parameter is not a kind of events; those are "+strings.Join(events.Kinds, ", ")+".")

// events lists what happened, the oldest first, or follows it.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	of(w).quiet = true
	p, err := s.readEventPage(r)
	if err != nil {
		return err
	}
	f, err := readEventFilter(r)
	if err != nil {
		return err
	}
	if err := s.readLast(r, &p); err != nil {
		return err
	}
	if accepted := weigh(r.Header["Accept"], "text", "event-stream"); accepted.specific == 3 && accepted.q > 0 {
		return s.follow(w, r, p, f)
	}
	all, err := s.Events.List(r.Context(), p.after.Position, p.size, f)
	if err != nil {
		return err
	}
	shown := make([]wire.Event, len(all.Events))
	for i, e := range all.Events {
		shown[i] = wire.FromEvent(e)
	}
	// There is always a next page: it fills when something happens.
	s.link(w, r, p, next{more: true, after: cursor{Position: all.Through}, total: -1})
	return reply(w, http.StatusOK, shown)
}

// readEventPage reads the paging parameters. Here a page token may also be called after.
func (s *Server) readEventPage(r *http.Request) (page, error) {
	p, err := s.readPage(r, eventPages)
	q := r.URL.Query()
	if after := q.Get("after"); err == nil && after != "" && q.Get("page_token") == "" {
		err = s.openCursor(eventPages.list, after, &p.after)
	}
	return p, err
}

var errLast = fault.New(fault.Invalid, "last_invalid", "The last parameter is not valid; it is the number of events to go back from the end, and goes with no page token.")

// readLast begins so many events before the end of the log, whether a filter chooses them or not.
func (s *Server) readLast(r *http.Request, p *page) error {
	q := r.URL.Query()
	if !q.Has("last") {
		return nil
	}
	n, err := strconv.Atoi(q.Get("last"))
	if err != nil || n < 0 || p.after.Position != 0 {
		return errLast
	}
	end, err := s.Events.End(r.Context())
	p.after.Position = max(end-int64(n), 0)
	return err
}

func readEventFilter(r *http.Request) (events.Filter, error) {
	q := r.URL.Query()
	f := events.Filter{Kind: q.Get("kind")}
	if f.Kind != "" && !slices.Contains(events.Kinds, f.Kind) {
		return f, errEventKind
	}
	if text := q.Get("session_id"); text != "" {
		id, err := session.ParseID(text)
		if err != nil {
			return f, err
		}
		f.SessionID = id.String()
	}
	if text := q.Get("identity_id"); text != "" {
		id, err := identity.ParseID(text)
		if err != nil {
			return f, err
		}
		f.IdentityID = id.String()
	}
	return f, nil
}
