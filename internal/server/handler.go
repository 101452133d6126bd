package server

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"exeunt/internal/fault"
)

// handle answers a request, or returns what went wrong without having written anything.
type handle func(w http.ResponseWriter, r *http.Request) error

// route is one entry of the API. A HEAD without a handle is one that GET does not answer either.
type route struct {
	method, path string
	handle       handle
}

// Failures of the HTTP layer itself.
var (
	errNoRoute  = fault.New(fault.NotFound, "route_not_found", "There is nothing at this path. Check the path, and whether it belongs to the public or the admin API.")
	errMethod   = fault.New(fault.MethodNotAllowed, "method_not_allowed", "This path does not answer this method; the Allow header lists those it does.")
	errHeader   = fault.New(fault.HeadersTooLarge, "headers_too_large", "The header lines of the request are larger than 64 KiB in all.")
	errTooLarge = fault.New(fault.TooLarge, "body_too_large", "The request body is too large.")
)

const maxHeader = 64 << 10 // bytes of all header lines of a request

// handler builds the handler of a listener from its routes. Paths without a variable part are found by a look into a table,
// and the one that is asked for most without any; all others by their patterns.
func (s *Server) handler(listener string, routes []route, fallback handle) http.Handler {
	mux, plain := http.NewServeMux(), map[string]*methods{}
	paths := map[string]map[string]route{}
	for _, r := range routes {
		if paths[r.path] == nil {
			paths[r.path] = map[string]route{}
		}
		paths[r.path][r.method] = r
	}
	for path, byMethod := range paths {
		m := s.methods(listener, path, byMethod)
		mux.Handle(path, m)
		if !strings.Contains(path, "{") {
			plain[path] = m
		}
	}
	mux.Handle("/", s.observe(listener, "", "none", fallback))
	check := plain[whoamiPath]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := check
		if r.URL.Path != whoamiPath {
			m = plain[r.URL.Path]
		}
		if m == nil || r.URL.RawPath != "" { // an escaped slash is no separator
			mux.ServeHTTP(w, r)
			return
		}
		m.ServeHTTP(w, r)
	})
}

// methods answer at one path.
type methods struct {
	get      http.Handler // the one for nearly all requests; nil for none
	byMethod map[string]http.Handler
	refuse   http.Handler
}

// methods makes them of the routes of a path. GET answers HEAD as well.
func (s *Server) methods(listener, path string, routes map[string]route) *methods {
	handlers := map[string]http.Handler{}
	for m, r := range routes {
		if r.handle != nil {
			handlers[m] = s.observe(listener, m, path, r.handle)
		}
	}
	if _, special := routes["HEAD"]; !special && handlers["GET"] != nil {
		handlers["HEAD"] = handlers["GET"]
	}
	allow := make([]string, 0, len(handlers))
	for m := range handlers {
		allow = append(allow, m)
	}
	slices.Sort(allow)
	refused := handle(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		return errMethod
	})
	if listener == "public" && strings.HasPrefix(path, "/admin/") { // nothing is there for whoever has no key
		refused = s.admittedPublicly("", refused)
	}
	return &methods{get: handlers["GET"], byMethod: handlers, refuse: s.observe(listener, "other", path, refused)}
}

// ServeHTTP implements http.Handler.
func (m *methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := m.get
	if r.Method != http.MethodGet {
		h = m.byMethod[r.Method]
	}
	if h == nil {
		h = m.refuse
	}
	h.ServeHTTP(w, r)
}

// observe runs a handle: general headers, limits, errors, one log line, one count.
func (s *Server) observe(listener, method, path string, h handle) http.Handler {
	counted := s.Meter.Route(listener, method, path)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := elapsed()
		e := newEvent(w, r)
		if s.Tracer != nil {
			var end func(int, error)
			r, end = s.Tracer.Request(r, method, path)
			defer func() { end(e.status, e.fault) }()
		}
		s.general(w.Header(), listener)
		if err := s.run(h, e, r); err != nil {
			s.fail(e, r, err)
		}
		took := elapsed() - start
		counted(e.status, e.waited(start, took))
		s.log(e, r, listener, path, took)
	})
}

// general sets the headers of every answer. Nothing here may be kept by a cache, no address is told to anybody, and what is
// no page is of no use as one, or in one of another origin.
func (s *Server) general(h http.Header, listener string) {
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
	if listener != "public" {
		return
	}
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = inert
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	if s.strictTransport {
		h["Strict-Transport-Security"] = oneYear
	}
	h["Vary"] = varyCookie
	if s.cors != nil {
		h["Vary"] = varyOriginCookie
	}
}

// Header values that are the same in every answer, made once.
var (
	noStore    = []string{"private, no-cache, no-store, must-revalidate"}
	noSniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	varyCookie = []string{"Cookie"}
	jsonUTF8   = []string{"application/json; charset=utf-8"}
	jsonPlain  = []string{"application/json"}

	varyOriginCookie = []string{"Origin", "Cookie"}

	inert      = []string{"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"} // for what is no page
	sameOrigin = []string{"same-origin"}                                                 // scripts of other origins ask by CORS
	oneYear    = []string{"max-age=31536000"}
)

// run calls h and turns a panic into an error.
func (s *Server) run(h handle, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if headerBytes(r.Header) > maxHeader {
		return errHeader
	}
	return h(w, r)
}

func headerBytes(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

func (s *Server) publicFallback(http.ResponseWriter, *http.Request) error { return errNoRoute }

// adminFallback completes paths without /admin, and sends those of the public API there.
func (s *Server) adminFallback(w http.ResponseWriter, r *http.Request) error {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/admin")
	for _, prefix := range []string{"/self-service/", "/sessions/whoami", "/schemas"} {
		if strings.HasPrefix(path, prefix) {
			to := s.View.Base + strings.TrimPrefix(path, "/")
			if r.URL.RawQuery != "" {
				to += "?" + r.URL.RawQuery
			}
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return nil
		}
	}
	return errNoRoute
}

// guardAdmin completes paths, and keeps web pages out: the admin API has no use for browsers from elsewhere, and a page
// must not reach it by pointing its own host name at this machine (DNS rebinding). A right key it cannot have.
func (s *Server) guardAdmin(h http.Handler) http.Handler {
	refuse := s.observe("admin", "other", "none", func(_ http.ResponseWriter, r *http.Request) error {
		if fromElsewhere(r) {
			return errForeign
		}
		return s.outsider(r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outside := bearer(r) == "" && s.outsider(r) != nil // one with a key is judged where that is
		if outside || fromElsewhere(r) {
			refuse.ServeHTTP(w, r)
			return
		}
		if !strings.HasPrefix(r.URL.Path, "/admin/") && !inConsole(r.URL.Path) && strings.HasPrefix(r.URL.Path, "/") {
			r2 := r.Clone(r.Context())
			r2.URL.Path = "/admin" + r.URL.Path
			if r.URL.RawPath != "" { // an escaped slash in a name is no separator
				r2.URL.RawPath = "/admin" + r.URL.RawPath
			}
			r = r2
		}
		h.ServeHTTP(w, r)
	})
}

var crossOrigin = http.NewCrossOriginProtection()

// fromElsewhere reports whether a page of another origin makes a request that it must not make. Reading is refused as well,
// where nobody has to show a key; links may lead to the console.
func fromElsewhere(r *http.Request) bool {
	if bearer(r) == "" && !inConsole(r.URL.Path) {
		r = &http.Request{Method: http.MethodPost, Host: r.Host, Header: r.Header, URL: r.URL} // judged like one that changes something
	}
	return crossOrigin.Check(r) != nil
}

// inConsole reports whether a path is of the console, which has no /admin before it.
func inConsole(path string) bool { return path == "/console" || strings.HasPrefix(path, "/console/") }
