package server

import (
	"io"
	"net/http"

	"exeunt/internal/flow"
	"exeunt/internal/session"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

// visitor is the caller of a page. Looking at one is using the session: it is seen, and slides, and its cookie follows.
func (s *Server) visitor(w http.ResponseWriter, r *http.Request) (caller, error) {
	c, err := s.caller(w, r)
	if err == nil && c.session != nil && s.Sessions.Satisfied(c.session) && active(r) {
		c.session = s.Sessions.Used(r.Context(), c.session, c.at)
		s.renew(w, c)
	}
	return c, err
}

// personal wraps a page for somebody who is signed in; whoever is not, or not strongly enough yet, is led to where they
// can be.
func (s *Server) personal(h func(w http.ResponseWriter, r *http.Request, c caller) error) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.visitor(w, r)
		switch {
		case err != nil:
			return s.troublePage(w, r, err)
		case c.session == nil:
			return s.signInFirst(w, r, c)
		case !s.Sessions.Satisfied(c.session):
			redirect(w, r, s.Places.SecondFactor)
			return nil
		}
		return h(w, r, c)
	}
}

// signInFirst leads a browser to the login.
func (s *Server) signInFirst(w http.ResponseWriter, r *http.Request, c caller) error {
	if len(c.why()) > 0 {
		return s.sayWhy(w, r, c)
	}
	redirect(w, r, s.Places.Begin[flow.Login])
	return nil
}

// sayWhy leads a browser to a login that says why its session has ended. The flow begins at once: this answer removes the
// cookie that knows.
func (s *Server) sayWhy(w http.ResponseWriter, r *http.Request, c caller) error {
	secret := s.ensureCSRF(w, r)
	f, err := s.start(r, flow.Start{Kind: flow.Login, Type: flow.Browser, CSRF: secret.hash(), Ended: session.Reason(c.ended)})
	if err != nil {
		return s.showError(w, r, err)
	}
	redirect(w, r, s.page(f))
	return nil
}

// homePage shows who is signed in.
func (s *Server) homePage(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.home(w, r, c, -1)
}

func (s *Server) home(w http.ResponseWriter, r *http.Request, c caller, ended int) error {
	page := ui.HomePage{
		Session: s.show(c), SignOut: s.signOut(c, flow.Return{}), Others: s.Places.Home.String(), CSRF: s.ensureCSRF(w, r).mask(), Ended: ended,
		Sessions: s.Places.Sessions.String(), Settings: s.Places.Begin[flow.Settings].String(),
	}
	return s.draw(w, http.StatusOK, func(w io.Writer) error { return s.Pages.Home(w, page) })
}

func (s *Server) show(c caller) wire.Session {
	return s.View.FromSession(c.session, s.Sessions.Moment(), wire.Expand{Identity: true, Devices: true})
}

// signOut is what a page needs to sign its reader out.
func (s *Server) signOut(c caller, to flow.Return) ui.SignOut {
	after := to
	if to.IsZero() {
		after = s.Places.AfterLogout
	}
	return ui.SignOut{Action: s.View.Base + "self-service/logout", Token: s.logoutToken(c.session.ID, to), After: after.String()}
}

// signOutOthers ends all other sessions from the built-in page.
func (s *Server) signOutOthers(w http.ResponseWriter, r *http.Request, c caller) error {
	_, err := s.pageForm(w, r)
	n := 0
	if err == nil {
		n, err = s.endOthers(w, r, c)
	}
	if err != nil {
		return s.showError(w, r, err)
	}
	return s.home(w, r, c, n)
}

// pageForm reads a form of a built-in page that belongs to no flow.
func (s *Server) pageForm(w http.ResponseWriter, r *http.Request) (map[string]any, error) {
	values, err := readForm(w, r)
	if err == nil {
		err = s.checkPageCSRF(r, text(values, flow.CSRFField, ""))
	}
	return values, err
}
