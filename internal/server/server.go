// Package server is the HTTP edge: routes, credentials, limits, errors. It turns requests into calls of the packages with
// the rules, and their results into what clients see.
package server

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"exeunt/internal/admin"
	"exeunt/internal/courier"
	events "exeunt/internal/event"
	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/token"
	"exeunt/internal/turn"
	"exeunt/internal/ui"
	"exeunt/internal/vault"
	"exeunt/internal/wire"
)

// Server answers the public and the admin API. Its fields are set once, before the first request.
type Server struct {
	Sessions   *session.Manager
	Identities *identity.Manager
	Flows      *flow.Engine
	Schemas    *identity.Schemas
	Exchanges  session.Exchanges
	Events     *events.Log
	Hooks      *courier.Courier
	AdminKeys  *admin.Keyring
	Settings   Settings

	View    wire.View
	Session SessionCookie
	CSRF    Attributes // of the anti-forgery cookie
	CORS    CORS
	Places  Places
	Vault   *vault.Vault
	Pages   *ui.Pages
	Console *ui.Console

	Tokens *token.Tokenizer

	Elsewhere Opener // opens the session cookies of the server whose place this one has taken; nil for none

	ClearBrowserData bool          // browsers drop what they keep of our origin at logout
	CacheFor         bool          // whoami says for how long its answer may be kept
	CacheMax         time.Duration // the most that it says; zero for the rest of the session's life

	AdminBase      string // base URL of the admin API, with a trailing slash
	AdminLocal     bool   // only this machine reaches its listener
	TrustedProxies []netip.Prefix
	FasterExtend   bool // an extension answers 204 without a body
	LogChecks      bool // successful session checks are logged too
	Version        string
	Keys           [][]byte // authenticate what is handed out and comes back: the first makes, all open
	FailedAttempts int      // a minute, for each client and each flow; zero for no bound

	Ready   []Dependency
	Metrics http.Handler
	Meter   Meter
	Tracer  Tracer // nil for none
	Log     *slog.Logger

	*kept
	sessionCookies []string            // the name of the session cookie, and the former ones
	removals       map[string][]string // what removes each of them
	csrfCookie     string
	csrfRest       string          // what stands behind its value, the same for everybody
	origins        map[string]bool // whose pages may act for a person: ours, and the configured ones
	cors           *cors.Cors      // nil when it is off

	strictTransport bool // browsers come by https
}

// kept is what a server goes on with that takes the place of another.
type kept struct {
	attempts  *attempts // to sign in
	begun     *attempts // flows
	guesses   *attempts // of tokens
	wrongKeys *attempts // of the admin API
	streams   *streams
	turns     *turn.Turns // of those who begin or submit a flow
}

// remember begins it, unless it was taken over.
func (s *Server) remember() {
	if s.kept != nil {
		return
	}
	s.kept = &kept{
		attempts:  newAttempts(s.FailedAttempts, errAttempts, time.Now),
		begun:     newAttempts(s.FailedAttempts*flowsPerAttempt, errFlows, time.Now),
		guesses:   newAttempts(s.FailedAttempts*guessesPerAttempt, errGuesses, time.Now),
		wrongKeys: newAttempts(s.FailedAttempts, errWrongKeys, time.Now),
		streams:   newStreams(),
		turns:     turn.New(lookEvery),
	}
}

// Opener opens a session cookie that another server has sealed, and returns the session token in it. What was not sealed for
// a cookie of that name, with a secret that is known, is an error.
type Opener interface {
	Open(name, value string) (session.Secret, error)
}

// Dependency is something the server needs to be ready.
type Dependency struct {
	Name  string
	Check func(ctx context.Context) error
}

// Tracer records what becomes of requests.
type Tracer interface {
	// Request begins the record of a request, and returns the request to go on with.
	Request(r *http.Request, method, route string) (*http.Request, func(status int, err error))
}

// Meter prepares the counting of one route's requests. What it returns is called for each request and must not block.
type Meter interface {
	Route(listener, method, route string) func(status int, took time.Duration)
}

// Public is the handler of the public listener.
func (s *Server) Public() http.Handler {
	s.remember()
	s.sessionCookies, s.removals = append([]string{s.Session.Name}, s.Session.Former...), map[string][]string{}
	for _, name := range s.sessionCookies {
		s.removals[name] = s.removal(name)
	}
	s.csrfCookie = csrfName(s.View.Base)
	s.csrfRest = strings.TrimPrefix(s.keeping(s.csrfCookie, "", csrfAge).String(), s.csrfCookie+"=")
	s.origins = map[string]bool{}
	for _, place := range append(slices.Collect(maps.Values(s.Places.Flows)), s.Places.Home, s.Places.Logout, s.Places.Error) {
		if !place.IsZero() {
			s.origins[place.Origin()] = true
		}
	}
	s.strictTransport = strings.HasPrefix(s.View.Base, "https://")
	return s.crossOrigin(s.handler("public", s.publicRoutes(), s.publicFallback))
}

// Admin is the handler of the admin listener.
func (s *Server) Admin() http.Handler {
	s.remember()
	return s.guardAdmin(s.handler("admin", s.adminRoutes(), s.adminFallback))
}

// The time that each phase of a request may take. A client that is slower is cut off.
const (
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
)

// maxRawHeader is where the HTTP library itself cuts a request off; [maxHeader], a good deal lower, is answered in words.
const maxRawHeader = 2 << 20

// chunksLast closes a connection after a request in chunks: where its length is given as well, or its chunks are odd, a proxy
// may have taken the rest of them for another request, or another request for the rest (RFC 9112, section 6.1).
func chunksLast(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header()["Connection"] = []string{"close"}
		}
		h.ServeHTTP(w, r)
	})
}

// HTTP makes the server of one listener. Its Shutdown finishes what was accepted.
func HTTP(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: chunksLast(h), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxRawHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
