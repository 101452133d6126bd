package server

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

// The built-in pages get what any other client gets: flows, sessions and errors as they are on the wire.

// draw answers with a page. pictures are more sources of them than our own, for the Content-Security-Policy.
func (s *Server) draw(w http.ResponseWriter, status int, page func(io.Writer) error, pictures ...string) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.Pages.Policy(pictures...))
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers would hide the origin of our own forms
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(status)
	return page(w)
}

func (s *Server) toHome(w http.ResponseWriter, r *http.Request) error {
	redirect(w, r, s.Places.Home)
	return nil
}

// flowPage shows the form of a flow. Whoever comes without one, or with one that cannot be used any more, gets a new one.
func (s *Server) flowPage(kind flow.Kind) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.visitor(w, r)
		if err != nil {
			return s.troublePage(w, r, err)
		}
		id, err := flow.ParseID(r.URL.Query().Get("flow"))
		if err != nil {
			return s.anew(w, r, kind, c)
		}
		f, csrf, err := s.open(w, r, kind, id, c)
		switch {
		case errors.Is(err, errCSRF) && len(s.csrfSecrets(r)) == 0:
			return s.errorPage(w, http.StatusForbidden, wire.FromFault(errNoCookies, of(w).given))
		case errors.Is(err, flow.ErrNotFound) || errors.Is(err, flow.ErrExpired) || errors.Is(err, errCSRF) || errors.Is(err, flow.ErrNotOwner):
			return s.anew(w, r, kind, c)
		case errors.Is(err, session.ErrNone) || errors.Is(err, session.ErrAALTooLow):
			return s.beforeSettings(w, r, c, err)
		case err != nil:
			return s.troublePage(w, r, err)
		case f.RequestedAAL == identity.AAL2 && c.session == nil:
			return s.signInFirst(w, r, c)
		}
		form, err := s.Flows.Form(r.Context(), f, c.session, csrf)
		if err != nil {
			return s.troublePage(w, r, err)
		}
		if kind == flow.Login {
			form.Messages = append(form.Messages, c.why()...)
		}
		return s.drawFlow(w, f, form, c)
	}
}

// drawFlow draws the page of a flow.
func (s *Server) drawFlow(w http.ResponseWriter, f *flow.Flow, form flow.Form, c caller) error {
	shown := s.View.FromForm(f, form)
	switch {
	case f.Kind == flow.Settings:
		page := ui.SettingsPage{UI: shown, Session: s.show(c), Home: s.Places.Home.String(), Sessions: s.Places.Sessions.String()}
		return s.draw(w, http.StatusOK, func(w io.Writer) error { return s.Pages.Settings(w, page) }, pictures(form)...)
	case f.RequestedAAL == identity.AAL2:
		page := ui.SecondFactorPage{UI: shown, Refresh: f.Refresh, Session: s.show(c), SignOut: s.signOut(c, flow.Return{})}
		return s.draw(w, http.StatusOK, func(w io.Writer) error { return s.Pages.SecondFactor(w, page) })
	}
	page := ui.FlowPage{Kind: string(f.Kind), UI: shown, Refresh: f.Refresh, Other: s.otherFlow(f)}
	return s.draw(w, http.StatusOK, func(w io.Writer) error { return s.Pages.Flow(w, page) })
}

// pictures are the sources of pictures that a form brings along.
func pictures(form flow.Form) []string {
	if slices.ContainsFunc(form.Nodes, func(n flow.Node) bool { return n.Image != nil }) {
		return []string{"data:"}
	}
	return nil
}

// errNoCookies is shown instead of beginning flow after flow for a browser that keeps no cookies.
var errNoCookies = fault.New(fault.Forbidden, "cookies_blocked", "Your browser did not keep the cookie that signing in needs. Please allow cookies for this site and try again.")

// anew begins a flow, with what the page was asked for.
func (s *Server) anew(w http.ResponseWriter, r *http.Request, kind flow.Kind, c caller) error {
	if len(c.why()) > 0 && kind != flow.Registration {
		return s.sayWhy(w, r, c)
	}
	begin := s.Places.Begin[kind]
	for _, name := range []string{"return_to", "refresh", "aal"} {
		if v := r.URL.Query().Get(name); v != "" {
			begin = begin.With(name, v)
		}
	}
	redirect(w, r, begin)
	return nil
}

// otherFlow is where somebody goes who took the wrong door, or "".
func (s *Server) otherFlow(f *flow.Flow) string {
	other := flow.Registration
	if f.Kind == flow.Registration {
		other = flow.Login
	}
	if f.Refresh || s.Flows.Rules[other].Disabled {
		return ""
	}
	begin := s.Places.Begin[other]
	if !f.ReturnTo.IsZero() {
		begin = begin.With("return_to", f.ReturnTo.String())
	}
	return begin.String()
}

// logoutPage asks before signing out. Whoever is signed out already is led to where signing out would have led.
func (s *Server) logoutPage(w http.ResponseWriter, r *http.Request) error {
	to, err := s.Flows.Returns.Allow(last(r.URL.Query()["return_to"]))
	if err != nil {
		return s.showError(w, r, err)
	}
	c, err := s.leaver(w, r)
	if err != nil {
		return s.troublePage(w, r, err)
	}
	if c.session == nil {
		if to.IsZero() {
			to = s.Places.AfterLogout
		}
		redirect(w, r, to)
		return nil
	}
	page := ui.LogoutPage{Session: s.show(c), SignOut: s.signOut(c, to), Stay: s.Places.Home.String()}
	return s.draw(w, http.StatusOK, func(w io.Writer) error { return s.Pages.Logout(w, page) })
}

// leaver is caller for pages that tell who has no session that they are signed out. Where their session is seen to have ended, that
// is certain then: the sign-out before may have failed because it was not.
func (s *Server) leaver(w http.ResponseWriter, r *http.Request) (caller, error) {
	c, err := s.caller(w, r)
	if err == nil && c.ended != "" {
		if err = s.Identities.Store.Confirm(r.Context()); err != nil {
			s.keepCookies(w) // whoever asks again would be told so for want of one
		}
	}
	return c, err
}

// signedOutPage says that it is done. Somebody who has signed in again meanwhile is asked instead of being told a lie.
func (s *Server) signedOutPage(w http.ResponseWriter, r *http.Request) error {
	c, err := s.leaver(w, r)
	switch {
	case err != nil:
		return s.troublePage(w, r, err)
	case c.session != nil:
		return s.logoutPage(w, r)
	}
	page := ui.SignedOutPage{SignIn: s.Places.Begin[flow.Login].String()}
	return s.draw(w, http.StatusOK, func(w io.Writer) error { return s.Pages.SignedOut(w, page) })
}

// errorUI shows the error that a browser was led to.
func (s *Server) errorUI(w http.ResponseWriter, r *http.Request) error {
	e, _, err := s.openError(askedError(r))
	if err != nil {
		f := fault.From(err)
		return s.errorPage(w, wire.Status(f), wire.FromFault(f, of(w).given))
	}
	return s.errorPage(w, http.StatusOK, e.Error)
}

func (s *Server) errorPage(w http.ResponseWriter, status int, e wire.Error) error {
	return s.draw(w, status, func(w io.Writer) error {
		return s.Pages.Error(w, ui.ErrorPage{Error: e, Home: s.Places.Home.String()})
	})
}

var errNoAsset = fault.New(fault.NotFound, "route_not_found", "There is no such file.")

// forever is for files whose names change with what is in them.
const forever = "public, max-age=31536000, immutable"

func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	a, ok := s.Pages.Asset(r.PathValue("name"))
	if !ok {
		return errNoAsset
	}
	h := w.Header()
	h.Set("Cache-Control", forever)
	h.Set("Content-Type", a.Type)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // a picture is no page
	h.Set("Content-Length", strconv.Itoa(len(a.Content)))
	if h.Del("Vary"); s.cors != nil {
		h["Vary"] = []string{"Origin"} // CORS marks this answer too
	}
	of(w).quiet = true
	_, _ = w.Write(a.Content) // a client that is gone needs no answer
	return nil
}
