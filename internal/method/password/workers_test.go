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
	"syscall"
	"testing"
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
	hash, err := h.Hash(t.Context(), goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	lost := h.Workers.spare[0].cmd.Process
	if err := lost.Kill(); err != nil {
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
	if _, err := h.Hash(t.Context(), goodPassword); err != nil {
		t.Fatal(err)
	}
	for pid, want := range map[int]bool{h.Workers.spare[0].cmd.Process.Pid: true, os.Getpid(): false} {
		priority, err := syscall.Getpriority(syscall.PRIO_PROCESS, pid)
		if err != nil || (priority == 1) != want { // the system call counts from 40 for the greediest to 1
			t.Errorf("process %d has priority %d, %v", pid, priority, err)
		}
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
