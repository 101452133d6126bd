package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
		n, err := s.Sessions.CountRunning(r.Context(), maxCounted+1)
		if err != nil {
			return err
		}
		page.Live, page.LiveMost = min(n, maxCounted), n > maxCounted
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

// The settings of the page of redirects, by the names of its fields.
var redirectKeys = map[string]string{
	"logout":  "selfservice.flows.logout.after.default_browser_return_url",
	"default": "selfservice.default_browser_return_url",
	"allowed": "selfservice.allowed_return_urls",
}

// consoleRedirects shows where browsers may be sent.
func (s *Server) consoleRedirects(w http.ResponseWriter, r *http.Request, v *visit) error {
	shown, err := s.Settings.Show(r.Context())
	if err != nil {
		return err
	}
	return s.drawRedirects(w, r, v, http.StatusOK, redirectsPage(shown))
}

func (s *Server) drawRedirects(w http.ResponseWriter, r *http.Request, v *visit, status int, page ui.RedirectsPage) error {
	seen := s.seen(v, "redirects", r)
	return s.drawConsole(w, status, func(w io.Writer) error { return s.Console.Redirects(w, seen, page) })
}

func redirectsPage(shown wire.Settings) ui.RedirectsPage {
	from := func(name string) string { return shown.Sources[redirectKeys[name]] }
	value := func(name string) any { return within(shown.Settings, redirectKeys[name]) }
	word := func(v any) string { text, _ := v.(string); return text }
	list, _ := value("allowed").([]string)
	return ui.RedirectsPage{Version: shown.Version, Logout: word(value("logout")), Default: word(value("default")), Allowed: strings.Join(list, "\n"),
		FromLogout: from("logout"), FromDefault: from("default"), FromAllowed: from("allowed")}
}

// within is a value in sections, by its path.
func within(sections map[string]any, path string) any {
	var v any = sections
	for name := range strings.SplitSeq(path, ".") {
		section, _ := v.(map[string]any)
		v = section[name]
	}
	return v
}

// consoleChangeRedirects saves what the form says and the page did not show before. What somebody else has changed since
// the page was shown is not written over unseen.
func (s *Server) consoleChangeRedirects(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	shown, err := s.Settings.Show(r.Context())
	if err != nil {
		return err
	}
	now := redirectsPage(shown)
	version, err := strconv.ParseInt(text(form, "version", ""), 10, 64)
	if err != nil || version < 0 {
		return errIfMatch
	}
	typed := now
	typed.Logout, typed.Default = strings.TrimSpace(text(form, "logout", "")), strings.TrimSpace(text(form, "default", ""))
	typed.Allowed = strings.Join(lines(text(form, "allowed", "")), "\n")
	if version != shown.Version {
		typed.Changed = true
		return s.drawRedirects(w, r, v, http.StatusPreconditionFailed, typed)
	}
	patch := redirectsPatch(now, typed)
	if len(patch) == 0 {
		return s.toConsole(w, r, "redirects?"+s.saying(v, "same", 0))
	}
	changed, err := s.Settings.Change(r.Context(), patch, version)
	f := fault.From(err)
	switch {
	case errors.Is(err, ErrSettingsChanged):
		if shown, err = s.Settings.Show(r.Context()); err != nil {
			return err
		}
		typed.Version, typed.Changed = shown.Version, true
		return s.drawRedirects(w, r, v, http.StatusPreconditionFailed, typed)
	case err != nil && f.Kind == fault.Invalid:
		of(w).fault = err
		typed.Wrong, _ = f.Details["problems"].([]string)
		if len(typed.Wrong) == 0 {
			typed.Wrong = []string{f.Reason}
		}
		return s.drawRedirects(w, r, v, http.StatusBadRequest, typed)
	case err != nil:
		return err
	}
	note(w, "settings_version", changed.Version)
	return s.toConsole(w, r, "redirects?"+s.saying(v, "saved", 0))
}

// lines are those that are not empty.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// redirectsPatch is what differs, as a merge patch; what is empty goes by the files again.
func redirectsPatch(now, typed ui.RedirectsPage) map[string]any {
	patch := map[string]any{}
	for name, values := range map[string][2]string{"logout": {now.Logout, typed.Logout}, "default": {now.Default, typed.Default}, "allowed": {now.Allowed, typed.Allowed}} {
		if values[0] == values[1] {
			continue
		}
		var value any
		switch {
		case values[1] == "":
		case name == "allowed":
			value = anys(lines(values[1]))
		default:
			value = values[1]
		}
		put := patch
		names := strings.Split(redirectKeys[name], ".")
		for _, section := range names[:len(names)-1] {
			next, ok := put[section].(map[string]any)
			if !ok {
				next = map[string]any{}
				put[section] = next
			}
			put = next
		}
		put[names[len(names)-1]] = value
	}
	return patch
}

func anys(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}
