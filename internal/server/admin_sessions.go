package server

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

var (
	errActive = fault.New(fault.Invalid, "active_invalid", "could not parse parameter active: it is true or false.")
	errExpand = fault.New(fault.Invalid, "expand_invalid", "The expand parameter is not valid; it is identity or devices, and may be repeated.")
)

// listSessions lists the sessions of the installation, the newest first.
func (s *Server) listSessions(w http.ResponseWriter, r *http.Request) error {
	p, err := s.readPage(r, sessionPages)
	if err != nil {
		return err
	}
	expand, err := readExpand(w, r)
	if err != nil {
		return err
	}
	f := session.Filter{}
	if f.Active, err = readActive(r); err != nil {
		return err
	}
	all, n, err := s.sessionPage(r, p, f)
	if err != nil {
		return err
	}
	n.total = -1
	s.link(w, r, p, n)
	return reply(w, http.StatusOK, s.showSessions(all, expand))
}

// identitySessions lists the sessions of one identity, ended ones included.
func (s *Server) identitySessions(w http.ResponseWriter, r *http.Request) error {
	id, err := identity.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	p, err := s.readPage(r, identitySessionPages)
	if err != nil {
		return err
	}
	f := session.Filter{Identity: &id}
	if f.Active, err = readActive(r); err != nil {
		return err
	}
	all, n, err := s.sessionPage(r, p, f)
	if err != nil {
		return err
	}
	if n.total, err = s.Sessions.Count(r.Context(), f); err != nil {
		return err
	}
	s.link(w, r, p, n)
	return reply(w, http.StatusOK, s.showSessions(all, narrowed(w, wire.Expand{Identity: true, Devices: true, Admin: true})))
}

// sessionPage reads one page and one row more, to know whether another follows.
func (s *Server) sessionPage(r *http.Request, p page, f session.Filter) ([]*session.Session, next, error) {
	f.Limit, f.Offset = p.size+1, p.offset
	if p.after.Created != 0 {
		id, err := session.ParseID(p.after.ID)
		if err != nil {
			return nil, next{}, errPageToken
		}
		f.AfterCreated, f.AfterID = time.UnixMicro(p.after.Created).UTC(), id
	}
	all, err := s.Sessions.List(r.Context(), f)
	if err != nil || len(all) <= p.size {
		return all, next{}, err
	}
	last := all[p.size-1]
	return all[:p.size], next{more: true, after: cursor{Created: last.CreatedAt.UnixMicro(), ID: last.ID.String()}}, nil
}

func (s *Server) showSessions(all []*session.Session, e wire.Expand) []wire.Session {
	now := s.Sessions.Moment()
	shown := make([]wire.Session, len(all))
	for i, one := range all {
		shown[i] = s.View.FromSession(one, now, e)
		if !e.Devices {
			shown[i].Devices = nil
		}
	}
	return shown
}

func readActive(r *http.Request) (*bool, error) {
	text := r.URL.Query().Get("active")
	if text == "" {
		return nil, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return nil, errActive
	}
	return &b, nil
}

func readExpand(w http.ResponseWriter, r *http.Request) (wire.Expand, error) {
	e := wire.Expand{Admin: true}
	for _, v := range r.URL.Query()["expand"] {
		switch strings.ToLower(v) {
		case "identity":
			e.Identity = true
		case "devices":
			e.Devices = true
		default:
			return e, errExpand
		}
	}
	return narrowed(w, e), nil
}

// narrowed leaves the person out for a key that opens sessions and not identities.
func narrowed(w http.ResponseWriter, e wire.Expand) wire.Expand {
	if k := of(w).key; k != nil && !k.Allows(admin.IdentitiesRead) {
		e.Identity = false
	}
	return e
}

// session shows one session.
func (s *Server) session(w http.ResponseWriter, r *http.Request) error {
	id, err := session.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	expand, err := readExpand(w, r)
	if err != nil {
		return err
	}
	found, err := s.Sessions.Find(r.Context(), id)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.View.FromSession(found, s.Sessions.Moment(), expand))
}

// lookUpSession shows the session that a token stands for, or stood for. The token travels in the body, where nothing
// writes it down. It changes nothing, and is no use of the session.
func (s *Server) lookUpSession(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Token string `json:"session_token"`
	}
	if err := readJSON(w, r, maxBody, &body, false); err != nil {
		return err
	}
	text, _ := splitCookie(body.Token)
	token, err := session.ParseSecret(text)
	if err != nil {
		return err
	}
	found, err := s.Sessions.Trace(r.Context(), token)
	if err != nil {
		return err
	}
	shown := s.View.FromSession(found, s.Sessions.Moment(), narrowed(w, wire.Expand{Identity: true, Devices: true, Admin: true}))
	return reply(w, http.StatusOK, wire.TracedSession{Session: shown, Replaced: found.TokenUntil != nil})
}

// disableSession ends one session; one that is over already is a success.
func (s *Server) disableSession(w http.ResponseWriter, r *http.Request) error {
	id, err := session.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.Sessions.Revoke(r.Context(), id); err != nil {
		return err
	}
	note(w, "session_ended", id.String())
	return doneAsJSON(w)
}

// extendSession gives a session a full lifespan from now.
func (s *Server) extendSession(w http.ResponseWriter, r *http.Request) error {
	id, err := session.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.Sessions.Extend(r.Context(), id); err != nil {
		return err
	}
	note(w, "session_extended", id.String())
	if s.FasterExtend {
		return done(w)
	}
	found, err := s.Sessions.Find(r.Context(), id)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.View.FromSession(found, s.Sessions.Moment(), narrowed(w, wire.Expand{Identity: true})))
}

// deleteIdentitySessions ends all sessions of an identity and removes them from sight.
func (s *Server) deleteIdentitySessions(w http.ResponseWriter, r *http.Request) error {
	id, err := identity.ParseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	ended, err := s.Sessions.RevokeAll(r.Context(), session.Scope{Identities: []identity.ID{id}, Delete: true})
	if err != nil {
		return err
	}
	if ended.Count == 0 {
		return session.ErrNotFound.Saying("The identity has no sessions.")
	}
	note(w, "sessions_deleted", ended.Count)
	return done(w)
}

const (
	maxBulkIDs  = 500
	maxBulkRows = 5000 // ended by one request that names everybody
)

var errBulk = fault.New(fault.Invalid, "bulk_invalid", "The bulk request is not valid.")

// bulkSessions ends many sessions at once.
func (s *Server) bulkSessions(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Action     string   `json:"action"`
		Identities []string `json:"identities"`
		Sessions   []string `json:"sessions"`
	}
	if err := readJSON(w, r, maxAdminBody, &body, false); err != nil {
		return err
	}
	scope, err := bulkScope(body.Action, body.Identities, body.Sessions)
	if err != nil {
		return err
	}
	ended, err := s.Sessions.RevokeAll(r.Context(), scope)
	if err != nil {
		return err
	}
	note(w, "sessions_"+body.Action, ended.Count)
	return reply(w, http.StatusOK, wire.Processed{Processed: ended.Count, More: ended.More})
}

func bulkScope(action string, identities, sessions []string) (session.Scope, error) {
	scope := session.Scope{Delete: action == "delete"}
	if action != "disable" && action != "delete" {
		return scope, errBulk.Saying("The action has to be disable or delete.")
	}
	if (len(identities) == 0) == (len(sessions) == 0) {
		return scope, errBulk.Saying("Exactly one of 'identities' or 'sessions' must be a non-empty array.")
	}
	if len(identities)+len(sessions) > maxBulkIDs {
		return scope, errBulk.Saying("At most %d ids fit in one request.", maxBulkIDs)
	}
	if len(identities) == 1 && identities[0] == "*" {
		scope.All, scope.Limit = true, maxBulkRows
		return scope, nil
	}
	var errs []error
	for _, text := range identities {
		id, err := identity.ParseID(text)
		scope.Identities, errs = append(scope.Identities, id), append(errs, err)
	}
	for _, text := range sessions {
		id, err := session.ParseID(text)
		scope.IDs, errs = append(scope.IDs, id), append(errs, err)
	}
	if errors.Join(errs...) != nil {
		return scope, errBulk.Saying("One of the ids is not a UUID; only 'identities' may be [\"*\"], alone.")
	}
	return scope, nil
}
