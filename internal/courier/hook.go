package courier

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Hook is a web address that is told what happens.
type Hook struct {
	name        string
	url         string
	key         []byte // authenticates what is sent
	kinds       []string
	giveUpAfter time.Duration
	client      *http.Client
	wake        chan struct{} // there is something new to send
	complained  atomic.Int64  // when the log was last told that it fails, in seconds
}

// Target says where a hook is and what it wants to know.
type Target struct {
	URL          string
	Key          []byte
	Kinds        []string
	GiveUpAfter  time.Duration
	AllowPrivate bool // the address may be one that is not public
}

const (
	parallel    = 8 // deliveries to one hook at the same time
	maxHeader   = 16 << 10
	maxBody     = 4 << 10 // of an answer, of which nothing is used
	idleTimeout = 90 * time.Second
)

// NewHook makes a hook. An address that could never be reached is an error.
func NewHook(t Target) (*Hook, error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the address is not a URL")
	}
	dialer := &net.Dialer{Timeout: sendTimeout}
	if !t.AllowPrivate {
		dialer.Control = publicOnly
		if ip, err := netip.ParseAddr(u.Hostname()); strings.EqualFold(u.Hostname(), "localhost") || err == nil && !public(ip) {
			return nil, fmt.Errorf("the host %s is not public; to send there anyway, set allow_private_addresses: true", u.Hostname())
		}
	}
	return &Hook{
		name: hookName(u, t.URL), url: t.URL, key: t.Key, kinds: t.Kinds, giveUpAfter: t.GiveUpAfter, wake: make(chan struct{}, 1),
		client: &http.Client{
			// No Proxy: one from the environment would connect to whatever it is asked for.
			Transport: &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
				MaxIdleConnsPerHost: parallel, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxHeader},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// hookName names a hook in the database and to administrators: its host, which helps people, and a hash of its whole
// address, which may hold a secret.
func hookName(u *url.URL, address string) string {
	host := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' {
			return c
		}
		return '-'
	}, strings.ToLower(u.Hostname()))
	sum := sha256.Sum256([]byte(address))
	return host + "-" + hex.EncodeToString(sum[:8])
}

// Name is what the hook is called in the database and in answers.
func (h *Hook) Name() string { return h.name }

// ring wakes whoever sends to the hook.
func (h *Hook) ring() {
	select {
	case h.wake <- struct{}{}:
	default: // it has been rung already
	}
}
