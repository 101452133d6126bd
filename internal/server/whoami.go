package server

import (
	"errors"
	"net/http"

	"exeunt/internal/flow"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

// whoamiMethods all answer the same and change nothing: gateways forward the method of the request that they check.
var whoamiMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// activityHeader says with "none" that a request is not made by a person who uses the session, but by a program that looks
// whether it is still there.
const activityHeader = "X-Session-Activity"

func active(r *http.Request) bool { return r.Header.Get(activityHeader) != "none" }

// whoami answers with the session of the request's credential. Asking is using it, unless the request says otherwise.
func (s *Server) whoami(w http.ResponseWriter, r *http.Request) error {
	c, err := s.identify(w, r, (*session.Manager).Check)
	if err != nil {
		s.cacheNobody(w, r, err)
		return s.orStepUp(err, c.session)
	}
	if active(r) {
		c.session = s.Sessions.Used(r.Context(), c.session)
	}
	found := c.session
	body, err := found.Memo.Load(func() ([]byte, error) {
		return wire.Marshal(s.View.FromSession(found, s.Sessions.Moment(), wire.Expand{Identity: true, Devices: true}))
	})
	if err != nil {
		return err
	}
	if template := templateOf(r); template != "" {
		if body, err = s.tokenized(w, r, template, found, body); err != nil {
			return err
		}
	} else {
		s.cacheable(w, found)
	}
	s.renew(w, c)
	of(w).quiet = true
	w.Header()["X-Kratos-Authenticated-Identity-Id"] = []string{found.IdentityID.String()}
	replyBytes(w, http.StatusOK, body)
	return nil
}

// orStepUp tells where the second factor can be shown, if that is what an error is about, and where to sign out instead:
// whoever has lost it must not be stuck in a session that nothing accepts.
func (s *Server) orStepUp(err error, x *session.Session) error {
	if !errors.Is(err, session.ErrAALTooLow) {
		return err
	}
	to := s.Places.SecondFactor.String()
	e := session.ErrAALTooLow.With("redirect_browser_to", to).WithDetail("redirect_browser_to", to)
	if x != nil {
		e = e.WithDetail("logout_url", s.logoutURL(s.logoutToken(x.ID, flow.Return{}), flow.Return{}))
	}
	return e
}
