package drive

import (
	"context"
	"net/http"
	"sync"

	"exeunt/proof/history"
)

// Elsewhere lets clients sign in and out at the first node, and ask the other nodes right after the answer, as often as
// Tries says for each.
func (w *World) Elsewhere(ctx context.Context, clients int) {
	var all sync.WaitGroup
	for n := range clients {
		c := w.client(ctx, n+1)
		all.Go(func() {
			for ctx.Err() == nil {
				c.leaveAndAsk(c.people[n%len(c.people)])
			}
		})
	}
	all.Wait()
	w.http.CloseIdleConnections()
}

// Tries is how often each other node is asked after a sign-out.
const Tries = 4

func (c *client) leaveAndAsk(p *person) {
	c.extra, c.place = c.Nodes[0], 0
	c.signIn(p)
	held := p.held()
	if len(held) == 0 {
		return
	}
	k := held[len(held)-1]
	if c.whoami(p, k); k.browser || !c.leaveNatively(p, k) {
		return
	}
	var asking sync.WaitGroup
	for n, node := range c.Nodes[1:] {
		asker := *c
		asker.extra, asker.place = node, n+1
		asking.Go(func() {
			for range Tries {
				asker.noteAt(n+1, node, history.Op{Kind: history.Whoami, Way: history.Elsewhere}, request{method: http.MethodGet, path: "/sessions/whoami", with: k})
			}
		})
	}
	asking.Wait()
}
