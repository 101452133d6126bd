package server

import (
	"net/http"

	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

var errInclude = fault.New(fault.Invalid, "include_invalid", "The query parameter include is current or ended; it may be given twice.")

// ownSessions lists the other live sessions of the caller's identity, the newest first. With include=current the caller's
// own is among them, with include=ended those that are over as well, as long as they are known.
func (s *Server) ownSessions(w http.ResponseWriter, r *http.Request) error {
	c, err := s.signedIn(w, r)
	if err == nil && !s.Sessions.Satisfied(c.session) {
		err = session.ErrAALTooLow
	}
	if err != nil {
		return s.orStepUp(err, c.session)
	}
	p, err := s.readPage(r, ownSessionPages)
	if err != nil {
		return err
	}
	f, err := ownFilter(r, c)
	if err != nil {
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
	of(w).quiet = true
	return reply(w, http.StatusOK, s.showOwn(c, all))
}

func ownFilter(r *http.Request, c caller) (session.Filter, error) {
	live := true
	f := session.Filter{Identity: &c.session.IdentityID, Active: &live, Except: c.session.ID}
	for _, more := range r.URL.Query()["include"] {
		switch more {
		case "current":
			f.Except = session.ID{}
		case "ended":
			f.Active = nil
		default:
			return f, errInclude
		}
	}
	return f, nil
}

// showOwn shows sessions to their owner, and which one is in use.
func (s *Server) showOwn(c caller, all []*session.Session) []wire.Session {
	shown := s.showSessions(all, wire.Expand{Identity: true, Devices: true, End: true})
	for i := range shown {
		shown[i].Current = all[i].ID == c.session.ID
	}
	return shown
}

// revokeOthers ends all sessions of the caller's identity but the caller's own.
func (s *Server) revokeOthers(w http.ResponseWriter, r *http.Request) error {
	c, err := s.signedIn(w, r)
	if err != nil {
		return err
	}
	n, err := s.endOthers(w, r, c)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, wire.Revoked{Count: n})
}

func (s *Server) endOthers(w http.ResponseWriter, r *http.Request, c caller) (int, error) {
	n, err := s.Sessions.RevokeOthers(r.Context(), c.session)
	if err == nil {
		note(w, "sessions_ended", n)
	}
	return n, s.orStepUp(err, c.session)
}

// revokeOther ends one other session of the caller's identity. That there is no such session is no failure.
func (s *Server) revokeOther(w http.ResponseWriter, r *http.Request) error {
	c, err := s.signedIn(w, r)
	if err != nil {
		return err
	}
	if err := s.endOther(w, r, c, r.PathValue("id")); err != nil {
		return err
	}
	return doneAsJSON(w)
}

func (s *Server) endOther(w http.ResponseWriter, r *http.Request, c caller, name string) error {
	id, err := session.ParseID(name)
	if err != nil {
		return err
	}
	if err := s.Sessions.RevokeOther(r.Context(), c.session, id); err != nil {
		return s.orStepUp(err, c.session)
	}
	note(w, "revoked", id.String())
	return nil
}
