package server

import (
	"net/http"
	"net/http/pprof"

	"exeunt/internal/admin"
)

// profiled wraps what shows the inside of the process. It asks for a key that opens everything, also where nothing else asks
// for one: a profile of the memory could show what is in it.
func (s *Server) profiled(h handle) handle {
	return s.withKey(admin.All, h, func(w http.ResponseWriter, _ *http.Request) error { return s.refuseKey(w, admin.ErrKeyMissing) })
}

// profile answers with a profile, in the format of the tool pprof.
func (s *Server) profile(w http.ResponseWriter, r *http.Request) error {
	note(w, "profile", shorten(r.PathValue("name")))
	switch name := r.PathValue("name"); name {
	case "profile":
		pprof.Profile(w, r)
	case "trace":
		pprof.Trace(w, r)
	case "allocs", "block", "goroutine", "heap", "mutex", "threadcreate":
		pprof.Handler(name).ServeHTTP(w, r)
	default:
		return errNoRoute
	}
	return nil
}
