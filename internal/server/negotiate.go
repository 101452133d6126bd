package server

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// wantsJSON reports whether a request prefers JSON to a page (RFC 9110, section 12.5.1). The most specific range that
// fits a type gives its weight; at equal weight the more specific range wins, and then the page.
func wantsJSON(r *http.Request) bool {
	accept := r.Header["Accept"]
	if len(accept) == 1 && accept[0] == "application/json" { // as scripts say
		return true
	}
	json, page := weigh(accept, "application", "json"), weigh(accept, "text", "html")
	if json.q != page.q {
		return json.q > page.q
	}
	return json.q > 0 && json.specific > page.specific
}

// weight is how much a type is wanted, and by how specific a range: 1 for */*, 2 for type/*, 3 for the type itself.
type weight struct {
	q        float64
	specific int
}

func weigh(accept []string, kind, sub string) (best weight) {
	for _, line := range accept {
		for entry := range strings.SplitSeq(line, ",") {
			t, params, err := mime.ParseMediaType(entry)
			if err != nil {
				continue
			}
			if w := (weight{quality(params), specific(t, kind, sub)}); w.specific > best.specific {
				best = w
			}
		}
	}
	return best
}

func specific(t, kind, sub string) int {
	switch t {
	case kind + "/" + sub:
		return 3
	case kind + "/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

func quality(params map[string]string) float64 {
	text, ok := params["q"]
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// sendsJSON reports whether a submission is one of a script: it prefers JSON, or is JSON itself.
func sendsJSON(r *http.Request) bool { return wantsJSON(r) || mediaType(r) == "application/json" }

// isAJAX is sendsJSON for signing out, where a bare fetch() counts too: it asks for anything, and must not be led to a
// page. Browsers say that a script calls; a server's own fetch says no more than the mode.
func isAJAX(r *http.Request) bool {
	if sendsJSON(r) {
		return true
	}
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	called := mode == "cors" || mode == "same-origin" || mode == "no-cors"
	alone := dest == "" && r.Header.Get("Sec-Fetch-Site") == ""
	return called && (dest == "empty" || alone) && weigh(r.Header["Accept"], "text", "html").specific < 3
}
