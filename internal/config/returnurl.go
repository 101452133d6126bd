package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// returnURL is a place to which a browser may be sent after a flow: a URL with scheme, or a path of this server.
var returnURL = kind[string]{name: "a URL with scheme, or a path that begins with /", parse: func(s site) (string, bool) {
	return returnTo(s, false)
}}

// allowedURL is an entry of the allow-list. It must be able to match, and to match no more than it seems to.
var allowedURL = kind[string]{name: "a URL with scheme, or a path that begins with /", parse: func(s site) (string, bool) {
	return returnTo(s, true)
}}

func returnTo(s site, wildcard bool) (string, bool) {
	text, ok := texts.parse(s)
	if !ok {
		return "", false
	}
	fault := returnFault(text)
	if fault == "" && strings.Contains(text, "*") {
		fault = "a wildcard is possible only in selfservice.allowed_return_urls; write one address"
		if wildcard {
			fault = wildcardFault(text)
		}
	}
	if fault != "" {
		s.wrong("%s: %s", quoted(text), fault)
	}
	return text, fault == ""
}

// hostAndPort is how an address without scheme looks that a URL parser takes for one with an odd scheme.
var hostAndPort = regexp.MustCompile(`^(localhost|[^:/]+\.[^:/]+):[0-9]`)

// returnFault says why an address could never be a good one, or "".
func returnFault(text string) string {
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, `\`):
		return "browsers read a backslash as a slash; write /"
	case strings.TrimSpace(text) != text:
		return "it begins or ends with a space; remove it"
	case err != nil:
		return "it is not a URL; write one such as https://app.example.com/"
	case strings.HasPrefix(text, "//"):
		return "it has no scheme; write https:" + text
	case strings.ContainsAny(u.Path, "\\\x00"):
		return "an encoded backslash or NUL is never allowed; remove it"
	case strings.Contains(strings.ToLower(u.EscapedPath()), "%2f"):
		return "an encoded slash never matches; write /"
	case strings.HasPrefix(text, "/"):
		return ""
	case u.Scheme == "" || hostAndPort.MatchString(text):
		return "it has no scheme and can never match; write https://" + text + ", or a path that begins with /"
	case runnable(u.Scheme):
		return "a browser runs or refuses such an address; write an https address"
	case u.Opaque != "":
		return "it can never match; write " + u.Scheme + "://" + u.Opaque + " or " + u.Scheme + ":/" + u.Opaque
	case u.Host == "" && u.Path == "" && !strings.Contains(text, "//"):
		return "it can never match; write " + u.Scheme + "://"
	case u.User != nil:
		return "a user name or password has no place in it; remove everything up to the @"
	case special(u.Scheme) && u.Hostname() == "":
		return "it has no host; write one such as https://app.example.com/"
	}
	return hostFault(u)
}

func webScheme(scheme string) bool { return scheme == "http" || scheme == "https" }

// special reports the schemes whose addresses always have a host, in which browsers read numbers as IP addresses.
func special(scheme string) bool {
	return webScheme(scheme) || scheme == "ws" || scheme == "wss" || scheme == "ftp"
}

// runnable reports schemes that a browser would execute, or that lead into the browser or the machine itself.
func runnable(scheme string) bool {
	switch scheme {
	case "javascript", "data", "vbscript", "file", "blob", "about", "view-source", "filesystem":
		return true
	}
	return false
}

// wildcardFault says why an entry with a * is not a good one, or "". The address is already known to be sound.
func wildcardFault(text string) string {
	u, _ := url.Parse(text)
	name := u.Hostname()
	if !strings.Contains(name, "*") {
		return "a * outside the host stands for itself; a path already allows everything that begins with it, so leave the * out"
	}
	rest, first := strings.CutPrefix(name, "*.")
	if !first || strings.Contains(rest, "*") || strings.ContainsRune(u.Path+u.RawQuery+u.Fragment, '*') {
		return "a * must be the whole first label of the host, and the only one; write https://*.example.com/"
	}
	if !registrable(rest) {
		return "the * would stand for everybody's domains; write at least a domain of your own after it, such as https://*.example.com/"
	}
	if special(u.Scheme) && endsInNumber(rest) {
		return numberFault
	}
	return ""
}

// Site is the domain that somebody owns above a host, or the host itself where there is none, by its form: cookies with SameSite
// stay within it.
func Site(host string) string {
	labels := strings.Split(strings.ToLower(host), ".")
	for i := len(labels) - 2; i >= 0; i-- {
		if domain := strings.Join(labels[i:], "."); registrable(domain) && !isIP(host) {
			return domain
		}
	}
	return strings.ToLower(host)
}

// registrable reports whether a domain looks like one that somebody owns, by its form: two labels, three where a
// country sorts its domains into groups (co.uk).
func registrable(domain string) bool {
	labels := strings.Split(strings.TrimSuffix(domain, "."), ".")
	if _, err := netip.ParseAddr(domain); err == nil || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" {
			return false
		}
	}
	if len(labels) > 2 || len(labels[1]) != 2 {
		return true
	}
	switch strings.ToLower(labels[0]) {
	case "ac", "co", "com", "edu", "gob", "gov", "gv", "mil", "ne", "net", "or", "org":
		return false
	}
	return true
}
