package server

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/tries"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

// consoleRoutes are the pages of the console, with what a key has to allow.
func (s *Server) consoleRoutes() []route {
	return []route{
		{"GET", "/console", s.console("", func(w http.ResponseWriter, r *http.Request, _ *visit) error { return s.toConsole(w, r, "") })},
		{"GET", "/console/{$}", s.console("", s.consoleOverview)},
		{"GET", "/console/assets/{name}", s.consoleAsset},
		{"GET", "/console/sign-in", s.consoleSignIn},
		{"POST", "/console/sign-in", s.consoleEnter},
		{"POST", "/console/sign-out", s.consoleForm("", s.consoleLeave)},

		{"GET", "/console/sessions", s.console(admin.SessionsRead, s.consoleSessions)},
		{"POST", "/console/sessions/end", s.consoleForm(admin.SessionsWrite, s.consoleEndSessions)},

		{"GET", "/console/identities", s.console(admin.IdentitiesRead, s.consoleIdentities)},
		{"GET", "/console/identities/{id}", s.console(admin.IdentitiesRead, s.consoleIdentity)},
		{"POST", "/console/identities/{id}/state", s.consoleForm(admin.IdentitiesWrite, s.consoleSetState)},
		{"POST", "/console/identities/{id}/sessions", s.consoleForm(admin.SessionsWrite, s.consoleEndTheirs)},

		{"GET", "/console/events", s.console(admin.SessionsRead, s.consoleEvents)},
		{"GET", "/console/events/stream", s.console(admin.SessionsRead, s.consoleStream)},
		{"GET", "/console/hooks", s.console(admin.SessionsRead, s.consoleHooks)},
		{"POST", "/console/hooks", s.consoleForm(admin.SessionsWrite, s.consoleRetry)},

		{"GET", "/console/redirects", s.console(admin.Settings, s.consoleRedirects)},
		{"POST", "/console/redirects", s.consoleForm(admin.Settings, s.consoleChangeRedirects)},

		{"GET", "/console/keys", s.console(admin.All, s.consoleKeys)},
		{"POST", "/console/keys", s.consoleForm(admin.All, s.consoleCreateKey)},
		{"POST", "/console/keys/revoke", s.consoleForm(admin.All, s.consoleRevokeKey)},
	}
}

func (s *Server) consoleAsset(w http.ResponseWriter, r *http.Request) error {
	a, ok := s.Console.Asset(r.PathValue("name"))
	if !ok {
		return errNoAsset
	}
	h := w.Header()
	h.Set("Cache-Control", forever)
	h.Set("Content-Type", a.Type)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // a picture is no page
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	of(w).quiet = true
	_, _ = w.Write(a.Content) // a client that is gone needs no answer
	return nil
}

// consoleSignIn shows how to enter: with a key, or with the session of this browser.
func (s *Server) consoleSignIn(w http.ResponseWriter, r *http.Request) error {
	if err := s.outsider(r); err != nil {
		return err
	}
	locked, err := s.AdminKeys.Locked(r.Context())
	switch {
	case err != nil:
		return s.consoleFault(w, r, nil, err)
	case !locked && s.AdminLocal:
		return s.toConsole(w, r, "")
	}
	seen := ui.Visit{}
	switch q := r.URL.Query(); {
	case q.Get("over") == "yes":
		seen.Done = "over"
	case q.Get("left") == "yes":
		seen.Done = "left"
	}
	return s.drawConsole(w, http.StatusOK, func(w io.Writer) error { return s.Console.SignIn(w, seen, ui.SignInPage{Shut: !locked}) })
}

// consoleEnter begins a visit with a key, or with the session of this browser. Its forms carry no token, as there is no
// visit that it could belong to; pages of other origins are kept out before (guardAdmin). Wrong keys count as in the header.
func (s *Server) consoleEnter(w http.ResponseWriter, r *http.Request) error {
	if err := s.outsider(r); err != nil {
		return err
	}
	form, err := readForm(w, r)
	if err != nil {
		return s.consoleFault(w, r, nil, err)
	}
	if text(form, "session", "") != "" {
		return s.consoleEnterAsPerson(w, r)
	}
	typed := strings.TrimSpace(text(form, "key", ""))
	key, err := s.AdminKeys.Admit(r.Context(), typed, "")
	switch {
	case errors.Is(err, admin.ErrKeyWrong) || errors.Is(err, admin.ErrKeyMissing):
		return s.refuseEntry(w, r)
	case err != nil:
		return s.consoleFault(w, r, nil, err)
	case key == nil:
		return s.toConsole(w, r, "") // which shows who may enter without a key
	}
	secret, err := session.ParseSecret(typed)
	if err != nil {
		return s.refuseEntry(w, r)
	}
	return s.enter(w, r, s.newVisit(secret.Hash(), session.ID{}), byKey(key))
}

func (s *Server) refuseEntry(w http.ResponseWriter, r *http.Request) error {
	var err error = admin.ErrKeyWrong
	if _, refused := s.wrongKeys.begin("client " + tries.Network(s.clientIP(r))); refused != nil {
		err = refused
	}
	return s.drawRefusal(w, err)
}

// drawRefusal shows how to enter once more, and why that failed.
func (s *Server) drawRefusal(w http.ResponseWriter, err error) error {
	f := fault.From(err)
	of(w).fault = err
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(f.RetryAfter))
	}
	wrong := wire.FromFault(f, "")
	return s.drawConsole(w, wire.Status(f), func(w io.Writer) error { return s.Console.SignIn(w, ui.Visit{}, ui.SignInPage{Wrong: &wrong}) })
}

// consoleLeave ends the visit, for good: its cookie counts nowhere any more, whoever has a copy.
func (s *Server) consoleLeave(w http.ResponseWriter, r *http.Request, v *visit, _ map[string]any) error {
	if err := s.AdminKeys.Store.EndVisit(r.Context(), v.kept(), s.Sessions.Moment()); err != nil {
		return err
	}
	s.forgetVisit(w)
	return s.toConsole(w, r, "sign-in?left=yes")
}
