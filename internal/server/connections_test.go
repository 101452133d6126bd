package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// addressed is a listener whose clients seem to come from the addresses of a list, one after the other.
type addressed struct {
	net.Listener
	from func() string
}

type distant struct {
	net.Conn
	from string
}

func (a addressed) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return distant{c, a.from()}, nil
}

func (n distant) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(n.from), 4711))
}

// listeners are those of listening, by address.
var listeners sync.Map

// atRest waits until so many connections have no request: a client has its answer a moment earlier.
func atRest(t *testing.T, address string, n int) {
	t.Helper()
	found, _ := listeners.Load(address)
	b := found.(*bounded)
	for resting := 0; resting < n; runtime.Gosched() {
		resting = 0
		b.mu.Lock()
		for c := range b.open {
			if c.spare.Load() > 0 {
				resting++
			}
		}
		b.mu.Unlock()
	}
}

// listening serves on a real socket until the test ends; slow ones tell that they have
// entered, and wait for their release.
func listening(t *testing.T, c Connections, from func() string, change func(*http.Server)) (address string, entered, release chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, entered, release = l.Addr().String(), make(chan struct{}), make(chan struct{})
	srv := HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-release
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}), slog.New(slog.DiscardHandler))
	if change != nil {
		change(srv)
	}
	if from != nil {
		l = addressed{l, from}
	}
	over := make(chan error)
	bounded := c.Listen(l, srv)
	listeners.Store(address, bounded)
	go func() { over <- srv.Serve(bounded) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-over; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return address, entered, release
}

// dial connects, and sends something.
func dial(t *testing.T, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, text) // it may be closed already
	return conn
}

func answered(t *testing.T, conn net.Conn) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("no answer: %v", err)
	}
}

// cutOff waits until the other side has closed the connection.
func cutOff(t *testing.T, what string, conn net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("%s: nobody cuts it off", what)
	}
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestAConnectionWithoutARequestMakesWay(t *testing.T) {
	address, _, _ := listening(t, Connections{Max: 3}, nil, nil)
	var rested []net.Conn
	for range 3 {
		conn := dial(t, address, get)
		answered(t, conn)
		rested = append(rested, conn)
		atRest(t, address, len(rested))
	}
	for range 2 {
		answered(t, dial(t, address, get))
		atRest(t, address, len(rested))
	}
	cutOff(t, "the first", rested[0])
	cutOff(t, "the second", rested[1])
	_, _ = io.WriteString(rested[2], get)
	answered(t, rested[2])
}

func TestAFloodOfConnectionsWithoutAByteKeepsNobodyOut(t *testing.T) {
	address, _, _ := listening(t, Connections{Max: 20}, nil, nil)
	for range 60 {
		dial(t, address, "")
	}
	answered(t, dial(t, address, get))
}

func TestWhereAllAreBusyTheNextOneWaits(t *testing.T) {
	address, entered, release := listening(t, Connections{Max: 2}, nil, nil)
	slow := "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
	one, two := dial(t, address, slow), dial(t, address, slow)
	<-entered
	<-entered
	next := dial(t, address, get)
	close(release)
	for _, conn := range []net.Conn{one, two, next} {
		answered(t, conn)
	}
}

func TestAClosedListenerEndsWhoWaitsForRoom(t *testing.T) {
	address, entered, release := listening(t, Connections{Max: 1}, nil, nil)
	defer close(release)
	dial(t, address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	dial(t, address, get) // the cleanup closes the server, which waits for Accept
}

func TestOneClientHasSoManyConnections(t *testing.T) {
	for _, c := range []struct {
		from  string
		bound bool
	}{{"203.0.113.7", true}, {"2001:db8:1:2::%d", true}, {"2001:db8:1:%d::1", false}, {"127.0.0.1", false}, {"10.0.0.1", false}, {"198.51.100.1", false}} {
		t.Run(c.from, func(t *testing.T) {
			n := 0
			from := func() string {
				n++
				if strings.Contains(c.from, "%") {
					return fmt.Sprintf(c.from, n)
				}
				return c.from
			}
			proxies := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
			address, _, _ := listening(t, Connections{Max: 100, PerClient: 2, Proxies: proxies}, from, nil)
			one, two := dial(t, address, get), dial(t, address, get)
			answered(t, one)
			answered(t, two)
			if !c.bound {
				answered(t, dial(t, address, get))
				return
			}
			cutOff(t, "one too many", dial(t, address, get))
			one.Close()
			// The server notices that soon, and there is room again.
			for {
				conn := dial(t, address, get)
				if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
					return
				}
			}
		})
	}
}

func TestNothingIsReadAfterChunks(t *testing.T) {
	address, _, _ := listening(t, Connections{}, nil, nil)
	for _, head := range []string{"Transfer-Encoding: chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding:\tchunked"} {
		conn := dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\n"+head+"\r\n\r\n0\r\n\r\n"+get)
		all, err := io.ReadAll(conn)
		if n := strings.Count(string(all), "HTTP/1.1 200"); n != 1 || !strings.Contains(string(all), "Connection: close") {
			t.Errorf("%q: %d answers, %v", head, n, err)
		}
	}
}

// Every phase of a request has its time. The test lets a hundredth of each pass.
func TestASlowClientIsCutOffInEveryPhase(t *testing.T) {
	faster := func(s *http.Server) {
		for _, d := range []*time.Duration{&s.ReadHeaderTimeout, &s.ReadTimeout, &s.WriteTimeout, &s.IdleTimeout} {
			*d /= 100
		}
	}
	unread := make(chan error, 1)
	large := func(s *http.Server) {
		faster(s)
		rest := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/large" {
				rest.ServeHTTP(w, r)
				return
			}
			_, err := w.Write(make([]byte, 64<<20)) // more than sockets hold
			unread <- err
		})
	}
	address, _, _ := listening(t, Connections{Max: 100, PerClient: 100}, nil, large)
	for what, sent := range map[string]string{
		"nothing":                     "",
		"half a request line":         "GET / HT",
		"header lines without an end": "GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n",
		"half a body":                 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
		"chunks without an end":       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
		"nothing more":                get,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cutOff(t, what, dial(t, address, sent))
		})
	}
	t.Run("drops, one after the other", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, address, "GET / HTTP/1.1\r\n")
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := 0; n < 4000; n++ {
			<-tick.C
			if _, err := fmt.Fprintf(conn, "X-%d: y\r\n", n); err != nil {
				return
			}
		}
		t.Error("nobody cuts it off")
	})
	t.Run("an answer that is not read", func(t *testing.T) {
		t.Parallel()
		dial(t, address, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
		select {
		case err := <-unread:
			if err == nil {
				t.Error("all of it was sent")
			}
		case <-time.After(30 * time.Second):
			t.Error("the server still waits")
		}
	})
}

func TestAConnectionBeginsALineOfMemory(t *testing.T) {
	if n := unsafe.Sizeof(connection{}); n%64 != 0 {
		t.Errorf("%d bytes are no multiple of a line's 64: what each request touches lies in two of them", n)
	}
	if n := unsafe.Offsetof(connection{}.on); n != 64 {
		t.Errorf("what each request touches takes %d bytes, for a line's 64", n)
	}
}
