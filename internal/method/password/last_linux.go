package password

import (
	"os/exec"
	"runtime"
	"syscall"
)

// niceness is that of processes that compute hashes: the system runs them when nobody else wants to (sched(7)), and does
// not let them starve.
const niceness = 19

// startLast starts a process that comes after all others. Linux keeps niceness for each thread and hands it down to what
// the thread starts, so a thread that is given up afterwards lowers its own first.
func startLast(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() { started <- onLastThread(cmd.Start) }()
	return <-started
}

// onLastThread runs something on a thread that comes after all others. Its goroutine must end soon, and the thread with it.
// The main thread would stay, and so is only kept busy while another one is found.
func onLastThread(do func() error) error {
	runtime.LockOSThread()
	if syscall.Gettid() == syscall.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan error)
		go func() { done <- onLastThread(do) }()
		return <-done
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness) // being nicer is always allowed
	return do()
}
