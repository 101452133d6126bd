package password

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"sync"
	"time"
)

// Workers compute hashes in processes of their own, which the system lets run only while nothing else wants to: somebody
// who signs in must not hold up the checks of everybody who is signed in. No scheduler within one process can promise that,
// as a hash takes a processor for as long as it needs. Memory that a hash needs is not the server's either.
//
// A process computes one hash at a time, and is kept for a while in case there is another. Where the processors are never
// idle, such a process may get nowhere: a hash that takes too long is computed by one that gets a little whatever else
// runs, and so are those of the next minute. It is safe for concurrent use.
type Workers struct {
	// Command prepares a process that calls [Work] with its standard input and output, and does nothing else.
	Command func() *exec.Cmd

	Log *slog.Logger // is told when there can be no processes; hashes are then computed here

	mu       sync.Mutex
	spare    []*worker
	starving time.Time // until when the processors are taken to be busy
	alone    sync.Once
}

const (
	spareTime    = time.Minute     // how long a process is kept without work
	starvingTime = time.Minute     // how long processors stay busy, once they were found to be
	hungerTime   = 3 * time.Second // how long an idle process may take, which is far more than a hash needs
)

// rank is when a process is let run.
type rank bool

const (
	idle rank = false // when nothing else wants to
	nice rank = true  // a little at any time
)

// errNoWorker means that no process could be started.
var errNoWorker = errors.New("no process for hashing could be started")

// worker is one process.
type worker struct {
	cmd   *exec.Cmd
	tasks io.WriteCloser
	send  *gob.Encoder
	hear  *gob.Decoder
	rank  rank
	bored *time.Timer // ends it
}

// do has a task carried out. It is errNoWorker when there is nobody to do that, and ErrBusy when a process was lost over it
// that was made for it; one that was spare may have been lost before.
func (w *Workers) do(t task) (o outcome, err error) {
	one, spare, err := w.take()
	if err != nil {
		return o, err
	}
	o, starved, err := one.do(t)
	if starved {
		w.starve()
	}
	if err == nil && !starved {
		w.giveBack(one)
		return o, nil
	}
	one.end()
	switch {
	case err == nil:
		return o, nil
	case starved || spare:
		return w.do(t)
	}
	return o, ErrBusy.Because(fmt.Errorf("a process that computes hashes was lost: %w", err))
}

// do has a process carry a task out. A process that was too late is killed, which it may be after its answer.
func (one *worker) do(t task) (o outcome, starved bool, err error) {
	if one.rank == idle {
		late := time.AfterFunc(hungerTime, func() { _ = one.cmd.Process.Kill() })
		defer func() { starved = !late.Stop() }()
	}
	if err = one.send.Encode(t); err == nil {
		err = one.hear.Decode(&o)
	}
	return o, false, err
}

// starve notes that there is no time when nothing else wants to run.
func (w *Workers) starve() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starving = time.Now().Add(starvingTime)
}

// wanted is which processes are to be used now. It is called with mu held.
func (w *Workers) wanted() rank { return rank(time.Now().Before(w.starving)) }

func (w *Workers) take() (one *worker, spare bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted := w.wanted()
	for len(w.spare) > 0 {
		one = w.spare[len(w.spare)-1]
		w.spare = w.spare[:len(w.spare)-1]
		switch {
		case !one.bored.Stop(): // it is leaving
		case one.rank == wanted:
			return one, true, nil
		default:
			go one.end()
		}
	}
	if one, err = w.hire(wanted); err != nil {
		w.alone.Do(func() { w.Log.Warn("passwords are hashed in the server's own process", "error", err) })
		return nil, false, errNoWorker
	}
	return one, false, nil
}

func (w *Workers) hire(r rank) (*worker, error) {
	cmd := w.Command()
	tasks, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	outcomes, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startLast(cmd, r); err != nil {
		return nil, err
	}
	return &worker{rank: r, cmd: cmd, tasks: tasks, send: gob.NewEncoder(tasks), hear: gob.NewDecoder(outcomes)}, nil
}

func (w *Workers) giveBack(one *worker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one.bored = time.AfterFunc(spareTime, one.end)
	w.spare = append(w.spare, one)
}

// end lets a process go, which leaves when its input ends.
func (one *worker) end() {
	_ = one.tasks.Close()
	_ = one.cmd.Wait() // whatever it says, it is gone
}
