package check

import (
	"maps"
	"math"
	"slices"
	"sort"

	"exeunt/proof/history"
)

// closing judges what was seen when everything was over.
func (c *checker) closing() {
	if !c.searched {
		c.accuse(Silent, "", nil, "nothing was searched for secrets")
	}
	if !c.seen {
		c.accuse(Accountable, "", nil, "nobody has asked the servers what they hold")
		return
	}
	live := map[string]int{}
	for _, id := range slices.Sorted(maps.Keys(c.lives)) {
		l := c.lives[id]
		if l.row != nil && l.row.Active {
			live[l.person]++
		}
		if l.start != nil || l.row != nil || l.begun > 0 || len(l.over) > 0 {
			c.judgeLife(l)
		}
	}
	for person, n := range live {
		if limit := c.verdict.Run.Limit; limit > 0 && n > limit {
			c.accuse(Compatible, "", nil, "identity %s has %d live sessions, and may have %d", person, n, limit)
		}
	}
}

func (c *checker) judgeLife(l *life) {
	c.judgeStart(l)
	if len(l.over) > 1 {
		c.accuse(Accountable, l.id, nil, "has %d events of its end", len(l.over))
	}
	switch end := c.endOf(l); {
	case len(l.over) == 0 && end != nil:
		c.judgeUndone(l, end)
	case len(l.over) == 0 && l.row == nil && l.start != nil && c.person(l.person).gone == nil:
		c.accuse(Alive, l.id, []int{l.start.n}, "was begun, and is gone")
	case len(l.over) == 1:
		c.judgeEnd(l)
	}
	if l.row != nil {
		c.judgeRow(l)
	}
}

// judgeUndone judges a session that is said to have ended and has not.
func (c *checker) judgeUndone(l *life, end *moment) {
	if l.row != nil && !l.row.Active && l.row.Expires < end.begin && !c.verdict.Run.Stepped {
		return // there was nothing left to end
	}
	switch {
	case l.refused != nil:
		c.accuse(Final, l.id, []int{end.n, l.refused.n}, "lives, although it has ended (%s) and was refused since", end.kind)
	case logout(end.kind):
		c.accuse(CannotFail, l.id, []int{end.n}, "was answered to be signed out, and the store does not know of it")
	default:
		c.accuse(Final, l.id, []int{end.n}, "lives, although it has ended (%s)", end.kind)
	}
}

func (c *checker) judgeStart(l *life) {
	switch {
	case l.begun != 1:
		c.accuse(Accountable, l.id, startOf(l), "has %d events of its start", l.begun)
	case l.start == nil && !slices.ContainsFunc(c.person(l.person).starts, func(m moment) bool { return m.end == math.MaxInt64 }):
		c.accuse(RightOne, l.id, nil, "belongs to identity %s, and nobody has begun it", l.person)
	}
}

func startOf(l *life) []int {
	if l.start == nil {
		return nil
	}
	return []int{l.start.n}
}

// judgeEnd looks for the operation that explains an end.
func (c *checker) judgeEnd(l *life) {
	e := l.over[0]
	if end := c.endOf(l); end != nil && end.end < e.At && !c.verdict.Run.Stepped && !l.calledExpired(e, end) {
		c.accuse(Final, l.id, []int{end.n}, "ended once more at %d (%s by %s), after an answer had said that it has ended (%s)", e.At, e.Reason, e.Actor, end.kind)
		return
	}
	if e.Reason == expired {
		c.judgeExpiry(l, e)
		if e.Actor == byPolicy || c.explains(l.late, e, l) {
			return
		}
	}
	if c.explains(l.ends, e, l) || c.person(l.person).explain(e, l, c) {
		return
	}
	for _, m := range l.tried {
		if m.begin <= e.At && e.At <= m.end {
			c.accuse(Intended, l.id, []int{m.n}, "was ended (%s) by what nobody intended", e.Reason)
			return
		}
	}
	if m := c.named(l, e); m != nil {
		c.accuse(Accountable, l.id, []int{m.n}, "ended at %d for the reason %s by %s, which is not what was done to it", e.At, e.Reason, e.Actor)
		return
	}
	c.accuse(RightOne, l.id, startOf(l), "ended at %d (%s by %s), and nobody had asked for that", e.At, e.Reason, e.Actor)
}

// judgeExpiry judges an end that was written down when the time of the session had run out.
func (c *checker) judgeExpiry(l *life, e history.Event) {
	if until := l.lives(e.At); until > e.At && !c.verdict.Run.Stepped {
		c.accuse(Alive, l.id, startOf(l), "is called expired at %d, although an answer had said that it lives until %d", e.At, until)
	}
}

// calledExpired reports whether the event of an end says that the session's time had run out, which it had before a sign-out
// that was answered earlier: a page is led on then, and nothing is left to write down. Of one that was deleted no row says
// until when it lived; what it was begun with does, if it was not given more.
func (l *life) calledExpired(e history.Event, answered *moment) bool {
	until := l.lives(e.At)
	if l.row != nil {
		until = l.row.Expires
	}
	return e.Reason == expired && (l.row != nil || !l.moved && until != 0) && until < answered.begin
}

// fits reports whether an operation can have caused an end.
func (c *checker) fits(m *moment, e history.Event, l *life) bool {
	reason, actor := reasonOf(m)
	if actor == "" {
		actor = l.person
	}
	if reason != e.Reason && e.Reason != expired || actor != e.Actor || m.session == l.id && rules[m.kind].ends == others {
		return false
	}
	return c.verdict.Run.Stepped || m.begin <= e.At && e.At <= m.end
}

func (c *checker) explains(all []moment, e history.Event, l *life) bool {
	return slices.ContainsFunc(all, func(m moment) bool { return c.fits(&m, e, l) })
}

// explain looks among what was done to all sessions of a person: what was under way at that time, and what was never
// answered.
func (p *person) explain(e history.Event, l *life, c *checker) bool {
	for _, all := range [][]moment{p.ends, p.starts} {
		from := sort.Search(len(all), func(i int) bool { return all[i].begin >= e.At-p.long })
		to := sort.Search(len(all), func(i int) bool { return all[i].begin > e.At })
		if c.verdict.Run.Stepped {
			from, to = 0, len(all)
		}
		if c.explains(all[from:to], e, l) {
			return true
		}
	}
	return c.explains(p.unsure, e, l)
}

// named is an operation at the time of an end that asked for one, with another reason.
func (c *checker) named(l *life, e history.Event) *moment {
	for _, all := range [][]moment{l.ends, c.person(l.person).ends} {
		for i, m := range all {
			if m.begin <= e.At && e.At <= m.end || c.verdict.Run.Stepped {
				return &all[i]
			}
		}
	}
	return nil
}

// judgeRow holds a row against the events.
func (c *checker) judgeRow(l *life) {
	r := l.row
	switch {
	case r.EndedAt == 0 && len(l.over) > 0:
		c.accuse(Accountable, l.id, nil, "has an event of its end, and its row knows of none")
	case r.EndedAt != 0 && len(l.over) == 0:
		c.accuse(Accountable, l.id, nil, "has ended (%s), and there is no event of that", r.Reason)
	case r.EndedAt != 0 && (r.EndedAt != l.over[0].At || r.Reason != l.over[0].Reason || r.By != l.over[0].Actor):
		c.accuse(Accountable, l.id, nil, "ended at %d (%s by %s) says its row, and its event says at %d (%s by %s)", r.EndedAt, r.Reason, r.By, l.over[0].At, l.over[0].Reason, l.over[0].Actor)
	case r.EndedAt != 0 && r.Active:
		c.accuse(Final, l.id, nil, "has ended, and is called active")
	case r.EndedAt == 0 && !r.Active && r.Expires > r.SeenAt && !c.verdict.Run.Stepped:
		c.accuse(Alive, l.id, nil, "is called inactive, although nothing has ended it and its time has not run out")
	}
}
