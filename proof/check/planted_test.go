package check_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"exeunt/proof/check"
	"exeunt/proof/history"
)

// recorded is a history of a real run in which everything was right: 400 operations, a kill in the middle.
func recorded(t *testing.T) *plot {
	t.Helper()
	p := &plot{t: t}
	for e, err := range history.File("testdata/recorded.jsonl").All() {
		if err != nil {
			t.Fatal(err)
		}
		p.all = append(p.all, e)
	}
	return p
}

// plot is a copy of the history in which a violation is planted.
type plot struct {
	t   *testing.T
	all history.Entries
}

// op finds the first operation that fits.
func (p *plot) op(what string, fits func(*history.Op) bool) *history.Op {
	p.t.Helper()
	for _, e := range p.all {
		if e.Op != nil && fits(e.Op) {
			return e.Op
		}
	}
	p.t.Fatalf("the recorded history has no %s", what)
	return nil
}

func (p *plot) kind(k history.Kind, status int) *history.Op {
	p.t.Helper()
	return p.op(fmt.Sprintf("%s, %d", k, status), func(o *history.Op) bool { return o.Kind == k && o.Status == status && o.Hostile == "" })
}

func (p *plot) hostile(what string) *history.Op {
	p.t.Helper()
	return p.op(what, func(o *history.Op) bool { return o.Hostile == what })
}

// row and events are what is known of a session at the end.
func (p *plot) row(fits func(*history.Row) bool) *history.Row {
	p.t.Helper()
	for _, e := range p.all {
		if e.Row != nil && fits(e.Row) {
			return e.Row
		}
	}
	p.t.Fatal("the recorded history has no such row")
	return nil
}

func (p *plot) rowOf(session string) *history.Row {
	p.t.Helper()
	return p.row(func(r *history.Row) bool { return r.Session == session })
}

func (p *plot) drop(fits func(*history.Entry) bool) {
	p.all = slices.DeleteFunc(p.all, func(e history.Entry) bool { return fits(&e) })
}

// revived takes back what the store says of the end of a session.
func (p *plot) revived(session string) {
	p.t.Helper()
	p.drop(func(e *history.Entry) bool {
		return e.Event != nil && e.Event.Session == session && e.Event.Kind == "session_ended"
	})
	r := p.rowOf(session)
	r.EndedAt, r.Reason, r.By, r.Active = 0, "", "", true
}

// later adds a copy of an operation behind all others.
func (p *plot) later(o *history.Op) *history.Op {
	next := *o
	for _, e := range p.all {
		if e.Op != nil {
			next.N, next.Begin = max(next.N, e.Op.N+1), max(next.Begin, e.Op.End+1)
		}
	}
	next.End = next.Begin + 100
	p.all = append(p.all, history.Entry{Op: &next})
	return &next
}

// soon adds an operation that begins right after another was answered.
func (p *plot) soon(o *history.Op, after *history.Op) {
	next := *o
	next.N, next.Begin, next.End = 1<<20, after.End+1, after.End+2
	at := slices.IndexFunc(p.all, func(e history.Entry) bool { return e.Op == after })
	p.all = slices.Insert(p.all, at+1, history.Entry{Op: &next})
}

func (p *plot) refusals(session string) bool {
	return slices.ContainsFunc(p.all, func(e history.Entry) bool { return refusal(&e, session) })
}

func refusal(e *history.Entry, session string) bool {
	return e.Op != nil && e.Op.Session == session && e.Op.Status == 401
}

func (p *plot) refusedBefore(session string, o *history.Op) bool {
	return slices.ContainsFunc(p.all, func(e history.Entry) bool { return refusal(&e, session) && e.Op.End < o.Begin })
}

// unseen drops the refusals of a session.
func (p *plot) unseen(session string) {
	p.drop(func(e *history.Entry) bool { return refusal(e, session) })
}

// signedOut finds a native sign-out of a session that was recognised before, and refused since, and that check.
func (p *plot) signedOut() (out, seen *history.Op) {
	p.t.Helper()
	out = p.op("sign-out", func(o *history.Op) bool {
		if o.Kind != history.LogoutNative || o.Status != 204 || !p.refusals(o.Session) || !p.hasRow(o.Session) {
			return false
		}
		seen = p.checked(func(s *history.Op) bool { return s.Session == o.Session && s.End < o.Begin })
		return seen != nil
	})
	return out, seen
}

// checked finds a check that was accepted, or nil.
func (p *plot) checked(fits func(*history.Op) bool) *history.Op {
	for _, e := range p.all {
		if e.Op != nil && e.Op.Kind == history.Whoami && e.Op.Status == 200 && fits(e.Op) {
			return e.Op
		}
	}
	return nil
}

// endedByAdmin finds an end by an administrator that really was one.
func (p *plot) endedByAdmin() *history.Op {
	p.t.Helper()
	return p.op("end by an administrator", func(o *history.Op) bool {
		if o.Kind != history.AdminEnd || o.Status != 204 {
			return false
		}
		return slices.ContainsFunc(p.all, func(e history.Entry) bool {
			return e.Row != nil && e.Row.Session == o.Named[0] && o.Begin <= e.Row.EndedAt && e.Row.EndedAt <= o.End
		})
	})
}

func (p *plot) hasRow(session string) bool {
	return slices.ContainsFunc(p.all, func(e history.Entry) bool { return e.Row != nil && e.Row.Session == session })
}

// alive finds a session that lives at the end, with a check of it.
func (p *plot) alive() (seen *history.Op) {
	p.t.Helper()
	return p.op("live session", func(o *history.Op) bool {
		return o.Kind == history.Whoami && o.Status == 200 && slices.ContainsFunc(p.all, func(e history.Entry) bool {
			return e.Row != nil && e.Row.Session == o.Session && e.Row.Active
		}) && !p.refusals(o.Session)
	})
}

// planted breaks each promise in a copy of the recorded history.
var planted = []struct {
	promise int
	name    string
	plant   func(p *plot)
}{
	{check.Final, "a session counts again after it was refused", func(p *plot) {
		_, seen := p.signedOut()
		p.later(seen)
	}},
	{check.Final, "a session that was refused lives at the end", func(p *plot) {
		out, _ := p.signedOut()
		p.revived(out.Session)
	}},
	{check.Final, "a revoked session is extended", func(p *plot) {
		out, _ := p.signedOut()
		o := p.later(p.kind(history.Extend, 204))
		o.Session, o.Person = out.Session, out.Person
	}},
	{check.Final, "what an administrator has ended lives at the end", func(p *plot) {
		o := p.endedByAdmin()
		p.unseen(o.Named[0])
		p.revived(o.Named[0])
	}},
	{check.Final, "a token that was refused counts again", func(p *plot) {
		seen := p.alive()
		p.later(seen).Status = 401
		p.later(seen).Status = 200
	}},
	{check.Final, "a session ends once more", func(p *plot) {
		o := p.endedByAdmin()
		for _, e := range p.all {
			if e.Event != nil && e.Event.Session == o.Named[0] && e.Event.Kind == "session_ended" {
				e.Event.At = o.End + 1
			}
		}
	}},
	{check.Final, "a session counts after its time", func(p *plot) {
		o := p.later(p.alive())
		o.Expires = o.Begin - 1
	}},
	{check.AtOnce, "a check that begins after the sign-out is accepted", func(p *plot) {
		out, seen := p.signedOut()
		p.unseen(out.Session)
		p.soon(seen, out)
	}},
	{check.AtOnce, "a check that begins after all others were revoked is accepted", func(p *plot) {
		var seen *history.Op
		o := p.op("end of another session", func(o *history.Op) bool {
			if o.Kind != history.RevokeOthers || o.Status != 200 {
				return false
			}
			seen = p.checked(func(s *history.Op) bool {
				return s.Person == o.Person && s.Session != o.Session && s.End < o.Begin && !p.refusedBefore(s.Session, o)
			})
			return seen != nil
		})
		p.unseen(seen.Session)
		p.soon(seen, o)
	}},
	{check.AtOnce, "an ended session is listed as live", func(p *plot) {
		out, _ := p.signedOut()
		o := p.later(p.op("list", func(o *history.Op) bool { return o.Kind == history.List && o.Status == 200 && o.Person == out.Person }))
		o.Shown = append(slices.Clone(o.Shown), out.Session)
	}},
	{check.CannotFail, "signing out twice is refused", func(p *plot) {
		out, _ := p.signedOut()
		o := p.later(out)
		o.Status, o.Error, o.Fields = 403, "session_token_unknown", "error"
	}},
	{check.CannotFail, "a browser that is signed out already is told 401", func(p *plot) {
		o := p.later(p.kind(history.LogoutScript, 204))
		o.Status, o.Error, o.Fields = 401, "session_inactive", "error"
	}},
	{check.CannotFail, "a sign-out is answered that the store does not know of", func(p *plot) {
		out, _ := p.signedOut()
		p.unseen(out.Session)
		p.revived(out.Session)
	}},
	{check.RightOne, "a check shows another session", func(p *plot) {
		p.alive().Shown = []string{p.kind(history.LogoutNative, 204).Session}
	}},
	{check.RightOne, "a check shows another identity", func(p *plot) {
		p.alive().Shows = "somebody else"
	}},
	{check.RightOne, "somebody else's session is listed", func(p *plot) {
		o := p.kind(history.List, 200)
		other := p.row(func(r *history.Row) bool { return r.Person != o.Person })
		o.Shown = append(o.Shown, other.Session)
	}},
	{check.RightOne, "a session ends that nobody has named", func(p *plot) {
		seen := p.alive()
		p.end(seen.Session, seen.Person, p.kind(history.AdminEnd, 204).End)
	}},
	{check.RightOne, "a session begins that nobody has begun", func(p *plot) {
		p.drop(func(e *history.Entry) bool { return e.Op != nil && e.Op.Status == 0 })
		p.all = append(p.all, history.Entry{Event: &history.Event{Kind: "session_started", Session: "new", Person: p.alive().Person, At: 1}})
	}},
	{check.Intended, "HEAD signs out", func(p *plot) { p.hostile("HEAD").Status = 204 }},
	{check.Intended, "somebody else's logout token is taken", func(p *plot) {
		o, seen := p.hostile("foreign token"), p.alive()
		o.Status, o.Named = 204, []string{seen.Session}
	}},
	{check.Intended, "an image signs out", func(p *plot) { p.hostile("image").Status = 303 }},
	{check.Intended, "a session ends by what a page from afar has posted", func(p *plot) {
		o := p.op("post from afar", func(o *history.Op) bool { return o.Hostile == "posted from afar" && p.hasRow(o.Session) })
		for _, e := range p.all {
			if e.Row != nil && e.Row.Session == o.Session && e.Row.EndedAt == 0 {
				p.end(o.Session, o.Person, o.Begin)
				return
			}
		}
		p.drop(func(e *history.Entry) bool {
			return e.Event != nil && e.Event.Session == o.Session && e.Event.Kind == "session_ended"
		})
		p.end(o.Session, o.Person, o.Begin)
	}},
	{check.Intended, "a browser is sent elsewhere", func(p *plot) {
		p.kind(history.LogoutLink, 303).Location = "https://evil.example/"
	}},
	{check.Alive, "a live session is refused", func(p *plot) {
		o := p.later(p.alive())
		o.Status, o.Fields, o.Error = 401, "error", "session_inactive"
	}},
	{check.Alive, "trouble is told as 500", func(p *plot) {
		o := p.later(p.alive())
		o.Status, o.Fields, o.Error = 500, "error", "internal"
	}},
	{check.Alive, "a session is gone", func(p *plot) {
		s := p.alive().Session
		p.drop(func(e *history.Entry) bool { return e.Row != nil && e.Row.Session == s })
	}},
	{check.Alive, "a session is collected before its time", func(p *plot) {
		seen := p.alive()
		p.end(seen.Session, seen.Person, seen.End+1)
		e := p.all[len(p.all)-1].Event
		e.Reason, e.Actor = "expired", "policy"
		r := p.rowOf(seen.Session)
		r.Reason, r.By = e.Reason, e.Actor
	}},
	{check.Alive, "who signs out is told that it had run out, before its time", func(p *plot) {
		seen := p.alive()
		p.tooLate(seen, seen.End+1)
	}},
	{check.RightOne, "a session is called expired by somebody who has not named it", func(p *plot) {
		seen := p.alive()
		o := p.tooLate(seen, p.untilWhen(seen.Session)+1)
		o.Session, o.Kind = "", history.LogoutBegin
	}},
	{check.Alive, "a session is called inactive", func(p *plot) { p.rowOf(p.alive().Session).Active = false }},
	{check.Silent, "a token is in a file", func(p *plot) {
		p.all = append(p.all, history.Entry{Search: &history.Search{Where: "node1", Bytes: 1, Secrets: 1, Found: []string{"log at 17"}}})
	}},
	{check.Silent, "an error repeats a token", func(p *plot) { p.later(p.kind(history.Whoami, 401)).Leaks = true }},
	{check.Silent, "nothing was searched", func(p *plot) { p.drop(func(e *history.Entry) bool { return e.Search != nil }) }},
	{check.Accountable, "a session ends twice", func(p *plot) {
		for _, e := range p.all {
			if e.Event != nil && e.Event.Kind == "session_ended" {
				p.all = append(p.all, e)
				return
			}
		}
	}},
	{check.Accountable, "a session ends without an event", func(p *plot) {
		r := p.row(func(r *history.Row) bool { return r.Reason == "limit" })
		p.drop(func(e *history.Entry) bool {
			return e.Event != nil && e.Event.Session == r.Session && e.Event.Kind == "session_ended"
		})
	}},
	{check.Accountable, "a session ends for another reason than what was done", func(p *plot) {
		r := p.rowOf(p.endedByAdmin().Named[0])
		for _, e := range p.all {
			if e.Event != nil && e.Event.Session == r.Session && e.Event.Kind == "session_ended" {
				e.Event.Reason, r.Reason = "identity_disabled", "identity_disabled"
			}
		}
	}},
	{check.Accountable, "a row and its event differ", func(p *plot) {
		p.row(func(r *history.Row) bool { return r.EndedAt != 0 }).By = "nobody"
	}},
	{check.Accountable, "a session begins without an event", func(p *plot) {
		s := p.alive().Session
		p.drop(func(e *history.Entry) bool {
			return e.Event != nil && e.Event.Session == s && e.Event.Kind == "session_started"
		})
	}},
	{check.Accountable, "nobody has asked the servers", func(p *plot) {
		p.drop(func(e *history.Entry) bool { return e.Row != nil || e.Event != nil })
	}},
	{check.Compatible, "a status that the contract does not have", func(p *plot) { p.later(p.alive()).Status = 202 }},
	{check.Compatible, "somebody has more sessions than may be", func(p *plot) {
		for n := range 7 {
			r := *p.rowOf(p.alive().Session)
			r.Session = fmt.Sprint(n)
			p.all = append(p.all, history.Entry{Row: &r})
		}
	}},
	{check.Compatible, "a field is missing", func(p *plot) {
		o := p.alive()
		o.Fields = strings.ReplaceAll(o.Fields, "expires_at", "")
	}},
}

// end makes a session end as an administrator ends one.
func (p *plot) end(session, person string, at int64) {
	p.t.Helper()
	r := p.rowOf(session)
	r.Active, r.EndedAt, r.Reason, r.By = false, at, "revoked_by_admin", "admin"
	p.all = append(p.all, history.Entry{Event: &history.Event{Kind: "session_ended", At: at, Session: session, Person: person, Reason: r.Reason, Actor: r.By}})
}

// tooLate adds that somebody signs out at a time, and is told that the session had run out.
func (p *plot) tooLate(seen *history.Op, at int64) *history.Op {
	p.t.Helper()
	p.end(seen.Session, seen.Person, at)
	e := p.all[len(p.all)-1].Event
	e.Reason, e.Actor = "expired", seen.Person
	r := p.rowOf(seen.Session)
	r.Reason, r.By = e.Reason, e.Actor
	o := p.later(seen)
	o.Kind, o.Way, o.Status, o.Begin, o.End, o.Expires, o.Shown = history.LogoutNative, "", 403, at, at+1, 0, nil
	o.Error, o.Fields = "session_token_unknown", "error"
	return o
}

// untilWhen is the last moment at which a session may count.
func (p *plot) untilWhen(session string) (until int64) {
	for _, e := range p.all {
		if e.Op != nil && (e.Op.Session == session || e.Op.NewID == session) {
			until = max(until, e.Op.Expires)
		}
	}
	return until
}

func TestAnEndThatCameTooLateIsNoViolation(t *testing.T) {
	p := recorded(t)
	seen := p.alive()
	p.tooLate(seen, p.untilWhen(seen.Session)+1)
	v, err := check.Check(p.all)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range v.Violations {
		t.Error(one)
	}
}

// Whoever follows a link to sign out, after the time has run out, is led on; that it had run out is written down by the next one.
func TestAnEndThatIsWrittenDownAfterAPageWasLedOnIsNoViolation(t *testing.T) {
	for _, c := range []struct {
		early   int64 // how long before its time the link was followed, in microseconds
		deleted bool  // no row tells until when it lived
		moved   bool  // it had been extended
		want    bool
	}{{0, false, false, true}, {1000, false, false, false}, {0, true, false, true}, {1000, true, false, false}, {0, true, true, false}} {
		p := recorded(t)
		seen, link := p.alive(), p.kind(history.LogoutLink, 303)
		until := p.untilWhen(seen.Session)
		p.tooLate(seen, until+10)
		p.rowOf(seen.Session).Expires = until
		o := p.later(seen)
		o.Kind, o.Way, o.Status, o.Begin, o.End, o.Expires, o.Shown = history.LogoutLink, "", 303, until+1-c.early, until+2-c.early, 0, nil
		o.Named, o.Location, o.Fields = []string{seen.Session}, link.Location, link.Fields
		if c.deleted {
			p.drop(func(e *history.Entry) bool { return e.Row != nil && e.Row.Session == seen.Session })
			p.all = append(p.all, history.Entry{Event: &history.Event{Kind: "session_deleted", At: until + 11, Session: seen.Session, Person: seen.Person}})
		}
		p.drop(func(e *history.Entry) bool {
			return c.deleted && e.Event != nil && e.Event.Session == seen.Session && e.Event.Kind == "session_extended"
		})
		if c.moved {
			p.all = append(p.all, history.Entry{Event: &history.Event{Kind: "session_extended", At: until - 1, Session: seen.Session, Person: seen.Person}})
		}
		v, err := check.Check(p.all)
		if err != nil {
			t.Fatal(err)
		}
		if none := len(v.Violations) == 0; none != c.want {
			t.Errorf("%+v: %v", c, v.Violations)
		}
	}
}

func TestARecordedHistoryHasNoViolations(t *testing.T) {
	v, err := check.Check(recorded(t).all)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range v.Violations {
		t.Error(one)
	}
	if v.Ops < 400 || v.Sessions < 50 || len(v.Kinds) < 20 {
		t.Errorf("%d operations on %d sessions, of the kinds %v", v.Ops, v.Sessions, v.Kinds)
	}
}

// A server that lost much breaks one promise often; what else it breaks must not be hidden by that.
func TestManyViolationsOfAPromiseDoNotHideThoseOfAnother(t *testing.T) {
	p := recorded(t)
	_, seen := p.signedOut()
	lost := p.alive()
	for range 3 * check.Most {
		p.later(lost).Status = 401
	}
	p.later(seen)
	v, err := check.Check(p.all)
	if err != nil {
		t.Fatal(err)
	}
	told := map[int]int{}
	for _, one := range v.Violations {
		told[one.Promise]++
	}
	if told[check.Alive] != check.Most || told[check.Final] == 0 || v.Total <= 3*check.Most {
		t.Errorf("of %d violations were told, by promise: %v", v.Total, told)
	}
}

func TestPlantedViolationsOfEachPromiseAreFound(t *testing.T) {
	promises := map[int]bool{}
	for _, one := range planted {
		promises[one.promise] = true
		t.Run(fmt.Sprintf("%d %s", one.promise, one.name), func(t *testing.T) {
			p := recorded(t)
			one.plant(p)
			v, err := check.Check(p.all)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(v.Violations, func(v check.Violation) bool { return v.Promise == one.promise }) {
				t.Errorf("promise %d: not found; found was %v", one.promise, v.Violations)
			}
		})
	}
	for promise := check.Final; promise <= check.Compatible; promise++ {
		if !promises[promise] {
			t.Errorf("promise %d is broken nowhere", promise)
		}
	}
}
