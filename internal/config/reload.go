package config

import (
	"slices"
	"strings"
)

// rulesOfSessions are the keys of sessions that can change while the server runs; the others say what it was built of.
var rulesOfSessions = []string{
	"session.lifespan", "session.earliest_possible_extend", "session.extend_debounce", "session.sliding", "session.idle_timeout",
	"session.max_lifespan", "session.limit.max", "session.limit.policy", "session.whoami.required_aal",
}

// Reloadable reports whether a key can change while the server runs: the rules of sessions, and all of the flows, their
// methods and their addresses.
func Reloadable(path string) bool {
	return strings.HasPrefix(path, "selfservice.") || slices.Contains(rulesOfSessions, path)
}

// Adopt is the configuration with all of next that can change while the server runs.
func (c *Config) Adopt(next *Config) *Config {
	adopted := *c
	s, n := &adopted.Session, next.Session
	s.Lifespan, s.EarliestPossibleExtend, s.ExtendDebounce, s.Sliding = n.Lifespan, n.EarliestPossibleExtend, n.ExtendDebounce, n.Sliding
	s.IdleTimeout, s.MaxLifespan, s.Limit, s.RequiredAAL = n.IdleTimeout, n.MaxLifespan, n.Limit, n.RequiredAAL
	adopted.SelfService = next.SelfService
	return &adopted
}
