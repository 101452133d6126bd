package main

import (
	"os"
	"runtime"
)

// processors is how many the program may use.
var processors = runtime.GOMAXPROCS(0)

// spareProcessor lets one thread more run Go code than there are processors: while passwords are hashed on all of them,
// the system still wakes somebody at once when a request arrives, where the Go scheduler would look every ten
// milliseconds. Who sets GOMAXPROCS knows better.
func spareProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(processors + 1)
	}
}
