package password

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// niceness is that of processes that compute hashes and must not starve: the least that the system gives to anybody who has
// to get something (sched(7)).
const niceness = 19

// startLast starts a process that comes after all others. Linux keeps policy and niceness for each thread and hands them down
// to what the thread starts, so a thread that is given up afterwards lowers its own first.
func startLast(cmd *exec.Cmd, r rank) error {
	started := make(chan error)
	go func() { started <- onLastThread(r, cmd.Start) }()
	return <-started
}

// onLastThread runs something on a thread that comes after all others. Its goroutine must end soon, and the thread with it.
// The main thread would stay, and so is only kept busy while another one is found.
func onLastThread(r rank, do func() error) error {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan error)
		go func() { done <- onLastThread(r, do) }()
		return <-done
	}
	// Coming later is always allowed. Where a sandbox forbids the first, the second remains.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness)
	if r == idle {
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE, Nice: niceness}, 0)
	}
	return do()
}
