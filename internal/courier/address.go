package courier

import (
	"errors"
	"net/netip"
	"syscall"
)

// errNotPublic means that a name led to an address inside somebody's network.
var errNotPublic = errors.New("the address is not public, and allow_private_addresses is not set")

// publicOnly refuses to connect to addresses that are not public. It sees the address that is about to be used, so
// that no name can lead elsewhere after it was looked up.
func publicOnly(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !public(a.Addr()) {
		return errNotPublic
	}
	return nil
}

// notPublic are the IPv4 ranges of IANA's registry of special addresses, with multicast.
var notPublic = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")

// IPv6: what is assigned to the Internet, and what of that is special.
var (
	internet6  = netip.MustParsePrefix("2000::/3")
	notPublic6 = prefixes("2001::/23", "2001:db8::/32", "3fff::/20")
)

func prefixes(all ...string) (parsed []netip.Prefix) {
	for _, p := range all {
		parsed = append(parsed, netip.MustParsePrefix(p))
	}
	return parsed
}

// public reports whether an address belongs to the Internet at large: not this machine, its networks or their routers,
// nor nobody.
func public(ip netip.Addr) bool {
	ip = inside(ip.Unmap())
	if ip.Is4() {
		return !within(ip, notPublic)
	}
	return ip.Zone() == "" && internet6.Contains(ip) && !within(ip, notPublic6)
}

func within(ip netip.Addr, ranges []netip.Prefix) bool {
	for _, r := range ranges {
		if r.Contains(ip) {
			return true
		}
	}
	return false
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16") // 6to4
)

// inside is the IPv4 address that an IPv6 address stands for, where routers translate or tunnel; else the address.
func inside(ip netip.Addr) netip.Addr {
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}
