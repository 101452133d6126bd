package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

var errForeign = fault.New(fault.Forbidden, "admin_foreign_request", "The admin API answers requests for its own address only, and none that a web page from elsewhere has made.")

var errTunnelled = fault.New(fault.Forbidden, "admin_behind_tunnel", "A tunnel leads to the admin API, where any page of the application could use it. Start the tunnel with the address of the public API, which is serve.public.base_url.")

// outsider says why a request without a right key is none of somebody at this machine: it names another host, or came through a
// tunnel, behind which the pages of an application have the same origin as the console.
func (s *Server) outsider(r *http.Request) error {
	switch {
	case s.AdminLocal && !s.localHost(r.Host):
		return errForeign
	case r.Header[wire.TunnelHeader] != nil:
		return errTunnelled
	}
	return nil
}

// localHost reports whether a Host header names this machine or the configured address of the admin API.
func (s *Server) localHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "" || strings.EqualFold(host, "localhost") {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback()
	}
	base, err := url.Parse(s.AdminBase)
	return err == nil && strings.EqualFold(host, base.Hostname())
}
