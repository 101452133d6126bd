// Command bench measures the server beside its floors: what the same machine does in the same run when nothing but the
// unavoidable happens. The server, and each floor in its turn, runs on one core, the load on another.
//
//	F1  a bare net/http handler that answers the same bytes from memory
//	F2  the same over one primary-key SELECT, concurrent ones merged, on the same PostgreSQL
//	F3  the same over one durable single-row UPDATE on SQLite, concurrent ones in one commit
//	F4  the same over one durable single-row UPDATE on PostgreSQL, each a statement of its own
//
// A floor gets the requests that the server gets, byte for byte, and answers with the status, header fields and body that
// the server has answered.
//
// Usage: bench [-rounds 5] [-seconds 2] [-connections 64] [-only NAMES] [-json FILE] [-svg FILE] SERVER-BINARY.
// PostgreSQL is the one that EXEUNT_TEST_POSTGRES names. Other measurements take the place of these: -growth
// 1000,10000,… shows what the number of live sessions does to checks, -storm what many sign-ins at once do to them,
// -expired N what collecting N expired sessions does, -versus BINARY what another version of the server reaches in turns with
// this one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// settings are what the command line says.
type settings struct {
	rounds      int
	duration    time.Duration
	connections int
	versus      string // another server's binary
	only        string // names of paths and stores, separated by commas; "" for all
	expired     int
	growth      []int
	storm       bool
	json, svg   string
	binary      string
	postgres    string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		exit(serveFloor(os.Stdin))
	}
	s, err := readSettings()
	if err != nil {
		exit(err)
	}
	switch {
	case s.expired > 0:
		exit(collect(s))
	case len(s.growth) > 0:
		exit(grow(s))
	case s.versus != "":
		exit(versus(s))
	case s.storm:
		exit(storm(s))
	}
	exit(run(s))
}

func readSettings() (s settings, err error) {
	seconds := flag.Float64("seconds", 2, "length of one measurement")
	flag.IntVar(&s.rounds, "rounds", 5, "measurements of each, interleaved; medians are shown")
	flag.IntVar(&s.connections, "connections", 64, "connections that ask at the same time")
	flag.StringVar(&s.only, "only", "", "measure these paths and stores alone, as \"token,SQLite\"")
	flag.StringVar(&s.json, "json", "", "write the figures to this file as well")
	flag.StringVar(&s.svg, "svg", "", "draw the ratios into this file as well")
	flag.IntVar(&s.expired, "expired", 0, "measure checks while so many expired sessions are collected")
	flag.BoolVar(&s.storm, "storm", false, "measure checks while many sign in")
	flag.StringVar(&s.versus, "versus", "", "measure this server's binary in turn with the one named last")
	growth := flag.String("growth", "", "measure checks with these numbers of live sessions, separated by commas")
	flag.Parse()
	s.duration = time.Duration(*seconds * float64(time.Second))
	s.binary, s.postgres = flag.Arg(0), os.Getenv("EXEUNT_TEST_POSTGRES")
	if s.binary == "" || s.postgres == "" {
		return s, errors.New("name the server's binary, and a PostgreSQL in EXEUNT_TEST_POSTGRES; `make bench` does both")
	}
	if *growth != "" {
		for _, text := range strings.Split(*growth, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return s, fmt.Errorf("-growth: %q is no number of sessions", text)
			}
			s.growth = append(s.growth, n)
		}
	}
	if s.versus != "" {
		if s.versus, err = filepath.Abs(s.versus); err != nil {
			return s, err
		}
	}
	s.binary, err = filepath.Abs(s.binary)
	return s, err
}

// wants reports whether something was asked for on the command line.
func (s settings) wants(names ...string) bool {
	if s.only == "" {
		return true
	}
	for _, only := range strings.Split(s.only, ",") {
		found := false
		for _, name := range names {
			found = found || strings.Contains(name, only)
		}
		if !found {
			return false
		}
	}
	return true
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
