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
// A process computes one hash at a time, and is kept for a while in case there is another. It is safe for concurrent use.
type Workers struct {
	// Command prepares a process that calls [Work] with its standard input and output, and does nothing else.
	Command func() *exec.Cmd

	Log *slog.Logger // is told when there can be no processes; hashes are then computed here

	mu    sync.Mutex
	spare []*worker
	alone sync.Once
}

// spareTime is how long a process is kept without work.
const spareTime = time.Minute

// errNoWorker means that no process could be started.
var errNoWorker = errors.New("no process for hashing could be started")

// worker is one process.
type worker struct {
	cmd   *exec.Cmd
	tasks io.WriteCloser
	send  *gob.Encoder
	hear  *gob.Decoder
	bored *time.Timer // ends it
}

// do has a task carried out. It is errNoWorker when there is nobody to do that, and ErrBusy when a process was lost over it
// that was made for it; one that was spare may have been lost before.
func (w *Workers) do(t task) (o outcome, err error) {
	one, spare, err := w.take()
	if err != nil {
		return o, err
	}
	if err = one.send.Encode(t); err == nil {
		err = one.hear.Decode(&o)
	}
	if err != nil {
		one.end()
		if spare {
			return w.do(t)
		}
		return o, ErrBusy.Because(fmt.Errorf("a process that computes hashes was lost: %w", err))
	}
	w.giveBack(one)
	return o, nil
}

func (w *Workers) take() (one *worker, spare bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.spare) > 0 {
		one = w.spare[len(w.spare)-1]
		w.spare = w.spare[:len(w.spare)-1]
		if one.bored.Stop() {
			return one, true, nil
		}
	}
	if one, err = w.hire(); err != nil {
		w.alone.Do(func() { w.Log.Warn("passwords are hashed in the server's own process", "error", err) })
		return nil, false, errNoWorker
	}
	return one, false, nil
}

func (w *Workers) hire() (*worker, error) {
	cmd := w.Command()
	tasks, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	outcomes, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startLast(cmd); err != nil {
		return nil, err
	}
	return &worker{cmd: cmd, tasks: tasks, send: gob.NewEncoder(tasks), hear: gob.NewDecoder(outcomes)}, nil
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
