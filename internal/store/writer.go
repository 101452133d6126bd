package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"exeunt/internal/fault"
)

// writer carries out all writes of a SQLite database, one after the other, on one connection. What has queued up while
// a commit was under way is committed together, so that many callers share the cost of one flush to disk.
type writer struct {
	engine *sqliteEngine
	conn   *sql.Conn
	run    *preparing
	jobs   chan *job
	done   chan struct{}
	ended  error // of giving the connection back; read it after done

	commits atomic.Int64 // batches so far
	failing atomic.Bool  // the last commit did not succeed

	mu     sync.RWMutex // guards closed against a send on a closed channel
	closed bool
}

// job is one caller's write.
type job struct {
	ctx    context.Context
	fn     func(context.Context, *tx) error
	tx     *tx
	err    error
	finish chan error
	taken  atomic.Bool // by the writer, who then carries it out, or by a caller who no longer wants it
}

const maxBatch = 256 // writes in one commit; bounds how long the first of them waits

var errClosed = fault.ErrUnavailable.Because(errors.New("the store is closed"))

func startWriter(e *sqliteEngine) (*writer, error) {
	conn, err := e.writes.Conn(context.Background())
	if err != nil {
		return nil, fmt.Errorf("starting the writer: %w", err)
	}
	w := &writer{engine: e, conn: conn, run: &preparing{on: conn},
		jobs: make(chan *job, maxBatch), done: make(chan struct{})}
	go w.loop()
	return w, nil
}

// do queues fn and waits for its commit. When ctx ends before fn has begun, nothing is done; afterwards the caller
// waits for the outcome, as fn writes to the caller's variables and the commit is near.
func (w *writer) do(ctx context.Context, fn func(context.Context, *tx) error) error {
	j := &job{ctx: ctx, fn: fn, finish: make(chan error, 1)}
	if err := w.enqueue(j); err != nil {
		return err
	}
	select {
	case err := <-j.finish:
		return err
	case <-ctx.Done():
		if j.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		return <-j.finish
	}
}

func (w *writer) enqueue(j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.jobs <- j:
		return nil
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
}

// stop finishes what is queued, ends the writer, and fails when its connection could not be given back.
func (w *writer) stop() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.jobs)
	}
	w.mu.Unlock()
	<-w.done
	return w.ended
}

func (w *writer) loop() {
	defer close(w.done)
	defer func() { w.ended = errors.Join(w.run.close(), w.conn.Close()) }()
	for first := range w.jobs {
		// Without this, on a single processor, the queue's first entry wakes the writer at once, and everybody pays for a
		// commit of their own.
		w.engine.dialect.gather()
		w.commit(w.gather(first))
	}
}

// gather takes what is queued already; it never waits for more.
func (w *writer) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j, ok := <-w.jobs:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction. The statements run without the callers' deadlines: interrupting one would
// roll back the writes of all the others.
func (w *writer) commit(batch []*job) {
	ctx := context.Background()
	err := w.exec(ctx, "BEGIN IMMEDIATE")
	for _, j := range batch {
		if err == nil {
			err = w.attempt(ctx, j, len(batch) == 1)
		}
	}
	sessionsOver, keysOver := w.engine.live.leave(batch), w.engine.keys.leave(batch)
	if err == nil {
		err = w.exec(ctx, endOf(batch))
	}
	if err != nil {
		_ = w.exec(ctx, "ROLLBACK") // SQLite may have rolled back by itself
	}
	w.commits.Add(1)
	w.failing.Store(err != nil)
	for _, j := range batch {
		w.settle(j, err)
	}
	sessionsOver()
	keysOver()
	for _, j := range batch {
		j.finish <- sqliteFault(j.err)
	}
}

// endOf is how the transaction of a batch ends: a write that had it to itself and failed is taken back.
func endOf(batch []*job) string {
	if len(batch) == 1 && batch[0].err != nil {
		return "ROLLBACK"
	}
	return "COMMIT"
}

// attempt runs one write inside a savepoint, so that its failure takes back nothing but itself; one that has the
// transaction to itself needs none, and takes that back. It fails when the transaction around it is broken, which SQLite
// rolls back by itself when the disk fails: whatever ran on would commit statement by statement.
func (w *writer) attempt(ctx context.Context, j *job, alone bool) error {
	if j.err = j.ctx.Err(); j.err != nil || !j.taken.CompareAndSwap(false, true) {
		return nil
	}
	j.tx = &tx{run: w.run, dialect: w.engine.dialect}
	if alone {
		w.perform(j)
		return nil
	}
	if err := w.exec(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	if w.perform(j); j.err != nil {
		if err := w.exec(ctx, "ROLLBACK TO SAVEPOINT job"); err != nil {
			return err
		}
	}
	return w.exec(ctx, "RELEASE SAVEPOINT job")
}

// perform runs a write. The tokens that it stores are known before anybody can see them in the file.
func (w *writer) perform(j *job) {
	j.err = guarded(context.WithoutCancel(j.ctx), j)
	w.engine.known.add(j.tx.effects)
}

// guarded turns a panic into the failure of one write: the writer must live on for all the others.
func guarded(ctx context.Context, j *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a write panicked: %v", p)
		}
	}()
	return j.fn(ctx, j.tx)
}

// settle decides what a write is answered, and applies its effects before anybody is: what a caller says next must already
// hold for everyone. When the commit has failed nobody knows what the file holds, and what a write has found may be what another
// one had done in vain, so all are answered the same.
func (w *writer) settle(j *job, commit error) {
	if commit != nil && (j.err == nil || j.tx != nil) {
		j.err = fault.ErrUnavailable.Because(commit)
	}
	w.engine.live.settle(j.effects(), j.err == nil)
	if j.err == nil {
		count(w.engine.meter, j.effects())
	}
}

// effects are those of a write, whether it has failed or not.
func (j *job) effects() []effect {
	if j.tx == nil {
		return nil
	}
	return j.tx.effects
}

func (w *writer) exec(ctx context.Context, text string) error {
	_, err := w.run.ExecContext(ctx, text)
	return err
}
