package store

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"runtime"
	"sync"
	"syscall"
)

// shelf keeps short values by random keys, within a bound of bytes and outside the heap of Go: millions of them cost the
// collector of garbage nothing. What is put in when it is full takes the place of what has been there for the longest. It
// is safe for concurrent use.
type shelf struct {
	shards [shelfShards]shelfShard
}

// shelfKey is what a value is, and which one.
type shelfKey [17]byte

const (
	shelfShards = 64
	recordHead  = len(shelfKey{}) + 2 // its key, and the length of its value
	leastShard  = 4 << 10             // bytes; fewer hold nothing worth it
)

var spread = maphash.MakeSeed()

// shelfShard is a ring of records. Positions count from the beginning of time, so that the newest is never behind the
// oldest; where the ring ends, what does not fit is left out.
type shelfShard struct {
	mu          sync.RWMutex
	ring        []byte
	first, next uint64
	slots       []uint32 // open addressing: one more than where a record begins; zero for none
	held        int
}

// newShelf makes one that takes so many bytes, with what finds values in it. Memory is taken when it is first needed.
func newShelf(maxBytes int64) *shelf {
	size := int(min(maxBytes/shelfShards*19/20, math.MaxUint32/2)) // the rest is for slots
	s := &shelf{}
	if size < leastShard {
		return s
	}
	all, err := syscall.Mmap(-1, 0, size*shelfShards, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return s // nothing is kept, and everything read where it is
	}
	keepPagesSmall(all)
	runtime.AddCleanup(s, func(all []byte) { _ = syscall.Munmap(all) }, all)
	for i := range s.shards {
		s.shards[i].ring = all[i*size : (i+1)*size : (i+1)*size]
		s.shards[i].slots = make([]uint32, 16)
	}
	return s
}

func (s *shelf) shard(k shelfKey) *shelfShard { return &s.shards[k[len(k)-1]%shelfShards] }

// get returns a copy of a value.
func (s *shelf) get(k shelfKey) (value string, found bool) {
	h := s.shard(k)
	h.mu.RLock()
	defer h.mu.RUnlock()
	slot, found := h.find(k)
	if found {
		value = string(h.value(h.slots[slot] - 1))
	}
	return value, found
}

// put keeps a value in the place of the one before, unless it is too large.
func (s *shelf) put(k shelfKey, value []byte) {
	h := s.shard(k)
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot, found := h.find(k); found {
		before := h.value(h.slots[slot] - 1)
		if len(before) == len(value) {
			copy(before, value)
			return
		}
		h.empty(slot)
	}
	if size := recordHead + len(value); len(value) < math.MaxUint16 && size <= len(h.ring)/8 {
		h.add(k, value, size)
	}
}

// change lets a value be changed where it is, but not in length.
func (s *shelf) change(k shelfKey, do func(value []byte)) {
	h := s.shard(k)
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot, found := h.find(k); found {
		do(h.value(h.slots[slot] - 1))
	}
}

// drop forgets a value.
func (s *shelf) drop(k shelfKey) {
	h := s.shard(k)
	h.mu.Lock()
	defer h.mu.Unlock()
	if slot, found := h.find(k); found {
		h.empty(slot)
	}
}

// clear forgets all values.
func (s *shelf) clear() {
	for i := range s.shards {
		h := &s.shards[i]
		h.mu.Lock()
		clear(h.slots)
		h.held, h.first, h.next = 0, 0, 0
		h.mu.Unlock()
	}
}

// taken is how many bytes of memory it holds by now.
func (s *shelf) taken() (n int64) {
	for i := range s.shards {
		h := &s.shards[i]
		h.mu.RLock()
		n += int64(min(h.next, uint64(len(h.ring)))) + int64(4*len(h.slots))
		h.mu.RUnlock()
	}
	return n
}

func (s *shelf) len() (n int) {
	for i := range s.shards {
		s.shards[i].mu.RLock()
		n += s.shards[i].held
		s.shards[i].mu.RUnlock()
	}
	return n
}

// value is that of the record that begins at a place in the ring.
func (h *shelfShard) value(at uint32) []byte {
	r := h.ring[at:]
	n := binary.LittleEndian.Uint16(r[len(shelfKey{}):])
	return r[recordHead : recordHead+int(n)]
}

func (h *shelfShard) key(at uint32) shelfKey { return shelfKey(h.ring[at:]) }

// home is the slot where the search for a key begins. Most keys are random already; ids that were brought from elsewhere need not be.
func (h *shelfShard) home(k shelfKey) int {
	return int(maphash.Bytes(spread, k[:]) & uint64(len(h.slots)-1))
}

// find returns the slot of a key, or the empty one where it would go.
func (h *shelfShard) find(k shelfKey) (slot int, found bool) {
	if len(h.slots) == 0 {
		return 0, false
	}
	for slot = h.home(k); h.slots[slot] != 0; slot = (slot + 1) & (len(h.slots) - 1) {
		if h.key(h.slots[slot]-1) == k {
			return slot, true
		}
	}
	return slot, false
}

// empty takes a record out of a slot, and moves up those behind it that could not have the slot they wanted.
func (h *shelfShard) empty(slot int) {
	h.held--
	mask := len(h.slots) - 1
	for next := (slot + 1) & mask; h.slots[next] != 0; next = (next + 1) & mask {
		wanted := h.home(h.key(h.slots[next] - 1))
		if (next-wanted)&mask >= (next-slot)&mask {
			h.slots[slot] = h.slots[next]
			slot = next
		}
	}
	h.slots[slot] = 0
}

// add puts a record at the end of the ring, and lets the oldest ones go that are in its way.
func (h *shelfShard) add(k shelfKey, value []byte, size int) {
	if left := len(h.ring) - int(h.next%uint64(len(h.ring))); left < size {
		h.makeRoom(left)
		h.leaveOut(left)
	}
	h.makeRoom(size)
	at := uint32(h.next % uint64(len(h.ring)))
	copy(h.ring[at:], k[:])
	binary.LittleEndian.PutUint16(h.ring[int(at)+len(k):], uint16(len(value)))
	copy(h.ring[int(at)+recordHead:], value)
	h.next += uint64(size)
	if h.held++; h.held*3 > len(h.slots)*2 {
		h.widen()
	}
	slot, _ := h.find(k)
	h.slots[slot] = at + 1
}

// leaveOut marks the end of the ring as holding nothing.
func (h *shelfShard) leaveOut(left int) {
	if left >= recordHead {
		at := len(h.ring) - left
		binary.LittleEndian.PutUint16(h.ring[at+len(shelfKey{}):], math.MaxUint16)
	}
	h.next += uint64(left)
}

// makeRoom lets the oldest records go until so many bytes are free.
func (h *shelfShard) makeRoom(size int) {
	for h.first+uint64(len(h.ring)) < h.next+uint64(size) {
		at := uint32(h.first % uint64(len(h.ring)))
		left := len(h.ring) - int(at)
		if left < recordHead || binary.LittleEndian.Uint16(h.ring[int(at)+len(shelfKey{}):]) == math.MaxUint16 {
			h.first += uint64(left)
			continue
		}
		if slot, found := h.find(h.key(at)); found && h.slots[slot] == at+1 {
			h.empty(slot)
		}
		h.first += uint64(recordHead + len(h.value(at)))
	}
}

// widen doubles the slots.
func (h *shelfShard) widen() {
	before := h.slots
	h.slots = make([]uint32, 2*len(before))
	for _, place := range before {
		if place != 0 {
			slot, _ := h.find(h.key(place - 1))
			h.slots[slot] = place
		}
	}
}
