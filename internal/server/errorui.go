package server

import (
	"encoding/json"
	"net/http"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

// shownFor is how long an error can be looked at.
const shownFor = 15 * time.Minute

// browse wraps what browsers navigate to: failures lead to the error page, unless the request asks for JSON.
func (s *Server) browse(asJSON func(*http.Request) bool, h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		if err == nil || asJSON(r) {
			return err
		}
		return s.showError(w, r, err)
	}
}

// showError leads a browser to the error page. Trouble of our own is answered in place, with its status, so that whoever
// watches the server sees it too.
func (s *Server) showError(w http.ResponseWriter, r *http.Request, err error) error {
	f := fault.From(err)
	switch {
	case r.Context().Err() != nil:
		return err // nobody is there to look at it
	case wire.Status(f) >= http.StatusInternalServerError:
		return s.troublePage(w, r, err)
	}
	of(w).fault = err
	redirect(w, r, s.Places.Error.With("id", s.errorID(f)))
	return nil
}

// shown is an error on its way to the error page. Nothing is stored for it, so nobody can fill the store with errors:
// the id holds it all, sealed and dated.
type shown struct {
	Error wire.Error `json:"e"`
	At    int64      `json:"t"` // Unix time in microseconds
}

// errorID holds nothing that the client has written, as anybody may be shown it.
func (s *Server) errorID(f *fault.Error) string {
	b, err := json.Marshal(shown{Error: wire.FromFault(f, ""), At: s.Sessions.Moment().UnixMicro()})
	if err != nil { // a detail that cannot be encoded must not hide the failure itself
		return s.errorID(fault.New(f.Kind, f.ID, f.Reason))
	}
	return seals(s.Keys).seal("error", b)
}

var errNoError = fault.New(fault.NotFound, "error_not_found", "There is no such error, or it is too old to be shown.")

func (s *Server) openError(id string) (e shown, at time.Time, err error) {
	b, ok := seals(s.Keys).open("error", id)
	if !ok || json.Unmarshal(b, &e) != nil {
		return e, at, errNoError
	}
	at = time.UnixMicro(e.At).UTC()
	if s.Sessions.Moment().Sub(at) > shownFor {
		return e, at, errNoError
	}
	return e, at, nil
}

// selfServiceError answers with an error that a browser was led to.
func (s *Server) selfServiceError(w http.ResponseWriter, r *http.Request) error {
	id := askedError(r)
	if id == exampleID {
		return reply(w, http.StatusOK, wire.FlowError{ID: id, Error: wire.FromFault(errExample, "")})
	}
	e, at, err := s.openError(id)
	if err != nil {
		return err
	}
	s.ensureCSRF(w, r)
	return reply(w, http.StatusOK, wire.FlowError{ID: id, Error: e.Error, CreatedAt: at, UpdatedAt: at})
}

func askedError(r *http.Request) string {
	q := r.URL.Query()
	if q.Get("error") != "" {
		return q.Get("error")
	}
	return q.Get("id")
}

// exampleID asks for an error to build pages with.
const exampleID = "stub:500"

var errExample = fault.New(fault.Internal, "example", "This is an example of an error, to build pages with.")

// troublePage shows a failure of our own to a person, and answers everybody else with JSON.
func (s *Server) troublePage(w http.ResponseWriter, r *http.Request, err error) error {
	if weigh(r.Header["Accept"], "text", "html").specific < 3 {
		return err
	}
	f := fault.From(err)
	of(w).fault = err
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(f.RetryAfter))
	}
	return s.errorPage(w, wire.Status(f), wire.FromFault(f, of(w).given))
}
