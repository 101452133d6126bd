package testkit

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Process is a running server: the real binary, on free ports.
type Process struct {
	Public, Admin string // base addresses without a trailing slash
	Log           *os.File

	cmd    *exec.Cmd
	exited chan error
}

// Binary returns the path of the server's binary: the one that EXEUNT_BIN names, or one that is built now.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("EXEUNT_BIN"); path != "" {
		return path
	}
	return built(t)
}

// built builds the binary once for a test run.
func built(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "exeunt-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "exeunt")
	out, err := exec.Command("go", "build", "-o", path, "exeunt/cmd/exeunt").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return path, nil
})

// Quick is configuration that makes hashing cheap and ports free, for tests.
const Quick = `
serve: {public: {port: 0, failed_attempts_per_minute: 0}, admin: {port: 0}}
secrets: {default: [a-secret-for-tests-only]}
hashers: {weak_for_tests: true, algorithm: argon2, argon2: {memory: 64KB, iterations: 1, parallelism: 1, dedicated_memory: 64MB}}
selfservice: {flows: {registration: {style: unified, after: {password: {hooks: [{hook: session}]}}}}}
`

// Start runs a server with a configuration, in a directory of its own, and waits until it answers. It is killed when the
// test ends, if it still runs.
func Start(t testing.TB, dir, configuration string) *Process {
	t.Helper()
	p, err := Launch(Binary(t), dir, configuration)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p
}

// Launch is Start for programs: whoever calls it stops or kills the server.
func Launch(binary, dir, configuration string) (*Process, error) {
	file := filepath.Join(dir, "exeunt.yml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	p := &Process{Log: log, exited: make(chan error, 1)}
	p.cmd = exec.Command(binary, "serve", "-c", file, "--migrate")
	p.cmd.Dir, p.cmd.Stderr = dir, log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	said := bufio.NewScanner(stdout)
	for said.Scan() && p.Admin == "" {
		if _, address, ok := strings.Cut(said.Text(), "public API"); ok {
			p.Public = strings.TrimSuffix(strings.TrimSpace(address), "/")
		}
		if _, address, ok := strings.Cut(said.Text(), "admin API"); ok {
			p.Admin = strings.TrimSuffix(strings.TrimSpace(address), "/")
		}
	}
	go func() {
		for said.Scan() { // whatever else it says must not block it
		}
		p.exited <- p.cmd.Wait()
	}()
	if p.Admin == "" {
		err := <-p.exited
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("the server did not start: %v\n%s", err, text)
	}
	return p, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the server at once, as a crash would, and waits until it is gone.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the server to finish and returns how it exited.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

func (p *Process) end(sig syscall.Signal) error {
	_ = p.cmd.Process.Signal(sig) // it may be gone already
	err := <-p.exited
	p.exited <- err
	return err
}
