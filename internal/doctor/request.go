package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"exeunt/internal/session"
)

const request = "request"

// Explain says why whoami answers somebody's request as it does. The credential is sent to the server alone, in the way
// that it came, and shown to nobody.
func (d *Doctor) Explain(ctx context.Context, r *Request) []Finding {
	from := len(d.found)
	if u := parse(d.Server); u.Scheme == "http" && !loopback(u.Hostname()) {
		d.problem(request, "clear_text", "Name the https address with --server.", "The request was not tried: its credential would travel to %s in clear text", u.Host)
		return d.found[from:]
	}
	d.elsewhere(r)
	header, token, usable := d.credential(r)
	if usable {
		d.try(ctx, header, token)
	}
	return d.found[from:]
}

// elsewhere notes that a request was made to another host than the one that is examined.
func (d *Doctor) elsewhere(r *Request) {
	u := parse(d.Server)
	if host := r.header.Get("Host"); host != "" && hostOf(host, u.Scheme) != hostOf(u.Host, u.Scheme) {
		d.note(request, "other_host", "If that is exeunt as well, name it with --server.", "The request was made to %q, and %s is examined: a browser's cookies belong to one of them", printable(host), u.Host)
	}
}

// What a text is, as far as its form shows.
func isCookieToken(text string) bool {
	text, _, _ = strings.Cut(text, ".")
	s, err := session.ParseSecret(text)
	return err == nil && s.TravelsIn(session.InCookie)
}

func isHeaderToken(text string) bool { return strings.HasPrefix(text, string(session.InHeader)) }

// credential finds what the server would look at, in its order, and says what is wrong with it by its form alone. It
// returns the header to try, and the token in it.
func (d *Doctor) credential(r *Request) (header []string, token string, usable bool) {
	if v := r.header.Get("X-Session-Token"); v != "" {
		if len(d.named(r)) > 0 {
			d.note(request, "two_credentials", "", "The request has a header X-Session-Token and a session cookie: the header goes first, whatever it holds")
		}
		return []string{"X-Session-Token", v}, v, d.header("X-Session-Token", v)
	}
	if cookies := d.named(r); len(cookies) > 0 {
		if header, token, usable := d.cookie(cookies); usable || r.header.Get("Authorization") == "" {
			return header, token, usable
		}
	}
	if v := r.header.Get("Authorization"); v != "" {
		return d.authorization(v)
	}
	d.nothing(r)
	return nil, "", false
}

// named are the session cookies of a request.
func (d *Doctor) named(r *Request) (all []cookie) {
	for _, c := range r.cookies() {
		if c.name == d.Cookie {
			all = append(all, c)
		}
	}
	return all
}

// header judges a token in a header.
func (d *Doctor) header(name, token string) bool {
	switch {
	case isCookieToken(token):
		d.problem(request, "cookie_token_in_header", "Send it as the cookie "+d.Cookie+"; a native client has a token of its own, which its sign-in answers as session_token.",
			"The token in %s was made for a cookie, and is no credential in a header", name)
	case strings.HasPrefix(token, "ory_pat_"):
		d.problem(request, "admin_key", "Send a session token. The key is for /admin, in Authorization.", "%s holds a key of the admin API: it stands for no session", name)
	case strings.HasPrefix(token, "ory_lo_"):
		d.problem(request, "logout_token", "Send the session token, or the cookie.", "%s holds a logout token: it is no credential", name)
	default:
		return true
	}
	return false
}

// cookie judges the session cookies, of which the server tries each that can be a token.
func (d *Doctor) cookie(all []cookie) (header []string, token string, usable bool) {
	if len(all) > 1 {
		d.note(request, "several_cookies", "They were set for several paths or domains, as before and after a change of cookies.domain, or by two programs. Remove the stale ones in the browser; give programs on one domain cookies of different names.",
			"The request has %d cookies called %s; the server takes the first that stands for a live session", len(all), d.Cookie)
	}
	header = []string{"Cookie", ""}
	for _, c := range all {
		switch {
		case isCookieToken(c.value):
			if !usable {
				token = c.value
			}
			usable = true
		case isHeaderToken(c.value):
			d.problem(request, "header_token_in_cookie", "Send it as X-Session-Token. Browsers get a cookie of their own when they sign in.", "The cookie %s holds a token that was made for headers: it is no credential in a cookie", d.Cookie)
		case sealed(c.value):
			usable = true
			d.note(request, "kratos_cookie", "exeunt knows it if it has the secrets.cookie of that Kratos, and its sessions were imported; see docs/kratos.md.", "The cookie %s looks like one that Kratos has sealed", d.Cookie)
		default:
			d.problem(request, "cookie_no_token", "Another program on this domain may set a cookie of the same name, or something on the way cuts or encodes it. Rename it with session.cookie.name.", "The cookie %s holds no token: exeunt has not set it", d.Cookie)
		}
		header[1] += "; " + c.name + "=" + c.value
	}
	header[1] = strings.TrimPrefix(header[1], "; ")
	return header, token, usable
}

// sealed reports whether a text looks like a cookie of Kratos: base64 of a date and what was encrypted.
func sealed(text string) bool { return strings.HasPrefix(text, "MT") && len(text) > 100 }

func (d *Doctor) authorization(value string) (header []string, token string, usable bool) {
	scheme, token, _ := strings.Cut(value, " ")
	switch {
	case !strings.EqualFold(scheme, "bearer"):
		d.problem(request, "not_bearer", "Write Authorization: Bearer and the session token, or X-Session-Token.", "The header Authorization is not of the kind Bearer, and no other credential is there")
		return nil, "", false
	case token == "" || strings.HasPrefix(token, " "):
		d.problem(request, "bearer_empty", "One space, and then the session token.", "The header Authorization has no token behind Bearer and one space")
		return nil, "", false
	case strings.Count(token, ".") == 2 && strings.HasPrefix(token, "ey"):
		d.problem(request, "jwt", "Send the session token; a signed token is checked with /.well-known/jwks.json.", "The header Authorization holds a signed token (JWT): whoami asks for the session's own")
		return nil, "", false
	}
	return []string{"Authorization", value}, token, d.header("Authorization", token)
}

// nothing says why a request may have no credential.
func (d *Doctor) nothing(r *Request) {
	names := []string{}
	for _, c := range r.cookies() {
		if isCookieToken(c.value) {
			d.problem(request, "cookie_other_name", "Set session.cookie.name to that name, or add it to session.cookie.previous_names; if the server has that name already, say so with --cookie.",
				"The cookie %s holds a session token, but the session cookie is called %s here", printable(c.name), d.Cookie)
			return
		}
		names = append(names, printable(c.name))
	}
	says := "The request carries no credential: no header X-Session-Token, no cookie " + d.Cookie + ", no bearer token"
	if len(names) > 0 {
		says += ". It has other cookies: " + strings.Join(unique(names), ", ")
	}
	cause, do := "no_credential", "Sign in. If somebody is signed in there, the browser does not send the cookie: check its domain, path and Secure in the developer tools, and with the other checks of this command."
	if site := r.header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" || foreign(r.header, d.Server) {
		cause, do = "cookie_not_sent", "Have the script send cookies (credentials: include, withCredentials: true), and check its origin with --origin."
		says += ". It was made by a page of another origin"
	}
	d.problem(request, cause, do, "%s", says)
}

func foreign(h http.Header, server string) bool {
	origin, err := url.Parse(h.Get("Origin"))
	return err == nil && origin.Host != "" && !strings.EqualFold(origin.Host, parse(server).Host)
}

// printable is a name of somebody else's, short and without what commands a terminal or might be a token.
func printable(name string) string {
	if len(name) > 64 || strings.HasPrefix(name, "ory_s") {
		return "(hidden)"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
}

// try asks the server with the credential.
func (d *Doctor) try(ctx context.Context, header []string, token string) {
	a, err := d.ask(ctx, http.MethodGet, d.Server+"/sessions/whoami", header...)
	reason := a.text("error", "details", "end_reason")
	switch id := a.text("error", "id"); {
	case err != nil:
		d.problem(request, "unreachable", "", "whoami does not answer: %v", err)
	case a.status == http.StatusOK:
		d.good(request, "whoami answers this credential with 200: session %s. If it was refused where it came from, it did not arrive like this, or another server was asked", printable(a.text("id")))
	case id == "session_aal2_required":
		d.problem(request, "aal_required", "Lead the person to /self-service/login/browser?aal=aal2, or lower session.whoami.required_aal.", "The session lives, but its second factor has not been shown, and session.whoami.required_aal asks for it")
	case a.status == http.StatusUnauthorized && reason == string(session.Expired):
		d.problem(request, "session_expired", "The person signs in again. session.lifespan, idle_timeout and sliding say how long sessions live.", "The session has expired%s", d.traced(ctx, token))
	case a.status == http.StatusUnauthorized && reason != "":
		d.problem(request, "session_ended", "The person signs in again.", "The session has ended: %s%s", reason, d.traced(ctx, token))
	case a.status == http.StatusUnauthorized:
		d.problem(request, "session_unknown", "It may be of another installation or database, older than session.cleanup.tombstone_margin, or cut short.", "The token stands for no session that this server knows%s", d.traced(ctx, token))
	default:
		d.problem(request, "refused", "The server's log has the reason.", "whoami answers %d %s", a.status, id)
	}
}

// traced is what the admin API knows of the session of a token.
func (d *Doctor) traced(ctx context.Context, token string) string {
	if d.Lookup == nil || token == "" {
		return ""
	}
	t, err := d.Lookup(ctx, token)
	switch {
	case errors.Is(err, ErrNoSession):
		return ", nor does the admin API"
	case err != nil:
		return fmt.Sprintf(" (it could not be looked up: %v)", err)
	case t.Replaced && t.State == "active":
		return fmt.Sprintf(": session %s lives, but has another token since somebody authenticated again", t.ID)
	case !t.EndedAt.IsZero():
		return fmt.Sprintf(": session %s of identity %s ended at %s by %s", t.ID, t.IdentityID, t.EndedAt.UTC().Format(time.RFC3339), printable(t.EndedBy))
	}
	return fmt.Sprintf(": session %s of identity %s, which was to expire at %s", t.ID, t.IdentityID, t.ExpiresAt.UTC().Format(time.RFC3339))
}
