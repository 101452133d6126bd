package store

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func numberedKey(n int) (k shelfKey) {
	h := sha256.Sum256(fmt.Append(nil, n))
	k[0] = 's'
	copy(k[1:], h[:])
	return k
}

// crowdedKey makes a key that shares the shard with all others.
func crowdedKey(n int) shelfKey {
	k := numberedKey(n)
	k[len(k)-1] = 0
	return k
}

// A shelf holds what was put in last under a key, or nothing; and everything, while there is room.
func TestShelfHoldsWhatWasPutInLastOrNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.SampledFrom([]int64{5000, 9000, 1 << 20}).Draw(r, "bytes for each shard")
		s := newShelf(size * shelfShards)
		model := map[shelfKey][]byte{}
		for i := range rapid.IntRange(1, 300).Draw(r, "actions") {
			k := crowdedKey(rapid.IntRange(0, 60).Draw(r, "key"))
			switch rapid.IntRange(0, 9).Draw(r, "action") {
			case 0:
				s.drop(k)
				delete(model, k)
			case 1:
				s.change(k, func(v []byte) {
					if !bytes.Equal(v, model[k]) {
						r.Fatalf("changes %q, which should be %q", v, model[k])
					}
					for j := range v {
						v[j]++
					}
					model[k] = bytes.Clone(v)
				})
			default:
				v := bytes.Repeat([]byte{byte(i)}, rapid.IntRange(0, 400).Draw(r, "length"))
				s.put(k, v)
				model[k] = v
			}
			consistent(r, s)
			for k, want := range model {
				switch got, found := s.get(k); {
				case found && got != string(want):
					r.Fatalf("%x holds %q, want %q", k[:4], got, want)
				case !found && size == 1<<20:
					r.Fatalf("%x is gone, although there is room", k[:4])
				}
			}
		}
		s.clear()
		if s.len() != 0 {
			r.Fatalf("%d are held after everything was forgotten", s.len())
		}
	})
}

// consistent checks that every slot leads to a record that is found by its key.
func consistent(t interface{ Fatalf(string, ...any) }, s *shelf) {
	for i := range s.shards {
		h := &s.shards[i]
		n := 0
		for slot, place := range h.slots {
			if place == 0 {
				continue
			}
			n++
			if found, ok := h.find(h.key(place - 1)); !ok || found != slot {
				t.Fatalf("slot %d of %d is not where its record is looked for", slot, len(h.slots))
			}
		}
		if n != h.held || h.next-h.first > uint64(len(h.ring)) {
			t.Fatalf("%d records are counted as %d, and %d bytes in a ring of %d", n, h.held, h.next-h.first, len(h.ring))
		}
	}
}

func TestFullShelfLetsTheOldestGo(t *testing.T) {
	s := newShelf(1 << 20)
	value := bytes.Repeat([]byte("x"), 100)
	const n = 20000
	for i := range n {
		s.put(numberedKey(i), value)
		if _, found := s.get(numberedKey(i)); !found {
			t.Fatalf("what was put in last, %d, is not there", i)
		}
	}
	if _, found := s.get(numberedKey(0)); found {
		t.Error("the oldest is still there")
	}
	if held, most := s.len(), len(s.shards[0].ring)*shelfShards/(100+recordHead); held > most || held < most*2/3 {
		t.Errorf("%d are held, and %d have room", held, most)
	}
	consistent(t, s)
}

func TestShelfRefusesWhatWouldDriveOutTooMuch(t *testing.T) {
	s := newShelf(8 << 10 * shelfShards)
	k, large := numberedKey(1), make([]byte, 4<<10)
	s.put(k, []byte("small"))
	s.put(k, large)
	if _, found := s.get(k); found {
		t.Error("either the large value is there, or the one before it, which is not what was put in last")
	}
}

func TestShelfWithoutRoomHoldsNothing(t *testing.T) {
	s := newShelf(1000)
	k := numberedKey(1)
	s.put(k, []byte("value"))
	s.change(k, func([]byte) { t.Error("there is something to change") })
	s.drop(k)
	s.clear()
	if _, found := s.get(k); found || s.len() != 0 {
		t.Error("something is there")
	}
}
