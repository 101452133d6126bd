package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"exeunt": main, "awaitfile": awaitFile, "filemode": fileMode, "awaitlistener": awaitListener, "withkey": withKeyOf})
}

func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}

// awaitFile waits until a file exists that another process makes.
func awaitFile() {
	tick := time.NewTicker(5 * time.Millisecond)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if _, err := os.Stat(os.Args[1]); err == nil {
			return
		}
	}
	fmt.Fprintln(os.Stderr, os.Args[1], "did not appear")
	os.Exit(1)
}

// fileMode prints who may do what with files.
func fileMode() {
	for _, name := range os.Args[1:] {
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(info.Mode(), name)
	}
}

// awaitListener waits until somebody listens at an address.
func awaitListener() {
	tick := time.NewTicker(5 * time.Millisecond)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if conn, err := net.Dial("tcp", os.Args[1]); err == nil {
			conn.Close()
			return
		}
	}
	fmt.Fprintln(os.Stderr, "nobody listens at", os.Args[1])
	os.Exit(1)
}

// withKeyOf runs a command with the key that a file holds.
func withKeyOf() {
	secret, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Env = append(os.Environ(), keyVariable+"="+strings.TrimSpace(string(secret)))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if cmd.Run() != nil {
		os.Exit(1)
	}
}
