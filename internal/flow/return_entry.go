package flow

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// entry is an address of the allow-list. Its query and fragment do not count.
type entry struct {
	address
	wildcard bool     // every host below this one, and not this one
	anyHost  bool     // "myapp://": everything with this scheme
	segments []string // decoded; none admits every path
	below    bool     // the path ended with a slash, so that something has to follow it
}

// readEntry reads an address of the allow-list. One without a scheme gets what it lacks from the fallback.
func readEntry(text string, fallback address) (entry, error) {
	var e entry
	plain := text
	if scheme, rest, found := strings.Cut(text, "://*."); found && isScheme(scheme) {
		plain, e.wildcard = scheme+"://"+rest, true
	}
	a, err := readAddress(plain)
	if err == nil && a.scheme == "" && !strings.HasPrefix(plain, "/") {
		err = ErrForbiddenReturn // "" would admit the whole host
	}
	if err == nil {
		a, err = a.completed(fallback)
	}
	if err == nil {
		a, err = a.canonical()
	}
	if err != nil || e.wildcard && isIP(a.name()) {
		return entry{}, fmt.Errorf("%q cannot be an allowed return address; write one such as https://app.example.com/path", text)
	}
	e.address = a
	e.anyHost = !special(a.scheme) && a.authority && a.host == "" && a.path == ""
	if a.path != "" && a.path != "/" {
		e.segments = segments(a.path)
		if last := len(e.segments) - 1; e.segments[last] == "" {
			e.segments, e.below = e.segments[:last], true
		}
	}
	return e, nil
}

func (e entry) admits(a address) bool {
	return e.scheme == a.scheme && (e.anyHost || e.admitsHost(a.host)) && e.admitsPath(a.path)
}

// admitsHost compares hosts with their ports as they are written: without a port means without a port.
func (e entry) admitsHost(host string) bool {
	if !e.wildcard {
		return strings.EqualFold(e.host, host)
	}
	labels, found := strings.CutSuffix(strings.ToLower(host), "."+strings.ToLower(e.host))
	if !found {
		return false
	}
	// Whether a label in Punycode is one at all, only a browser's tables know. Such a host has to be written out.
	return !slices.ContainsFunc(strings.Split(labels, "."), func(label string) bool {
		return label == "" || strings.HasPrefix(label, "xn--")
	})
}

// admitsPath compares whole segments, so that /app admits /app/x but not /apple.
func (e entry) admitsPath(path string) bool {
	if e.segments == nil {
		return true
	}
	found := segments(path)
	for _, s := range found {
		// A server behind the address might decode first and split then.
		if s == "." || s == ".." || strings.Contains(s, "/") {
			return false
		}
	}
	n := len(e.segments)
	if len(found) < n || !slices.Equal(found[:n], e.segments) {
		return false
	}
	return !e.below || len(found) > n
}

func isIP(name string) bool {
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}
