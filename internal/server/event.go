package server

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"exeunt/internal/admin"
	"exeunt/internal/fault"
	"exeunt/internal/session"
	"exeunt/internal/wire"
)

// event is what is known of one request: it becomes one log line. It is also the writer of the answer, to see its status.
type event struct {
	writer  http.ResponseWriter
	status  int
	wrote   bool
	request string        // id of the request
	given   string        // the same, if the client chose it
	quiet   bool          // a successful check, which is counted but not logged
	began   time.Duration // when an answer without an end began, of elapsed time; zero for others
	fault   error
	attrs   []slog.Attr

	admitted func(context.Context) bool // whether the key of an administrator's request counts still
	key      *admin.Key                 // of a request to the admin API; nil for none
}

// newEvent begins the event of a request, which has the id that the client gave it, if any.
func newEvent(w http.ResponseWriter, r *http.Request) *event {
	e := &event{writer: w, status: http.StatusOK}
	if given := r.Header["X-Request-Id"]; len(given) > 0 && printable(given[0]) {
		e.given, e.request = given[0], given[0]
	}
	return e
}

func printable(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' })
}

// of is the event behind the writer that a handle was given.
func of(w http.ResponseWriter) *event { return w.(*event) }

// note adds to the request's log line. Never pass a token, password, code or address.
func note(w http.ResponseWriter, key string, value any) {
	e := of(w)
	e.attrs = append(e.attrs, slog.Any(key, value))
}

// waited is how long the client has waited for its answer, which took so long, or for one without an end to begin.
func (e *event) waited(start, took time.Duration) time.Duration {
	if e.began == 0 {
		return took
	}
	return e.began - start
}

// Header implements http.ResponseWriter.
func (e *event) Header() http.Header { return e.writer.Header() }

// WriteHeader implements http.ResponseWriter.
func (e *event) WriteHeader(status int) {
	if !e.wrote {
		e.status, e.wrote = status, true
	}
	e.writer.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (e *event) Write(b []byte) (int, error) {
	e.wrote = true
	return e.writer.Write(b)
}

// WriteString implements io.StringWriter.
func (e *event) WriteString(s string) (int, error) {
	e.wrote = true
	return io.WriteString(e.writer, s)
}

// Unwrap lets http.ResponseController reach the connection.
func (e *event) Unwrap() http.ResponseWriter { return e.writer }

const (
	statusClientGone = 499 // as proxies log it: nobody is there to read an answer
	slow             = time.Second
)

// fail answers with an error. It is the only place that does.
func (s *Server) fail(e *event, r *http.Request, err error) {
	f := fault.From(err)
	e.fault = err
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		e.status = statusClientGone
		return
	}
	if e.wrote {
		return
	}
	h := e.Header()
	h["Content-Type"] = jsonPlain
	if f == session.ErrNone && e.given == "" {
		h["Ory-Error-Id"] = nobody.id
		e.WriteHeader(nobody.status)
		_, _ = e.Write(nobody.body) // as below
		return
	}
	h["Ory-Error-Id"] = []string{f.ID}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", seconds(f.RetryAfter))
	}
	if f.Kind == fault.TooLarge {
		h.Set("Connection", "close")
	}
	e.WriteHeader(wire.Status(f))
	_, _ = e.Write(wire.Envelope(f, e.given)) // a client that is gone needs no answer
}

// nobody is what is answered for every token that nobody has, made once.
var nobody = prepareNobody()

type preparedFault struct {
	status int
	id     []string
	body   []byte
}

func prepareNobody() preparedFault {
	body := wire.Envelope(session.ErrNone, "")
	return preparedFault{wire.Status(session.ErrNone), []string{session.ErrNone.ID}, body}
}

// log writes the request's line: when it failed, changed something or was slow. Successful checks are only counted.
func (s *Server) log(e *event, r *http.Request, listener, path string, took time.Duration) {
	if e.quiet && e.fault == nil && took < slow && !s.LogChecks {
		return
	}
	level := slog.LevelInfo
	if e.status >= 500 {
		level = slog.LevelError
	}
	if !s.Log.Enabled(r.Context(), level) {
		return
	}
	if e.request == "" {
		e.request = rand.Text()
	}
	attrs := append([]slog.Attr{
		slog.String("listener", listener), slog.String("method", r.Method), slog.String("route", path), slog.Int("status", e.status),
		slog.Duration("took", took), slog.String("request_id", e.request),
	}, e.attrs...)
	if e.fault != nil {
		attrs = append(attrs, slog.String("fault", fault.From(e.fault).ID))
		if e.status >= 500 {
			attrs = append(attrs, slog.String("error", e.fault.Error()))
		}
	}
	s.Log.LogAttrs(r.Context(), level, "request", attrs...)
}
