package rig

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"exeunt/internal/testkit"
	"exeunt/proof/drive"
)

const overdue = time.Minute // what is waited for would have happened long ago

// killUnanswered kills a server after it has carried something out and before its client is told so: a proxy between them
// lets some answers of success pass, and at the next one kills the server and drops the answer.
func killUnanswered(ctx context.Context, r *Rig) error {
	n := r.one()
	public, err := testkit.OpenProxy(strings.TrimPrefix(n.Public, "http://"))
	if err != nil {
		return err
	}
	defer public.Close()
	admin, err := testkit.OpenProxy(strings.TrimPrefix(n.Admin, "http://"))
	if err != nil {
		return err
	}
	defer admin.Close()
	pass := atomic.Int64{}
	pass.Store(int64(1 + r.dice.IntN(8)))
	shot := newShot(func() { n.kill() })
	watch := func(b []byte) {
		changed := bytes.HasPrefix(b, []byte("HTTP/1.1 204")) || bytes.HasPrefix(b, []byte("HTTP/1.1 303"))
		if changed && pass.Add(-1) < 0 {
			shot.fire()
		}
	}
	public.OnAnswer(watch)
	admin.OnAnswer(watch)
	near := &drive.Node{Public: "http://" + public.Addr(), Admin: "http://" + admin.Addr()}
	if err := r.visit(ctx, near, shot); err != nil {
		return err
	}
	return n.start()
}

// killCommitted kills a server when its database has committed the end of a session and before the server learns of it.
func killCommitted(ctx context.Context, r *Rig) error {
	var victims sync.WaitGroup
	shot := newShot(func() {
		for _, n := range r.nodes {
			victims.Go(n.kill)
		}
		victims.Wait()
	})
	// PostgreSQL sends the row that says what has ended and, in the same go, that it is done and waits for more.
	idle := []byte("Z\x00\x00\x00\x05I")
	r.pg.proxy.OnAnswer(func(b []byte) {
		if bytes.HasSuffix(b, idle) && bytes.Contains(b, []byte("session_ended")) {
			shot.fire()
		}
	})
	defer r.pg.proxy.OnAnswer(nil)
	if err := shot.await(ctx); err != nil {
		return err
	}
	r.pg.proxy.OnAnswer(nil)
	for _, n := range r.nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	return nil
}

// shot is something that happens once, and holds up everybody who comes while it does.
type shot struct {
	once sync.Once
	do   func()
	done chan struct{}
}

func newShot(do func()) *shot { return &shot{do: do, done: make(chan struct{})} }

func (s *shot) fire() {
	s.once.Do(func() {
		s.do()
		close(s.done)
	})
}

func (s *shot) await(ctx context.Context) error {
	select {
	case <-s.done:
		return nil
	case <-time.After(overdue):
		return fmt.Errorf("nothing was carried out for %v", overdue)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// visit lets some more clients ask at an address of their own, until the shot has fallen.
func (r *Rig) visit(ctx context.Context, at *drive.Node, s *shot) error {
	going, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { r.world.Visit(going, at, 4) })
	err := s.await(ctx)
	stop()
	all.Wait()
	return err
}
