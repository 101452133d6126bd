package tunnel

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// serverPrefixes are the paths of exeunt's public API and of its pages. Those that end with a slash name all below.
var serverPrefixes = []string{"/self-service/", "/sessions", "/sessions/", "/schemas", "/schemas/", "/ui/", "/.well-known/jwks.json", "/.well-known/change-password"}

// hosted is the prefix below which Ory's own tunnel serves the API.
const hosted = "/.ory"

// serverPath reports whether a path belongs to exeunt, and which one it is there.
func serverPath(path string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, hosted); ok && strings.HasPrefix(rest, "/") {
		return rest, true
	}
	for _, p := range serverPrefixes {
		if path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			return path, true
		}
	}
	return path, false
}

// readOwn reads the address of the tunnel.
func readOwn(text string) (*url.URL, error) {
	u, err := readOrigin("the tunnel", text)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http":
		return nil, fmt.Errorf("the address of the tunnel: %q is https; the tunnel is for this machine and speaks http, as http://localhost:4000", text)
	case !loopback(u.Hostname()):
		return nil, fmt.Errorf("the address of the tunnel: %q is no loopback address. Whoever reaches a tunnel acts from within; write http://localhost:4000 or http://127.0.0.1:4000", text)
	case u.Port() == "" || u.Port() == "0":
		return nil, fmt.Errorf("the address of the tunnel: %q has no port, or the usual one; write another, as http://localhost:4000", text)
	}
	return u, nil
}

// readOrigin reads an address that is an origin and no more.
func readOrigin(what, text string) (*url.URL, error) {
	u, err := readBase(what, text)
	if err == nil && u.Path != "" {
		return nil, fmt.Errorf("the address of %s: %q has a path; write the origin alone, as %s://%s", what, text, u.Scheme, u.Host)
	}
	return u, err
}

// readBase reads a base address, and writes it as browsers do: small letters, no usual port, no slash at the end.
func readBase(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, fmt.Errorf("the address of %s cannot be used; it looks like http://localhost:3000", what) // it may hold a password
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != usualPort(u.Scheme) {
		host += ":" + port
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: strings.TrimRight(u.Path, "/")}, nil
}

func usualPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// place is where an address leads, with all names of this machine as one.
func place(u *url.URL) string {
	host, port := u.Hostname(), u.Port()
	if ip, err := netip.ParseAddr(host); loopback(host) || err == nil && ip.IsUnspecified() || strings.HasSuffix(host, ".localhost") {
		host = "localhost"
	}
	if port == "" {
		port = usualPort(u.Scheme)
	}
	return net.JoinHostPort(host, port)
}

// distinct refuses a tunnel to itself, and one to the same place twice.
func distinct(own, app, server *url.URL) error {
	switch {
	case place(own) == place(app):
		return fmt.Errorf("the application is said to be at %s, which is the tunnel itself. Give the tunnel another port, as http://localhost:4001", app)
	case place(own) == place(server):
		return fmt.Errorf("exeunt is said to be at %s, which is the tunnel itself. Say with --server where it is, as http://127.0.0.1:4433", server)
	case place(app) == place(server) && server.Path == "":
		return fmt.Errorf("application and exeunt are both said to be at %s. The application comes first, exeunt is --server", app)
	}
	return nil
}

// Listen listens at an own address: for localhost on the loopback addresses of both kinds.
func (t *Tunnel) Listen() ([]net.Listener, error) {
	hosts := []string{t.own.Hostname()}
	if hosts[0] == "localhost" {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var all []net.Listener
	for i, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, t.own.Port()))
		switch {
		case err == nil:
			all = append(all, l)
		case i > 0 && !taken(err): // a machine without IPv6
		default:
			for _, l := range all {
				l.Close()
			}
			return nil, fmt.Errorf("listening at %s: %w. Stop what uses it, or name another address, as http://localhost:4001", t.Own(), err)
		}
	}
	return all, nil
}
