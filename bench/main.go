// Command bench measures the server beside its floors: what the same machine does in the same run when nothing but the
// unavoidable happens. The server, and each floor in its turn, runs on one core, the load on another.
//
//	F1  a bare net/http handler that answers the same bytes from memory
//	F2  the same over one primary-key SELECT, concurrent ones merged, on the same PostgreSQL
//	F3  the same over one durable single-row UPDATE on SQLite, concurrent ones in one commit
//	F4  the same over one durable single-row UPDATE on PostgreSQL
//
// Usage: bench [-rounds 5] [-seconds 2] [-connections 64] SERVER-BINARY. PostgreSQL is the one that
// EXEUNT_TEST_POSTGRES names. With -expired N it measures something else: how session checks fare while N expired sessions
// are collected.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// settings are what the command line says.
type settings struct {
	rounds      int
	duration    time.Duration
	connections int
	expired     int
	binary      string
	postgres    string
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "floor" {
		exit(serveFloor(os.Args[2], os.Args[3:]))
	}
	var s settings
	seconds := flag.Float64("seconds", 2, "length of one measurement")
	flag.IntVar(&s.rounds, "rounds", 5, "measurements of each, interleaved; medians are shown")
	flag.IntVar(&s.connections, "connections", 64, "connections that ask at the same time")
	flag.IntVar(&s.expired, "expired", 0, "measure checks while so many expired sessions are collected")
	flag.Parse()
	s.duration = time.Duration(*seconds * float64(time.Second))
	s.binary, s.postgres = flag.Arg(0), os.Getenv("EXEUNT_TEST_POSTGRES")
	if s.binary == "" || s.postgres == "" {
		exit(fmt.Errorf("name the server's binary, and a PostgreSQL in EXEUNT_TEST_POSTGRES; `make bench` does both"))
	}
	var err error
	if s.binary, err = filepath.Abs(s.binary); err != nil {
		exit(err)
	}
	if s.expired > 0 {
		s.rounds = 0 // no sessions are signed out
		exit(collect(s))
	}
	exit(run(s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
