package server

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exeunt/internal/admin"
	events "exeunt/internal/event"
	"exeunt/internal/store"
	"exeunt/internal/testkit"
)

type noRoutes struct{}

func (noRoutes) Route(string, string, string) func(int, time.Duration) {
	return func(int, time.Duration) {}
}

// streaming is the admin API on a listener with time-outs, and with heartbeats for followers.
func streaming(t *testing.T, timeout, beat time.Duration) (*Server, *store.Store, *httptest.Server) {
	t.Helper()
	st, err := store.Open(t.Context(), testkit.File(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &Server{Events: events.NewLog(st), Keys: [][]byte{[]byte("a key for tests")}, Meter: noRoutes{}, AdminKeys: admin.NewKeyring(st), AdminLocal: true, Log: slog.New(slog.DiscardHandler)}
	listener := httptest.NewUnstartedServer(s.Admin())
	listener.Config.ReadTimeout, listener.Config.WriteTimeout = timeout, timeout
	s.streams.heartbeat = beat
	listener.Start()
	t.Cleanup(listener.Close)
	return s, st, listener
}

func followed(t *testing.T, ctx context.Context, address string) *bufio.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", address+"/admin/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the server answers %s, %s", resp.Status, resp.Header.Get("Ory-Error-Id"))
	}
	return bufio.NewReader(resp.Body)
}

func TestAFollowerOutlivesTheTimeOutsOfTheListener(t *testing.T) {
	s, st, listener := streaming(t, 300*time.Millisecond, 30*time.Millisecond)
	r := followed(t, t.Context(), listener.URL)
	for beats := 0; beats < 20; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("cut off after %d heartbeats: %v", beats, err)
		}
		if line == ": \n" {
			beats++
		}
	}
	if err := st.InsertIdentity(t.Context(), testkit.Identity(testkit.Email())); err != nil {
		t.Fatal(err)
	}
	for line := ""; line != "event: identity_created\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatalf("cut off before the event: %v", err)
		}
	}
	s.EndStreams()
	s.EndStreams() // once is enough
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Errorf("it did not end well: %v", err)
	}
}

func TestTheConnectionOfAFollowerCanBeUsedAgain(t *testing.T) {
	s, _, listener := streaming(t, time.Minute, time.Minute)
	conn, err := net.Dial("tcp", listener.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	ask := func(accept string) *http.Response {
		t.Helper()
		if _, err := io.WriteString(conn, "GET /admin/events HTTP/1.1\r\nHost: localhost\r\nAccept: "+accept+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	stream := ask("text/event-stream")
	s.EndStreams()
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Fatal(err)
	}
	if resp := ask("application/json"); resp.StatusCode != 200 {
		t.Errorf("then %d", resp.StatusCode)
	}
}

// TestAPlaceIsFreeWhenAFollowerHasGone has followers leave without a word.
func TestAPlaceIsFreeWhenAFollowerHasGone(t *testing.T) {
	s, _, listener := streaming(t, time.Minute, 10*time.Millisecond)
	for range 3 * maxStreams {
		ctx, leave := context.WithCancel(t.Context())
		r := followed(t, ctx, listener.URL)
		if line, err := r.ReadString('\n'); err != nil {
			t.Fatalf("it begins with %q: %v", line, err)
		}
		leave()
		late := time.After(30 * time.Second)
		select {
		case s.streams.free <- struct{}{}:
			<-s.streams.free
		case <-late:
			t.Fatal("nobody has noticed")
		}
	}
}

func TestAFollowerIsToldThePlaceOfWhatOthersWanted(t *testing.T) {
	s, _, _ := streaming(t, time.Minute, time.Minute)
	st := &stream{server: s, told: -1}
	if first, second := st.beat(), st.beat(); !strings.HasPrefix(first, "id: ") || !strings.HasSuffix(first, "\n: \n\n") || second != ": \n\n" {
		t.Errorf("%q, then %q", first, second)
	}
	var c cursor
	if err := s.openCursor("events", strings.TrimSpace(strings.TrimPrefix(strings.SplitN((&stream{server: s, after: 9}).beat(), "\n", 2)[0], "id: ")), &c); err != nil || c.Position != 9 {
		t.Errorf("the place is %+v, %v", c, err)
	}
}
