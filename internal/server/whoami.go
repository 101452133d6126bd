package server

import (
	"errors"
	"net/http"

	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

// whoamiMethods all answer the same and change nothing: gateways forward the method of the request that they check.
var whoamiMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// whoami answers with the session of the request's credential.
func (s *Server) whoami(w http.ResponseWriter, r *http.Request) error {
	c, err := s.identify(w, r, (*session.Manager).Check)
	if err != nil {
		return s.orStepUp(err)
	}
	if r.URL.RawQuery != "" && r.URL.Query().Get("tokenize_as") != "" {
		return errNoTemplate
	}
	found := c.session
	body, err := found.Memo.Load(func() ([]byte, error) {
		return wire.Marshal(s.View.FromSession(found, s.Sessions.Moment(), wire.Expand{Identity: true, Devices: true}))
	})
	if err != nil {
		return err
	}
	if c.cookie && s.Session.Persistent && !found.ExtendedAt.IsZero() {
		s.issue(w, c.token, found.ExpiresAt) // the browser still believes in an earlier end
	}
	of(w).quiet = true
	w.Header()["X-Kratos-Authenticated-Identity-Id"] = []string{found.IdentityID.String()}
	replyBytes(w, http.StatusOK, body)
	return nil
}

var errNoTemplate = fault.New(fault.Invalid, "tokenizer_template_unknown", "There is no tokenizer template of this name.")

// orStepUp tells where the second factor can be shown, if that is what an error is about.
func (s *Server) orStepUp(err error) error {
	if !errors.Is(err, session.ErrAALTooLow) {
		return err
	}
	to := s.Places.SecondFactor.String()
	return session.ErrAALTooLow.With("redirect_browser_to", to).WithDetail("redirect_browser_to", to)
}
