// Package drive is the many clients of the proof: people who sign in, are recognised and sign out in every way there is,
// administrators who end sessions, and others who mean harm. Whatever they ask, and are answered, goes into a history.
package drive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"exeunt/proof/history"
)

// Node is one server as clients see it: behind a proxy, it is the proxy.
type Node struct {
	Public, Admin string // base addresses without a trailing slash

	mu    sync.Mutex
	ready chan struct{} // closed while it can be asked
}

// Up lets clients come, Down keeps them away: they would only learn that nobody listens.
func (n *Node) Up() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ready == nil {
		n.ready = make(chan struct{})
	}
	select {
	case <-n.ready:
	default:
		close(n.ready)
	}
}

// Down is the opposite of Up.
func (n *Node) Down() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = make(chan struct{})
}

func (n *Node) await(ctx context.Context) error {
	n.mu.Lock()
	if n.ready == nil {
		n.ready = make(chan struct{})
	}
	ready := n.ready
	n.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Crowd says how many there are.
type Crowd struct {
	Clients int
	Calm    int // people whose sessions nobody ends
	Wild    int
}

// World is one run: the servers, the people, and the record.
type World struct {
	Nodes   []*Node
	Base    string // where the servers believe that browsers find them
	Seed    uint64
	History *history.Writer

	http    *http.Client
	people  []*person
	secrets secrets
	tokens  atomic.Int64
	calm    int

	visitors atomic.Int64 // so far
}

// Answers take long while a database is away: the servers give it five seconds, and more for what may be much.
const patience = 70 * time.Second

// New makes a world of people who have signed in twice each.
func New(ctx context.Context, nodes []*Node, base string, seed uint64, h *history.Writer, c Crowd) (*World, error) {
	w := &World{Nodes: nodes, Base: base, Seed: seed, History: h, calm: c.Calm}
	w.http = &http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2 * c.Clients, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	first := w.client(ctx, 0)
	for n := range c.Calm + c.Wild {
		p := &person{calm: n < c.Calm}
		w.people = append(w.people, p)
		if err := first.settle(p); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// settle makes an identity and signs it in.
func (c *client) settle(p *person) error {
	for range 20 {
		if c.create(p); p.identity() != "" {
			break
		}
	}
	if p.identity() == "" {
		return fmt.Errorf("no identity could be made: %s", c.last)
	}
	for range 2 {
		c.signIn(p)
		c.signInByBrowser(p)
	}
	if len(p.held()) == 0 {
		return fmt.Errorf("nobody could sign in: %s", c.last)
	}
	return nil
}

// Run lets all clients go on until ctx ends.
func (w *World) Run(ctx context.Context, clients int) {
	var all sync.WaitGroup
	for n := range clients {
		c := w.client(ctx, n+1)
		all.Go(func() {
			for ctx.Err() == nil {
				c.step()
			}
		})
	}
	all.Wait()
	w.http.CloseIdleConnections()
}

// Visit lets some clients more ask one node and no other, until ctx ends.
func (w *World) Visit(ctx context.Context, at *Node, clients int) {
	at.Up()
	var all sync.WaitGroup
	for range clients {
		c := w.client(ctx, int(w.visitors.Add(1))+1<<16)
		c.extra, c.place = at, -1
		all.Go(func() {
			for ctx.Err() == nil {
				c.step()
			}
		})
	}
	all.Wait()
}

// client is one of those who ask, one thing after the other.
type client struct {
	*World
	ctx   context.Context
	dice  *rand.Rand
	last  string // what the last answer was, for whoever wonders why nothing works
	extra *Node  // ask here, and nowhere else
	place int    // which of the nodes that is, if it is one
}

func (w *World) client(ctx context.Context, n int) *client {
	return &client{World: w, ctx: ctx, dice: rand.New(rand.NewPCG(w.Seed, uint64(n)))}
}

// node picks one to ask, and waits until it can be.
func (c *client) node() (int, *Node) {
	if c.extra != nil {
		return c.place, c.extra
	}
	n := c.dice.IntN(len(c.Nodes))
	_ = c.Nodes[n].await(c.ctx) // or it is over, and so is the request
	return n, c.Nodes[n]
}
