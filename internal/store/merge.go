package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// merger answers many questions with one statement: those that are asked while statements are under way travel together
// in the next one. Another statement begins meanwhile only for more questions than are under way, as many small statements cost
// more than few large ones. None waits for a timer, and none is answered by a statement that began before it. It is safe for
// concurrent use.
type merger[K comparable, V any] struct {
	flights int  // statements at once
	most    int  // questions in one statement
	once    bool // a key that is asked for twice gets two statements: what the first has done, the second must see

	// gather lets whoever else is about to ask do so first: without that, on a single processor, the first question is sent at
	// once, and everybody pays for a statement of their own.
	gather func()

	// answer runs a statement for some keys, at a moment that is not before any of the questions. It returns what was
	// found, and does not end with the context of any one caller, as others wait for it too.
	answer func(keys []K, at time.Time) (map[K]V, error)

	mu      sync.Mutex
	waiting []*question[K, V]
	busy    int // statements under way
	asked   int // questions in them
}

// question is one caller's, and its answer once done is closed.
type question[K comparable, V any] struct {
	key   K
	at    time.Time
	value V
	found bool
	err   error
	done  chan struct{}
}

const maxMerged = 512

// ask returns what a statement that begins after this call finds for a key; false for nothing.
func (m *merger[K, V]) ask(ctx context.Context, key K, at time.Time) (value V, found bool, err error) {
	q := m.put(key, at)
	select {
	case <-q.done:
		return q.value, q.found, q.err
	case <-ctx.Done():
		return value, false, ctx.Err()
	}
}

// wait is ask for whoever stays until the answer is there, which costs less.
func (m *merger[K, V]) wait(key K, at time.Time) (value V, found bool, err error) {
	q := m.put(key, at)
	<-q.done
	return q.value, q.found, q.err
}

// put has a question answered.
func (m *merger[K, V]) put(key K, at time.Time) *question[K, V] {
	q := &question[K, V]{key: key, at: at, done: make(chan struct{})}
	m.mu.Lock()
	m.waiting = append(m.waiting, q)
	if m.busy == 0 || m.busy < m.flights && len(m.waiting) > m.asked {
		m.busy++
		go m.drain()
	}
	m.mu.Unlock()
	return q
}

// drain answers what is waiting until nothing is.
func (m *merger[K, V]) drain() {
	for {
		m.gather()
		batch := m.take()
		if len(batch) == 0 {
			return
		}
		m.settle(batch)
	}
}

// take takes what is waiting, or notes that this one is busy no longer.
func (m *merger[K, V]) take() []*question[K, V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	batch := m.waiting[:min(len(m.waiting), m.most)]
	if m.once {
		batch = distinct(batch)
	}
	m.asked += len(batch)
	if m.waiting = m.waiting[len(batch):]; len(batch) == 0 {
		m.waiting = nil
		m.busy--
	}
	return batch
}

// distinct is the part of a batch before the first key that comes again.
func distinct[K comparable, V any](batch []*question[K, V]) []*question[K, V] {
	seen := make(map[K]bool, len(batch))
	for i, q := range batch {
		if seen[q.key] {
			return batch[:i]
		}
		seen[q.key] = true
	}
	return batch
}

func (m *merger[K, V]) settle(batch []*question[K, V]) {
	keys, at := make([]K, len(batch)), batch[0].at
	for i, q := range batch {
		keys[i] = q.key
		if q.at.After(at) {
			at = q.at
		}
	}
	answers, err := m.guarded(keys, at)
	m.mu.Lock()
	m.asked -= len(batch)
	m.mu.Unlock()
	for _, q := range batch {
		q.value, q.found = answers[q.key]
		q.err = err
		close(q.done)
	}
}

// guarded turns a panic into a failure of those who have asked: the process lives on for all others.
func (m *merger[K, V]) guarded(keys []K, at time.Time) (answers map[K]V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a merged statement panicked: %v", p)
		}
	}()
	return m.answer(keys, at)
}
