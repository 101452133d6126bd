package check

import (
	"math"

	"exeunt/proof/history"
)

// learn takes one entry into account.
func (c *checker) learn(e *history.Entry) {
	switch {
	case e.Run != nil:
		c.runs++
		c.verdict.Run = *e.Run
	case e.Op != nil:
		c.verdict.Ops++
		c.count(e.Op)
		c.learnOp(e.Op)
	case e.Fault != nil:
		c.verdict.Faults[e.Fault.Kind]++
	case e.Row != nil:
		c.seen = true
		l := c.life(e.Row.Session)
		row := *e.Row
		l.row, l.person = &row, row.Person
	case e.Event != nil:
		c.seen = true
		c.learnEvent(e.Event)
	case e.Search != nil:
		c.searched = c.searched || e.Search.Bytes > 0 && e.Search.Secrets > 0
	}
}

func (c *checker) count(o *history.Op) {
	if o.Way == history.Elsewhere {
		c.verdict.Elsewhere++
		if o.Status == nobody {
			c.verdict.Gone++
		}
	}
	switch {
	case o.Status == 0:
		c.verdict.Unanswered++
	case unsure(o):
		c.verdict.Refused++
	case o.Status < badRequest:
		c.verdict.Kinds[o.Kind]++
	}
}

func (c *checker) learnEvent(e *history.Event) {
	switch e.Kind {
	case "session_started":
		l := c.life(e.Session)
		l.begun++
		l.person = e.Person
	case "session_ended":
		l := c.life(e.Session)
		l.over = append(l.over, *e)
		l.person = e.Person
	case "session_extended", "session_refreshed", "session_stepped_up":
		c.life(e.Session).moved = true
	case "session_deleted":
		c.life(e.Session).hidden = true
	case "identity_deleted":
		c.person(e.Person).gone = &moment{begin: e.At, end: e.At}
	}
}

func momentOf(o *history.Op) moment {
	m := moment{n: o.N, kind: o.Kind, begin: o.Begin, end: o.End, session: o.Session}
	if unsure(o) {
		m.end = math.MaxInt64
	}
	return m
}

func (c *checker) learnOp(o *history.Op) {
	m := momentOf(o)
	if o.NewID != "" {
		l := c.life(o.NewID)
		if l.start == nil && o.NewID != o.Session {
			l.start, l.person = &m, o.Person
			c.verdict.Sessions++
		}
		if o.NewToken != 0 {
			c.token(o.NewToken).session = o.NewID
		}
	}
	if o.Kind == history.SignIn || o.Kind == history.Refresh {
		p := c.person(o.Person)
		p.starts = append(p.starts, m)
	}
	if o.Kind == history.Refresh && (unsure(o) || o.NewID == o.Session) || o.Kind == history.Password {
		c.learnRenewal(c.life(o.Session), m)
	}
	if o.Session != "" && (accepted(o) || o.NewID == o.Session) && o.Hostile == "" {
		c.tell(c.life(o.Session), o)
	} else if o.NewID != "" {
		c.tell(c.life(o.NewID), o)
	}
	if o.Hostile == "" {
		c.learnEnd(o, m)
		return
	}
	for _, id := range append(o.Named, o.Session) {
		l := c.life(id)
		l.tried = append(l.tried, m)
	}
}

// learnRenewal keeps the two that began first.
func (c *checker) learnRenewal(l *life, m moment) {
	l.renewed = append(l.renewed, m)
	for i := len(l.renewed) - 1; i > 0 && l.renewed[i].begin < l.renewed[i-1].begin; i-- {
		l.renewed[i], l.renewed[i-1] = l.renewed[i-1], l.renewed[i]
	}
	l.renewed = l.renewed[:min(len(l.renewed), 2)]
}

func (c *checker) tell(l *life, o *history.Op) {
	if o.Expires == 0 || len(l.told) > 0 && l.told[len(l.told)-1].until >= o.Expires {
		return
	}
	l.told = append(l.told, told{o.End, o.Expires})
}

// learnEnd notes which sessions an operation ends, or may end.
func (c *checker) learnEnd(o *history.Op, m moment) {
	scope := rules[o.Kind].ends
	if scope == nobodys {
		return
	}
	if !done(o) && !unsure(o) {
		c.learnLate(o, m)
		return
	}
	switch scope {
	case own:
		c.ends(o.Session, o, m)
	case named:
		for _, id := range o.Named {
			c.ends(id, o, m)
		}
	case others, allOf:
		if scope == allOf {
			m.session = ""
		}
		c.endsAll(o.Person, o, m)
	case everyone:
		m.session = ""
		for _, id := range o.Named {
			c.ends(id, o, m)
		}
		for _, id := range o.Whose {
			c.endsAll(id, o, m)
		}
	}
}

// learnLate notes what came too late for a session: its end may be written down then, with its time as the reason.
func (c *checker) learnLate(o *history.Op, m moment) {
	var late []string
	switch rules[o.Kind].ends {
	case own:
		late = []string{o.Session}
	case named:
		late = o.Named
	}
	for _, id := range late {
		if id != "" {
			l := c.life(id)
			l.late = append(l.late, m)
		}
	}
}

func (c *checker) ends(id string, o *history.Op, m moment) {
	if id == "" || m.kind == history.Revoke && id == o.Session {
		return
	}
	l := c.life(id)
	l.ends = append(l.ends, m)
	if done(o) && (l.ended == nil || o.End < l.ended.end) {
		l.ended = &m
	}
}

func (c *checker) endsAll(person string, o *history.Op, m moment) {
	p := c.person(person)
	p.ends = append(p.ends, m)
	if done(o) {
		p.sure = append(p.sure, m)
	}
}
