package turn

import "runtime"

// Look has the network looked at, whoever else wants to run: what has arrived comes before those who have given way. It stops
// all that run at the same time, which takes a microsecond where there is one processor, and is no good idea where there are
// more. Whenever Go starts the world again it looks at the network, and this is the shortest way to have it stopped: the stacks
// of all, of which no byte is wanted.
func Look() { runtime.Stack(nil, true) }
