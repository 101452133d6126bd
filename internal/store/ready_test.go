package store

import (
	"sync"
	"testing"
	"unsafe"

	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func TestASearchAmongReadySessionsTouchesOneLineOfMemory(t *testing.T) {
	if n := unsafe.Sizeof(readyLine{}); n != 64 {
		t.Errorf("the places that a key leads to take %d bytes, for the 64 of a line", n)
	}
	table := newReadyTable(leastWeight * 32) // what Go puts into pages of their own
	if at := uintptr(unsafe.Pointer(&table[0])); at%64 != 0 {
		t.Errorf("they do not begin one")
	}
}

func TestASessionIsFoundByAllOfItsKeyAlone(t *testing.T) {
	table, c := newLiveTable(64<<20), liveSession(testkit.Identity(testkit.Email()))
	table.put(c)
	for n := range c.FoundBy {
		other := c.FoundBy
		other[n] ^= 0x80
		if table.ready.get(other) != nil {
			t.Errorf("it is found by a key that differs in byte %d", n)
		}
	}
	if table.ready.get(c.FoundBy) != c.Session {
		t.Error("it is not found by its own")
	}
}

// What shares a line makes way for what comes, and no trace of it stays.
func TestAFullLineHasRoomForOneMore(t *testing.T) {
	table, first := newLiveTable(64<<20), liveSession(testkit.Identity(testkit.Email()))
	room := len(readyLine{})
	for n := range 3 * room {
		c := liveSession(testkit.Identity(testkit.Email()))
		c.FoundBy = first.FoundBy
		c.FoundBy[15] = byte(n)
		table.put(c)
		if table.ready.get(c.FoundBy) != c.Session {
			t.Fatal("what came last is not there")
		}
		if held := table.len(); held != min(n+1, room) {
			t.Fatalf("%d of %d sessions are there", held, n+1)
		}
		whole(t, table)
	}
}

// Sessions whose keys have the same mark and line take the places of each other, while others look for them.
func TestASessionIsNeverTakenForAnother(t *testing.T) {
	table, first := newLiveTable(64<<20), liveSession(testkit.Identity(testkit.Email()))
	clients := make([]client, 2*len(readyLine{}))
	for n := range clients {
		c := liveSession(testkit.Identity(testkit.Email()))
		c.token = session.TokenHash(append(first.FoundBy[:], make([]byte, 16)...))
		c.token[1] = byte(n)
		c.FoundBy = c.token.Key()
		clients[n] = c
	}
	over := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for n := 0; ; n = (n + 1) % len(clients) {
				if found := table.ready.get(clients[n].FoundBy); found != nil && found.ID != clients[n].ID {
					t.Error("a session was found by the token of another")
				}
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	for n := range 20_000 {
		c := clients[n*7%len(clients)]
		switch n % 5 {
		case 0:
			table.apply([]effect{{kind: sessionEnded, token: c.token}})
		case 1:
			table.apply([]effect{{kind: sessionSeen, token: c.token, seen: micros(now), expires: micros(c.ExpiresAt)}})
		default:
			table.put(c)
		}
	}
	close(over)
	readers.Wait()
	whole(t, table)
}
