package flow

import (
	"fmt"
	"net/url"
	"strings"
)

// Return is an address to which a person may be sent after a flow. It comes from [Returns.Allow] or from the operator,
// so an address that nobody has checked cannot be used by mistake. The zero value means that none was asked for.
type Return struct{ address string }

// Stored restores an address that was checked before it was stored. It is for stores alone.
func Stored(address string) Return { return Return{address} }

// Configured makes a Return of an address that the operator has set, such as that of a page. An address without scheme
// and host gets those of base, the public base URL. "" gives the zero Return.
func Configured(base, address string) (Return, error) {
	if address == "" {
		return Return{}, nil
	}
	a, err := configured(base, address)
	return Return{a.String()}, err
}

func configured(base, text string) (address, error) {
	a, err := readAddress(text)
	if err == nil && a.scheme == "" {
		var b address
		if b, err = readAddress(base); err == nil {
			a, err = a.completed(b)
		}
	}
	if err == nil {
		a, err = a.canonical()
	}
	if err != nil {
		return address{}, fmt.Errorf("%q cannot be an address to send people to; write one such as https://app.example.com/path", text)
	}
	return a, nil
}

// String returns the address, or "".
func (r Return) String() string { return r.address }

// IsZero reports whether no address was asked for.
func (r Return) IsZero() bool { return r.address == "" }

// Origin is "https://host[:port]" for http and https, as browsers write it in an Origin header, and "myapp:" for a scheme
// of somebody's own. It is "" for the zero Return.
func (r Return) Origin() string {
	a, _ := readAddress(r.address) // what cannot be read has no origin
	return a.origin()
}

// With returns the address with one more query parameter; what its query and fragment hold stays. The zero Return stays
// what it is.
func (r Return) With(name, value string) Return {
	if r.IsZero() {
		return r
	}
	fragment := ""
	before, after, found := strings.Cut(r.address, "#")
	if found {
		fragment = "#" + after
	}
	separator := "?"
	if _, query, found := strings.Cut(before, "?"); found {
		separator = "&"
		if query == "" {
			separator = ""
		}
	}
	// A space becomes %20, which every reader of a query understands; not all of them take + for one.
	parameter := strings.ReplaceAll(url.QueryEscape(name)+"="+url.QueryEscape(value), "+", "%20")
	return Return{before + separator + parameter + fragment}
}
