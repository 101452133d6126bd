package server

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"exeunt/internal/session"
	"exeunt/internal/ui"
)

// How many sessions the built-in page lists, and among how many of those that are over it looks for the last.
const (
	listedLive  = 50
	listedEnded = 20
	knownEnded  = 200
)

// sessionsPage shows where its reader is signed in, and where they were.
func (s *Server) sessionsPage(w http.ResponseWriter, r *http.Request, c caller) error {
	live, ended, err := s.everywhere(r.Context(), c)
	if err != nil {
		return s.troublePage(w, r, err)
	}
	page := ui.SessionsPage{
		Here: s.showOwn(c, []*session.Session{c.session})[0], Others: s.showOwn(c, live[:min(len(live), listedLive)]), More: len(live) > listedLive,
		Ended: s.showOwn(c, ended[:min(len(ended), listedEnded)]), Now: s.Sessions.Moment(), Done: s.openDone(c, r.URL.Query().Get("done")),
		Action: s.Places.Sessions.String(), CSRF: s.ensureCSRF(w, r).mask(), Home: s.Places.Home.String(),
	}
	return s.draw(w, http.StatusOK, func(w io.Writer) error { return s.Pages.Sessions(w, page) })
}

// everywhere returns the other sessions of the caller's identity: those that live, the last seen first, and those that are
// over, the last ended first.
func (s *Server) everywhere(ctx context.Context, c caller) (live, ended []*session.Session, err error) {
	yes, no := true, false
	f := session.Filter{Identity: &c.session.IdentityID, Active: &yes, Except: c.session.ID, Limit: listedLive + 1}
	if live, err = s.Sessions.List(ctx, f); err != nil {
		return nil, nil, err
	}
	f.Active, f.Limit = &no, knownEnded
	if ended, err = s.Sessions.List(ctx, f); err != nil {
		return nil, nil, err
	}
	// What the store hands out is shared, the list itself is not.
	slices.SortStableFunc(live[:min(len(live), listedLive)], func(a, b *session.Session) int { return b.LastSeenAt.Compare(a.LastSeenAt) })
	slices.SortStableFunc(ended, func(a, b *session.Session) int { return over(b).Compare(over(a)) })
	return live, ended, nil
}

// over is when a session that does not live any more was.
func over(x *session.Session) time.Time {
	if x.End != nil {
		return x.End.At
	}
	return x.ExpiresAt
}

// endSessions ends one other session, or all of them, and leads back to the page.
func (s *Server) endSessions(w http.ResponseWriter, r *http.Request, c caller) error {
	values, err := s.pageForm(w, r)
	if err != nil {
		return s.showError(w, r, err)
	}
	said := ui.OneEnded
	if text(values, "others", "") != "" {
		var n int
		n, err = s.endOthers(w, r, c)
		said = strconv.Itoa(n)
	} else {
		err = s.endOther(w, r, c, text(values, "session", ""))
	}
	if err != nil {
		return s.showError(w, r, err)
	}
	redirect(w, r, s.Places.Sessions.With("done", s.sealDone(c, said)))
	return nil
}

// sealDone says in an address what was done, so that no link makes anybody believe it was.
func (s *Server) sealDone(c caller, what string) string {
	return seals(s.Keys).seal("done/"+c.session.ID.String(), []byte(what))
}

func (s *Server) openDone(c caller, text string) string {
	b, _ := seals(s.Keys).open("done/"+c.session.ID.String(), text) // what was not sealed says nothing
	return string(b)
}
