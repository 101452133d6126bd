package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// host is a name or an address to listen on, without a port.
var host = kind[string]{name: "a host name or IP address", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if !ok {
		return "", false
	}
	if strings.HasPrefix(text, "unix:") {
		s.wrong("unix sockets are not supported; write an IP address")
		return "", false
	}
	if _, err := netip.ParseAddr(text); err != nil && strings.ContainsAny(text, "/:@?#[] \\") {
		s.wrong("%s is not a host; write a name or an IP address without scheme and port", quoted(text))
		return "", false
	}
	return text, true
}}

// isLoopback reports whether what is sent to a host stays on this machine.
func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// proxy is an address or a range of addresses.
var proxy = kind[netip.Prefix]{name: "an IP address or range (CIDR)", parse: func(s site) (netip.Prefix, bool) {
	text, ok := texts.parse(s)
	if !ok {
		return netip.Prefix{}, false
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		s.wrong("%s is neither an IP address nor a range; write one such as 10.0.0.7 or 10.0.0.0/8", quoted(text))
	case p.Bits() == 0:
		s.wrong("%s would trust everybody; write the addresses of your proxies", quoted(text))
	default:
		return p.Masked(), true
	}
	return netip.Prefix{}, false
}}

// baseURL is where clients find a listener. It is given a slash at the end if it has none.
var baseURL = kind[string]{name: "an http or https URL", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if !ok {
		return "", false
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		s.wrong("%s is not a base URL; write one such as https://auth.example.com/", quoted(text))
	case hostFault(u) != "":
		s.wrong("%s: %s", quoted(text), hostFault(u))
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		s.wrong("a base URL has no user name, query or fragment; write one such as https://auth.example.com/")
	default:
		return strings.TrimSuffix(text, "/") + "/", true
	}
	return "", false
}}

// reference is a URL that may lack scheme and host.
var reference = kind[string]{name: "a URL", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if !ok {
		return "", false
	}
	if _, err := url.Parse(text); err != nil {
		s.wrong("%s is not a URL; write one such as https://app.example.com/", quoted(text))
		return "", false
	}
	return text, true
}}

// dsn names the database. Its problems never show the value, which may hold a password.
var dsn = kind[string]{name: "a data source name", parse: func(s site) (string, bool) {
	text, ok := texts.parse(s)
	if !ok || text == "memory" {
		return text, ok
	}
	const want = "write memory, sqlite://path?_fk=true or postgres://user:password@host/database"
	scheme, rest, _ := strings.Cut(text, "://")
	switch scheme {
	case "sqlite", "sqlite3":
		if path, _, _ := strings.Cut(rest, "?"); path == "" {
			s.wrong("names no file; %s", want)
			return "", false
		}
	case "postgres", "postgresql", "cockroach":
		if _, err := url.Parse(text); err != nil {
			s.wrong("is not a URL; write special characters in user name and password as %%XX")
			return "", false
		}
	case "mysql":
		s.wrong("exeunt does not support mysql; write a sqlite:// or postgres:// address")
		return "", false
	default:
		s.wrong("is not a known data source name; %s", want)
		return "", false
	}
	return text, true
}}
