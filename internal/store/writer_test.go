package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"exeunt/internal/fault"
	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

// held is a SQLite store whose writer waits in the middle of a write, so that a test can decide what queues up.
type held struct {
	fixture
	w       *writer
	release func() // lets the writer go on and waits for the write that held it
	answers []chan error
}

func hold(t *testing.T) *held {
	t.Helper()
	f := opened(t, testkit.File(t), Options{})
	return holdOn(f)
}

func holdOn(f fixture) *held {
	f.t.Helper()
	inside, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- f.Atomic(f.ctx, func(context.Context) error { close(inside); <-free; return nil })
	}()
	<-inside
	release := sync.OnceFunc(func() { close(free); f.ok(<-done) })
	f.t.Cleanup(release) // of a test that has failed: closing the store waits for the writer
	return &held{fixture: f, w: f.engine.(*sqliteEngine).writer, release: release}
}

// queue starts a write and returns when it waits behind the others.
func (h *held) queue(write func() error) {
	h.t.Helper()
	before, answer := len(h.w.jobs), make(chan error, 1)
	go func() { answer <- write() }()
	await(h.t, "the write is queued", func() bool { return len(h.w.jobs) > before })
	h.answers = append(h.answers, answer)
}

func (h *held) logoutLater(c client) {
	h.t.Helper()
	h.queue(func() error {
		_, err := h.EndSessions(h.ctx, session.Scope{IDs: []session.ID{c.ID}}, session.End{At: now, Reason: session.Logout})
		return err
	})
}

func TestWritesThatQueueUpShareACommit(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	i := f.someone()
	var clients []client
	for range 60 {
		clients = append(clients, f.signIn(i))
	}
	h := holdOn(f)
	before := h.w.commits.Load()
	for _, c := range clients {
		h.logoutLater(c)
	}
	h.release()
	for _, answer := range h.answers {
		f.ok(<-answer)
	}
	if n := h.w.commits.Load() - before; n != 2 {
		t.Errorf("61 writes took %d commits, want 2", n)
	}
	for _, c := range clients {
		if f.valid(c, now) {
			t.Error("a session is live")
		}
	}
}

func TestFailingWriteHarmsNoOther(t *testing.T) {
	for sentence, fail := range map[string]func(ctx context.Context, f fixture) error{
		"that fails":  func(context.Context, fixture) error { return errOwn },
		"that panics": func(context.Context, fixture) error { panic("oh") },
		"whose statement cannot be read": func(ctx context.Context, _ fixture) error {
			_, err := ctx.Value(txKey{}).(*tx).exec(ctx, `SELEKT`)
			return err
		},
		"that breaks a constraint": func(ctx context.Context, f fixture) error {
			i := testkit.Identity(testkit.Email())
			return errors.Join(f.InsertIdentity(ctx, i), f.InsertIdentity(ctx, i))
		},
	} {
		t.Run("a write "+sentence, func(t *testing.T) {
			f := opened(t, testkit.File(t), Options{})
			i := f.someone()
			before, inside, after := f.signIn(i), f.signIn(i), f.signIn(i)
			f.check(before)
			f.check(inside)
			h := holdOn(f)
			h.logoutLater(before)
			h.queue(func() error {
				return f.Atomic(f.ctx, func(ctx context.Context) error {
					_, err := f.EndByToken(ctx, inside.token, session.End{At: now, Reason: session.Logout})
					return errors.Join(err, fail(ctx, f))
				})
			})
			h.logoutLater(after)
			h.release()
			f.ok(<-h.answers[0])
			if err := <-h.answers[1]; err == nil {
				t.Error("the failing write succeeded")
			}
			f.ok(<-h.answers[2])
			if f.valid(before, now) || !f.valid(inside, now) || f.valid(after, now) {
				t.Error("the wrong sessions ended")
			}
			if len(f.events(inside.ID)) != 1 {
				t.Error("the failing write left an event")
			}
		})
	}
}

// TestBrokenTransactionIsToldToAll simulates what SQLite does when the disk fails: it rolls the transaction back by
// itself, in the middle of a batch.
func TestBrokenTransactionIsToldToAll(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	i := f.someone()
	before, after := f.signIn(i), f.signIn(i)
	f.check(before)
	f.check(after)
	h := holdOn(f)
	h.logoutLater(before)
	h.queue(func() error { // it finds the session ended, which it is not in the end
		return f.engine.write(f.ctx, manner{}, func(ctx context.Context, t *tx) error {
			found, err := t.sessionByToken(ctx, before.token)
			if err == nil && found.End != nil {
				err = session.ErrNone
			}
			return err
		})
	})
	h.queue(func() error {
		return f.engine.write(f.ctx, manner{}, func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, `ROLLBACK`)
			return errors.Join(err, errOwn)
		})
	})
	h.logoutLater(after)
	h.release()
	for _, answer := range h.answers {
		f.is(<-answer, fault.ErrUnavailable)
	}
	if h.w.engine.live.leaving.Load() != nil {
		t.Error("something is kept out of the table for ever")
	}
	if h.w.engine.live.find(before.token) != nil {
		t.Error("the table still vouches for a session whose fate was unknown")
	}
	for _, c := range []client{before, after} {
		s, err := f.storedSession(c)
		f.ok(err)
		if !s.Valid(now) {
			t.Error("a write that was told to have failed was done")
		}
		if !f.logout(c, now) || f.valid(c, now) {
			t.Error("the session cannot be ended any more")
		}
	}
}

func TestAUseThatWasNotWrittenIsNotBelieved(t *testing.T) {
	f := opened(t, testkit.File(t), Options{})
	c := f.signIn(f.someone())
	seen := f.check(c).LastSeenAt
	later := now.Add(10 * time.Minute)
	h := holdOn(f)
	h.queue(func() error {
		return h.TouchSessions(h.ctx, []session.ID{c.ID}, later, later.Add(-time.Minute), testkit.Lifespan)
	})
	h.queue(func() error {
		return f.engine.write(f.ctx, manner{}, func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, `ROLLBACK`)
			return errors.Join(err, errOwn)
		})
	})
	h.release()
	f.is(<-h.answers[0], fault.ErrUnavailable)
	<-h.answers[1]
	if got := f.check(c).LastSeenAt; !got.Equal(seen) {
		t.Errorf("seen at %v by the table, at %v by the file", got, seen)
	}
	f.ok(f.TouchSessions(f.ctx, []session.ID{c.ID}, later, later.Add(-time.Minute), testkit.Lifespan))
	if got := f.check(c).LastSeenAt; !got.Equal(later) {
		t.Errorf("seen at %v, and shown as %v", later, got)
	}
}

func TestWriteOfACallerWhoIsGone(t *testing.T) {
	t.Run("is not carried out if it has not begun", func(t *testing.T) {
		h := hold(t)
		ctx, cancel := context.WithCancel(h.ctx)
		gone := testkit.Identity(testkit.Email())
		h.queue(func() error { return h.InsertIdentity(ctx, gone) })
		cancel()
		h.is(<-h.answers[0], context.Canceled)
		h.release()
		h.someone() // commits after it
		_, err := h.Identity(h.ctx, gone.ID)
		h.is(err, identity.ErrNotFound)
	})
	t.Run("is carried out whole if it has, and the outcome is told", func(t *testing.T) {
		f := opened(t, testkit.File(t), Options{})
		ctx, cancel := context.WithCancel(f.ctx)
		first, second := testkit.Identity(testkit.Email()), testkit.Identity(testkit.Email())
		f.ok(f.Atomic(ctx, func(ctx context.Context) error {
			err := f.InsertIdentity(ctx, first)
			cancel()
			return errors.Join(err, f.InsertIdentity(ctx, second))
		}))
		for _, i := range []*identity.Identity{first, second} {
			_, err := f.Identity(f.ctx, i.ID)
			f.ok(err)
		}
	})
	t.Run("does not even queue if there is no room", func(t *testing.T) {
		h := hold(t)
		for len(h.w.jobs) < cap(h.w.jobs) { // the store, which learns its tokens, may have a write there itself
			h.queue(func() error { return h.UpdateFlow(h.ctx, testkit.Flow("login", now)) })
		}
		ctx, cancel := context.WithCancel(h.ctx)
		cancel()
		h.is(h.UpdateFlow(ctx, testkit.Flow("login", now)), context.Canceled)
		h.release()
		for _, answer := range h.answers {
			h.ok(<-answer)
		}
	})
}

func TestCloseFinishesAcceptedWrites(t *testing.T) {
	dsn := testkit.File(t)
	f := opened(t, dsn, Options{})
	i := f.someone()
	var clients []client
	for range 20 {
		clients = append(clients, f.signIn(i))
	}
	h := holdOn(f)
	for _, c := range clients {
		h.logoutLater(c)
	}
	closed := make(chan error, 1)
	go func() { closed <- f.Close() }()
	await(t, "closing has begun", func() bool {
		if !h.w.mu.TryRLock() {
			return false
		}
		defer h.w.mu.RUnlock()
		return h.w.closed
	})
	f.is(f.UpdateFlow(f.ctx, testkit.Flow("login", now)), fault.ErrUnavailable)
	h.release()
	f.ok(<-closed)
	answered := 0
	for _, answer := range h.answers {
		if err := <-answer; err == nil {
			answered++
		}
	}
	f = opened(t, dsn, Options{})
	for _, c := range clients {
		if f.valid(c, now) {
			t.Error("an accepted sign-out was lost")
		}
	}
	if answered != len(clients) {
		t.Errorf("%d of %d were answered", answered, len(clients))
	}
}

func TestCloseLeavesNoFileOpen(t *testing.T) {
	dsn := testkit.File(t)
	f := opened(t, dsn, Options{})
	c := f.signIn(f.someone())
	f.logout(c, now)
	f.valid(c, now)
	path := strings.TrimPrefix(dsn, "sqlite://")
	if open := openFiles(t, path); len(open) == 0 {
		t.Fatal("no file of the database was found to be open while it is")
	}
	f.ok(f.Close())
	if open := openFiles(t, path); len(open) > 0 {
		t.Errorf("still open: %v", open)
	}
}

// openFiles are the files of this process whose name begins with path.
func openFiles(t *testing.T, path string) []string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil && strings.HasPrefix(name, path) { // a file may close meanwhile
			open = append(open, filepath.Base(name))
		}
	}
	return open
}

// pausingMeter stops the writer where it counts the first session that it has ended.
type pausingMeter struct {
	noMeter
	once       sync.Once
	there, end chan struct{}
}

func (m *pausingMeter) SessionsEnded(session.Reason, int) {
	m.once.Do(func() {
		close(m.there)
		<-m.end
	})
}

// Between a commit and its answer the file shows ends already, and whoever is told of one may rely on it: the table has let go
// of the session before, and takes nothing in of what was read earlier.
func TestTheTableNeverShowsWhatTheFileDoesNot(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			m := &pausingMeter{there: make(chan struct{}), end: make(chan struct{})}
			f := opened(t, testkit.File(t), Options{Meter: m})
			first, second := f.signIn(f.someone()), f.signIn(f.someone())
			table, before := f.engine.(*sqliteEngine).live, f.check(second)
			early := table.ticket(before.FoundBy)
			h := holdOn(f)
			goOn := sync.OnceFunc(func() { close(m.end) })
			t.Cleanup(goOn)
			h.logoutLater(first)
			h.queue(func() error { return end(f.ctx, f.Store, second) })
			if table.find(second.token) == nil {
				t.Error("it has left the table before anything was done")
			}
			h.release()
			<-m.there // both are committed, the first is being answered

			if f.valid(second, now) {
				t.Error("it is found alive")
			}
			for what, ticket := range map[string]uint64{"before the change": early, "meanwhile": table.ticket(before.FoundBy)} {
				table.fill(before, ticket)
				table.makeReady(before, ticket)
				if table.find(second.token) != nil {
					t.Errorf("what was read %s got into the table", what)
				}
			}
			late := table.ticket(before.FoundBy)
			goOn()
			for _, answer := range h.answers {
				f.ok(<-answer)
			}
			table.fill(before, late)
			if table.find(second.token) != nil || f.valid(second, now) {
				t.Error("it lives after the answer")
			}
		})
	}
}

// As with sessions: who reads in the list of keys that one is revoked may rely on it.
func TestAKeyIsNotRememberedOnceTheFileShowsThatItIsRevoked(t *testing.T) {
	m := &pausingMeter{there: make(chan struct{}), end: make(chan struct{})}
	f := opened(t, testkit.File(t), Options{Meter: m})
	first := f.signIn(f.someone())
	k, hash := f.keyed("backend", time.Time{})
	if !f.foundKey(hash, true).RevokedAt.IsZero() {
		t.Error("it was revoked before")
	}
	h := holdOn(f)
	goOn := sync.OnceFunc(func() { close(m.end) })
	t.Cleanup(goOn)
	h.logoutLater(first)
	h.queue(func() error { return f.RevokeAdminKey(f.ctx, k.ID, now, "root") })
	h.release()
	<-m.there // both are committed, the first is being answered
	if f.foundKey(hash, false).RevokedAt.IsZero() {
		t.Error("it is found as if it had not been revoked")
	}
	goOn()
	for _, answer := range h.answers {
		f.ok(<-answer)
	}
	if f.foundKey(hash, false).RevokedAt.IsZero() {
		t.Error("it is found after the answer as if it had not been revoked")
	}
}
