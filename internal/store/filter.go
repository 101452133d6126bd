package store

import (
	"encoding/binary"
	"sync/atomic"

	"exeunt/internal/session"
)

// filter tells of most tokens that nobody has them, without asking the database: a Bloom filter whose bits for one token
// lie in one line of the processor's cache. What was added is never denied; of what was not, about one in a thousand
// goes unnoticed while there are no more tokens than it was made for. It is safe for concurrent use.
type filter struct {
	blocks   []filterBlock
	capacity int64
	added    atomic.Int64
}

type filterBlock [8]atomic.Uint64

const (
	filterBits  = 16 // for each token
	blockTokens = 512 / filterBits
)

// newFilter makes one for so many tokens, in no more bytes than given.
func newFilter(tokens, maxBytes int64) *filter {
	blocks := max(min(tokens/blockTokens+1, maxBytes/64), 1)
	return &filter{blocks: make([]filterBlock, blocks), capacity: max(tokens, blocks*blockTokens)}
}

// place is where a token's bits are: its block, and six bits of where for each word. Token hashes are random already.
func (f *filter) place(token session.TokenHash) (*filterBlock, uint64) {
	n := binary.LittleEndian.Uint64(token[:8]) % uint64(len(f.blocks))
	return &f.blocks[n], binary.LittleEndian.Uint64(token[8:16])
}

func (f *filter) add(token session.TokenHash) {
	block, where := f.place(token)
	for i := range block {
		block[i].Or(1 << (where >> (6 * i) & 63))
	}
	f.added.Add(1)
}

// has is false for a token that was certainly not added.
func (f *filter) has(token session.TokenHash) bool {
	block, where := f.place(token)
	for i := range block {
		if block[i].Load()&(1<<(where>>(6*i)&63)) == 0 {
			return false
		}
	}
	return true
}

// full reports whether more was added than it was made for.
func (f *filter) full() bool { return f.added.Load() > f.capacity }
