package server

import (
	"iter"
	"net/http"
	"net/textproto"
	"strings"
)

// cookieValues are the values of all cookies of a name, in the order sent. They are those that http.Request.CookiesNamed
// finds, without making anything of the cookies: every check of a browser's session passes here.
func cookieValues(r *http.Request, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range r.Header["Cookie"] {
			for part := range strings.SplitSeq(line, ";") {
				sent, value, _ := strings.Cut(textproto.TrimString(part), "=")
				if textproto.TrimString(sent) != name {
					continue
				}
				if value, ok := cookieValue(value); ok && !yield(value) {
					return
				}
			}
		}
	}
}

// cookieValue takes the quotes off a value, if it is one (RFC 6265, section 4.1.1).
func cookieValue(raw string) (string, bool) {
	if len(raw) > 1 && raw[0] == '"' && raw[len(raw)-1] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	for i := range len(raw) {
		if c := raw[i]; c < ' ' || c > '~' || c == '"' || c == ';' || c == '\\' {
			return "", false
		}
	}
	return raw, true
}
