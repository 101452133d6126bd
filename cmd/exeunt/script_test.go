package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"exeunt": main, "awaitfile": awaitFile, "filemode": fileMode})
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
