package server

import (
	"errors"
	"net/http"
	"strings"

	"exeunt/internal/flow"
	"exeunt/internal/session"
)

// whoamiPath is what is asked for most; [Server.publicRoutes] has it as well, so that all routes stand there in full.
const whoamiPath = "/sessions/whoami"

// whoamiMethods all answer the same and change nothing: gateways forward the method of the request that they check.
var whoamiMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// activityHeader says with "none" that a request is not made by a person who uses the session, but by a program that looks
// whether it is still there.
const activityHeader = "X-Session-Activity"

func active(r *http.Request) bool {
	said := r.Header[activityHeader]
	return len(said) == 0 || said[0] != "none"
}

// whoami answers with the session of the request's credential. Asking is using it, unless the request says otherwise.
func (s *Server) whoami(w http.ResponseWriter, r *http.Request) error {
	c, err := s.identify(w, r, (*session.Manager).Check)
	if err != nil {
		s.cacheNobody(w, r, err)
		return s.orStepUp(err, c.session)
	}
	if active(r) {
		c.session = s.Sessions.Used(r.Context(), c.session, c.at)
	}
	found := c.session
	made := s.shown(found)
	body := made.Body
	if template := templateOf(r); template != "" {
		more, err := s.tokenized(w, r, template, found, []byte(body))
		if err != nil {
			return err
		}
		body = string(more)
	} else {
		s.cacheable(w, found)
	}
	s.renew(w, c)
	e := of(w)
	e.quiet = true
	e.Header()["X-Kratos-Authenticated-Identity-Id"] = made.Identity[:]
	beginJSON(e, http.StatusOK, len(body))
	_, _ = e.WriteString(body) // a client that is gone needs no answer
	return nil
}

// shown makes the answer about a session, once for each of its states. Nobody changes it.
func (s *Server) shown(found *session.Session) *session.Shown {
	if made := found.Shown(); made != nil {
		return made
	}
	body := string(s.View.AppendSession(make([]byte, 0, usualAnswer), found, s.Sessions.Moment()))
	id := found.IdentityID.String()
	if at := strings.Index(body, id); at >= 0 {
		id = body[at : at+len(id)] // one not asked for lately is in no cache of the processor, so it lies in as few places as possible
	}
	made := session.Shown{Body: body, Identity: [1]string{id}}
	found.Keep(made)
	return &made
}

// usualAnswer is how many bytes nearly every answer has room in.
const usualAnswer = 1536

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
