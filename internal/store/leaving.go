package store

import (
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// leaving is what a commit makes stale. It leaves the table of live sessions before the commit, and does not get in again
// until that is over: a check reads the file meanwhile, which shows a change to everybody at once. Whoever is told of an end
// by what the file shows can rely on it, however long it takes until those who have written it are answered.
type leaving struct {
	sessions   map[session.TokenKey]struct{}
	identities map[identity.ID]struct{} // all of their sessions
	everything bool
}

// has reports whether a session is among what leaves; nobody is among nothing.
func (l *leaving) has(s *session.Session) bool {
	if l == nil {
		return false
	}
	_, itself := l.sessions[s.FoundBy]
	_, owner := l.identities[s.IdentityID]
	return itself || owner || l.everything
}

// add adds what an effect makes stale. A use is applied once it is committed, and a session that starts is nowhere yet.
func (l *leaving) add(e effect) {
	switch {
	case e.isUse() || e.kind == keysChanged || e.kind == sessionStarted:
	case e.kind == identityChanged:
		l.identities[e.identity] = struct{}{}
	case e.kind == everythingChanged:
		l.everything = true
	default:
		l.sessions[e.token.Key()] = struct{}{}
	}
}

// leave drops what the commit of a batch will make stale. The writer, who alone does so, calls over when the commit is done or
// has failed, and the writes are settled.
func (t *liveTable) leave(batch []*job) (over func()) {
	l := &leaving{map[session.TokenKey]struct{}{}, map[identity.ID]struct{}{}, false}
	for _, j := range batch {
		for _, e := range j.effects() {
			l.add(e)
		}
	}
	t.leaving.Store(l) // whoever does not see it yet holds the lock of a stripe, and what they put in goes with the rest
	t.drop(l)
	return func() {
		t.drop(l) // what was read before the commit has an old ticket from now on
		t.leaving.Store(nil)
	}
}

// drop drops what leaves.
func (t *liveTable) drop(l *leaving) {
	for key := range l.sessions {
		t.remove(key)
	}
	for id := range l.identities {
		t.forget(id)
	}
	if l.everything {
		t.clear()
	}
}

// settle notes the uses among the effects of a write. One that has failed, or whose commit has, may have changed something: its
// sessions are read anew.
func (t *liveTable) settle(effects []effect, done bool) {
	for _, e := range effects {
		switch {
		case !e.isUse():
		case done:
			t.used(e)
		default:
			t.remove(e.token.Key())
		}
	}
}

// isUse reports whether an effect is that a session was used, and nothing else.
func (e effect) isUse() bool { return e.expires != 0 }
