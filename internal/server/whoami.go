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
	token, ok := credential(r)
	if !ok {
		return session.ErrNone
	}
	if r.URL.RawQuery != "" && r.URL.Query().Get("tokenize_as") != "" {
		return errNoTemplate
	}
	found, err := s.Sessions.Check(r.Context(), token)
	if errors.Is(err, session.ErrAALTooLow) {
		return s.stepUp()
	}
	if err != nil {
		return err
	}
	body, err := found.Memo.Load(func() ([]byte, error) {
		return wire.Marshal(s.View.FromSession(found, s.Sessions.Moment(), wire.Expand{Identity: true, Devices: true}))
	})
	if err != nil {
		return err
	}
	of(w).quiet = true
	w.Header()["X-Kratos-Authenticated-Identity-Id"] = []string{found.IdentityID.String()}
	replyBytes(w, http.StatusOK, body)
	return nil
}

var errNoTemplate = fault.New(fault.Invalid, "tokenizer_template_unknown", "There is no tokenizer template of this name.")

// stepUp tells where the second factor can be shown.
func (s *Server) stepUp() error {
	to := s.View.Base + "self-service/login/browser?aal=aal2"
	return session.ErrAALTooLow.With("redirect_browser_to", to).WithDetail("redirect_browser_to", to)
}
