package kratos

import (
	"context"
	"time"

	"exeunt/internal/session"
)

// Import takes over identities and sessions, a page at a time, in the order of their ids. It may be ended at any moment and
// begun again: what was stored is known by then, and passed over.
type Import struct {
	Source     *Source
	Target     Target // nil for a dry run: everything is read and judged, and nothing stored
	Translator *Translator
	Now        func() time.Time // nil means time.Now

	// Problem is told every row that was left out, or was not taken over whole.
	Problem func(Problem)

	// Progress is told how far the import has come, after each page.
	Progress func(what string, done int)
}

// Problem is a row that was left out, or was not taken over whole.
type Problem struct {
	Table  string `json:"table"`
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Counts say what became of the rows of one kind.
type Counts struct {
	Read      int `json:"read"`
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"` // sessions that count neither there nor here any more
	Refused   int `json:"refused"` // rows that were left out, each of which was told
	Ended     int `json:"ended"`   // sessions that were ended, because they have ended in the source
}

// Summary says what an import did.
type Summary struct {
	Identities Counts `json:"identities"`
	Sessions   Counts `json:"sessions"`
	Problems   int    `json:"problems"`
}

func (c *Counts) add(f Fate) {
	switch f {
	case Added:
		c.Added++
	case Updated:
		c.Updated++
	case Unchanged:
		c.Unchanged++
	case Over, NotActive:
		c.Skipped++
	default:
		c.Refused++
	}
}

// Run imports everything. Its error means that it could not go on; what it had stored stays.
func (m *Import) Run(ctx context.Context) (sum Summary, err error) {
	if err := m.identities(ctx, &sum); err != nil {
		return sum, err
	}
	if err := m.sessions(ctx, &sum); err != nil || m.Target == nil {
		return sum, err
	}
	return sum, m.ended(ctx, &sum)
}

func (m *Import) now() time.Time {
	if m.Now != nil {
		return m.Now().UTC().Truncate(time.Microsecond)
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

// tell counts a problem and passes it on.
func (m *Import) tell(sum *Summary) told {
	return func(table, id, reason string) {
		sum.Problems++
		m.Problem(Problem{table, printable(id, 80), reason})
	}
}

func (m *Import) identities(ctx context.Context, sum *Summary) error {
	for after := m.Source.first; ; {
		page, last, err := m.Source.people(ctx, after)
		if err != nil || len(page) == 0 {
			return err
		}
		after = last
		sum.Identities.Read += len(page)
		var all []Identity
		for _, p := range page {
			if i, ok := m.Translator.identity(p, m.tell(sum)); ok {
				i.Source = m.Source.network
				all = append(all, i)
			} else {
				sum.Identities.Refused++
			}
		}
		fates, err := m.takeIdentities(ctx, all)
		if err != nil {
			return err
		}
		for n, f := range fates {
			m.settle(sum, &sum.Identities, "identities", all[n].ID.String(), f)
		}
		m.Progress("identities", sum.Identities.Read)
	}
}

func (m *Import) takeIdentities(ctx context.Context, all []Identity) ([]Fate, error) {
	if m.Target == nil || len(all) == 0 {
		return make([]Fate, len(all)), nil
	}
	return m.Target.TakeIdentities(ctx, all, m.now())
}

func (m *Import) settle(sum *Summary, c *Counts, table, id string, f Fate) {
	c.add(f)
	if why := f.why(); why != "" {
		m.tell(sum)(table, id, why)
	}
}

func (m *Import) sessions(ctx context.Context, sum *Summary) error {
	for after := m.Source.first; ; {
		page, last, err := m.Source.visits(ctx, after)
		if err != nil || len(page) == 0 {
			return err
		}
		after = last
		sum.Sessions.Read += len(page)
		var all []Session
		for _, v := range page {
			before := sum.Problems
			if s, ok := m.Translator.session(v, m.now(), m.tell(sum)); ok {
				s.Source = m.Source.network
				all = append(all, s)
			} else if sum.Problems > before {
				sum.Sessions.Refused++
			} else {
				sum.Sessions.Skipped++
			}
		}
		fates, err := m.takeSessions(ctx, all)
		if err != nil {
			return err
		}
		for n, f := range fates {
			m.settle(sum, &sum.Sessions, "sessions", all[n].ID.String(), f)
		}
		m.Progress("sessions", sum.Sessions.Read)
	}
}

func (m *Import) takeSessions(ctx context.Context, all []Session) ([]Fate, error) {
	if m.Target == nil || len(all) == 0 {
		return make([]Fate, len(all)), nil
	}
	return m.Target.TakeSessions(ctx, all, m.now())
}

// ended ends the sessions that were taken over before and have been revoked in the source since, or deleted there before
// their time had run out. One whose time has run out there is left alone: here it may have been extended.
func (m *Import) ended(ctx context.Context, sum *Summary) error {
	for after := (session.ID{}); ; {
		taken, err := m.Target.TakenSessions(ctx, m.Source.network, after, pageSize)
		if err != nil || len(taken) == 0 {
			return err
		}
		after = taken[len(taken)-1].ID
		ids := make([]string, len(taken))
		for i, t := range taken {
			ids[i] = t.ID.String()
		}
		active, err := m.Source.states(ctx, ids)
		if err != nil {
			return err
		}
		var over []session.ID
		for i, t := range taken {
			live, there := active[ids[i]]
			if there && !live || !there && t.Until.After(m.now()) {
				over = append(over, t.ID)
			}
		}
		if len(over) == 0 {
			continue
		}
		n, err := m.Target.EndTaken(ctx, over, m.now())
		sum.Sessions.Ended += n
		if err != nil {
			return err
		}
	}
}
