package check

import (
	"slices"
	"sort"
	"strings"

	"exeunt/proof/history"
)

// judge holds one operation against all that is known.
func (c *checker) judge(e *history.Entry) {
	switch {
	case e.Search != nil && len(e.Search.Found) > 0:
		c.accuse(Silent, "", nil, "%s holds %d secrets: %v", e.Search.Where, len(e.Search.Found), e.Search.Found)
	case e.Op != nil:
		c.judgeOp(e.Op)
	}
}

func (c *checker) judgeOp(o *history.Op) {
	if o.Leaks {
		c.accuse(Silent, o.Session, []int{o.N}, "the answer %d repeats a secret of the request", o.Status)
	}
	if o.Status >= 500 && o.Status != unavailable {
		c.accuse(Alive, o.Session, []int{o.N}, "answered %d: trouble of the store is told as 503", o.Status)
		return
	}
	c.judgePlace(o)
	if o.Hostile != "" {
		c.judgeHostile(o)
		return
	}
	if !known(o) || !complete(o) {
		c.accuse(Compatible, o.Session, []int{o.N}, "%s answered %d %s with %q, which the contract does not know", o.Kind, o.Status, o.Error, o.Fields)
	}
	switch {
	case accepted(o):
		c.judgeAccepted(o)
	case refused(o):
		c.judgeRefused(o)
	case logout(o.Kind) && !unsure(o) && !done(o):
		c.judgeFailedLogout(o)
	}
	c.judgeShown(o)
}

// judgePlace looks at where a browser is sent.
func (c *checker) judgePlace(o *history.Op) {
	if o.Location == "" || slices.ContainsFunc(c.verdict.Run.Places, func(p string) bool { return strings.HasPrefix(o.Location, p) }) {
		return
	}
	c.accuse(Intended, o.Session, []int{o.N}, "leads a browser to %s, which is not allowed", o.Location)
}

func (c *checker) judgeHostile(o *history.Op) {
	may, listed := harmless[o.Hostile]
	switch {
	case unsure(o):
	case o.Hostile == "foreign token" && o.Status == noContent && !c.over(o.Named[0], o.End):
		c.accuse(Intended, o.Named[0], []int{o.N}, "lives, and somebody else was told that it is signed out")
	case slices.Contains(may, o.Status) && listed:
	case o.Hostile == "bad return_to" && o.Status == notFound:
	default:
		c.accuse(Intended, o.Session, []int{o.N}, "what nobody intended (%s) was answered %d", o.Hostile, o.Status)
	}
}

// over reports whether a session may have ended before a moment.
func (c *checker) over(session string, at int64) bool {
	l := c.life(session)
	return slices.ContainsFunc(l.over, func(e history.Event) bool { return e.At <= at }) || c.verdict.Run.Stepped || !c.seen ||
		c.verdict.Run.Failover && c.begunBefore(l, at, true)
}

// endOf is the operation after whose answer a session must not count any more, if there is one.
func (c *checker) endOf(l *life) *moment {
	first := l.ended
	if l.start == nil {
		return first
	}
	if all := c.person(l.person).endedAfter(l.id, l.start.end); all != nil && (first == nil || all.end < first.end) {
		first = all
	}
	return first
}

func (c *checker) judgeAccepted(o *history.Op) {
	l := c.life(o.Session)
	if end := c.endOf(l); end != nil && end.end < o.Begin {
		promise, why := AtOnce, "counted after an answer had said that it has ended (%s)"
		ops := []int{end.n, o.N}
		if l.refused != nil && l.refused.end < o.Begin {
			promise, why = Final, "counted again after it had ended (%s) and had been refused"
			ops = append(ops, l.refused.n)
		}
		c.accuse(promise, l.id, ops, why, end.kind)
		return
	}
	if o.Token != 0 {
		if r := c.token(o.Token).refused; r != nil && r.end < o.Begin && !c.undone(l, r) {
			c.accuse(Final, l.id, []int{r.n, o.N}, "its credential counted after it had been refused")
		}
	}
	if o.Expires != 0 && o.Expires < o.Begin && !c.verdict.Run.Stepped {
		c.accuse(Final, l.id, []int{o.N}, "counted although its time had run out")
	}
}

// undone reports whether what was refused may count again: a standby took over that had not heard of an end which nobody
// was ever told of, or of another token; or a token was replaced, and how long it works beside the new one is judged by
// clocks that differ.
func (c *checker) undone(l *life, refused *moment) bool {
	if (c.verdict.Run.Stepped || c.verdict.Run.Failover) && len(l.renewed) > 0 && l.renewed[0].begin <= refused.end {
		return true
	}
	return c.verdict.Run.Failover && c.begunBefore(l, refused.end, true)
}

// begunBefore reports whether anything that may end a session had begun before a moment; with unsure, only what was not
// answered counts.
func (c *checker) begunBefore(l *life, at int64, onlyUnsure bool) bool {
	may := func(m moment) bool { return m.begin <= at && (!onlyUnsure || m.end > at) }
	return slices.ContainsFunc(l.ends, may) || slices.ContainsFunc(c.person(l.person).ends, may) ||
		c.verdict.Run.Limit > 0 && slices.ContainsFunc(c.person(l.person).starts, may)
}

func (c *checker) judgeRefused(o *history.Op) {
	l := c.life(o.Session)
	m := momentOf(o)
	if l.refused == nil {
		l.refused = &m
	}
	if t := c.token(o.Token); t.refused == nil {
		t.refused = &m
	}
	if c.explained(l, o) {
		return
	}
	ops := []int{o.N}
	if l.start != nil {
		ops = append(ops, l.start.n)
	}
	c.accuse(Alive, l.id, ops, "was refused, although nothing had ended it and its time had not run out")
}

// explained reports whether there is a reason for a refusal.
func (c *checker) explained(l *life, o *history.Op) bool {
	switch {
	case slices.ContainsFunc(l.over, func(e history.Event) bool { return e.At <= o.End || c.verdict.Run.Stepped }),
		c.replaced(l, o), c.ranOut(l, o):
		return true
	case !c.seen: // nobody has asked at the end
		return c.begunBefore(l, o.End, false)
	}
	return c.verdict.Run.Failover && c.begunBefore(l, o.End, true)
}

const overlap = 5_000_000 // microseconds for which a token works beside the one that took its place

// replaced reports whether another token has taken the place of the one that was sent.
func (c *checker) replaced(l *life, o *history.Op) bool {
	if len(l.renewed) > 1 && l.renewed[1].begin <= o.End {
		return true
	}
	if len(l.renewed) == 0 || l.renewed[0].begin > o.End {
		return false
	}
	return c.verdict.Run.Stepped || l.renewed[0].begin+overlap <= o.End
}

// ranOut reports whether the time of a session was over: it was answered with one, and not after its end.
func (c *checker) ranOut(l *life, o *history.Op) bool {
	return !c.verdict.Run.Stepped && l.lives(o.Begin) <= o.End
}

// lives is until when a session lived by the last answer before a moment, zero if there was none.
func (l *life) lives(before int64) int64 {
	n := sort.Search(len(l.told), func(i int) bool { return l.told[i].at >= before })
	if n == 0 {
		return 0
	}
	return l.told[n-1].until
}

// judgeFailedLogout judges a sign-out that did not succeed: nobody but who holds nothing that counts is told so.
func (c *checker) judgeFailedLogout(o *history.Op) {
	l := c.life(o.Session)
	if o.Kind == history.LogoutNative && c.replaced(l, o) || c.ranOut(l, o) {
		return
	}
	if c.verdict.Run.Failover && c.begunBefore(l, o.End, true) {
		return
	}
	c.accuse(CannotFail, l.id, []int{o.N}, "signing out was answered %d %s", o.Status, o.Error)
}

// judgeShown looks at whose sessions an answer shows, and which.
func (c *checker) judgeShown(o *history.Op) {
	if o.Shows != "" && o.Person != "" && o.Shows != o.Person {
		c.accuse(RightOne, o.Session, []int{o.N}, "shows identity %s instead of %s", o.Shows, o.Person)
	}
	for _, id := range o.Shown {
		l := c.life(id)
		switch {
		case o.Kind == history.Whoami && id != o.Session:
			c.accuse(RightOne, o.Session, []int{o.N}, "shows session %s", id)
		case l.person != "" && l.person != o.Person:
			c.accuse(RightOne, o.Session, []int{o.N}, "shows session %s of somebody else", id)
		case o.Kind == history.List:
			if end := c.endOf(l); end != nil && end.end < o.Begin {
				c.accuse(AtOnce, id, []int{end.n, o.N}, "is listed as live after an answer had said that it has ended")
			}
		}
	}
}
