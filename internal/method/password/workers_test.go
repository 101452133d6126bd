package password

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is also what the processes run that these tests start.
func TestMain(m *testing.M) {
	if os.Getenv("EXEUNT_TEST_WORK") == "" {
		os.Exit(m.Run())
	}
	if err := Work(os.Stdin, os.Stdout, func() { os.Exit(0) }); err != nil {
		os.Exit(1)
	}
}

// heavyArgon2 takes long enough to be handed to a process.
var heavyArgon2 = Params{Algorithm: "argon2", Memory: 2 << 20, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// withWorkers makes a hasher whose work is done elsewhere, and returns what was logged.
func withWorkers(t *testing.T, p Params, program string) (*Hasher, *bytes.Buffer) {
	var log bytes.Buffer
	h := newHasher(t, p)
	h.Workers = &Workers{Log: slog.New(slog.NewTextHandler(&log, nil)), Command: func() *exec.Cmd {
		return &exec.Cmd{Path: program, Args: []string{program}, Env: []string{"EXEUNT_TEST_WORK=1"}}
	}}
	t.Cleanup(func() {
		for _, one := range h.Workers.spare {
			if one.bored.Stop() {
				one.end()
			}
		}
	})
	return h, &log
}

// hashedHere is the hash of goodPassword, for which no process was asked: where the machine is busy, the first one that is
// would starve.
func hashedHere(t *testing.T) string {
	t.Helper()
	hash, err := newHasher(t, heavyArgon2).Hash(t.Context(), goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// idleWorker makes a process that is the next to be given work, and runs only while nothing else wants to.
func idleWorker(t *testing.T, w *Workers) *os.Process {
	t.Helper()
	one, _, err := w.take()
	if err != nil {
		t.Fatal(err)
	}
	w.giveBack(one)
	return one.cmd.Process
}

func TestHashesAreComputedInProcessesOfTheirOwn(t *testing.T) {
	for _, p := range []Params{heavyArgon2, quickBcrypt, quickArgon2} {
		h, _ := withWorkers(t, p, os.Args[0])
		hash, err := h.Hash(t.Context(), goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			for password, want := range map[string]bool{goodPassword: true, goodPassword + "x": false, "": false} {
				all.Go(func() {
					if match, stale, err := h.Verify(t.Context(), password, hash); err != nil || match != want || stale {
						t.Errorf("%s: %q: match %v, stale %v, %v", p.Algorithm, password, match, stale, err)
					}
				})
			}
		}
		all.Wait()
		if elsewhere := len(h.Workers.spare) > 0; elsewhere != (p != quickArgon2) {
			t.Errorf("%s with %d bytes is computed elsewhere: %v", p.Algorithm, p.Memory, elsewhere)
		}
	}
}

func TestEveryStoredFormatIsTriedElsewhere(t *testing.T) {
	h, _ := withWorkers(t, heavyArgon2, os.Args[0])
	for _, v := range vectors {
		if match, _, err := h.Verify(t.Context(), goodPassword, v.hash); err != nil || !match {
			t.Errorf("%s: match %v, %v", v.hash, match, err)
		}
	}
}

func TestAProcessThatIsLostIsReplaced(t *testing.T) {
	h, _ := withWorkers(t, heavyArgon2, os.Args[0])
	hash := hashedHere(t)
	if err := idleWorker(t, h.Workers).Kill(); err != nil {
		t.Fatal(err)
	}
	if match, _, err := h.Verify(t.Context(), goodPassword, hash); err != nil || !match {
		t.Errorf("after the spare process was killed: match %v, %v", match, err)
	}
}

func TestAProcessThatIsLostOverAHashIsTold(t *testing.T) {
	h, _ := withWorkers(t, heavyArgon2, os.Args[0])
	h.Workers.Command = func() *exec.Cmd { return &exec.Cmd{Path: "/bin/true", Args: []string{"true"}} }
	if _, err := h.Hash(t.Context(), goodPassword); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, want %v", err, ErrBusy)
	}
}

func TestWithoutProcessesHashesAreComputedHere(t *testing.T) {
	h, log := withWorkers(t, heavyArgon2, "/nonexistent")
	for range 2 {
		hash, err := h.Hash(t.Context(), goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		if match, _, err := h.Verify(t.Context(), goodPassword, hash); err != nil || !match {
			t.Errorf("match %v, %v", match, err)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || strings.Contains(log.String(), goodPassword) {
		t.Errorf("%d warnings: %s", n, log)
	}
}

func TestProcessesComeAfterAllOthers(t *testing.T) {
	h, _ := withWorkers(t, heavyArgon2, os.Args[0])
	hire := func() int {
		one, _, err := h.Workers.take()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(one.end)
		return one.cmd.Process.Pid
	}
	before := attributes(t, os.Getpid())
	if got := attributes(t, hire()); got.Policy != unix.SCHED_IDLE {
		t.Errorf("a process that computes hashes runs as %+v", got)
	}
	h.Workers.starve()
	if got := attributes(t, hire()); got.Policy != unix.SCHED_NORMAL || got.Nice != niceness {
		t.Errorf("where nothing is idle, a process that computes hashes runs as %+v", got)
	}
	if after := attributes(t, os.Getpid()); after != before {
		t.Errorf("the process that has started them runs as %+v, before as %+v", after, before)
	}
}

// attributes are when the system lets a process run.
func attributes(t *testing.T, pid int) unix.SchedAttr {
	t.Helper()
	got, err := unix.SchedGetAttr(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return *got
}

func TestAHashIsComputedAlthoughNothingIsIdle(t *testing.T) {
	h, _ := withWorkers(t, heavyArgon2, os.Args[0])
	hash := hashedHere(t)
	starved := idleWorker(t, h.Workers)
	if err := starved.Signal(unix.SIGSTOP); err != nil { // it gets as little as if others took everything
		t.Fatal(err)
	}
	if match, _, err := h.Verify(t.Context(), goodPassword, hash); err != nil || !match {
		t.Errorf("match %v, %v", match, err)
	}
	if one := h.Workers.spare[0]; one.rank != nice || one.cmd.Process == starved {
		t.Errorf("process %d of rank %v did it", one.cmd.Process.Pid, one.rank)
	}
	if err := starved.Signal(unix.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the starved process is still there: %v", err)
	}
}

func TestAProcessLeavesWithTheServerInTheMiddleOfItsWork(t *testing.T) {
	h, _ := withWorkers(t, heavyArgon2, os.Args[0])
	one, _, err := h.Workers.take()
	if err != nil {
		t.Fatal(err)
	}
	long := heavyArgon2
	long.Memory, long.Iterations = 64<<20, 1000 // minutes
	if err := one.send.Encode(task{Password: goodPassword, Params: long}); err != nil {
		t.Fatal(err)
	}
	one.end() // waits for it
}

func TestWorkRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for name, given := range map[string]string{"nonsense": "\x05hello", "a part of something": "\xff"} {
		err := Work(strings.NewReader(given), io.Discard, func() {})
		if err == nil {
			t.Errorf("%s is work", name)
		}
	}
}
