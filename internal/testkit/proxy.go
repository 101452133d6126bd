package testkit

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between a program and a server, to take the server away. It forwards from the start.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup
	answers  atomic.Pointer[func([]byte)]

	mu     sync.Mutex
	target string
	cut    bool
	stall  chan struct{} // open while nothing is let through; nil otherwise
	conns  map[net.Conn]struct{}
}

// NewProxy starts a proxy for the server at target, host and port. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p, err := OpenProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// OpenProxy is NewProxy for programs: whoever calls it closes the proxy.
func OpenProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the proxy: %w", err)
	}
	p := &Proxy{target: target, listener: l, conns: map[net.Conn]struct{}{}}
	p.running.Go(p.accept)
	return p, nil
}

// Close ends the proxy and waits until nothing of it is left.
func (p *Proxy) Close() {
	p.listener.Close()
	p.Cut()
	p.running.Wait()
}

// Lead makes new connections go to another server. Those that are open stay where they are.
func (p *Proxy) Lead(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// OnAnswer has watch look at everything that the server sends, before it is passed on; nil ends that. It is called from
// many goroutines.
func (p *Proxy) OnAnswer(watch func([]byte)) {
	if watch == nil {
		p.answers.Store(nil)
		return
	}
	p.answers.Store(&watch)
}

// Addr is where the proxy listens, host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut drops all connections and refuses new ones until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume()
	p.cut = true
	for c := range p.conns {
		reset(c)
	}
}

// Stall keeps all connections and lets nothing through until Heal or Cut, as a network does that loses packets.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stall == nil {
		p.stall = make(chan struct{})
	}
}

// Heal lets everything through again.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume()
	p.cut = false
}

func (p *Proxy) resume() {
	if p.stall != nil {
		close(p.stall)
		p.stall = nil
	}
}

// reset closes a connection so that the other side learns of it at once.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is gone already needs no reset
	}
	c.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.drop(client)
	if !p.keep(client) {
		return
	}
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
		both.Go(func() {
			p.forward(to, from, from == server)
			client.Close()
			server.Close()
		})
	}
	both.Wait()
}

// keep notes an open connection, unless the proxy is cut.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	reset(c)
}

func (p *Proxy) forward(to io.Writer, from io.Reader, answers bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if watch := p.answers.Load(); answers && watch != nil {
			(*watch)(buf[:n])
		}
		p.hold()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hold waits while nothing is let through.
func (p *Proxy) hold() {
	p.mu.Lock()
	stall := p.stall
	p.mu.Unlock()
	if stall != nil {
		<-stall
	}
}
