package tunnel

import (
	"net/http"
	"strings"
)

// held marks cookies whose names promise what the tunnel, which speaks http, cannot keep (RFC 6265bis, section 4.1.3):
// browsers would not take them under their own names.
const held = "tunnel."

var promising = []string{"__host-", "__secure-"}

func promises(name string) bool {
	for _, p := range promising {
		if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
			return true
		}
	}
	return false
}

// firstParty makes the cookies of an answer the tunnel's own. base is the path below which whoever set them is.
func firstParty(h http.Header, base string) {
	for i, line := range h["Set-Cookie"] {
		h["Set-Cookie"][i] = firstPartyCookie(line, base)
	}
}

// firstPartyCookie drops the domain, and Secure, which would keep it from http, with the SameSite and the partition that
// need it. The rest of the line stays as it is.
func firstPartyCookie(line, base string) string {
	parts := strings.Split(line, ";")
	kept := parts[:1]
	if name, value, ok := strings.Cut(strings.TrimSpace(parts[0]), "="); ok && promises(name) {
		kept[0] = held + name + "=" + value
	}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "domain", "secure", "partitioned":
			continue
		case "samesite":
			if strings.EqualFold(strings.TrimSpace(value), "none") {
				part = " SameSite=Lax"
			}
		case "path":
			if rest, ok := below(strings.TrimSpace(value), base); ok && base != "" {
				part = " Path=/" + strings.TrimPrefix(rest, "/")
			}
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, ";")
}

// restoreCookies gives the cookies of a request the names that they were set under.
func restoreCookies(h http.Header) {
	for i, line := range h["Cookie"] {
		if !strings.Contains(line, held) {
			continue
		}
		parts := strings.Split(line, ";")
		for j, part := range parts {
			if name, ok := strings.CutPrefix(strings.TrimSpace(part), held); ok && promises(name) {
				parts[j] = " " + name
			}
		}
		h["Cookie"][i] = strings.TrimSpace(strings.Join(parts, ";"))
	}
}
