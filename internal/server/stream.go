package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	events "exeunt/internal/event"
	"exeunt/internal/fault"
	"exeunt/internal/wire"
)

// streams bounds and ends the answers that have no end of their own.
type streams struct {
	free      chan struct{}
	ending    chan struct{}
	end       func()
	heartbeat time.Duration
}

const (
	maxStreams  = 64
	heartbeat   = 15 * time.Second
	admission   = time.Second      // how often the key of a follower is looked at
	streamWrite = 10 * time.Second // for one write to a follower; one that is slower is cut off
)

func newStreams() *streams {
	ending := make(chan struct{})
	return &streams{free: make(chan struct{}, maxStreams), ending: ending, end: sync.OnceFunc(func() { close(ending) }), heartbeat: heartbeat}
}

// EndStreams ends what would otherwise never end, so that a server that shuts down need not wait for it.
func (s *Server) EndStreams() { s.streams.end() }

var errStreams = &fault.Error{Kind: fault.Busy, ID: "followers_busy", RetryAfter: 10 * time.Second,
	Reason: "Too many clients follow the events already. Please try again in a moment, or ask for pages."}

// follow sends events as they happen (server-sent events, as browsers' EventSource reads them).
func (s *Server) follow(w http.ResponseWriter, r *http.Request, p page, f events.Filter) error {
	select {
	case s.streams.free <- struct{}{}:
		defer func() { <-s.streams.free }()
	default:
		return errStreams
	}
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Time{}); err != nil { // that of the listener is for answers that end
		return err
	}
	after, err := s.followFrom(r, p)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx
	w.WriteHeader(http.StatusOK)
	of(w).began = elapsed()
	if r.Method == http.MethodHead {
		return nil
	}
	st := &stream{server: s, w: w, control: control, after: after, told: -1}
	return st.run(r.Context(), f)
}

// followFrom is where a follower begins: after the last event that it has seen, or says to have seen, or at the end.
func (s *Server) followFrom(r *http.Request, p page) (int64, error) {
	q := r.URL.Query()
	if seen := r.Header.Get("Last-Event-ID"); seen != "" {
		p.after = cursor{}
		if err := s.openCursor(eventPages.list, seen, &p.after); err != nil {
			return 0, err
		}
	} else if q.Get("page_token") == "" && q.Get("after") == "" && !q.Has("last") {
		return s.Events.End(r.Context())
	}
	_, err := s.Events.List(r.Context(), p.after.Position, 1, events.Filter{}) // a failure is told while it can be
	return p.after.Position, err
}

// stream is one follower.
type stream struct {
	server  *Server
	w       http.ResponseWriter
	control *http.ResponseController
	after   int64 // the follower has everything up to here
	told    int64 // and knows it; -1 before it was told anything
}

// run sends pages and heartbeats until the client goes, the server ends, or the store fails.
func (st *stream) run(ctx context.Context, f events.Filter) error {
	ctx, cancel := context.WithCancel(ctx)
	pages, failed := make(chan events.Page), make(chan error, 1)
	go func() {
		failed <- st.server.Events.Follow(ctx, st.after, f, func(p events.Page) error {
			select {
			case pages <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	ended, err := st.relay(ctx, pages, failed)
	cancel()
	if !ended {
		<-failed
	}
	_ = st.control.SetWriteDeadline(time.Now().Add(streamWrite)) // for the end of the answer, if there is still somebody
	return err
}

// relay writes what comes, as long as the follower's key counts. It reports whether following has ended, and with what failure of the store; a client that is
// gone is none.
func (st *stream) relay(ctx context.Context, pages <-chan events.Page, failed <-chan error) (ended bool, err error) {
	beat, look := time.NewTicker(st.server.streams.heartbeat), time.NewTicker(admission)
	defer beat.Stop()
	defer look.Stop()
	gone := st.write(st.beat())
	for gone == nil {
		select {
		case p := <-pages:
			if st.after = p.Through; len(p.Events) == 0 {
				continue
			}
			if !of(st.w).admitted(ctx) {
				return false, nil
			}
			gone = st.write(st.page(p))
		case <-look.C:
			if !of(st.w).admitted(ctx) {
				return false, nil
			}
		case <-beat.C:
			gone = st.write(st.beat())
		case err := <-failed:
			if ctx.Err() != nil {
				err = nil
			}
			return true, err
		case <-ctx.Done():
			return false, nil
		case <-st.server.streams.ending:
			return false, nil
		}
	}
	return false, nil
}

// beat is a comment, which shows both sides that the other is there. When the log has moved on past events that the
// filter leaves out, it also tells the place, without an event.
func (st *stream) beat() string {
	if st.told == st.after {
		return ": \n\n"
	}
	st.told = st.after
	return "id: " + st.token(st.after) + "\n: \n\n"
}

func (st *stream) page(p events.Page) string {
	var b strings.Builder
	for _, e := range p.Events {
		data, _ := wire.Marshal(wire.FromEvent(e)) // texts and a time cannot fail; it ends with a newline
		b.WriteString("id: " + st.token(e.Position) + "\nevent: " + e.Kind + "\ndata: " + string(data) + "\n")
	}
	st.told = p.Events[len(p.Events)-1].Position
	return b.String()
}

func (st *stream) token(position int64) string {
	return st.server.seal(eventPages.list, cursor{Position: position})
}

func (st *stream) write(text string) error {
	if err := st.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := io.WriteString(st.w, text); err != nil {
		return err
	}
	return st.control.Flush()
}
