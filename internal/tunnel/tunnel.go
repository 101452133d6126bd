// Package tunnel gives local development one origin for an application and the public API of exeunt: cookies are
// first-party there, and addresses in either's answers are those of the tunnel. It is a tool of developers, on their own
// machine; it listens on loopback addresses alone.
package tunnel

import (
	"crypto/rand"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"exeunt/internal/wire"
)

// Tunnel forwards what is exeunt's to exeunt, and everything else to the application. It is an http.Handler.
type Tunnel struct {
	own, app, server *url.URL
	names            names
	id               string // of this run, to know a request that comes back
	toApp, toServer  *httputil.ReverseProxy
}

// New checks the three addresses and makes a tunnel. insteadOf are further origins of the application, as it is deployed
// and as exeunt's configuration may name it; the tunnel stands in for them too.
func New(own, app, server string, insteadOf []string) (*Tunnel, error) {
	t := &Tunnel{id: rand.Text()}
	var err error
	if t.own, err = readOwn(own); err != nil {
		return nil, err
	}
	if t.app, err = readOrigin("the application", app); err != nil {
		return nil, err
	}
	if t.server, err = readBase("exeunt (--server)", server); err != nil {
		return nil, err
	}
	others := make([]*url.URL, len(insteadOf))
	for i, text := range insteadOf {
		if others[i], err = readOrigin("the deployed application (--instead-of)", text); err != nil {
			return nil, err
		}
	}
	if err := distinct(t.own, t.app, t.server); err != nil {
		return nil, err
	}
	t.names = newNames(t.own, t.server, append(others, t.app))
	t.toApp = t.proxy(t.app, "the application", t.askApp, t.fromApp)
	t.toServer = t.proxy(t.server, "exeunt", t.askServer, t.fromServer)
	return t, nil
}

// Own, App and Server are the three addresses, as they were understood.
func (t *Tunnel) Own() string    { return t.own.String() + "/" }
func (t *Tunnel) App() string    { return t.app.String() + "/" }
func (t *Tunnel) Server() string { return t.server.String() + "/" }

const maxAnswerHeader = 256 << 10 // bytes of all header lines of an answer

// proxy forwards to one of the two. Whatever comes is passed on at once, so that streams flow.
func (t *Tunnel) proxy(to *url.URL, name string, ask func(*httputil.ProxyRequest), answer func(*http.Response) error) *httputil.ReverseProxy {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // an answer is passed on as it is
	transport.ForceAttemptHTTP2 = false
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true) // web sockets are of HTTP/1.1
	transport.MaxResponseHeaderBytes = maxAnswerHeader
	transport.ResponseHeaderTimeout = 0 // an application may wait for what it likes
	return &httputil.ReverseProxy{
		Rewrite: ask, ModifyResponse: answer, Transport: transport, FlushInterval: -1,
		ErrorLog:     log.New(io.Discard, "", 0), // the answer says it
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { t.down(w, r, name, to, err) },
	}
}

// ServeHTTP implements http.Handler.
func (t *Tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ours := serverPath(r.URL.Path)
	switch {
	case r.Method == http.MethodConnect || !strings.HasPrefix(r.URL.Path, "/"):
		refuse(w, r, http.StatusBadRequest, "tunnel_request", "This is a tunnel to an application, not a proxy.")
	case !strings.EqualFold(r.Host, t.own.Host):
		// A page elsewhere must not get here by pointing its own host name at this machine.
		refuse(w, r, http.StatusMisdirectedRequest, "tunnel_host", "The tunnel answers at "+t.Own()+" alone. Cookies belong to a host, so 127.0.0.1 and localhost are not the same.")
	case t.rounds(r) > maxRounds:
		refuse(w, r, http.StatusLoopDetected, "tunnel_loop", "This request has come through the tunnel again and again. The application, or exeunt, forwards to the tunnel itself: check both addresses.")
	case !ours:
		t.toApp.ServeHTTP(w, r)
	case t.foreign(r):
		refuse(w, r, http.StatusForbidden, "tunnel_foreign_origin", "The request was made by a page of another origin than the tunnel's.")
	case strings.HasPrefix(path, standIn+"/"):
		to := *r.URL
		to.Path, to.RawPath = strings.TrimPrefix(path, standIn), ""
		http.Redirect(w, r, t.own.String()+"/"+strings.TrimLeft(to.RequestURI(), "/"), http.StatusSeeOther)
	case path == "/admin" || strings.HasPrefix(path, "/admin/"):
		refuse(w, r, http.StatusNotFound, "tunnel_admin", "The admin API is not for browsers, and not behind the tunnel.")
	default:
		t.toServer.ServeHTTP(w, r)
	}
}

// maxRounds is how often a request may come through this tunnel: an application may well ask it with what its visitor has sent.
const maxRounds = 4

func (t *Tunnel) rounds(r *http.Request) (n int) {
	for _, line := range r.Header[wire.TunnelHeader] {
		n += strings.Count(line, t.id)
	}
	return n
}

// foreign reports whether a page of another origin has made a request for exeunt. Links from elsewhere may lead here, as
// they may lead to exeunt itself, which judges them. exeunt can tell no origins apart any more once they are rewritten, so
// this is where it is done.
func (t *Tunnel) foreign(r *http.Request) bool {
	h := r.Header
	site, origin := h.Get("Sec-Fetch-Site"), h.Get("Origin")
	switch {
	case len(h["Origin"]) > 1 || len(h["Sec-Fetch-Site"]) > 1:
		return true
	case origin == "null" && site == "same-origin": // a page that hides where it is
		return false
	case origin != "" && !strings.EqualFold(origin, t.own.String()):
		return true
	case site == "" || site == "same-origin" || site == "none":
		return false
	}
	return h.Get("Sec-Fetch-Mode") != "navigate" || r.Method != http.MethodGet && r.Method != http.MethodHead
}

// askServer makes a request to exeunt of one to the tunnel. A host name that a browser sends is not believed, nor is
// whom it says to forward for.
func (t *Tunnel) askServer(pr *httputil.ProxyRequest) {
	path, _ := serverPath(pr.In.URL.Path)
	raw, _ := serverPath(pr.In.URL.EscapedPath())
	pr.Out.URL.Path, pr.Out.URL.RawPath = path, raw
	t.ask(pr, t.server)
	pr.Out.Header.Set("Accept-Encoding", "identity") // addresses in the answer are looked for
	pr.Out.URL.RawQuery = t.names.query(pr.In.URL.RawQuery)
	t.names.body(pr.Out)
}

func (t *Tunnel) askApp(pr *httputil.ProxyRequest) {
	t.ask(pr, t.app)
	pr.SetXForwarded()
}

// ask is what both are asked alike. They see a request to themselves, from a page of their own.
func (t *Tunnel) ask(pr *httputil.ProxyRequest, to *url.URL) {
	pr.SetURL(to) // which takes the host from there
	h := pr.Out.Header
	h.Del("X-Real-Ip")
	h.Add(wire.TunnelHeader, t.id)
	for _, name := range []string{"Origin", "Referer"} {
		if v := h.Get(name); v != "" {
			h.Set(name, t.names.seenBy(to, v, name == "Origin"))
		}
	}
	restoreCookies(h)
}

// HTTP makes an http.Server of the tunnel, with limits on what a request may be, and none on how long an answer takes.
func (t *Tunnel) HTTP() *http.Server {
	return &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, DisableGeneralOptionsHandler: true,
		ErrorLog: log.New(io.Discard, "", 0)}
}
