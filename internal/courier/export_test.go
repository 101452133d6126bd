package courier

import "time"

// Hurry makes pauses so many times shorter.
func (c *Courier) Hurry(times int) { c.hurry = time.Duration(times) }

// Limit bounds the time for an attempt.
func (c *Courier) Limit(d time.Duration) { c.limit = d }

// Rename gives the hook another address, with everything else as it was.
func (h *Hook) Rename(url string) { h.url = url }

// What the tests look at.
var (
	Public    = public
	Pause     = pause
	Signature = signature
)
