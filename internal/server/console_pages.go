package server

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/courier"
	events "exeunt/internal/event"
	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

const chartHours = 48

// consoleOverview shows figures: a bounded count, and what is counted by the hour. Neither grows with the installation.
func (s *Server) consoleOverview(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := ui.OverviewPage{Hidden: !v.allows(admin.SessionsRead)}
	if !page.Hidden {
		var err error
		if page.Live, page.LiveMore, err = s.Sessions.CountRunning(r.Context(), maxCounted); err != nil {
			return err
		}
		if err := s.countHours(r, &page); err != nil {
			return err
		}
	}
	seen := s.seen(v, "overview", r)
	return s.drawConsole(w, http.StatusOK, func(w io.Writer) error { return s.Console.Overview(w, seen, page) })
}

func (s *Server) countHours(r *http.Request, page *ui.OverviewPage) error {
	now := s.Sessions.Moment()
	first, today := now.Truncate(time.Hour).Add(-(chartHours-1)*time.Hour), now.Truncate(24*time.Hour)
	page.Hours = make([]ui.HourCount, chartHours)
	for i := range page.Hours {
		page.Hours[i].At = first.Add(time.Duration(i) * time.Hour)
	}
	all, err := s.Events.Hours(r.Context(), first)
	if err != nil {
		return err
	}
	for _, h := range all {
		var in, out, ended int64
		switch {
		case h.Kind == "session_started":
			in = h.Count
		case h.Kind == "session_ended" && h.Reason == string(session.Logout):
			out = h.Count
		case h.Kind == "session_ended":
			ended = h.Count
		}
		if i := int(h.At.Sub(first) / time.Hour); i >= 0 && i < chartHours { // a clock may be ahead
			page.Hours[i].In += in
			page.Hours[i].Out += out
		}
		if !h.At.Before(today) {
			page.In, page.Out, page.Ended = page.In+in, page.Out+out, page.Ended+ended
		}
	}
	return nil
}

// consoleEvents shows what happened, the last first.
func (s *Server) consoleEvents(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	page := ui.EventsPage{Kind: q.Get("kind"), Session: q.Get("session_id"), Identity: q.Get("identity_id"), Kinds: events.Kinds, MaySee: v.allows(admin.IdentitiesRead)}
	status := http.StatusOK
	f, err := readEventFilter(r)
	before := cursor{}
	if token := q.Get("before"); err == nil && token != "" {
		err = s.openCursor("console_events", token, &before)
	}
	switch {
	case err != nil:
		wrong := wire.FromFault(fault.From(err), "")
		page.Wrong, status = &wrong, wrong.Code
		of(w).fault = err
	default:
		if err := s.lastEvents(r, &page, before.Position, f); err != nil {
			return err
		}
	}
	seen := s.seen(v, "events", r)
	return s.drawConsole(w, status, func(w io.Writer) error { return s.Console.Events(w, seen, page) })
}

func (s *Server) lastEvents(r *http.Request, page *ui.EventsPage, before int64, f events.Filter) error {
	all, err := s.Events.Latest(r.Context(), before, consolePage, f)
	if err != nil {
		return err
	}
	for _, e := range all.Events {
		page.Events = append(page.Events, wire.FromEvent(e))
	}
	if page.Live = before == 0; len(all.Events) == consolePage {
		next := url.Values{"before": {s.seal("console_events", cursor{Position: all.Through})}}
		for name, value := range map[string]string{"kind": page.Kind, "session_id": page.Session, "identity_id": page.Identity} {
			if value != "" {
				next.Set(name, value)
			}
		}
		page.Next = &ui.Older{Address: s.consolePath() + "events?" + next.Encode()}
	}
	return nil
}

// consoleStream tells a page that something has happened; see follow.
func (s *Server) consoleStream(w http.ResponseWriter, r *http.Request, _ *visit) error {
	of(w).quiet = true
	return s.follow(w, r, page{paging: eventPages}, events.Filter{})
}

var consoleStates = []string{string(courier.Dead), string(courier.Waiting), string(courier.Delivered), ""}

// consoleHooks shows what was or is to be sent to web hooks; first what was given up.
func (s *Server) consoleHooks(w http.ResponseWriter, r *http.Request, v *visit) error {
	q := r.URL.Query()
	state := string(courier.Dead)
	if given, asked := q["state"]; asked && slices.Contains(consoleStates, given[0]) {
		state = given[0]
	}
	f := courier.Filter{State: courier.State(state), Limit: consolePage + 1}
	if token := q.Get("after"); token != "" {
		var at cursor
		if err := s.openCursor("console_hooks", token, &at); err != nil {
			return err
		}
		f.AfterChanged, f.AfterID = time.UnixMicro(at.Created), at.ID
	}
	all, err := s.Hooks.List(r.Context(), f)
	if err != nil {
		return err
	}
	page := ui.DeliveriesPage{State: state, States: consoleStates, MayWrite: v.allows(admin.SessionsWrite)}
	if len(all) > consolePage {
		all = all[:consolePage]
		last := all[consolePage-1]
		next := url.Values{"state": {state}, "after": {s.seal("console_hooks", cursor{Created: last.ChangedAt.UnixMicro(), ID: last.ID})}}
		page.Next = &ui.Older{Address: s.consolePath() + "hooks?" + next.Encode()}
	}
	for _, d := range all {
		page.Deliveries = append(page.Deliveries, wire.FromDelivery(d))
	}
	seen := s.seen(v, "hooks", r)
	return s.drawConsole(w, http.StatusOK, func(w io.Writer) error { return s.Console.Deliveries(w, seen, page) })
}

// consoleRetry sends a delivery again that was given up.
func (s *Server) consoleRetry(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	id := text(form, "delivery", "")
	if err := s.Hooks.Retry(r.Context(), id); err != nil {
		return err
	}
	note(w, "delivery_retried", shorten(id))
	return s.toConsole(w, r, "hooks?"+s.saying(v, "retried", 0))
}
