package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"exeunt/internal/testkit"
)

const (
	serverCore = "0"
	loadCore   = "1"
)

// process is a server under measurement, ours or a floor.
type process struct {
	address string // of its listener, without a scheme
	admin   string // of the other one, if it has one
	pid     int
	stop    func()
}

// start starts a floor.
func (f floor) start() (*process, error) {
	told, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("taskset", "-c", serverCore, self(), "floor")
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(told)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() {
		_ = cmd.Process.Kill() // it has nothing to lose
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("the floor %s did not start: %w", f.Kind, err)
	}
	return &process{address: strings.TrimSpace(line), pid: cmd.Process.Pid, stop: stop}, nil
}

// quiet is the configuration of the server: no bound on failed attempts, as the load comes from one address, and cheap
// hashing, as what is measured is the rest.
func (p place) quiet() string {
	return fmt.Sprintf("dsn: %q\nlog: {level: warn}\n%s", p.dsn, testkit.Quick)
}

// serve starts the real server on its core.
func (s settings) serve(dir, configuration string) (*process, error) {
	wrapper := filepath.Join(dir, "pinned")
	script := fmt.Sprintf("#!/bin/sh\nexec taskset -c %s %q \"$@\"\n", serverCore, s.binary)
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
		return nil, err
	}
	running, err := testkit.Launch(wrapper, dir, configuration)
	if err != nil {
		return nil, err
	}
	return &process{
		address: strings.TrimPrefix(running.Public, "http://"), admin: strings.TrimPrefix(running.Admin, "http://"),
		pid: running.PID(), stop: func() { running.Kill() },
	}, nil
}

// prepared starts the real server, with people in it, and warms it up.
func (s settings) prepared(dir, configuration string) (*process, error) {
	server, err := s.serve(dir, configuration)
	if err != nil {
		return nil, err
	}
	if err = enlist(server); err == nil {
		err = s.warm(server)
	}
	if err != nil {
		server.stop()
		return nil, err
	}
	return server, nil
}

// measure runs a measurement, and adds what it has cost the process.
func (p *process) measure(run func() (measurement, error)) (measurement, error) {
	runtime.GC() // see keepLoadAway
	before, begun := p.processorTime(), time.Now()
	m, err := run()
	if err != nil {
		return m, err
	}
	spent := (p.processorTime() - before).Seconds()
	m.cpu, m.busy, m.memory = spent/m.answers*1e6, spent/time.Since(begun).Seconds(), p.resident("VmRSS")
	return m, nil
}

// settle waits until the server has done what it does after its start without being asked, as learning on SQLite which tokens
// there are, and until the system has written what filling the store has left. What is measured is the cost of answers; that
// of a start is measured by itself (-growth).
func (p *process) settle() error {
	const pause, long = 200 * time.Millisecond, 5 * time.Minute
	unix.Sync()
	for begun, still := time.Now(), 0; still < 3; still++ {
		before := p.processorTime()
		time.Sleep(pause)
		if p.processorTime()-before > pause/20 {
			still = -1
		}
		if time.Since(begun) > long {
			return fmt.Errorf("the server does not come to rest within %v", long)
		}
	}
	return nil
}

// warmUp is how long a server is asked before it is measured, so that its heap has grown to what it works with: the first touch
// of memory makes a virtual machine wait for its host.
const warmUp = 5 * time.Second

// warm has a server settle, and then answer checks for a while.
func (s settings) warm(server *process) error {
	if err := server.settle(); err != nil {
		return err
	}
	_, err := load(server.address, s.connections, warmUp, scenarios[0].operations(0, 0))
	return err
}

// processorTime is what the process has used so far, in user and system mode (proc(5), in hundredths of a second).
func (p *process) processorTime() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident reads a figure of the process's memory, in KiB.
func (p *process) resident(name string) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), name+":")
	n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return n
}

// keepLoadAway pins this program to the other core. It then collects garbage between measurements alone, as long as there is
// memory: a pause of its own would be measured as slow answers.
func keepLoadAway() error {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(2 << 30)
	out, err := exec.Command("taskset", "-a", "-cp", loadCore, fmt.Sprint(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pinning the load to core %s: %w: %s", loadCore, err, out)
	}
	return nil
}
