package flow

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"exeunt/internal/fault"
)

// Return is an address to which a person may be sent after a flow. Only [Returns.Allow] makes one, so an address that
// nobody has checked cannot be used by mistake. The zero value means that none was asked for.
type Return struct{ address string }

// String returns the address, or "".
func (r Return) String() string { return r.address }

// Stored restores an address that was checked before it was stored. It is for stores alone.
func Stored(address string) Return { return Return{address} }

// Returns are the addresses that the administrator allows. It is immutable and safe for concurrent use.
type Returns struct {
	base  *url.URL // completes relative addresses
	allow []*url.URL
}

// The two ways an address is refused.
var (
	ErrForbiddenReturn = fault.New(fault.Invalid, "self_service_flow_return_to_forbidden", "The requested return_to address is not allowed.")
	ErrBadReturn       = fault.New(fault.Invalid, "return_to_malformed", "The return_to address cannot be read; it looks like https://app.example.com/path.")
)

// NewReturns reads the allow-list. base is the default return address, which completes relative ones.
func NewReturns(base string, allowed []string) (*Returns, error) {
	r := &Returns{}
	var err error
	if r.base, err = url.Parse(base); err != nil {
		return nil, fmt.Errorf("the default return address cannot be read: %w", err)
	}
	for _, entry := range allowed {
		u, err := parseReturn(entry)
		if err != nil {
			return nil, fmt.Errorf("%q cannot be an allowed return address: %w", entry, err)
		}
		r.allow = append(r.allow, u)
	}
	return r, nil
}

// parseReturn reads an address and refuses what browsers and parsers read differently: opaque addresses, user
// information, backslashes, control characters.
func parseReturn(raw string) (*url.URL, error) {
	if strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' || c == '\uFFFD' }) {
		return nil, ErrBadReturn
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.User != nil {
		return nil, ErrBadReturn
	}
	if strings.Contains(u.Path, `\`) || strings.ContainsRune(u.Path, 0) {
		return nil, ErrBadReturn
	}
	return u, nil
}

// Allow checks a requested address and returns it absolute and normalised. "" gives the zero Return. An address that is
// not on the list is ErrForbiddenReturn, one that cannot be read ErrBadReturn.
func (r *Returns) Allow(raw string) (Return, error) {
	if raw == "" {
		return Return{}, nil
	}
	u, err := parseReturn(raw)
	if err != nil {
		return Return{}, err
	}
	if u.Scheme == "" && u.Host == "" && !strings.HasPrefix(u.Path, "/") && u.Path != "" {
		return Return{}, ErrForbiddenReturn
	}
	u = r.base.ResolveReference(u)
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	for _, entry := range r.allow {
		if matches(r.base.ResolveReference(entry), u) {
			return Return{u.String()}, nil
		}
	}
	return Return{}, ErrForbiddenReturn
}

func matches(entry, u *url.URL) bool {
	return strings.EqualFold(entry.Scheme, u.Scheme) && matchesHost(strings.ToLower(entry.Host), u.Host) && within(entry.Path, u.Path)
}

func matchesHost(entry, host string) bool {
	if suffix, ok := strings.CutPrefix(entry, "*"); ok {
		label, ok := strings.CutSuffix(host, suffix)
		return ok && label != "" && strings.HasPrefix(suffix, ".") && !strings.HasPrefix(label, ".")
	}
	return entry == host
}

// within compares whole path segments after dot segments are gone, so that /app admits /app/x but not /apple.
func within(prefix, p string) bool {
	prefix, p = path.Clean("/"+prefix), path.Clean("/"+p)
	return prefix == "/" || p == prefix || strings.HasPrefix(p, prefix+"/")
}
