package server

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

var keyExpiries = []string{"24h", "720h", "2160h", "8760h"}

// consoleKeys lists the keys, and has a form for another.
func (s *Server) consoleKeys(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := ui.KeysPage{}
	if v.by == nil {
		page.Chosen = []string{string(admin.All)}
	}
	return s.drawKeys(w, r, v, http.StatusOK, page)
}

func (s *Server) drawKeys(w http.ResponseWriter, r *http.Request, v *visit, status int, page ui.KeysPage) error {
	all, err := s.AdminKeys.Store.AdminKeys(r.Context())
	if err != nil {
		return err
	}
	for _, k := range all {
		page.Keys = append(page.Keys, wire.FromKey(k, s.Sessions.Moment()))
	}
	for _, scope := range admin.Scopes {
		page.Scopes = append(page.Scopes, string(scope))
	}
	page.Expiries = keyExpiries
	seen := s.seen(v, "keys", r)
	return s.drawConsole(w, status, func(w io.Writer) error { return s.Console.Keys(w, seen, page) })
}

// consoleCreateKey makes a key and shows its secret, in this answer alone. The first key of all takes over the visit in
// which it was made: nobody gets in without one any more.
func (s *Server) consoleCreateKey(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	page := ui.KeysPage{Name: strings.TrimSpace(text(form, "name", ""))}
	for name := range form {
		if scope, ok := strings.CutPrefix(name, "scope."); ok {
			page.Chosen = append(page.Chosen, scope)
		}
	}
	slices.Sort(page.Chosen)
	made, err := s.makeKey(w, r, v, page, text(form, "expires", ""))
	if err != nil && wire.Status(fault.From(err)) >= http.StatusInternalServerError {
		return err
	}
	if err != nil {
		of(w).fault = err
		wrong := wire.FromFault(fault.From(err), "")
		page.Wrong = &wrong
		return s.drawKeys(w, r, v, wrong.Code, page)
	}
	return s.drawKeys(w, r, v, http.StatusOK, ui.KeysPage{Made: made})
}

func (s *Server) makeKey(w http.ResponseWriter, r *http.Request, v *visit, page ui.KeysPage, expires string) (*wire.Key, error) {
	scopes, err := admin.ParseScopes(page.Chosen)
	if err != nil {
		return nil, err
	}
	until := time.Time{}
	if expires != "" {
		if !slices.Contains(keyExpiries, expires) {
			return nil, admin.ErrBadExpiry
		}
		span, _ := time.ParseDuration(expires) // those above are durations
		until = s.Sessions.Moment().Add(span)
	}
	k, secret, err := s.AdminKeys.Create(r.Context(), page.Name, scopes, until)
	if err != nil {
		return nil, err
	}
	note(w, "key_created", k.Name)
	if v.by == nil {
		s.goOnWithKey(w, r, v, k, secret.Hash())
	}
	shown := wire.FromNewKey(k, secret, s.Sessions.Moment())
	return &shown, nil
}

// goOnWithKey has a visit that was begun without a key go on with the first one. Where that cannot be written down, the key is
// shown all the same, and opens the console.
func (s *Server) goOnWithKey(w http.ResponseWriter, r *http.Request, v *visit, k *admin.Key, secret session.TokenHash) {
	*v = *s.newVisit(secret, session.ID{})
	v.by = byKey(k)
	if err := s.AdminKeys.Store.StartVisit(r.Context(), v.kept(), s.Sessions.Moment()); err != nil {
		note(w, "visit", err.Error())
		return
	}
	s.sendVisit(w, v)
}

// consoleRevokeKey ends a key for good, once that was confirmed.
func (s *Server) consoleRevokeKey(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	id := text(form, "key", "")
	if text(form, "confirmed", "") != "yes" {
		all, err := s.AdminKeys.Store.AdminKeys(r.Context())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(k *admin.Key) bool { return k.ID == id })
		if i < 0 {
			return admin.ErrNoKey
		}
		return s.askOnce(w, r, v, "keys", ui.ConfirmPage{What: "revoke", Who: all[i].Name, Action: "keys/revoke", Back: "keys",
			Hidden: []ui.Hidden{{Name: "key", Value: id}}})
	}
	if err := s.AdminKeys.Revoke(r.Context(), id); err != nil {
		return err
	}
	note(w, "key_revoked", shorten(id))
	return s.toConsole(w, r, "keys?"+s.saying(v, "revoked", 0))
}
