package server

import (
	"net/http"
	"sync/atomic"
)

// Handlers answer on both listeners with the newest of several servers. What a server is made of never changes; when a
// setting does, another server takes its place. A request is answered by one of them from its beginning to its end, so it
// sees one state of all settings.
type Handlers struct{ now atomic.Pointer[pair] }

type pair struct {
	server        *Server
	public, admin http.Handler
}

// Use has a server answer from now on. It goes on with what the one before has counted.
func (h *Handlers) Use(s *Server) {
	if before := h.now.Load(); before != nil {
		s.kept = before.server.kept
	}
	h.now.Store(&pair{s, s.Public(), s.Admin()})
}

// Server is the one that answers at the moment.
func (h *Handlers) Server() *Server { return h.now.Load().server }

// Public is the handler of the public listener.
func (h *Handlers) Public() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.now.Load().public.ServeHTTP(w, r) })
}

// Admin is the handler of the admin listener.
func (h *Handlers) Admin() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.now.Load().admin.ServeHTTP(w, r) })
}
