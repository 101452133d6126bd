package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"exeunt/internal/testkit"
)

const (
	serverCore = "0"
	loadCore   = "1"
)

// pinned is the program that runs another one on the server's core.
func pinned(args ...string) *exec.Cmd {
	return exec.Command("taskset", append([]string{"-c", serverCore}, args...)...)
}

// floor starts a floor and returns its address.
func floor(kind string, size int, where string) (address string, stop func(), err error) {
	cmd := pinned(self(), "floor", kind, fmt.Sprint(size), where)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill() // it has nothing to lose
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the floor %s did not start: %w", kind, err)
	}
	return strings.TrimSpace(line), stop, nil
}

// ours starts the real server on its core.
func ours(s settings, dir, dsn string) (*testkit.Process, error) {
	wrapper := filepath.Join(dir, "pinned")
	script := fmt.Sprintf("#!/bin/sh\nexec taskset -c %s %q \"$@\"\n", serverCore, s.binary)
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
		return nil, err
	}
	return testkit.Launch(wrapper, dir, fmt.Sprintf("dsn: %q\nlog: {level: warn}\n%s", dsn, testkit.Quick))
}

// keepLoadAway pins this program to the other core.
func keepLoadAway() error {
	out, err := exec.Command("taskset", "-a", "-cp", loadCore, fmt.Sprint(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pinning the load to core %s: %w: %s", loadCore, err, out)
	}
	return nil
}
