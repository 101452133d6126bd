package server

import (
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"exeunt/internal/session"
)

const maxUserAgent = 512 // bytes

// device describes where a request comes from. Headers are believed only when a trusted proxy has sent the request.
func (s *Server) device(r *http.Request) session.Device {
	d := session.Device{ID: uuid.New(), UserAgent: clean(r.UserAgent(), maxUserAgent)}
	if ip := s.clientIP(r); ip.IsValid() {
		d.IP = ip.String()
	}
	if s.trusted(peerAddress(r.RemoteAddr)) {
		d.Location = location(r.Header)
	}
	return d
}

// clientIP is the address of the client, or the zero Addr when there is none.
func (s *Server) clientIP(r *http.Request) netip.Addr {
	peer := peerAddress(r.RemoteAddr)
	if !peer.IsValid() {
		return netip.Addr{}
	}
	return s.clientAddress(peer, r.Header)
}

// clientAddress is the last hop that is not a trusted proxy. Proxies append to X-Forwarded-For, so everything left of
// that hop may be made up and is not looked at.
func (s *Server) clientAddress(peer netip.Addr, h http.Header) netip.Addr {
	if !s.trusted(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	client := peer
	for i := len(hops) - 1; i >= 0; i-- {
		hop := hopAddress(hops[i])
		if !hop.IsValid() {
			break
		}
		client = hop
		if !s.trusted(client) {
			return client
		}
	}
	if client != peer {
		return client
	}
	for _, name := range []string{"True-Client-Ip", "Cf-Connecting-Ip", "X-Real-Ip"} {
		if named := hopAddress(h.Get(name)); named.IsValid() {
			return named
		}
	}
	return client
}

// hopAddress reads an address as proxies write it: alone, or with a port. The zero Addr stands for anything else.
func hopAddress(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Unmap().WithZone("")
	}
	return peerAddress(text)
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func peerAddress(hostport string) netip.Addr {
	ap, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func location(h http.Header) string {
	var parts []string
	for _, name := range []string{"Cf-Ipcity", "Cf-Ipcountry"} {
		if v := clean(h.Get(name), 128); v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, ", ")
}

// clean makes a header value storable: valid UTF-8 without control characters, at most so many bytes.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	for len(s) > limit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
