package config

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// cookies completes the attributes of cookies and refuses those with which a browser would not keep or send one.
func (l *loader) cookies() {
	c, own := &l.config.Cookies, &l.config.Session.Cookie
	l.cookieScope("cookies", c)
	l.cookieScope("session.cookie", &own.Cookies)
	own.follow(*c)
	l.secure()
	l.sameSite(*c, "cookies.same_site", "cookies.secure", "dev")
	l.sameSite(own.Cookies, "session.cookie.same_site", "session.cookie.secure", "cookies.same_site", "dev")
	l.cookieNames(*own)
}

// follow takes from other what is not set, except Secure, which has a default of its own.
func (c *SessionCookie) follow(other Cookies) {
	c.Domain = cmp.Or(c.Domain, other.Domain)
	c.Path = cmp.Or(c.Path, other.Path)
	c.SameSite = cmp.Or(c.SameSite, other.SameSite)
}

// publicURL is where browsers find the public API: its base URL, or what that will be made of.
func (l *loader) publicURL() *url.URL {
	p := l.config.Serve.Public
	if u, err := url.Parse(p.BaseURL); err == nil && p.BaseURL != "" {
		return u
	}
	u, err := url.Parse(ownURL(p.Host, p.Port))
	if err != nil {
		return &url.URL{Scheme: "http", Path: "/"}
	}
	return u
}

// cookieScope checks domain and path of the cookies under one key.
func (l *loader) cookieScope(key string, c *Cookies) {
	u := l.publicURL()
	const base = "serve.public.base_url"
	host := strings.ToLower(u.Hostname())
	s, ok := l.rule(key+".domain", base, "serve.public.host")
	switch {
	case !ok || c.Domain == "":
	case c.Domain == host && !registrable(host):
		l.notice("%s.domain: %s is the host of the base URL, and nothing can be below it; leave it out", key, host)
		c.Domain = ""
	case c.Domain != host && !strings.HasSuffix(host, "."+c.Domain) || isIP(host):
		s.wrong("browsers would not keep it: %s is neither the host %s of the base URL nor a domain above it; write one of these, leave it out, or set %s", quoted(c.Domain), host, base)
	case !registrable(c.Domain):
		s.wrong("%s is everybody's domain, and browsers refuse such cookies; write at least a domain of your own, or leave it out", quoted(c.Domain))
	}
	s, ok = l.rule(key+".path", base)
	if ok && c.Path != "" && !covers(c.Path, u.EscapedPath()) {
		s.wrong("browsers would not send it: %s does not cover %s, the path of %s; write / or that path", quoted(c.Path), u.EscapedPath(), base)
	}
}

// covers reports whether a cookie with the first path is sent to the second one, which ends with a slash.
func covers(cookie, path string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(cookie, "/")+"/")
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// secure sets what was left open, and tells when browsers will not keep cookies because of it.
func (l *loader) secure() {
	c, plain, local := l.config, l.publicURL().Scheme == "http", l.stays()
	var on []string
	for _, k := range []struct {
		path   string
		secure *bool
	}{{"cookies.secure", &c.Cookies.Secure}, {"session.cookie.secure", &c.Session.Cookie.Secure}} {
		if l.given[k.path] == nil {
			*k.secure = !c.Dev && !local
		}
		if *k.secure {
			on = append(on, k.path)
		}
	}
	if keys := strings.Join(on, " and "); keys != "" && plain && !local {
		l.notice("%s: browsers will not keep the cookie, because the base URL is plain http; set serve.public.base_url to the https address, or for a test set %s to false", keys, keys)
	}
}

// stays reports whether what browsers send over plain http stays on this machine. A listener on all addresses without
// a base URL shows a loopback one, and yet others come too.
func (l *loader) stays() bool {
	u := l.publicURL()
	host := u.Hostname()
	if l.given["serve.public.base_url"] == nil {
		host = l.config.Serve.Public.Host
	}
	return u.Scheme == "http" && isLoopback(host)
}

// sameSite refuses what browsers drop.
func (l *loader) sameSite(c Cookies, key, secure string, others ...string) {
	s, ok := l.rule(append([]string{key, secure}, others...)...)
	if ok && c.SameSite == "None" && !c.Secure {
		s.wrong("browsers drop a cookie with SameSite=None that is not secure; set %s to true, or write Lax", secure)
	}
}

// cookieNames checks what a name promises, and that no name is in use twice.
func (l *loader) cookieNames(c SessionCookie) {
	s, ok := l.rule("session.cookie.name", "session.cookie.secure", "dev", "session.cookie.path", "cookies.path", "session.cookie.domain", "cookies.domain")
	name := strings.ToLower(c.Name)
	switch {
	case !ok:
	case strings.HasPrefix(name, "__secure-") && !c.Secure:
		s.wrong("browsers keep a cookie with this name only if it is secure; set session.cookie.secure to true, or choose another name")
	case strings.HasPrefix(name, "__host-") && (!c.Secure || c.Path != "/" || c.Domain != ""):
		s.wrong("browsers keep a cookie with this name only if it is secure, has the path / and no domain; set it so, or choose another name")
	}
	s, ok = l.rule("session.cookie.previous_names", "session.cookie.name")
	for i, previous := range c.PreviousNames {
		if !ok || s.key != "session.cookie.previous_names" {
			return
		}
		if previous == c.Name {
			s.item(i).wrong("%s is the name of the session cookie now; remove it from the former ones", quoted(previous))
		} else if slices.Contains(c.PreviousNames[:i], previous) {
			s.item(i).wrong("%s is in the list twice; keep one of them", quoted(previous))
		}
	}
}
