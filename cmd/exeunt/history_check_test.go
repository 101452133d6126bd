package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// check reads a history and returns what must not have happened.
func check(all []entry) (violations []string) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b entry) int { return int(a.begun - b.begun) })
	c := checker{all: all, begins: map[string]entry{}, people: map[int][]string{}, expires: map[string]time.Duration{}}
	for _, e := range all {
		c.learn(e)
	}
	for _, e := range all {
		violations = append(violations, c.judge(e)...)
	}
	return violations
}

// checker knows what a history says of each session.
type checker struct {
	all     []entry
	begins  map[string]entry         // the operation that started a session
	people  map[int][]string         // the sessions of a person
	expires map[string]time.Duration // the latest expiry that was told of a session
}

func (c *checker) learn(e entry) {
	if e.started() {
		c.begins[e.newSession] = e
		c.people[e.person] = append(c.people[e.person], e.newSession)
	}
	about := e.session
	if e.newSession != "" {
		about = e.newSession
	}
	c.expires[about] = max(c.expires[about], e.expires)
}

// started reports whether an operation began a session: a refresh does that when the one before had ended.
func (e entry) started() bool {
	return e.status == 200 && (e.what == starts || e.what == refreshes && e.newSession != e.session)
}

// accepted reports whether an answer means that the session counted.
func (e entry) accepted() bool {
	switch e.what {
	case checks, revokeAll, changes:
		return e.status == 200
	case refreshes:
		return e.status == 200 && e.newSession == e.session
	case extends, revokes:
		return e.status == 204
	}
	return false
}

// refused reports whether an answer means that the token did not count.
func (e entry) refused() bool {
	return e.status == 401 && (e.what == checks || e.what == revokeAll || e.what == revokes || e.what == changes)
}

// ends reports whether an answered operation has certainly ended a session, which it then had begun after.
func (c *checker) ends(e entry, session string) bool {
	if e.status >= 300 || c.begins[session].answered >= e.begun {
		return false
	}
	return c.concerns(e, session)
}

// concerns reports whether an operation, answered or not, may end a session.
func (c *checker) concerns(e entry, session string) bool {
	switch e.what {
	case logsOut:
		return e.session == session
	case revokes:
		return e.target == session && e.session != session
	case revokeAll, changes:
		return e.person == c.begins[session].person && e.session != session
	case disables:
		return e.person == c.begins[session].person
	}
	return false
}

func (c *checker) judge(e entry) (violations []string) {
	say := func(format string, args ...any) {
		violations = append(violations, fmt.Sprintf("%s of session %s, %v to %v, answered %d: ", e.what, e.session, e.begun, e.answered, e.status)+fmt.Sprintf(format, args...))
	}
	for _, before := range c.all {
		if before.answered >= e.begun {
			continue
		}
		if e.accepted() && c.ends(before, e.session) {
			say("accepted after %s was answered %d at %v", before.what, before.status, before.answered)
		}
		if e.accepted() && e.token != "" && before.token == e.token && before.refused() {
			say("accepted after its token was refused at %v", before.answered)
		}
	}
	if e.refused() && !c.explained(e) {
		say("lost: nothing had ended the session or replaced its token")
	}
	if e.status == 0 || e.status >= 500 {
		say("failed")
	}
	return violations
}

// explained reports whether something that had begun before a refusal was answered is a reason for it.
func (c *checker) explained(e entry) bool {
	person, more := c.begins[e.session].person, 0
	if e.answered >= c.expires[e.session] {
		return true // its time had run out
	}
	for _, other := range c.all {
		if other.begun >= e.answered {
			break
		}
		replaced := other.what == refreshes && other.session == e.session && other.newToken != e.token
		if replaced || c.concerns(other, e.session) {
			return true
		}
		if other.started() && other.person == person {
			more++
		}
	}
	return more > mostLive
}

// tally compares what answers said was ended with what the store says.
func (h *history) tally(t *testing.T, people []*subject) {
	t.Helper()
	c := checker{begins: map[string]entry{}, people: map[int][]string{}, expires: map[string]time.Duration{}}
	for _, e := range h.entries {
		c.learn(e)
	}
	slid := 0
	for _, p := range people {
		ends := map[string]int{}
		for address := "?identity_id=" + p.id; ; {
			page := h.in.past(address)
			for _, e := range page.expect(t, 200).list(t) {
				switch {
				case e["kind"] == "session_ended":
					ends[e["session_id"].(string)]++
				case e["kind"] == "session_extended" && e["reason"] == "activity":
					slid++
				}
			}
			if page.body == "[]\n" {
				break
			}
			address = strings.TrimPrefix(page.next(t), "/admin/events")
		}
		reasons, live := map[any]int{}, 0
		stored := h.in.call("GET", h.in.admin+"/admin/identities/"+p.id+"/sessions?page_size=1000", nil).expect(t, 200).list(t)
		for _, s := range stored {
			if s["active"] == true {
				live++
			}
			if want := map[bool]int{true: 0, false: 1}[s["end_reason"] == nil]; ends[s["id"].(string)] != want {
				t.Errorf("session %v, which ended as %v, has %d events of its end", s["id"], s["end_reason"], ends[s["id"].(string)])
			}
			reasons[s["end_reason"]]++
		}
		var others, single, changed int
		for _, e := range h.entries {
			switch {
			case e.person != p.n || e.status >= 300:
			case e.what == revokeAll:
				others += e.ended
			case e.what == revokes:
				single++
			case e.what == changes:
				changed += e.ended
			}
		}
		if len(stored) != len(c.people[p.n]) {
			t.Errorf("person %d: %d sessions were started, and %d are stored", p.n, len(c.people[p.n]), len(stored))
		}
		if live > mostLive {
			t.Errorf("person %d has %d live sessions, more than the limit", p.n, live)
		}
		if n := reasons["credential_changed"]; n != changed {
			t.Errorf("person %d: changes of the password say that they ended %d sessions, and %d are stored so", p.n, changed, n)
		}
		if n := reasons["revoked"]; n < others || n > others+single {
			t.Errorf("person %d: %d sessions are stored as revoked; %d were counted, and %d revoked one by one", p.n, n, others, single)
		}
		if p.calm && len(reasons) != 1 {
			t.Errorf("person %d has lost sessions: %v", p.n, reasons)
		}
	}
	if slid == 0 {
		t.Error("no session slid")
	}
}

// TestTheCheckerFindsWhatMustNotHappen plants violations into a history that is right.
func TestTheCheckerFindsWhatMustNotHappen(t *testing.T) {
	at := func(n int) time.Duration { return time.Duration(n) * time.Second }
	right := []entry{
		{what: starts, newSession: "a", newToken: "1", status: 200, begun: at(0), answered: at(1), expires: at(30)},
		{what: starts, newSession: "b", newToken: "2", status: 200, begun: at(1), answered: at(2), expires: at(30)},
		{what: checks, session: "a", token: "1", status: 200, begun: at(3), answered: at(4)},
		{what: refreshes, session: "a", token: "1", newSession: "a", newToken: "3", status: 200, begun: at(5), answered: at(6)},
		{what: checks, session: "a", token: "1", status: 401, begun: at(6), answered: at(7)},
		{what: revokeAll, session: "a", token: "3", status: 200, ended: 1, begun: at(8), answered: at(10)},
		{what: checks, session: "b", token: "2", status: 200, begun: at(9), answered: at(11)}, // at the same time
		{what: checks, session: "b", token: "2", status: 401, begun: at(12), answered: at(13)},
		{what: logsOut, session: "a", token: "3", status: 204, begun: at(14), answered: at(15)},
	}
	if v := check(right); len(v) != 0 {
		t.Errorf("a history that is right: %q", v)
	}
	for name, wrong := range map[string]entry{
		"accepted after a logout":            {what: checks, session: "a", token: "3", status: 200, begun: at(16), answered: at(17)},
		"extended after a logout":            {what: extends, session: "a", status: 204, begun: at(16), answered: at(17)},
		"accepted after being revoked":       {what: checks, session: "b", token: "2", status: 200, begun: at(10) + 1, answered: at(11)},
		"accepted with a token that is gone": {what: checks, session: "a", token: "1", status: 200, begun: at(7) + 1, answered: at(8)},
		"lost for no reason":                 {what: checks, session: "a", token: "3", status: 401, begun: at(6), answered: at(7)},
		"failed":                             {what: checks, session: "a", token: "3", status: 500, begun: at(7), answered: at(8)},
	} {
		if v := check(append(slices.Clone(right), wrong)); len(v) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}
