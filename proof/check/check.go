// Package check decides from a history alone whether the promises were kept.
//
// An operation without an answer, or one that was told that the store is unavailable, may have happened, may happen later,
// or not at all; what is seen afterwards decides. Everything else is held against its answer. The history is read twice,
// and what is remembered grows with the sessions and not with the operations that do not change any, so that it takes
// time and memory in proportion.
package check

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"exeunt/proof/history"
)

// The promises, by their numbers.
const (
	Final = iota + 1
	AtOnce
	CannotFail
	RightOne
	Intended
	Alive
	Silent
	Accountable
	Compatible
)

var names = [...]string{"", "final", "at once", "cannot fail", "the right one", "intended", "alive as long as it should be", "silent at rest", "accountable", "compatible"}

// Violation is a promise that was broken, with the operations that show it.
type Violation struct {
	Promise int
	Why     string
	Session string
	Ops     []int // their numbers, the earliest first
}

func (v Violation) String() string {
	return fmt.Sprintf("promise %d (%s), session %s, operations %v: %s", v.Promise, names[v.Promise], v.Session, v.Ops, v.Why)
}

// Verdict is what a history shows.
type Verdict struct {
	Run        history.Run
	Ops        int
	Unanswered int // without an answer
	Refused    int // told that the store was not available
	Faults     map[string]int
	Sessions   int
	Elsewhere  int                  // checks at other nodes that began after a sign-out was answered
	Gone       int                  // those of them that were refused
	Kinds      map[history.Kind]int // operations that succeeded
	Violations []Violation          // the first of each promise, at most Most of one
	Total      int                  // of violations
}

// Most is how many violations of a promise are told of in full, so that many of one do not hide those of another.
const Most = 20

// Check reads a history twice and judges it.
func Check(source history.Source) (*Verdict, error) {
	c := &checker{
		verdict: Verdict{Faults: map[string]int{}, Kinds: map[history.Kind]int{}},
		lives:   map[string]*life{}, people: map[string]*person{}, tokens: map[int]*token{},
	}
	for e, err := range source.All() {
		if err != nil {
			return nil, err
		}
		c.learn(&e)
	}
	if c.runs != 1 {
		return nil, fmt.Errorf("this is no history: %d entries say what was run, and one should", c.runs)
	}
	for _, p := range c.people {
		p.prepare()
	}
	for e, err := range source.All() {
		if err != nil {
			return nil, err
		}
		c.judge(&e)
	}
	c.closing()
	if c.verdict.Ops == 0 {
		return nil, errors.New("this history is empty")
	}
	return &c.verdict, nil
}

// checker knows what a history says.
type checker struct {
	verdict  Verdict
	accused  [len(names)]int // how often, by promise
	runs     int
	lives    map[string]*life
	people   map[string]*person
	tokens   map[int]*token
	searched bool
	seen     bool // what the servers say at the end is part of the history
}

// life is what a history says of one session.
type life struct {
	id, person string
	start      *moment  // the sign-in that was answered with it
	ended      *moment  // the first operation that names it and was answered that it has ended
	ends       []moment // every operation that names it and may have ended it
	late       []moment // those that were told that it could not be ended, as happens to one whose time has run out
	tried      []moment // hostile ones, which may not
	renewed    []moment // the first two that may have given it another token
	told       []told   // until when it lives, as answers have said
	refused    *moment  // the first time that it did not count
	row        *history.Row
	over       []history.Event // that it has ended
	begun      int             // events of its start
	hidden     bool            // it was deleted
	moved      bool            // it was given more time than it began with
}

// moment is an operation as far as it matters for a session.
type moment struct {
	n          int
	kind       history.Kind
	begin, end int64 // the end is math.MaxInt64 while it may still happen
	session    string
}

type told struct{ at, until int64 }

// token is what is known of one credential.
type token struct {
	session string
	refused *moment
}

// person is what was done to all sessions of an identity at once.
type person struct {
	ends   []moment // by their begin
	starts []moment
	unsure []moment // of both, those that may have happened any time later
	sure   []moment // what has certainly ended all sessions, or all but its own, by their begin
	first  [][2]*moment
	long   int64 // the longest of what was answered
	gone   *moment
}

// prepare makes what was done to a person quick to search.
func (p *person) prepare() {
	byBegin := func(a, b moment) int { return int(a.begin - b.begin) }
	for _, all := range [][]moment{p.ends, p.starts, p.sure} {
		slices.SortFunc(all, byBegin)
		for i := range all {
			if all[i].end == math.MaxInt64 {
				p.unsure = append(p.unsure, all[i])
				continue
			}
			p.long = max(p.long, all[i].end-all[i].begin)
		}
	}
	// first[i] are the two that were over first among sure[i:], made by different sessions: each spares its own.
	p.first = make([][2]*moment, len(p.sure)+1)
	for i := len(p.sure) - 1; i >= 0; i-- {
		best := p.first[i+1]
		m := &p.sure[i]
		switch {
		case best[0] == nil || m.end < best[0].end:
			if best[0] != nil && (best[0].session != m.session || m.session == "") {
				best[1] = best[0]
			}
			best[0] = m
		case m.session != best[0].session && (best[1] == nil || m.end < best[1].end):
			best[1] = m
		}
		p.first[i] = best
	}
}

// endedAfter is the operation that was over first among those that have certainly ended a session which was there at a
// moment.
func (p *person) endedAfter(session string, there int64) *moment {
	i, _ := slices.BinarySearchFunc(p.sure, there+1, func(m moment, at int64) int { return int(m.begin - at) })
	for _, m := range p.first[i] {
		if m != nil && m.session != session {
			return m
		}
	}
	return nil
}

func (c *checker) life(id string) *life {
	l := c.lives[id]
	if l == nil {
		l = &life{id: id}
		c.lives[id] = l
	}
	return l
}

func (c *checker) person(id string) *person {
	p := c.people[id]
	if p == nil {
		p = &person{}
		c.people[id] = p
	}
	return p
}

func (c *checker) token(n int) *token {
	t := c.tokens[n]
	if t == nil {
		t = &token{}
		c.tokens[n] = t
	}
	return t
}

// accuse notes a violation.
func (c *checker) accuse(promise int, session string, ops []int, why string, args ...any) {
	c.verdict.Total++
	if c.accused[promise]++; c.accused[promise] > Most {
		return
	}
	ops = slices.DeleteFunc(ops, func(n int) bool { return n == 0 })
	slices.Sort(ops)
	c.verdict.Violations = append(c.verdict.Violations, Violation{Promise: promise, Why: fmt.Sprintf(why, args...), Session: session, Ops: slices.Compact(ops)})
}
