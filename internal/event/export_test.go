package event

import "time"

// LookEach makes the log look for events of other nodes at another pace.
func (l *Log) LookEach(d time.Duration) { l.look = d }
