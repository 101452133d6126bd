package server

import (
	"net/http"
	"net/url"
	"strings"

	"exeunt/internal/fault"
)

// own wraps what changes something on behalf of a cookie: pages of other sites may not cause it, whatever the browser
// makes of SameSite. It believes Sec-Fetch-Site, which scripts cannot set, and Origin for browsers without it; a request
// with neither was made by no page. Requests without a cookie have nothing to abuse.
func (s *Server) own(h handle) handle { return unlessForeign(s.fromOwnSite, h) }

// ownForm is own for what carries a token of its own as well, and so may come from more places; see fromOwnForm.
func (s *Server) ownForm(h handle) handle { return unlessForeign(s.fromOwnForm, h) }

func unlessForeign(ours func(*http.Request) bool, h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		if len(r.Header["Cookie"]) > 0 && !ours(r) {
			return foreign(r)
		}
		return h(w, r)
	}
}

func foreign(r *http.Request) error {
	return violation(r, "The request comes from a page of another origin.")
}

// fromOwnSite reports whether a request was made by a page of ours, by one of an origin that is trusted, or by no page.
func (s *Server) fromOwnSite(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch {
	case site == "same-origin" || site == "none":
		return true
	case s.trusts(r, origin):
		return true
	case site != "":
		return false
	case origin == "":
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	return u.Scheme == "https" || !s.strictTransport // a page that came in the clear may be anybody's
}

// fromOwnForm is fromOwnSite for forms that carry a token which other sites cannot know, and so may stand elsewhere:
// in any application that people may return to, or, where pages of one's own are configured, on a page that keeps its
// origin to itself, as one with the Referrer-Policy no-referrer does.
func (s *Server) fromOwnForm(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return s.fromOwnSite(r) || s.Flows.Returns.Trusts(origin) || origin == "null" && s.fromHiddenPage(r)
}

// fromHiddenPage reports whether a form that keeps its origin to itself may be on a page of one's own. That is no page of
// another site, unless cookies are made for such; and the browser has one anti-forgery cookie: a host beside ours can put
// its own next to that one, to have somebody submit a form of its making.
func (s *Server) fromHiddenPage(r *http.Request) bool {
	elsewhere := r.Header.Get("Sec-Fetch-Site") == "cross-site" && s.CSRF.SameSite != http.SameSiteNoneMode
	return len(s.origins) > 1 && !elsewhere && len(s.csrfSecrets(r)) < 2
}

// trusts reports whether an Origin header names our own origin, that of a configured page, or one that CORS lets act with
// credentials.
func (s *Server) trusts(r *http.Request, origin string) bool {
	return origin != "" && (s.origins[strings.ToLower(origin)] || s.CORS.Credentials && s.cors != nil && s.cors.OriginAllowed(r))
}

// errNotIntended answers what a browser does by itself, or for a page of another site.
var errNotIntended = fault.New(fault.Forbidden, "logout_not_intended", "Signing out takes a person who follows a link or presses a button; this request was made by a page of another origin, or to load something ahead or into a page.")

// intended wraps what a link may cause, and nothing less: no prefetch, no image, no frame, no script of another origin.
func (s *Server) intended(h handle) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		if prefetched(r.Header) || !s.deliberate(r) {
			return errNotIntended
		}
		return h(w, r)
	}
}

func prefetched(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		v := strings.ToLower(strings.Join(h[http.CanonicalHeaderKey(name)], ","))
		if strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
			return true
		}
	}
	return false
}

// deliberate reports whether a GET is a navigation of a whole window, or a call of a script that may make it.
func (s *Server) deliberate(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	switch {
	case mode == "navigate":
		return dest == "document" || dest == ""
	case dest != "" && dest != "empty":
		return false
	}
	return s.fromOwnSite(r)
}
