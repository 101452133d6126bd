package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

const (
	workers    = 8
	hookKills  = 3
	roundOf    = 80 // sessions, of which a third each is ended before the receiver goes, while it is away, and after
	hookSecret = "the secret of a hook, for tests only"
)

// TestEveryAnsweredEndReachesTheHook ends sessions while the server is killed and its hook fails, hangs, answers late and
// restarts.
func TestEveryAnsweredEndReachesTheHook(t *testing.T) {
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			h := &hooked{t: t, dir: t.TempDir(), dsn: engine.DSN(t), receiver: testkit.NewReceiver(t, []byte(hookSecret)),
				ended: map[string]bool{}, taken: map[string]string{}}
			h.receiver.Answer(h.answer)
			h.trouble.Store(true)
			for n := range hookKills {
				p := h.start()
				h.round(p, n)
				p.Kill()
				h.work.Wait()
			}
			p := h.start()
			h.round(p, hookKills)
			h.stop()
			h.work.Wait()
			h.trouble.Store(false)
			h.verify()
		})
	}
}

// hooked is the test on one engine.
type hooked struct {
	t        *testing.T
	dir, dsn string
	receiver *testkit.Receiver
	trouble  atomic.Bool // the receiver makes some

	work sync.WaitGroup
	stop func()

	mu    sync.Mutex
	ended map[string]bool   // sessions whose end was answered with success
	taken map[string]string // ids that the receiver has answered with success, by session and kind
}

func (h *hooked) start() *testkit.Process {
	h.t.Helper()
	return testkit.Start(h.t, h.dir, fmt.Sprintf("dsn: %q\nsession: {hooks: [{url: %q, secret: %q, events: [session_started, session_ended], allow_private_addresses: true}]}\n%s",
		h.dsn, h.receiver.URL, hookSecret, testkit.Quick))
}

// round lets people come and go until so many sessions were ended, and takes the receiver away in the middle. The people
// go on when it returns.
func (h *hooked) round(p *testkit.Process, n int) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	h.t.Cleanup(cancel)
	email := fmt.Sprintf("person%d@example.org", n)
	if err := newClient(p.Public, p.Admin).addPerson(ctx, email); err != nil {
		h.t.Fatal(err)
	}
	done := make(chan struct{}, 10*roundOf)
	for range workers {
		h.work.Go(func() {
			c := newClient(p.Public, p.Admin)
			for ctx.Err() == nil && h.visit(ctx, c, email) == nil {
				select {
				case done <- struct{}{}:
				default: // enough for this round
				}
			}
		})
	}
	for k := range roundOf {
		select {
		case <-done:
		case <-time.After(time.Minute):
			h.t.Fatal("nobody comes and goes any more")
		}
		switch k {
		case roundOf / 3:
			h.receiver.Down()
		case 2 * roundOf / 3:
			h.receiver.Up()
		}
	}
}

// visit starts a session and ends it, as its owner or as an administrator. The error means that the server is gone.
func (h *hooked) visit(ctx context.Context, c *client, email string) error {
	token, id, err := c.signIn(ctx, email)
	if err != nil {
		return err
	}
	var status int
	if rand.IntN(2) == 0 {
		status, err = c.signOut(ctx, token)
	} else {
		status, _, err = c.call(ctx, "DELETE", c.admin+"/admin/sessions/"+id, "", nil)
	}
	if err != nil {
		return err
	}
	if status != http.StatusNoContent {
		h.t.Errorf("ending a session answered %d", status)
		return fmt.Errorf("ending a session answered %d", status)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended[id] = true
	return nil
}

// answer is what the receiver does with an event.
func (h *hooked) answer(_ int, a testkit.Arrival, w http.ResponseWriter, r *http.Request) {
	if !h.inPlace(a) {
		h.t.Errorf("%s of session %s came out of order, with a wrong id or a wrong signature: %s", a.Event.Kind, a.Event.SessionID, a.ID)
	}
	if h.trouble.Load() {
		switch chance := rand.IntN(100); {
		case chance < 10:
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		case chance < 12:
			<-r.Context().Done() // never answered
			return
		case chance < 20:
			time.Sleep(100 * time.Millisecond) // answered late
		}
	}
	h.mu.Lock()
	h.taken[a.Event.SessionID+a.Event.Kind] = a.ID
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// inPlace reports whether an arrival may come now: after the start of its session was answered, and under no other id than
// before.
func (h *hooked) inPlace(a testkit.Arrival) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.taken[a.Event.SessionID+a.Event.Kind]
	begun := a.Event.Kind == "session_started" || h.taken[a.Event.SessionID+"session_started"] != ""
	return begun && a.Signed && a.ID != "" && a.ID == a.Event.ID && (before == "" || before == a.ID)
}

// verify waits until the end of every session was taken whose end was answered.
func (h *hooked) verify() {
	h.t.Helper()
	missing := func() (n int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for id := range h.ended {
			if h.taken[id+"session_ended"] == "" {
				n++
			}
		}
		return n
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); missing() > 0; <-tick.C {
		if time.Since(begun) > time.Minute {
			h.t.Fatalf("of %d ends, %d never arrived", len(h.ended), missing())
		}
	}
	ids, all := map[string]bool{}, h.receiver.Arrivals()
	for _, a := range all {
		ids[a.ID] = true
	}
	h.t.Logf("%d kills: %d ends that were answered arrived, in %d requests with %d ids", hookKills, len(h.ended), len(all), len(ids))
	if len(h.ended) < (hookKills+1)*roundOf || len(all) == len(ids) {
		h.t.Error("the rounds were too short to show anything")
	}
}
