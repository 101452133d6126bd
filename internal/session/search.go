package session

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"exeunt/internal/identity"
)

// Search chooses sessions by what somebody who looks into something knows of them. What is zero is not asked for.
type Search struct {
	Identity *identity.ID
	State    Condition
	Reason   Reason // why it has ended
	AAL      identity.AAL
	Method   string     // that was used in it
	Address  netip.Addr // that it authenticated from
	Browser  string     // a part of what the browser said of itself, in capitals or not
	Since    time.Time  // when it began, at the earliest
	Now      time.Time

	AfterCreated time.Time // position: where the page before ended; zero for the first page
	AfterID      ID
	Limit        int // sessions to return
	Scan         int // sessions to look at
}

// Condition is what has become of a session.
type Condition string

// The conditions.
const (
	Running Condition = "live"
	Over    Condition = "ended"
)

// Found is what a search has found. With More set there may be others behind the position.
type Found struct {
	Sessions     []*Session
	More         bool
	AfterCreated time.Time
	AfterID      ID
}

// Fits reports whether a session has authenticated from the address, with the browser and by the method that are asked
// for; in one place, where address and browser are.
func (q *Search) Fits(s *Session) bool {
	used := func(m MethodUse) bool { return m.Method == q.Method }
	there := func(d Device) bool { return q.fromAddress(d) && q.inBrowser(d) }
	return (q.Method == "" || slices.ContainsFunc(s.Methods, used)) &&
		(q.Browser == "" && !q.Address.IsValid() || slices.ContainsFunc(s.Devices, there))
}

func (q *Search) fromAddress(d Device) bool {
	if !q.Address.IsValid() {
		return true
	}
	a, err := netip.ParseAddr(d.IP)
	return err == nil && a.Unmap() == q.Address.Unmap()
}

func (q *Search) inBrowser(d Device) bool {
	return strings.Contains(strings.ToLower(d.UserAgent), strings.ToLower(q.Browser))
}

// Search looks for sessions.
func (m *Manager) Search(ctx context.Context, q Search) (Found, error) {
	q.Now = m.Moment()
	return m.Finder.SearchSessions(ctx, q)
}

// CountRunning looks at so many sessions and counts the live ones; there may be more.
func (m *Manager) CountRunning(ctx context.Context, scan int) (n int, more bool, err error) {
	return m.Finder.CountRunning(ctx, m.Moment(), scan)
}
