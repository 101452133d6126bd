package server

import (
	"context"
	"errors"
	"net/http"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/tries"
)

var errWrongKeys = &fault.Error{Kind: fault.Busy, ID: "too_many_wrong_keys",
	Reason: "Too many wrong keys were sent from this address. Please wait a moment and try again."}

// challenge asks for a key (RFC 6750, section 3).
const challenge = `Bearer realm="exeunt admin"`

// admitted wraps an endpoint of the admin API on its own listener. While there is no key, whoever reaches a loopback
// listener under its own name is the operator; elsewhere nobody is.
func (s *Server) admitted(need admin.Scope, h handle) handle {
	return s.withKey(need, h, func(w http.ResponseWriter, r *http.Request) error {
		if !s.AdminLocal {
			return s.refuseKey(w, admin.ErrKeyMissing)
		}
		if err := s.outsider(r); err != nil {
			return err
		}
		return h(w, r.WithContext(identity.AsAdmin(r.Context(), identity.Admin)))
	})
}

// admittedPublicly wraps an endpoint of the admin API on the public listener, where there is none while there is no key.
func (s *Server) admittedPublicly(need admin.Scope, h handle) handle {
	return s.withKey(need, h, s.publicFallback)
}

// withKey judges the key of a request: by the store, at every call, so that one that was revoked stops at once.
func (s *Server) withKey(need admin.Scope, h, unlocked handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		k, err := s.AdminKeys.Admit(r.Context(), bearer(r), need)
		if k != nil {
			note(w, "key", k.Name)
			of(w).key = k
		}
		of(w).admitted = func(ctx context.Context) bool {
			now, err := s.AdminKeys.Admit(ctx, bearer(r), need)
			return err == nil && (now == nil) == (k == nil)
		}
		switch {
		case errors.Is(err, admin.ErrKeyWrong):
			return s.refuseWrongKey(w, r)
		case errors.Is(err, admin.ErrKeyMissing):
			return s.refuseKey(w, err)
		case errors.Is(err, admin.ErrScope):
			w.Header().Set("WWW-Authenticate", challenge+`, error="insufficient_scope", scope="`+string(need)+`"`)
			return err
		case err != nil:
			return err
		case k == nil:
			return unlocked(w, r)
		}
		return h(w, r.WithContext(identity.AsAdmin(r.Context(), k.Name)))
	}
}

func (s *Server) refuseKey(w http.ResponseWriter, err error) error {
	w.Header().Set("WWW-Authenticate", challenge)
	return err
}

// refuseWrongKey counts wrong keys by client. Only they are held up, never a right key from the same address, so clients
// at private addresses count as well.
func (s *Server) refuseWrongKey(w http.ResponseWriter, r *http.Request) error {
	if _, refused := s.wrongKeys.begin("client " + tries.Network(s.clientIP(r))); refused != nil {
		return refused
	}
	w.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
	return admin.ErrKeyWrong
}

// keyless wraps what asks for no key: it tells whether the server works, and figures. On a loopback listener no page may
// reach it under a host name of its own.
func (s *Server) keyless(h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.outsider(r); err != nil {
			return err
		}
		return h(w, r)
	}
}

// mayTouch keeps a key from getting more than it has by the hands of a person: only one with the scope all may let an
// identity into the console, or change one that is let in. The documents are metadata_admin before and after.
func mayTouch(w http.ResponseWriter, documents ...[]byte) error {
	if k := of(w).key; k == nil || k.Allows(admin.All) {
		return nil
	}
	for _, document := range documents {
		if len(admin.Marked(document)) > 0 {
			return admin.ErrMarked
		}
	}
	return nil
}
