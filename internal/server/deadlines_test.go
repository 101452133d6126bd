package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

// connected returns both ends of a connection through a bounded listener.
func connected(t *testing.T) (client, server net.Conn) {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Connections{}.Listen(raw, &http.Server{})
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close(); l.Close() })
	return client, server
}

func TestAReadThatIsOverdueEnds(t *testing.T) {
	_, server := connected(t)
	for name, deadline := range map[string]time.Time{"soon": time.Now().Add(10 * time.Millisecond), "long ago, as the HTTP library says at once": time.Unix(1, 0)} {
		if err := server.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The HTTP library interrupts a read after each request, whether it has begun or not.
func TestAReadIsInterruptedHoweverFarItIs(t *testing.T) {
	client, server := connected(t)
	for i := range 2000 {
		ended := make(chan error)
		go func() {
			_, err := server.Read(make([]byte, 1))
			ended <- err
		}()
		for range i % 50 {
			runtime.Gosched()
		}
		if err := server.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("round %d: %v", i, err)
		}
		if err := server.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
			t.Fatalf("round %d: it does not work again: %v", i, err)
		}
	}
}

func TestAConnectionThatWasCutOffWorksAgainWithALaterDeadline(t *testing.T) {
	client, server := connected(t)
	if err := server.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	server.(*connection).cutOff(time.Hour)
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("it was not cut off: %v", err)
	}
	for name, deadline := range map[string]time.Time{"a later one": time.Now().Add(time.Hour), "none": {}} {
		if err := server.SetDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWriteThatNobodyReadsEnds(t *testing.T) {
	_, server := connected(t)
	if err := server.SetWriteDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for part := make([]byte, 1<<20); ; {
		if _, err := server.Write(part); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			return
		}
	}
}
