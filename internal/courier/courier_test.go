package courier_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exeunt/internal/courier"
	"exeunt/internal/event"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/store"
	"exeunt/internal/testkit"
)

var (
	key = []byte("a key that only the tests know of")
	all = []string{"session_started", "session_ended"}
)

// node is one process with its courier.
type node struct {
	*courier.Courier
	t     *testing.T
	store *store.Store
	log   *bytes.Buffer // read after the courier has ended
	stop  func()
	tally *tally
}

type tally struct{ arrived, failed, dead atomic.Int64 }

func (y *tally) HookAttempted(o courier.Outcome) {
	map[courier.Outcome]*atomic.Int64{courier.Arrived: &y.arrived, courier.Failed: &y.failed, courier.GivenUp: &y.dead}[o].Add(1)
}

// onEach runs a test on an empty database of every engine.
func onEach(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	for _, e := range testkit.Engines(t) {
		t.Run("on "+e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e.DSN(t))
		})
	}
}

func opened(t *testing.T, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func target(url string) courier.Target {
	return courier.Target{URL: url, Key: key, Kinds: all, GiveUpAfter: time.Hour, AllowPrivate: true}
}

// run starts a courier on a store.
func run(t *testing.T, s *store.Store, targets ...courier.Target) *node {
	t.Helper()
	n := prepare(t, s, targets...)
	n.start()
	return n
}

// prepare makes a courier that works a hundred times quicker than in life.
func prepare(t *testing.T, s *store.Store, targets ...courier.Target) *node {
	t.Helper()
	n := &node{t: t, store: s, log: &bytes.Buffer{}, tally: &tally{}}
	n.Courier = &courier.Courier{Store: s, Events: event.NewLog(s), Meter: n.tally, Log: slog.New(slog.NewTextHandler(n.log, nil)),
		Body: func(e event.Event) ([]byte, error) {
			return json.Marshal(map[string]any{"id": e.ID, "kind": e.Kind, "session_id": e.SessionID, "reason": e.Reason})
		}}
	n.Hurry(100)
	for _, to := range targets {
		h, err := courier.NewHook(to)
		if err != nil {
			t.Fatal(err)
		}
		n.Hooks = append(n.Hooks, h)
	}
	if err := n.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	n.stop = func() { cancel(); <-ended }
	n.t.Cleanup(n.stop)
}

// someone stores an identity.
func (n *node) someone() *identity.Identity {
	n.t.Helper()
	i := testkit.Identity(testkit.Email())
	if err := n.store.InsertIdentity(n.t.Context(), i); err != nil {
		n.t.Fatal(err)
	}
	return i
}

// visit starts a session and ends it.
func (n *node) visit(i *identity.Identity) (id string) {
	n.t.Helper()
	now := time.Now()
	s, token := testkit.Session(i, now)
	err := n.store.InsertSession(n.t.Context(), s, token.Hash(), session.Limit{})
	if err == nil {
		_, err = n.store.EndByToken(n.t.Context(), token.Hash(), session.End{At: now, Reason: session.Logout})
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return s.ID.String()
}

// await waits until the store holds what is asked for.
func (n *node) await(what string, state courier.State, enough func([]*courier.Delivery) bool) []*courier.Delivery {
	n.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); time.Since(start) < 30*time.Second; <-tick.C {
		found, err := n.List(n.t.Context(), courier.Filter{State: state, Limit: 1000})
		if err != nil {
			n.t.Fatal(err)
		}
		if enough(found) {
			return found
		}
	}
	n.t.Fatal("waited in vain: " + what)
	return nil
}

// settled waits until so many have arrived and nothing waits.
func (n *node) settled(arrived int) []*courier.Delivery {
	n.t.Helper()
	n.await("nothing waits", courier.Waiting, func(w []*courier.Delivery) bool { return len(w) == 0 })
	return n.await("all have arrived", courier.Delivered, func(d []*courier.Delivery) bool { return len(d) == arrived })
}

func atLeast(n int) func([]testkit.Arrival) bool {
	return func(got []testkit.Arrival) bool { return len(got) >= n }
}

func status(code int) func(int, testkit.Arrival, http.ResponseWriter, *http.Request) {
	return func(_ int, _ testkit.Arrival, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestAHookIsToldWhatHappens(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r := testkit.NewReceiver(t, key)
		n := run(t, opened(t, dsn), target(r.URL))
		id := n.visit(n.someone())
		got := r.Await("two events", atLeast(2))
		for i, kind := range all {
			a := got[i]
			h := a.Header
			if a.Event.Kind != kind || a.Event.SessionID != id || a.ID != a.Event.ID || a.ID == "" || !a.Signed {
				t.Errorf("arrived: %+v", a)
			}
			at, err := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
			if err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute || h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "exeunt" {
				t.Errorf("header lines %v", h)
			}
		}
		done := n.settled(2)
		if d := done[0]; d.Attempts != 1 || d.Problem != "" || !strings.HasPrefix(d.Hook, "127.0.0.1-") || d.Hook != n.Hooks[0].Name() {
			t.Errorf("stored as %+v", d)
		}
		if n.tally.arrived.Load() != 2 || n.tally.failed.Load()+n.tally.dead.Load() != 0 {
			t.Error("the attempts are counted wrongly")
		}
	})
}

func TestTheSignatureIsThatOfTheSpecification(t *testing.T) {
	// Secret, message and signature are an example that is published with libraries which verify such signatures.
	k, err := base64.StdEncoding.DecodeString("plJ3nmyCDGBKInavdOK15jsl")
	if err != nil {
		t.Fatal(err)
	}
	got := courier.Signature(k, "msg_loFOjxBNrRLzqYUf", "1731705121", []byte(`{"event_type":"ping","data":{"success":true}}`))
	if want := "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatFailsIsTriedAgainUnderTheSameID(t *testing.T) {
	const secret = "what the receiver said must not be kept"
	for sentence, c := range map[string]struct {
		answer  func(w http.ResponseWriter, r *http.Request)
		problem string
	}{
		"an error":  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 500) }, "it answered 500"},
		"not found": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, 404) }, "it answered 404"},
		"gone":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusGone) }, "it answered 410"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere?"+secret, http.StatusTemporaryRedirect)
		}, "it answered 307"},
		"no change": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, "it answered 304"},
		"silence":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within 100ms"},
		"a cut":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the connection broke, or the answer is not HTTP"},
		"no HTTP":   {func(w http.ResponseWriter, _ *http.Request) { say(w, secret+"\r\n\r\n") }, "the connection broke, or the answer is not HTTP"},
		"a long header": {func(w http.ResponseWriter, _ *http.Request) {
			say(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
		}, "the connection broke, or the answer is not HTTP"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			r := testkit.NewReceiver(t, key)
			well := make(chan struct{})
			r.Answer(func(n int, _ testkit.Arrival, w http.ResponseWriter, req *http.Request) {
				select {
				case <-well:
					w.WriteHeader(200)
				default:
					c.answer(w, req)
				}
			})
			n := prepare(t, opened(t, testkit.File(t)), target(r.URL))
			if sentence == "silence" {
				n.Limit(100 * time.Millisecond)
			}
			n.start()
			id := n.visit(n.someone())
			tried := n.await("it has failed three times", courier.Waiting, func(w []*courier.Delivery) bool {
				return slices.ContainsFunc(w, func(d *courier.Delivery) bool { return d.Attempts > 3 && d.Problem != "" })
			})
			for _, d := range tried {
				if first := d.Event.Kind == all[0]; first != (d.Problem == c.problem) || !first && d.Attempts > 0 {
					t.Errorf("%s: %d attempts, %q", d.Event.Kind, d.Attempts, d.Problem)
				}
			}
			close(well)
			n.settled(2)
			got := r.Arrivals()
			for i, a := range got {
				last := i == len(got)-1
				if a.Event.SessionID != id || a.ID != got[0].ID != last || !a.Signed || a.Header.Get("Webhook-Id") == "" {
					t.Errorf("arrival %d of %d: %+v", i, len(got), a)
				}
			}
			n.stop()
			if strings.Contains(n.log.String(), secret) || !strings.Contains(n.log.String(), c.problem) || strings.Count(n.log.String(), "\n") != 1 {
				t.Errorf("the log says\n%s", n.log)
			}
			if n.tally.failed.Load() < 3 || n.tally.arrived.Load() != 2 {
				t.Error("the attempts are counted wrongly")
			}
		})
	}
}

// say writes bytes of its own instead of an answer.
func say(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
}

func TestAReceiverThatRestartsMissesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r := testkit.NewReceiver(t, key)
		n := run(t, opened(t, dsn), target(r.URL))
		i := n.someone()
		var visits []string
		for round := range 3 {
			r.Down()
			for range 5 {
				visits = append(visits, n.visit(i))
			}
			n.await("it fails", courier.Waiting, func(w []*courier.Delivery) bool {
				return slices.ContainsFunc(w, func(d *courier.Delivery) bool {
					return strings.HasPrefix(d.Problem, "the connection failed: connection ")
				})
			})
			r.Up()
			n.settled(10 * (round + 1))
		}
		inOrder(t, r.Arrivals(), visits)
	})
}

// inOrder checks that each session's events came, and in their order, and that nothing else did.
func inOrder(t *testing.T, got []testkit.Arrival, sessions []string) {
	t.Helper()
	first := map[string][]string{}
	seen := map[string]bool{}
	for _, a := range got {
		if !a.Signed {
			t.Errorf("the signature of %s is wrong", a.ID)
		}
		if !seen[a.ID] {
			first[a.Event.SessionID] = append(first[a.Event.SessionID], a.Event.Kind)
		}
		seen[a.ID] = true
	}
	for _, id := range sessions {
		if !slices.Equal(first[id], all) {
			t.Errorf("of session %s came %v", id, first[id])
		}
	}
	if len(first) != len(sessions) {
		t.Errorf("events of %d sessions came, want %d", len(first), len(sessions))
	}
}

func TestAFailingSessionHoldsUpNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r := testkit.NewReceiver(t, key)
		n := run(t, opened(t, dsn), target(r.URL))
		i := n.someone()
		var bad atomic.Value
		bad.Store("")
		r.Answer(func(_ int, a testkit.Arrival, w http.ResponseWriter, _ *http.Request) {
			if bad.Load() == "" || a.Event.SessionID == bad.Load() {
				bad.CompareAndSwap("", a.Event.SessionID)
				w.WriteHeader(503)
			}
		})
		visits := []string{n.visit(i)}
		r.Await("the first has failed", atLeast(1))
		for range 20 {
			visits = append(visits, n.visit(i))
		}
		n.await("the others have arrived", courier.Delivered, func(d []*courier.Delivery) bool { return len(d) == 40 })
		for _, a := range r.Arrivals() {
			if a.Event.SessionID == visits[0] && a.Event.Kind != all[0] {
				t.Error("the second event of a session came before the first was answered")
			}
		}
		r.Answer(nil)
		n.settled(42)
		inOrder(t, r.Arrivals(), visits)
	})
}

func TestWhatIsGivenUpCanBeSentAgain(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r := testkit.NewReceiver(t, key)
		to := target(r.URL)
		to.GiveUpAfter = 200 * time.Millisecond
		n := run(t, opened(t, dsn), to)
		r.Answer(status(400))
		id := n.visit(n.someone())
		dead := n.await("both are given up", courier.Dead, func(d []*courier.Delivery) bool { return len(d) == 2 })
		for _, d := range dead {
			if d.Problem != "it answered 400" || d.ChangedAt.Before(d.Event.At.Add(to.GiveUpAfter)) {
				t.Errorf("given up: %+v", d)
			}
		}
		if n.tally.dead.Load() != 2 {
			t.Error("the attempts are counted wrongly")
		}
		r.Answer(nil)
		for _, d := range dead {
			if err := n.Retry(t.Context(), d.ID); err != nil {
				t.Fatal(err)
			}
		}
		n.settled(2)
		for _, d := range dead {
			if err := n.Retry(t.Context(), d.ID); !errors.Is(err, courier.ErrDelivered) {
				t.Errorf("again after it has arrived: %v", err)
			}
		}
		got := r.Arrivals()
		if last := got[len(got)-1]; last.Event.SessionID != id || !last.Signed {
			t.Errorf("arrived: %+v", last)
		}
		n.stop()
		if strings.Count(n.log.String(), "given up") != 2 {
			t.Errorf("the log says\n%s", n.log)
		}
		for sentence, c := range map[string]struct {
			hooks []*courier.Hook
			id    string
			want  error
		}{
			"one that nobody knows":                {n.Hooks, "nope", courier.ErrNotFound},
			"one of a hook that is not configured": {nil, dead[0].ID, courier.ErrDelivered},
		} {
			other := &courier.Courier{Store: n.store, Hooks: c.hooks}
			if err := other.Retry(t.Context(), c.id); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", sentence, err)
			}
		}
	})
}

func TestADeadDeliveryOfAHookThatIsGoneStaysDead(t *testing.T) {
	r := testkit.NewReceiver(t, key)
	to := target(r.URL)
	to.GiveUpAfter = time.Nanosecond
	n := run(t, opened(t, testkit.File(t)), to)
	r.Answer(status(500))
	n.visit(n.someone())
	dead := n.await("both are given up", courier.Dead, func(d []*courier.Delivery) bool { return len(d) == 2 })
	other := &courier.Courier{Store: n.store}
	if err := other.Retry(t.Context(), dead[0].ID); !errors.Is(err, courier.ErrNoHook) {
		t.Errorf("sent again: %v", err)
	}
}

// TestNodesShareTheWork runs two couriers on one database while a third node has died in the middle of its work.
func TestNodesShareTheWork(t *testing.T) {
	if !testkit.HasPostgres() {
		return // an embedded database has one node
	}
	dsn := testkit.Postgres(t)
	r := testkit.NewReceiver(t, key)
	r.Down()
	one := run(t, opened(t, dsn), target(r.URL))
	i := one.someone()
	var visits []string
	for range 30 {
		visits = append(visits, one.visit(i))
	}
	one.await("they fail", courier.Waiting, func(w []*courier.Delivery) bool { return len(w) == 60 })
	one.stop()
	now := time.Now()
	held, err := one.store.ClaimDeliveries(t.Context(), one.Hooks[0].Name(), now.Add(time.Hour), now.Add(3*time.Second), 5)
	if err != nil || len(held) != 5 {
		t.Fatalf("claimed %d: %v", len(held), err)
	}
	r.Up()
	two, three := run(t, opened(t, dsn), target(r.URL)), run(t, opened(t, dsn), target(r.URL))
	for range 30 {
		visits = append(visits, two.visit(i), three.visit(i))
	}
	two.settled(2 * len(visits))
	inOrder(t, r.Arrivals(), visits)
	if two.tally.arrived.Load() == 0 || three.tally.arrived.Load() == 0 {
		t.Errorf("one did it all: %d and %d", two.tally.arrived.Load(), three.tally.arrived.Load())
	}
	if n := two.tally.arrived.Load() + three.tally.arrived.Load(); n != int64(2*len(visits)) {
		t.Errorf("%d deliveries of %d events", n, 2*len(visits))
	}
}

func TestSeveralHooksEachGetTheirOwn(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r, broken := testkit.NewReceiver(t, key), testkit.NewReceiver(t, key)
		broken.Answer(status(500))
		ends := target(r.URL + "/ends?secret=1")
		ends.Kinds = all[1:]
		n := run(t, opened(t, dsn), target(broken.URL), target(r.URL), ends)
		id := n.visit(n.someone())
		got := r.Await("three arrive", atLeast(3))
		n.await("they are stored", courier.Delivered, func(d []*courier.Delivery) bool { return len(d) == 3 })
		ids := map[string]int{}
		for _, a := range got {
			ids[a.ID]++
			if a.Event.SessionID != id {
				t.Errorf("arrived: %+v", a)
			}
		}
		if len(ids) != 2 || n.Hooks[1].Name() == n.Hooks[2].Name() || strings.Contains(n.Hooks[2].Name(), "secret") {
			t.Errorf("ids %v, hooks %s and %s", ids, n.Hooks[1].Name(), n.Hooks[2].Name())
		}
		n.await("they are counted", courier.Waiting, func([]*courier.Delivery) bool { return n.Waiting() == 2 && n.Dead() == 0 })
	})
}

func TestACourierThatEndsFinishesWhatIsUnderWay(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r := testkit.NewReceiver(t, key)
		n := run(t, opened(t, dsn), target(r.URL))
		asked, go_on := make(chan struct{}, 100), make(chan struct{})
		r.Answer(func(_ int, _ testkit.Arrival, w http.ResponseWriter, _ *http.Request) {
			asked <- struct{}{}
			<-go_on
		})
		n.visit(n.someone())
		<-asked
		ended := make(chan struct{})
		go func() { n.stop(); close(ended) }()
		select {
		case <-ended:
			t.Fatal("it left while a delivery was under way")
		case <-time.After(50 * time.Millisecond):
		}
		close(go_on)
		<-ended
		found, err := n.List(t.Context(), courier.Filter{Limit: 10})
		if err != nil || len(found) == 0 {
			t.Fatalf("%d deliveries: %v", len(found), err)
		}
		for _, d := range found { // the second may have had no time to become one
			if want := map[bool]courier.State{true: courier.Delivered, false: courier.Waiting}[d.Event.Kind == all[0]]; d.State != want {
				t.Errorf("%s is %s, want %s", d.Event.Kind, d.State, want)
			}
		}
	})
}

func TestAnAnswerIsNotReadToItsEnd(t *testing.T) {
	r := testkit.NewReceiver(t, key)
	n := run(t, opened(t, testkit.File(t)), target(r.URL))
	var most atomic.Int64
	r.Answer(func(_ int, _ testkit.Arrival, w http.ResponseWriter, _ *http.Request) {
		var sent int64
		for {
			k, err := w.Write(make([]byte, 64<<10))
			if sent += int64(k); err != nil {
				most.Store(max(most.Load(), sent))
				return
			}
		}
	})
	n.visit(n.someone())
	n.settled(2)
	n.await("the receiver has noticed", courier.Delivered, func([]*courier.Delivery) bool { return most.Load() > 0 })
	if most.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", most.Load())
	}
}

func TestPausesGrow(t *testing.T) {
	for attempts, least := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 8: 128 * time.Second, 9: 150 * time.Second, 20: 150 * time.Second, math.MaxInt: 150 * time.Second} {
		for range 1000 {
			if d := courier.Pause(attempts); d < least || d > 2*least {
				t.Fatalf("after %d attempts a pause of %v, want %v to %v", attempts, d, least, 2*least)
			}
		}
	}
}
