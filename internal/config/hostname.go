package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const numberFault = "browsers read its host as a number; write an IP address as 192.0.2.1"

// hostFault says why browsers would refuse the host of an address, or read another one in it, or "". A * is for
// [wildcardFault] to judge.
func hostFault(u *url.URL) string {
	name := u.Hostname()
	switch {
	case strings.HasSuffix(u.Host, ":") || !portFits(u.Port()):
		return "its port is not possible; write one from 1 to 65535"
	case strings.HasPrefix(u.Host, "["):
		if ip, err := netip.ParseAddr(name); err != nil || !ip.Is6() || ip.Is4In6() || ip.Zone() != "" {
			return "its host is not a plain IPv6 address; write one such as [2001:db8::1]"
		}
	case name == "" && u.Port() != "":
		return "it has a port and no host; write the host"
	case !isHostName(strings.ReplaceAll(name, "*", "x")):
		return "its host has characters that no address can have; write letters, digits, - and ., and other letters in Punycode (xn--…)"
	case special(u.Scheme) && !strings.Contains(name, "*") && endsInNumber(name):
		if ip, err := netip.ParseAddr(name); err != nil || !ip.Is4() {
			return numberFault
		}
	}
	return ""
}

func portFits(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && port[0] != '0'
}

// isHostName reports whether a text has only characters that a host name can have.
func isHostName(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._", c)
	})
}

// endsInNumber reports whether browsers take a host for an IPv4 address: they look at what follows the last dot.
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	label := host[strings.LastIndexByte(host, '.')+1:]
	if hex, found := strings.CutPrefix(strings.ToLower(label), "0x"); found {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return label != "" && strings.Trim(label, "0123456789") == ""
}
