package flow

import (
	"strings"
	"unicode"
)

// address is a URL in its parts, each as it will be written. It is read by rules so narrow that every reader of URLs,
// browsers above all, finds the same parts.
type address struct {
	scheme    string // lower case; "" if there is none
	authority bool   // a host is written, though it may be empty: "myapp:///x"
	host      string // with its port
	path      string
	query     string // with its "?"
	fragment  string // with its "#"
}

// String writes the address.
func (a address) String() string {
	if a.scheme == "" {
		return ""
	}
	slashes := ""
	if a.authority {
		slashes = "//"
	}
	return a.scheme + ":" + slashes + a.host + a.path + a.query + a.fragment
}

func (a address) origin() string {
	switch {
	case a.scheme == "":
		return ""
	case webScheme(a.scheme):
		return a.scheme + "://" + strings.ToLower(a.withoutUsualPort())
	}
	return a.scheme + ":"
}

// withoutUsualPort is the host as browsers write it in an origin.
func (a address) withoutUsualPort() string {
	usual := map[string]string{"http": ":80", "https": ":443"}
	name, port := splitPort(a.host)
	if port == usual[a.scheme] {
		return name
	}
	return a.host
}

// name is the host without its port.
func (a address) name() string {
	name, _ := splitPort(a.host)
	return name
}

// readAddress takes an address apart. It refuses what readers disagree on: control characters, backslashes, user
// information, unusual hosts and ports, a % that encodes nothing.
func readAddress(raw string) (address, error) {
	var a address
	if !readable(raw) {
		return a, ErrBadReturn
	}
	rest := raw
	rest, a.fragment = splitBefore(rest, "#")
	rest, a.query = splitBefore(rest, "?")
	if before, after := splitBefore(rest, ":"); after != "" && !strings.Contains(before, "/") {
		if !isScheme(before) {
			return address{}, ErrBadReturn
		}
		a.scheme, rest = strings.ToLower(before), after[1:]
	}
	if after, found := strings.CutPrefix(rest, "//"); found {
		a.authority = true
		a.host, rest = splitBefore(after, "/")
	}
	a.path = rest
	if !soundHost(a.host) || !soundPath(a.path) || !decodable(a.fragment) {
		return address{}, ErrBadReturn
	}
	return a, nil
}

// splitBefore cuts s before the first mark, which stays with what follows.
func splitBefore(s, mark string) (before, after string) {
	if i := strings.Index(s, mark); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// readable reports whether an address has only characters that every reader keeps. A wrong byte counts as U+FFFD.
func readable(raw string) bool {
	strange := func(c rune) bool { return unicode.IsControl(c) || c == '\\' || c == unicode.ReplacementChar }
	return !strings.ContainsFunc(raw, strange) && strings.Trim(raw, " ") == raw
}

// completed gives a relative address the scheme and, unless it has its own, the host of base. Only what begins with a
// single slash, "?" or "#" is completed: browsers add the rest to the path of a page, or find a host in more slashes.
func (a address) completed(base address) (address, error) {
	if a.scheme != "" {
		return a, nil
	}
	if a.authority && a.host == "" || !a.authority && a.path != "" && a.path[0] != '/' {
		return address{}, ErrForbiddenReturn
	}
	if !a.authority {
		a.authority, a.host = base.authority, base.host
	}
	a.scheme = base.scheme
	return a, nil
}

// canonical is the one way to write a complete address. It refuses addresses that name no place for a browser.
func (a address) canonical() (address, error) {
	switch {
	case runnable(a.scheme):
		return address{}, ErrBadReturn
	case special(a.scheme) && !soundName(a.name()):
		return address{}, ErrBadReturn
	case !a.authority && !strings.HasPrefix(a.path, "/"):
		return address{}, ErrBadReturn
	}
	if special(a.scheme) || strings.HasPrefix(a.host, "[") {
		a.host = strings.ToLower(canonicalIP(a.host))
	}
	a.path = encoded(withoutDots(a.path))
	if !a.authority && strings.HasPrefix(a.path, "//") {
		return address{}, ErrForbiddenReturn // written out, its path would become a host
	}
	a.query, a.fragment = encodedAfterMark(a.query), encodedAfterMark(a.fragment)
	return a, nil
}
