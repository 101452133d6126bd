package testkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Receiver is a web hook: a real server, which can fail, hang and go away.
type Receiver struct {
	URL string

	t       testing.TB
	key     []byte
	address string

	mu       sync.Mutex
	server   *http.Server
	answer   func(n int, a Arrival, w http.ResponseWriter, r *http.Request)
	arrivals []Arrival
	changed  chan struct{} // closed with the next arrival
}

// Arrival is one request that a receiver got.
type Arrival struct {
	ID     string // webhook-id
	Header http.Header
	Body   string
	Event  struct {
		ID, Kind, Reason, Actor string
		At                      time.Time
		SessionID               string `json:"session_id"`
		IdentityID              string `json:"identity_id"`
	}
	Signed bool // with the receiver's key, a moment ago
}

// NewReceiver starts a receiver that checks signatures with a key, and answers 204 until it is told otherwise. It ends
// with the test.
func NewReceiver(t testing.TB, key []byte) *Receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("starting a receiver: %v", err)
	}
	r := &Receiver{t: t, key: key, address: l.Addr().String(), changed: make(chan struct{})}
	r.URL = "http://" + r.address + "/hook"
	r.Answer(nil)
	r.serve(l)
	t.Cleanup(r.Down)
	return r
}

// Answer says what becomes of the requests from now on: the n-th, counted from one. nil answers 204.
func (r *Receiver) Answer(answer func(n int, a Arrival, w http.ResponseWriter, r *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// Down closes all connections and refuses new ones until Up.
func (r *Receiver) Down() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		_ = r.server.Close() // connections may be gone already
		r.server = nil
	}
}

// Up lets the receiver answer again, at the same address.
func (r *Receiver) Up() {
	r.t.Helper()
	l, err := net.Listen("tcp", r.address)
	if err != nil {
		r.t.Errorf("restarting a receiver: %v", err)
		return
	}
	r.serve(l)
}

func (r *Receiver) serve(l net.Listener) {
	s := &http.Server{Handler: http.HandlerFunc(r.receive), ReadHeaderTimeout: 10 * time.Second}
	r.mu.Lock()
	r.server = s
	r.mu.Unlock()
	go func() { _ = s.Serve(l) }() // until it is closed
}

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	a := Arrival{ID: req.Header.Get("Webhook-Id"), Header: req.Header.Clone(), Body: string(body), Signed: r.signed(req.Header, body)}
	_ = json.Unmarshal(body, &a.Event) // what is no event stays empty
	r.mu.Lock()
	r.arrivals = append(r.arrivals, a)
	n, answer := len(r.arrivals), r.answer
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(n, a, w, req)
}

// signed computes the signature by itself.
func (r *Receiver) signed(h http.Header, body []byte) bool {
	m := hmac.New(sha256.New, r.key)
	for _, part := range []string{h.Get("Webhook-Id"), ".", h.Get("Webhook-Timestamp"), "."} {
		m.Write([]byte(part))
	}
	m.Write(body)
	return h.Get("Webhook-Signature") == "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// Arrivals are all requests so far, in their order.
func (r *Receiver) Arrivals() []Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.arrivals)
}

// Await waits until what has arrived is enough, and returns it. It fails the test when that takes far too long.
func (r *Receiver) Await(what string, enough func([]Arrival) bool) []Arrival {
	r.t.Helper()
	late := time.After(time.Minute)
	for {
		r.mu.Lock()
		all, changed := slices.Clone(r.arrivals), r.changed
		r.mu.Unlock()
		if enough(all) {
			return all
		}
		select {
		case <-changed:
		case <-late:
			r.t.Fatalf("waited in vain, with %d arrivals: %s", len(all), what)
		}
	}
}
