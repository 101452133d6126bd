package server

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"exeunt/internal/admin"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/ui"
	"exeunt/internal/wire"
)

// consoleIdentities finds people: by id, or by how one of their identifiers begins.
func (s *Server) consoleIdentities(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := strings.TrimSpace(r.URL.Query().Get("q"))
	after := cursor{}
	if token := r.URL.Query().Get("after"); token != "" {
		if err := s.openCursor("console_identities", token, &after); err != nil {
			return err
		}
	}
	page := ui.IdentitiesPage{Query: typed}
	found, next, err := s.findPeople(r.Context(), typed, after.ID)
	if err != nil {
		return err
	}
	for _, i := range found {
		page.Found = append(page.Found, s.View.FromIdentity(i, wire.IdentityParts{Credentials: true}))
	}
	if next != "" {
		q := url.Values{"after": {s.seal("console_identities", cursor{ID: next})}}
		if typed != "" {
			q.Set("q", typed)
		}
		page.Next = &ui.Older{Address: s.consolePath() + "identities?" + q.Encode()}
	}
	seen := s.seen(v, "identities", r)
	return s.drawConsole(w, http.StatusOK, func(w io.Writer) error { return s.Console.Identities(w, seen, page) })
}

// findPeople returns a page of people, and where the next one begins, or "".
func (s *Server) findPeople(ctx context.Context, typed, after string) (found []*identity.Identity, next string, err error) {
	f := identity.Filter{WithCredentials: true, After: after, Limit: consolePage + 1}
	switch id, notID := identity.ParseID(typed); {
	case typed == "":
	case notID == nil:
		f.IDs = []identity.ID{id}
	default:
		return s.findByIdentifier(ctx, identity.FoldIdentifier(typed), after)
	}
	if found, err = s.Identities.Store.ListIdentities(ctx, f); err != nil || len(found) <= consolePage {
		return found, "", err
	}
	return found[:consolePage], found[consolePage-1].ID.String(), nil
}

func (s *Server) findByIdentifier(ctx context.Context, prefix, after string) ([]*identity.Identity, string, error) {
	names, err := s.Identities.Store.Identifiers(ctx, prefix, after, consolePage+1)
	if err != nil || len(names) == 0 {
		return nil, "", err
	}
	next := ""
	if len(names) > consolePage {
		names = names[:consolePage]
		next = names[consolePage-1].Text
	}
	order := map[identity.ID]int{}
	f := identity.Filter{WithCredentials: true, Limit: consolePage}
	for i, name := range names {
		if _, seen := order[name.ID]; !seen {
			order[name.ID], f.IDs = i, append(f.IDs, name.ID)
		}
	}
	found, err := s.Identities.Store.ListIdentities(ctx, f)
	slices.SortFunc(found, func(a, b *identity.Identity) int { return cmp.Compare(order[a.ID], order[b.ID]) })
	return found, next, err
}

// consoleIdentity shows one person, and their sessions to who may see sessions.
func (s *Server) consoleIdentity(w http.ResponseWriter, r *http.Request, v *visit) error {
	i, err := s.find(r)
	if err != nil {
		return err
	}
	page := ui.IdentityPage{Identity: s.View.FromIdentity(i, wire.IdentityParts{Credentials: true}), MayWrite: v.allows(admin.IdentitiesWrite),
		MaySessions: v.allows(admin.SessionsRead)}
	page.Sessions.MayWrite = v.allows(admin.SessionsWrite)
	if page.MaySessions {
		if page.Sessions, err = s.foundSessions(r.Context(), finding{SessionSearch: ui.SessionSearch{Who: i.ID.String()}}, v); err != nil {
			return err
		}
	}
	seen := s.seen(v, "identities", r)
	return s.drawConsole(w, http.StatusOK, func(w io.Writer) error { return s.Console.Identity(w, seen, page) })
}

// consoleSetState deactivates a person, once that was confirmed, or activates them.
func (s *Server) consoleSetState(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	i, err := s.find(r)
	if err != nil {
		return err
	}
	to, here := identity.State(text(form, "to", "")), "identities/"+i.ID.String()
	said := map[identity.State]string{identity.Active: "activated", identity.Inactive: "deactivated"}[to]
	switch {
	case said == "":
		return identity.ErrBadState
	case to == identity.Active && !v.allows(admin.All) && len(admin.Marked(i.MetadataAdmin)) > 0:
		return admin.ErrMarked // anybody may lock an operator out, and only one who may do everything let them in again
	case to == identity.Inactive && text(form, "confirmed", "") != "yes":
		return s.askOnce(w, r, v, "identities", ui.ConfirmPage{What: "deactivate", Who: s.nameOf(i), Action: here + "/state", Back: here,
			Hidden: []ui.Hidden{{Name: "to", Value: string(to)}}})
	}
	if err := s.Identities.SetState(r.Context(), i.ID, to); err != nil {
		return err
	}
	note(w, "identity_updated", i.ID.String())
	return s.toConsole(w, r, here+"?"+s.saying(v, said, 0))
}

func (s *Server) nameOf(i *identity.Identity) string {
	return ui.NameOf(s.View.FromIdentity(i, wire.IdentityParts{}))
}

// consoleEndTheirs ends all sessions of a person, once that was confirmed.
func (s *Server) consoleEndTheirs(w http.ResponseWriter, r *http.Request, v *visit, form map[string]any) error {
	id, err := identity.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	here := "identities/" + id.String()
	if text(form, "confirmed", "") != "yes" {
		who := id.String()
		if i, err := s.Identities.Store.Identity(r.Context(), id); err == nil && v.allows(admin.IdentitiesRead) {
			who = s.nameOf(i)
		} else if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return err
		}
		return s.askOnce(w, r, v, "identities", ui.ConfirmPage{What: "theirs", Who: who, Action: here + "/sessions", Back: here})
	}
	ended, err := s.Sessions.RevokeAll(r.Context(), session.Scope{Identities: []identity.ID{id}})
	if err != nil {
		return err
	}
	note(w, "sessions_ended", ended.Count)
	return s.toConsole(w, r, here+"?"+s.saying(v, "ended", ended.Count))
}
