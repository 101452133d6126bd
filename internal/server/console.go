package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

// visit is somebody who looks at the console. Its cookie holds it closed: the hash of the key or the name of the session it
// was begun with, which the store judges at every request, the secret of its forms, and its age. Nothing is kept of it on
// the server but that it was ended, if it was.
type visit struct {
	ID      string
	Key     session.TokenHash // of the secret; zero where it was begun without one
	Session session.ID        // of a person who may enter; zero where it was begun without one
	CSRF    csrfSecret
	Begun   int64 // Unix time in microseconds
	Issued  int64 // the cookie

	by *operator // as judged at this request; nil while there is no key at all
}

// operator is who does something in the console: a key, or a person who may enter.
type operator struct {
	name   string // in the events: the name of the key, or the id of the identity
	shown  string // on the pages
	person bool
	scopes []admin.Scope
}

const (
	visitCookie  = "exeunt_console"
	visitPurpose = "console visit"
	visitLife    = 12 * time.Hour   // whatever happens in it
	visitIdle    = 30 * time.Minute // without a look at a page
	visitRenewal = time.Minute      // how old a cookie gets before a look at a page replaces it
)

var errNoVisit = fault.New(fault.Unauthenticated, "console_visit_missing", "Nobody has signed in to the console here, or the visit is over.")

// allows reports whether the visit may use a part of the admin API.
func (v *visit) allows(need admin.Scope) bool { return v.by == nil || admin.Allow(v.by.scopes, need) }

func (v *visit) over(now time.Time) bool {
	return now.Sub(time.UnixMicro(v.Begun)) > visitLife || now.Sub(time.UnixMicro(v.Issued)) > visitIdle
}

// consolePath is where the console is, as browsers see it.
func (s *Server) consolePath() string {
	u, err := url.Parse(s.AdminBase)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return "/console/"
	}
	return strings.TrimSuffix(u.Path, "/") + "/console/"
}

// newVisit is one with a key, with a session, or with neither.
func (s *Server) newVisit(key session.TokenHash, of session.ID) *visit {
	v := &visit{ID: rand.Text(), Key: key, Session: of, Begun: s.Sessions.Moment().UnixMicro()}
	_, _ = rand.Read(v.CSRF[:]) // never fails: crypto/rand ends the program instead
	return v
}

// enter begins the visit of an operator: it is written down before the browser gets its cookie.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, v *visit, by *operator) error {
	by.note(w)
	v.by = by
	if err := s.AdminKeys.Store.StartVisit(r.Context(), v.kept(), s.Sessions.Moment()); err != nil {
		return s.consoleFault(w, r, nil, err)
	}
	s.sendVisit(w, v)
	return s.toConsole(w, r, "")
}

// kept is what the store knows of a visit.
func (v *visit) kept() admin.Visit {
	kept := admin.Visit{ID: v.ID, Expires: time.UnixMicro(v.Begun).Add(visitLife)}
	if v.by != nil {
		kept.Actor = v.by.name
		if v.by.person {
			kept.Session, kept.Identity = v.Session.String(), v.by.name
		}
	}
	return kept
}

func (s *Server) sendVisit(w http.ResponseWriter, v *visit) {
	v.Issued = s.Sessions.Moment().UnixMicro()
	b, _ := json.Marshal(v) // texts, bytes and numbers cannot fail
	put(w, s.visitCookie(s.Vault.Close(visitPurpose, b), int(visitIdle/time.Second)))
}

func (s *Server) forgetVisit(w http.ResponseWriter) { put(w, s.visitCookie("", -1)) }

func (s *Server) visitCookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: visitCookie, Value: value, Path: s.consolePath(), MaxAge: age, HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: strings.HasPrefix(s.AdminBase, "https://")}
}

// openVisit is the visit of a request, or errNoVisit. Whether its key counts is not judged yet.
func (s *Server) openVisit(r *http.Request) (*visit, error) {
	for _, c := range r.CookiesNamed(visitCookie) {
		v := &visit{}
		b, err := s.Vault.Open(visitPurpose, c.Value)
		if err != nil || json.Unmarshal(b, v) != nil || v.over(s.Sessions.Moment()) {
			continue
		}
		ended, err := s.AdminKeys.Store.VisitEnded(r.Context(), v.ID)
		if err != nil || !ended {
			return v, err
		}
	}
	return nil, errNoVisit
}

// admitVisit is who makes a request, if they may: by the store, at every request, so that a key that was revoked ends all
// visits with it at once. Without any key at all, whoever reaches a loopback listener under its own name is the operator.
func (s *Server) admitVisit(ctx context.Context, r *http.Request, need admin.Scope) (*visit, error) {
	v, err := s.openVisit(r)
	if err != nil && !errors.Is(err, errNoVisit) {
		return nil, err
	}
	hash := session.TokenHash{}
	if v != nil {
		hash = v.Key
		if v.Session != (session.ID{}) {
			return s.admitPerson(ctx, r, v, need)
		}
	}
	key, refused := s.AdminKeys.AdmitHash(ctx, hash, need)
	switch {
	case errors.Is(refused, admin.ErrKeyWrong):
		return nil, errNoVisit
	case refused != nil && key == nil:
		return nil, refused
	case key == nil && !s.AdminLocal:
		return nil, admin.ErrKeyMissing
	case key == nil && v != nil && v.Key != (session.TokenHash{}):
		return nil, errNoVisit // its key was the last one
	case v != nil:
		v.by = byKey(key)
	}
	return v, refused
}

// looking is a page of the console for somebody who may see it.
type looking func(w http.ResponseWriter, r *http.Request, v *visit) error

// console wraps a page of the console: it is for a browser on its own, with a right key or a session that opens the console.
func (s *Server) console(need admin.Scope, h looking) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.outsider(r); err != nil {
			return err
		}
		if s.arrivingAtConsole(w, r) {
			return nil
		}
		v, err := s.admitVisit(r.Context(), r, need)
		switch {
		case errors.Is(err, errNoVisit) || errors.Is(err, admin.ErrKeyMissing):
			return s.toSignIn(w, r)
		case v == nil && err == nil:
			v = s.newVisit(session.TokenHash{}, session.ID{})
			s.sendVisit(w, v)
		}
		if v != nil && v.by != nil {
			v.by.note(w)
		}
		if err == nil && s.Sessions.Moment().Sub(time.UnixMicro(v.Issued)) > visitRenewal {
			s.sendVisit(w, v)
		}
		of(w).admitted = func(ctx context.Context) bool {
			now, err := s.admitVisit(ctx, r, need)
			return err == nil && (now == nil || (now.by == nil) == (v.by == nil))
		}
		if err == nil {
			err = h(w, r.WithContext(identity.AsAdmin(r.Context(), v.name())), v)
		}
		return s.consoleFault(w, r, v, err)
	}
}

// name is who is known in the events.
func (v *visit) name() string {
	if v.by == nil {
		return identity.Admin
	}
	return v.by.name
}

// arrivingAtConsole loads a page once more that a link of another site has led to: the cookie is kept back at first.
func (s *Server) arrivingAtConsole(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodPost || r.Header.Get("Sec-Fetch-Site") != "cross-site" || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return false
	}
	w.Header().Set("Refresh", "0")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	return true
}

// consoleForm wraps what a form of the console does: nothing without the token that only this visit's pages have.
func (s *Server) consoleForm(need admin.Scope, h func(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error) handle {
	return s.console(need, func(w http.ResponseWriter, r *http.Request, v *visit) error {
		form, err := readForm(w, r)
		if err != nil {
			return err
		}
		if !v.CSRF.matches(text(form, "csrf_token", "")) {
			return errConsoleForm
		}
		return h(w, r, v, form)
	})
}

var errConsoleForm = fault.New(fault.Forbidden, "console_form_foreign", "This form is not of your visit of the console, or of one that is over. Load the page again and repeat what you did.")

// consoleFault shows a failure.
func (s *Server) consoleFault(w http.ResponseWriter, r *http.Request, v *visit, err error) error {
	if err == nil || of(w).wrote || r.Context().Err() != nil {
		return err
	}
	f := fault.From(err)
	of(w).fault = err
	seen := ui.Visit{}
	if v != nil {
		seen = s.seen(v, "", r)
	}
	shown := wire.FromFault(f, of(w).given)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(f.RetryAfter))
	}
	return s.drawConsole(w, shown.Code, func(w io.Writer) error { return s.Console.Fault(w, seen, shown) })
}

// drawConsole answers with a page of the console.
func (s *Server) drawConsole(w http.ResponseWriter, status int, page func(io.Writer) error) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.Console.Policy())
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h["Vary"] = varyCookie
	w.WriteHeader(status)
	return page(w)
}

// toConsole leads a browser to a page of the console, below its path.
func (s *Server) toConsole(w http.ResponseWriter, r *http.Request, below string) error {
	http.Redirect(w, r, s.consolePath()+below, http.StatusSeeOther)
	return nil
}

// toSignIn leads to the page for entering. A browser that still holds the cookie of a visit is told that it is over.
func (s *Server) toSignIn(w http.ResponseWriter, r *http.Request) error {
	below := "sign-in"
	if len(r.CookiesNamed(visitCookie)) > 0 {
		s.forgetVisit(w)
		below += "?over=yes"
	}
	return s.toConsole(w, r, below)
}

// consoleScopes are what the sections ask for.
var consoleScopes = map[string]admin.Scope{
	"overview": "", "sessions": admin.SessionsRead, "identities": admin.IdentitiesRead, "events": admin.SessionsRead,
	"hooks": admin.SessionsRead, "redirects": admin.Settings, "keys": admin.All,
}

// seen is what a page shows of its visit.
func (s *Server) seen(v *visit, at string, r *http.Request) ui.Visit {
	shown := ui.Visit{At: at, CSRF: v.CSRF.mask()}
	if v.by != nil {
		shown.Who, shown.Person = v.by.shown, v.by.person
	}
	for _, name := range ui.Sections {
		if v.allows(consoleScopes[name]) {
			shown.Opens = append(shown.Opens, name)
		}
	}
	shown.Done, shown.Number = s.consoleDone(v, r.URL.Query().Get("done"))
	return shown
}

type doneDoc struct {
	What   string `json:"w"`
	Number int    `json:"n,omitempty"`
}

// saying is a query that tells what was done, closed to this visit, so that no link makes anybody believe it was.
func (s *Server) saying(v *visit, what string, n int) string {
	b, _ := json.Marshal(doneDoc{what, n}) // a text and a number cannot fail
	return "done=" + seals(s.Keys).seal("console done/"+v.ID, b)
}

func (s *Server) consoleDone(v *visit, text string) (string, int) {
	b, ok := seals(s.Keys).open("console done/"+v.ID, text)
	var d doneDoc
	if !ok || json.Unmarshal(b, &d) != nil {
		return "", 0
	}
	return d.What, d.Number
}
