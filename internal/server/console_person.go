package server

import (
	"context"
	"errors"
	"net/http"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// errNoOperator says no more about who is signed in here than they know themselves.
var errNoOperator = fault.New(fault.Unauthenticated, "console_session_refused",
	"No session of this browser opens the console: nobody is signed in here, the second factor is still missing, or an administrator has not let this person in.")

func byKey(k *admin.Key) *operator {
	if k == nil {
		return nil
	}
	return &operator{name: k.Name, shown: k.Name, scopes: k.Scopes}
}

// note tells the log who acts.
func (o *operator) note(w http.ResponseWriter) {
	if o.person {
		note(w, "operator", o.name)
		return
	}
	note(w, "key", o.name)
}

// consoleEnterAsPerson begins a visit with the session of this browser. While there is no key at all, nobody signs in.
func (s *Server) consoleEnterAsPerson(w http.ResponseWriter, r *http.Request) error {
	locked, err := s.AdminKeys.Locked(r.Context())
	switch {
	case err != nil:
		return s.consoleFault(w, r, nil, err)
	case !locked:
		return s.toConsole(w, r, "")
	}
	x, by, err := s.operator(r.Context(), r)
	switch {
	case errors.Is(err, errNoOperator):
		return s.drawRefusal(w, err)
	case err != nil:
		return s.consoleFault(w, r, nil, err)
	}
	return s.enter(w, r, s.newVisit(session.TokenHash{}, x.ID), by)
}

// admitPerson judges a visit that was begun with a session: the browser must still hold that session, and it must still open
// the console. Once there is no key, the console is open or shut for everybody, and such a visit is over.
func (s *Server) admitPerson(ctx context.Context, r *http.Request, v *visit, need admin.Scope) (*visit, error) {
	locked, err := s.AdminKeys.Locked(ctx)
	if err != nil {
		return nil, err
	}
	x, by, err := s.operator(ctx, r)
	switch {
	case errors.Is(err, errNoOperator) || err == nil && (x.ID != v.Session || !locked):
		return nil, errNoVisit
	case err != nil:
		return nil, err
	}
	if v.by = by; !v.allows(need) {
		return v, admin.ErrScope.Saying("You have not the scope %s, which this needs.", need).WithDetail("scope", string(need))
	}
	return v, nil
}

// operator is the session of a browser and whom it lets into the console, or errNoOperator. The second factor must have
// been shown if there is one, whatever else the rules of sessions accept.
func (s *Server) operator(ctx context.Context, r *http.Request) (*session.Session, *operator, error) {
	x, err := s.browserSession(ctx, r)
	if errors.Is(err, session.ErrNone) {
		return nil, nil, errNoOperator
	}
	if err != nil {
		return nil, nil, err
	}
	i, err := s.Identities.Store.Identity(ctx, x.IdentityID) // as it is now, and not as a session remembers it
	if errors.Is(err, identity.ErrNotFound) {
		return nil, nil, errNoOperator
	}
	if err != nil {
		return nil, nil, err
	}
	scopes := admin.Marked(i.MetadataAdmin)
	if len(scopes) == 0 || i.State != identity.Active || x.AAL < max(i.AvailableAAL, identity.AAL1) {
		return nil, nil, errNoOperator
	}
	return x, &operator{name: i.ID.String(), shown: s.nameOf(i), person: true, scopes: scopes}, nil
}

// browserSession is the session whose cookie a browser has from the public API, which it sends to every port of a host; or
// ErrNone. It is the one that the public API takes (byCookie), but for cookies of another server, which count once that has
// replaced them. Here they are only read.
func (s *Server) browserSession(ctx context.Context, r *http.Request) (*session.Session, error) {
	tried := 0
	for _, name := range s.sessionCookies {
		for sent := range cookieValues(r, name) {
			text, _ := splitCookie(sent)
			token, err := session.ParseSecret(text)
			if err != nil || !token.TravelsIn(session.InCookie) {
				continue
			}
			if tried++; tried > maxTried {
				return nil, session.ErrNone
			}
			found, err := s.Sessions.Lookup(ctx, token, s.Sessions.Moment())
			if !errors.Is(err, session.ErrNone) {
				return found, err
			}
		}
	}
	return nil, session.ErrNone
}
