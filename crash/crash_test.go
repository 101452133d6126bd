package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"exeunt/internal/testkit"
)

const (
	workers   = 8
	mostOps   = 400 // a round is cut off after this many operations at the latest
	defaultOf = 5
)

// history is what the clients were told. Only answers count: a request that the crash cut off may have had either outcome.
type history struct {
	mu    sync.Mutex
	alive map[string]bool // signed in, and never asked to sign out
	dead  map[string]bool // signed out, answered with success
	limbo map[string]bool // asked to sign out, no answer
}

func (h *history) move(token string, from, to map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(from, token)
	if to != nil {
		to[token] = true
	}
}

func kills(t *testing.T) int {
	text := os.Getenv("EXEUNT_KILLS")
	if text == "" {
		return defaultOf
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("EXEUNT_KILLS is %q; it is the number of kills, at least 1", text)
	}
	return n
}

func TestNoAnsweredLogoutIsUndoneAndNoAnsweredLoginLost(t *testing.T) {
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			r := &run{t: t, dir: t.TempDir(), dsn: engine.DSN(t), history: &history{alive: map[string]bool{}, dead: map[string]bool{}, limbo: map[string]bool{}}}
			for n := range kills(t) {
				r.round(n)
			}
			r.verify(r.start())
			h := r.history
			t.Logf("%d kills: %d sign-outs stayed final, %d sign-ins were kept, %d were cut off in between", kills(t), len(h.dead), len(h.alive), len(h.limbo))
			if len(h.dead) == 0 || len(h.alive) == 0 {
				t.Error("the rounds were too short to show anything")
			}
		})
	}
}

// run is the test on one engine.
type run struct {
	t       *testing.T
	dir     string
	dsn     string
	history *history
}

func (r *run) start() *testkit.Process {
	r.t.Helper()
	return testkit.Start(r.t, r.dir, fmt.Sprintf("dsn: %q\n%s", r.dsn, testkit.Quick))
}

// round verifies what the rounds before have left, works, and crashes.
func (r *run) round(n int) {
	r.t.Helper()
	p := r.start()
	r.verify(p)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	email := fmt.Sprintf("person%d@example.org", n)
	if err := newClient(p.Public, p.Admin).addPerson(ctx, email); err != nil {
		r.t.Fatal(err)
	}
	var done atomic.Int64
	end := 20 + rand.Int64N(mostOps-20)
	reached := make(chan struct{})
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			c := newClient(p.Public, p.Admin)
			for ctx.Err() == nil && r.visit(ctx, c, email) == nil {
				if done.Add(1) == end {
					close(reached)
				}
			}
		})
	}
	<-reached
	p.Kill()
	cancel()
	work.Wait()
}

// visit signs in, is recognised, and in most cases signs out again while somebody tries to extend the session. The error
// means that the server is gone.
func (r *run) visit(ctx context.Context, c *client, email string) error {
	h := r.history
	token, id, err := c.signIn(ctx, email)
	if err != nil {
		return err
	}
	h.move(token, h.alive, h.alive)
	if status, err := c.whoami(ctx, token); err != nil || status != http.StatusOK {
		return r.unexpected("a fresh session", status, err)
	}
	if rand.IntN(4) == 0 {
		return nil
	}
	h.move(token, h.alive, h.limbo)
	var extending sync.WaitGroup
	extending.Go(func() { c.extend(ctx, id) })
	defer extending.Wait()
	status, err := c.signOut(ctx, token)
	if err != nil || status != http.StatusNoContent {
		return r.unexpected("a sign-out", status, err)
	}
	h.move(token, h.limbo, h.dead)
	if status, err := c.whoami(ctx, token); err != nil || status != http.StatusUnauthorized {
		return r.unexpected("a check after the sign-out", status, err)
	}
	return nil
}

// unexpected tells a wrong answer, which fails the test, from none.
func (r *run) unexpected(what string, status int, err error) error {
	if err == nil {
		r.t.Errorf("%s answered %d", what, status)
		err = fmt.Errorf("%s answered %d", what, status)
	}
	return err
}

// verify asks a server for every session that the history knows.
func (r *run) verify(p *testkit.Process) {
	r.t.Helper()
	c := newClient(p.Public, p.Admin)
	for _, group := range []struct {
		name   string
		tokens map[string]bool
		want   int
	}{{"signed out", r.history.dead, http.StatusUnauthorized}, {"signed in", r.history.alive, http.StatusOK}} {
		for token := range group.tokens {
			status, err := c.whoami(context.Background(), token)
			if err != nil || status != group.want {
				r.t.Fatalf("a session that was %s before the crash answers %d (%v)", group.name, status, err)
			}
		}
	}
}
