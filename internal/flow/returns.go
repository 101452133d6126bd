package flow

import (
	"fmt"
	"slices"

	"exeunt/internal/fault"
)

// Returns are the addresses that the operator allows. It is immutable and safe for concurrent use.
type Returns struct {
	fallback address // completes relative addresses
	entries  []entry
}

// The two ways an address is refused.
var (
	ErrForbiddenReturn = fault.New(fault.Invalid, "self_service_flow_return_to_forbidden", "The requested return_to address is not allowed.")
	ErrBadReturn       = fault.New(fault.Invalid, "return_to_malformed", "The return_to address cannot be read; it looks like https://app.example.com/path.")
)

// longestReturn bounds an address, as it comes and as it is written.
const longestReturn = 2048

// NewReturns reads the allow-list, to which the flows' own addresses are added. base is the public base URL. fallback
// is where people go when nothing else says so: an address or a path below base's host; "" is base itself.
func NewReturns(base, fallback string, allowed []string) (*Returns, error) {
	if fallback == "" {
		fallback = base
	}
	to, err := configured(base, fallback)
	if err != nil {
		return nil, fmt.Errorf("the default return address: %w", err)
	}
	rs := &Returns{fallback: to}
	for _, text := range append(slices.Clone(allowed), base+"self-service") {
		e, err := readEntry(text, to)
		if err != nil {
			return nil, err
		}
		rs.entries = append(rs.entries, e)
	}
	return rs, nil
}

// Allow checks a requested address and returns it absolute and in its canonical form, which Allow gives back unchanged.
// A browser that reads raw as a link on the fallback's page, and one that reads what is returned, go to the same allowed
// place. "" gives the zero Return. An address that is not on the list is ErrForbiddenReturn, one that cannot be read, or
// that two readers could read differently, ErrBadReturn.
func (rs *Returns) Allow(raw string) (Return, error) {
	if raw == "" {
		return Return{}, nil
	}
	if len(raw) > longestReturn {
		return Return{}, ErrBadReturn
	}
	a, err := readAddress(raw)
	if err != nil {
		return Return{}, err
	}
	if a, err = a.completed(rs.fallback); err != nil {
		return Return{}, err
	}
	if a, err = a.canonical(); err != nil {
		return Return{}, err
	}
	if !slices.ContainsFunc(rs.entries, func(e entry) bool { return e.admits(a) }) {
		return Return{}, ErrForbiddenReturn
	}
	if len(a.String()) > longestReturn {
		return Return{}, ErrBadReturn
	}
	return Return{a.String()}, nil
}

// Trusts reports whether an Origin header (RFC 6454, section 7) names the web origin of an entry, whatever its path.
func (rs *Returns) Trusts(origin string) bool {
	a, err := readAddress(origin)
	if err != nil || !webScheme(a.scheme) || a.host == "" || a.path+a.query+a.fragment != "" {
		return false
	}
	return slices.ContainsFunc(rs.entries, func(e entry) bool {
		e.host = e.withoutUsualPort()
		return e.scheme == a.scheme && e.admitsHost(a.withoutUsualPort())
	})
}
