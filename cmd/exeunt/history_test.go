package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// The history: many clients do at once whatever can be done to sessions, and what each asked, and was answered, is
// recorded. Afterwards a checker reads the record; see history_check_test.go.
const (
	calmPeople = 2 // nothing ends their sessions, so none may be lost
	wildPeople = 4
	clients    = 5               // for each person
	rounds     = 130             // at least, of each client
	atLeast    = 3 * time.Second // so that sessions slide
	mostLive   = 6

	historyConfig = `
session: {lifespan: 8s, sliding: true, extend_debounce: 0s, limit: {max: 6, policy: evict_oldest}}
selfservice: {flows: {registration: {after: {password: {hooks: []}}}}}
`
)

// what is an operation of the history.
type what string

const (
	starts    what = "start"
	checks    what = "whoami"
	extends   what = "extend"
	refreshes what = "refresh"
	logsOut   what = "logout"
	revokes   what = "revoke"
	revokeAll what = "revoke others"
	changes   what = "change the password"
	disables  what = "disable"
)

// entry is one operation with its answer.
type entry struct {
	what       what
	person     int
	session    string // whose token was sent, or which session was named
	token      string
	target     string        // revoke: the session to end
	begun      time.Duration // since the start of the history
	answered   time.Duration
	status     int
	newToken   string        // start, refresh
	newSession string        // start
	ended      int           // how many sessions the answer says were ended
	expires    time.Duration // whoami, start, refresh: when the session expires, since the start of the history
}

// subject is a person of the history.
type subject struct {
	mu       sync.Mutex
	n        int
	calm     bool
	email    string
	id       string
	password string
	tokens   []held
}

type held struct{ token, session string }

// history runs the operations and records them.
type history struct {
	in    *instance
	begin time.Time

	mu      sync.Mutex
	entries []entry
}

func TestNothingThatWasEndedIsAcceptedAgainAndNothingElseIsLost(t *testing.T) {
	onEachEngine(t, historyConfig, func(t *testing.T, in *instance) {
		h := &history{in: in, begin: time.Now()}
		in.client.Transport.(*http.Transport).MaxIdleConnsPerHost = (calmPeople + wildPeople) * clients
		people := make([]*subject, calmPeople+wildPeople)
		for n := range people {
			p := &subject{n: n, calm: n < calmPeople, email: testkit.Email(), password: passphrase}
			p.id = in.register(p.email)
			people[n] = p
			h.start(p)
			h.start(p)
		}
		var all sync.WaitGroup
		for _, p := range people {
			for range clients {
				all.Go(func() {
					for n := 0; n < rounds || time.Since(h.begin) < atLeast; n++ {
						h.step(p)
					}
				})
			}
			if p.calm { // one at a time, with the present token: an old one would begin another session
				all.Go(func() {
					for range rounds / 4 {
						h.refresh(p, p.latest())
					}
				})
			}
		}
		all.Wait()
		found := check(h.entries)
		for _, v := range found[:min(len(found), 20)] {
			t.Error(v)
		}
		h.tally(t, people)
		seen := map[what]int{}
		for _, e := range h.entries {
			if e.status < 300 {
				seen[e.what]++
			}
		}
		for _, w := range []what{starts, checks, extends, refreshes, logsOut, revokes, revokeAll, changes, disables} {
			if seen[w] == 0 {
				t.Errorf("nobody managed to %s", w)
			}
		}
		t.Logf("%d operations: %v", len(h.entries), seen)
	})
}

// step does one thing at random.
func (h *history) step(p *subject) {
	one := p.pick()
	roll := rand.IntN(100)
	if p.calm {
		roll %= 66 // whoami, extend
	}
	switch {
	case roll < 58:
		h.check(p, one)
	case roll < 66:
		h.note(entry{what: extends, person: p.n, session: one.session}, "PATCH", h.in.admin+"/admin/sessions/"+one.session+"/extend", nil, "")
	case roll < 75:
		h.refresh(p, one)
	case roll < 86:
		h.start(p)
	case roll < 90:
		h.note(entry{what: logsOut, person: p.n, session: one.session, token: one.token}, "DELETE", h.in.public+"/self-service/logout/api", object{"session_token": one.token}, "")
	case roll < 94:
		target := p.pick().session
		h.note(entry{what: revokes, person: p.n, session: one.session, token: one.token, target: target}, "DELETE", h.in.public+"/sessions/"+target, nil, one.token)
	case roll < 97:
		h.note(entry{what: revokeAll, person: p.n, session: one.session, token: one.token}, "DELETE", h.in.public+"/sessions", nil, one.token)
	case roll < 99:
		h.change(p, one)
	default:
		h.disable(p)
	}
}

// pick returns a token that was handed out at some time, recent ones more often.
func (p *subject) pick() held {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.tokens)
	if recent := 8; n > recent && rand.IntN(4) > 0 {
		return p.tokens[n-recent+rand.IntN(recent)]
	}
	return p.tokens[rand.IntN(n)]
}

func (p *subject) latest() held {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tokens[len(p.tokens)-1]
}

func (p *subject) keep(token, session string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = append(p.tokens, held{token, session})
}

func (p *subject) secret() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.password
}

// send makes a request from any goroutine; a request that fails has the status zero.
func (h *history) send(method, address string, body any, token string) (int, map[string]any) {
	var reader io.Reader
	if body != nil {
		b, _ := json.Marshal(body)
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, address, reader)
	if err != nil {
		return 0, nil
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("X-Session-Token", token)
	}
	resp, err := h.in.client.Do(req)
	if err != nil {
		h.in.t.Error(err)
		return 0, nil
	}
	defer resp.Body.Close()
	var v map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&v) // there may be no body
	return resp.StatusCode, v
}

// note sends a request and records it.
func (h *history) note(e entry, method, address string, body any, token string) (entry, map[string]any) {
	e.begun = time.Since(h.begin)
	status, v := h.send(method, address, body, token)
	e.answered, e.status = time.Since(h.begin), status
	if n, ok := v["count"].(float64); ok {
		e.ended = int(n)
	}
	if text, ok := v["session_token"].(string); ok {
		e.newToken = text
	}
	s, ok := v["session"].(map[string]any)
	if ok {
		e.newSession, _ = s["id"].(string)
	} else {
		s = v
	}
	if text, ok := s["expires_at"].(string); ok && status == 200 {
		at, _ := time.Parse(time.RFC3339Nano, text)
		e.expires = at.Sub(h.begin)
	}
	if ui, ok := v["ui"].(map[string]any); ok && status == 200 {
		e.ended = endedIn(ui)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, e)
	return e, v
}

// endedIn reads out of a settings flow how many sessions a change has ended.
func endedIn(ui map[string]any) int {
	messages, _ := ui["messages"].([]any)
	for _, m := range messages {
		context, _ := m.(map[string]any)["context"].(map[string]any)
		if n, ok := context["sessions_ended"].(float64); ok {
			return int(n)
		}
	}
	return 0
}

func (h *history) check(p *subject, one held) {
	h.note(entry{what: checks, person: p.n, session: one.session, token: one.token}, "GET", h.in.public+"/sessions/whoami", nil, one.token)
}

// begins makes a flow and returns where it is submitted.
func (h *history) begins(kind, token string) string {
	status, v := h.send("GET", h.in.public+"/self-service/"+kind, nil, token)
	if status != 200 {
		return ""
	}
	ui, _ := v["ui"].(map[string]any)
	action, _ := ui["action"].(string)
	return h.in.public + action[max(strings.Index(action, "/self-service/"), 0):]
}

func (h *history) start(p *subject) {
	action := h.begins("login/api", "")
	body := object{"method": "password", "identifier": p.email, "password": p.secret()}
	if e, _ := h.note(entry{what: starts, person: p.n}, "POST", action, body, ""); e.status == 200 {
		p.keep(e.newToken, e.newSession)
	}
}

func (h *history) refresh(p *subject, one held) {
	action := h.begins("login/api?refresh=true", one.token)
	if action == "" {
		return
	}
	body := object{"method": "password", "identifier": p.email, "password": p.secret()}
	e := entry{what: refreshes, person: p.n, session: one.session, token: one.token}
	if e, _ = h.note(e, "POST", action, body, one.token); e.status == 200 {
		p.keep(e.newToken, e.newSession) // another session, if the one before had ended by then
	}
}

// change gives the person another password. Sign-ins under way may still use the old one, and fail.
func (h *history) change(p *subject, one held) {
	action := h.begins("settings/api", one.token)
	if action == "" {
		return
	}
	next := "heron " + testkit.Email()
	e := entry{what: changes, person: p.n, session: one.session, token: one.token}
	if e, _ = h.note(e, "POST", action, object{"method": "password", "password": next}, one.token); e.status == 200 {
		p.mu.Lock()
		p.password = next
		p.mu.Unlock()
	}
}

func (h *history) disable(p *subject) {
	set := func(state string) []object { return []object{{"op": "replace", "path": "/state", "value": state}} }
	address := h.in.admin + "/admin/identities/" + p.id
	h.note(entry{what: disables, person: p.n}, "PATCH", address, set("inactive"), "")
	h.send("PATCH", address, set("active"), "")
}
