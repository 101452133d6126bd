package server

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"exeunt/internal/tries"
)

// Connections bounds the connections of one listener. One more than Max takes the place of the one that has been without a
// request for the longest, and waits where all are busy or have only just come. Clients at public addresses, which are no proxies, get so many
// each (of IPv6: each /64); further ones are closed.
type Connections struct {
	Max       int // zero for no bound
	PerClient int // zero for no bound
	Proxies   []netip.Prefix
}

// bounded is a listener within bounds.
type bounded struct {
	net.Listener
	limits Connections

	mu      sync.Mutex
	open    map[*connection]struct{}
	clients map[string]int
	room    chan struct{} // told when a connection has gone
	closed  chan struct{}
	closing sync.Once
}

// connection is one that counts until it is closed.
type connection struct {
	// What each request touches stands in one line of memory, which the connection begins: its size is a multiple of a line's.
	net.Conn // of its methods that are not overridden none reads or writes
	read     due
	write    due
	telling  sync.Mutex   // held by whoever tells Conn of a deadline
	spare    atomic.Int64 // since when it has no request, of elapsed time; negative before it has sent anything, zero while it has one

	on      *bounded
	client  string
	leaving sync.Once
	_       [28]byte
}

// grace is how long a new connection has to send something before it makes way for another: what it has sent may still be
// on the way.
const grace = time.Second

// watchEvery is how often deadlines are looked at.
const watchEvery = time.Second

// Listen puts a TCP listener within bounds, and has the server that will serve it say what its connections do. Connections
// that are open when the listener is closed are looked after until the last of them is gone.
func (c Connections) Listen(l net.Listener, of *http.Server) net.Listener {
	of.ConnState = func(conn net.Conn, state http.ConnState) { conn.(*connection).is(state) }
	b := &bounded{Listener: l, limits: c, open: map[*connection]struct{}{}, clients: map[string]int{}, room: make(chan struct{}, 1), closed: make(chan struct{})}
	go b.watch()
	return b
}

// watch cuts off what is overdue.
func (b *bounded) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for <-tick.C; b.cutOff(elapsed()); <-tick.C {
	}
}

// cutOff cuts off what is overdue, and reports whether there is, or may be, anybody to look after.
func (b *bounded) cutOff(now time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		c.cutOff(now)
	}
	select {
	case <-b.closed:
		return len(b.open) > 0
	default:
		return true
	}
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: conn, on: b, client: b.limits.client(conn.RemoteAddr())}
		if !b.enter(c) {
			_ = conn.Close() // nobody is there to hear of a failure
			continue
		}
		if !b.makeRoom() {
			_ = c.Close() // as above
			return nil, net.ErrClosed
		}
		return c, nil
	}
}

// Close implements net.Listener.
func (b *bounded) Close() error {
	b.closing.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// client is whom a connection is counted for, or "".
func (c Connections) client(a net.Addr) string {
	ip := peerAddress(a.String())
	if c.PerClient == 0 || !accountable(ip) {
		return ""
	}
	for _, p := range c.Proxies {
		if p.Contains(ip) {
			return ""
		}
	}
	return tries.Network(ip)
}

// enter counts a connection, unless its client has too many.
func (b *bounded) enter(c *connection) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.client != "" {
		if b.clients[c.client] >= b.limits.PerClient {
			return false
		}
		b.clients[c.client]++
	}
	b.open[c] = struct{}{}
	return true
}

func (b *bounded) leave(c *connection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
	if c.client != "" {
		if b.clients[c.client]--; b.clients[c.client] == 0 {
			delete(b.clients, c.client)
		}
	}
	select {
	case b.room <- struct{}{}:
	default:
	}
}

// makeRoom returns when there are no more connections than there may be, or false when the listener is closed first.
func (b *bounded) makeRoom() bool {
	for b.over() {
		select {
		case <-b.room:
		case <-time.After(grace / 10): // another one may be due
		case <-b.closed:
			return false
		}
	}
	return true
}

// over reports whether there are too many connections, and closes the one that can best be spared.
func (b *bounded) over() bool {
	b.mu.Lock()
	if b.limits.Max == 0 || len(b.open) <= b.limits.Max {
		b.mu.Unlock()
		return false
	}
	spare := b.oldest(false)
	if spare == nil {
		spare = b.oldest(true)
	}
	b.mu.Unlock()
	if spare != nil {
		_ = spare.Close() // it is of no use to anybody
	}
	return true
}

// oldest is the connection that has been without a request for the longest, among those that had one before or the fresh
// ones; or nil.
func (b *bounded) oldest(fresh bool) (found *connection) {
	least, sign := int64(math.MaxInt64), int64(1)
	if fresh {
		least, sign = int64(elapsed()-grace), -1
	}
	for c := range b.open {
		if since := sign * c.spare.Load(); since > 0 && since < least {
			found, least = c, since
		}
	}
	return found
}

// began is when the process did.
var began = time.Now()

// elapsed is how long ago that was: a look at one clock, where time.Now looks at two.
func elapsed() time.Duration { return time.Since(began) }

// is is told what the connection does.
func (c *connection) is(state http.ConnState) {
	switch state {
	case http.StateNew:
		c.spare.Store(-int64(elapsed()))
	case http.StateIdle:
		c.spare.Store(int64(elapsed()))
	case http.StateActive:
		c.spare.Store(0)
	}
}

// CloseWrite says that nothing more will be sent, where that can be said. It is for the HTTP library, which then lets a
// client read an answer that it has not asked for in full.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.leaving.Do(func() { c.on.leave(c) })
	return err
}
