package main

import (
	"os"
	"runtime/debug"

	"exeunt/internal/config"
)

const (
	garbagePercent = 400      // a small heap may grow to this many times its size between collections, which are rare then
	leastMemory    = 64 << 20 // bytes for everything that is neither sessions kept in memory nor password hashing
)

// limitMemory lets the program use what it was given, and no more: while it holds little it collects garbage seldom, and
// as it comes near the bound more often. Who sets GOGC or GOMEMLIMIT knows better.
func limitMemory(c *config.Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(max(c.Session.CacheMaxBytes, leastMemory) + c.Hashers.Argon2.DedicatedMemory))
	}
}
