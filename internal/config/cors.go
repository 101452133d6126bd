package config

import (
	"net/url"
	"slices"
	"strings"
)

// origin is what a browser says of the page that sends a request, in lower case: scheme, host, and a port that is not
// the usual one. The host may begin with a wildcard.
var origin = kind[string]{name: "an origin such as https://app.example.com", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if !ok || text == "*" {
		return text, ok
	}
	text = strings.ToLower(text)
	if fault := originFault(text); fault != "" {
		s.wrong("%s: %s", quoted(text), fault)
		return "", false
	}
	return text, true
}}

// originFault says why an origin is none that should be allowed, or "".
func originFault(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "null":
		return "anybody's sandboxed page has this origin; remove it"
	case err != nil || !webScheme(u.Scheme) || u.Host == "":
		return "it is not an origin; write one such as https://app.example.com"
	case u.User != nil || text != u.Scheme+"://"+u.Host:
		return "an origin ends with its host and port; write " + u.Scheme + "://" + u.Host
	case hostFault(u) != "":
		return hostFault(u)
	case u.Port() == usualPort(u.Scheme):
		return "browsers leave out the usual port; write " + u.Scheme + "://" + strings.TrimSuffix(u.Host, ":"+u.Port())
	case strings.Contains(text, "*"):
		return wildcardFault(text)
	}
	return ""
}

func usualPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

var corsMethod = oneOf([]string{"POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}, map[string]string{
	"CONNECT": "browsers never send it; remove it", "TRACE": "browsers never send it; remove it",
})

var headerName = kind[string]{name: "the name of a header field", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	switch {
	case !ok:
	case text == "*":
		s.wrong("with cookies, browsers take a * for a name; write the names of the header fields")
	case !isToken(text):
		s.wrong("%s is not the name of a header field; write one such as Content-Type", quoted(text))
	default:
		return text, true
	}
	return "", false
}}

// cors checks that whoever is let in was named.
func (l *loader) cors() {
	c := l.config.Serve.Public.CORS
	const enabled, origins, credentials = "serve.public.cors.enabled", "serve.public.cors.allowed_origins", "serve.public.cors.allow_credentials"
	s, ok := l.rule(origins, enabled, credentials)
	switch {
	case !ok || !c.Enabled:
	case len(c.AllowedOrigins) == 0:
		s.wrong("no origin is allowed yet, and there is no default; list those of your pages in %s, such as [https://app.example.com]", origins)
	case !slices.Contains(c.AllowedOrigins, "*"):
	case len(c.AllowedOrigins) > 1:
		s.wrong("* is everybody already; write it alone, or better the origins of your pages")
	case c.Credentials:
		s.wrong("with * every page on the web could act for whoever is signed in; list the origins of your pages, or set %s to false", credentials)
	}
}
