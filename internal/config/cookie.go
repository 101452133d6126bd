package config

import (
	"net/netip"
	"strings"
)

var sameSite = oneOf([]string{"Strict", "Lax", "None"}, nil)

// truth is a switch that Kratos files also write as a text.
var truth = kind[bool]{name: boolean.name, parse: func(s site) (bool, bool) {
	if v := s.value; v.kind == scalar && v.tag == "!!str" && (v.text == "true" || v.text == "false") {
		return v.text == "true", true
	}
	return boolean.parse(s)
}}

// cookieDomain is a domain in lower case and without the dot that may stand before it. "" is none.
var cookieDomain = kind[string]{name: "a domain", parse: func(s site) (string, bool) {
	text, ok := freeText.parse(s)
	if !ok || text == "" {
		return "", ok
	}
	domain := strings.ToLower(strings.TrimPrefix(text, "."))
	if ip, err := netip.ParseAddr(domain); err == nil {
		return ip.String(), true
	}
	if !isHostName(domain) || strings.Contains("."+domain+".", "..") {
		s.wrong("%s is not a domain; write one such as example.com, without scheme and port", quoted(text))
		return "", false
	}
	return domain, true
}}

var cookiePath = kind[string]{name: "a path that begins with /", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	switch {
	case !ok:
	case !strings.HasPrefix(text, "/"):
		s.wrong("%s does not begin with /, so browsers would ignore it; write /", quoted(text))
	case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ';' }):
		s.wrong("%s has characters that no path of a cookie can have; write them as %%XX", quoted(text))
	default:
		return text, true
	}
	return "", false
}}

// csrfPrefix begins the names of the cookies that protect forms.
const csrfPrefix = "csrf_token_"

var cookieName = kind[string]{name: "the name of a cookie", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	switch {
	case !ok:
	case !isToken(text):
		s.wrong("%s is not a name for a cookie; write letters, digits, - and _", quoted(text))
	case strings.HasPrefix(text, csrfPrefix):
		s.wrong("names that begin with %s are kept for the cookies that protect forms; choose another", csrfPrefix)
	default:
		return text, true
	}
	return "", false
}}

// isToken reports whether a text is a token of HTTP, as names of cookies and of header fields are.
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c)
	})
}
