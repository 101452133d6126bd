package server

import (
	"context"
	"net/http"
	"time"

	"exeunt/internal/fault"
)

// alive says that the process answers; it looks at nothing else.
func (s *Server) alive(w http.ResponseWriter, r *http.Request) error {
	of(w).quiet = true
	return reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

const readyTimeout = 3 * time.Second

// ready says whether the server can do its work, and if not, which dependency is in its way. Why, only the log says.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	failed := map[string]string{}
	for _, d := range s.Ready {
		if err := d.Check(ctx); err != nil {
			failed[d.Name] = "not ready"
			note(w, d.Name, err.Error())
		}
	}
	if len(failed) > 0 {
		w.Header().Set("Retry-After", seconds(fault.ErrUnavailable.RetryAfter))
		return reply(w, http.StatusServiceUnavailable, map[string]any{"errors": failed})
	}
	of(w).quiet = true
	return reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Server) version(w http.ResponseWriter, r *http.Request) error {
	of(w).quiet = true
	return reply(w, http.StatusOK, map[string]string{"version": s.Version})
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) error {
	of(w).quiet = true
	s.Metrics.ServeHTTP(w, r)
	return nil
}
