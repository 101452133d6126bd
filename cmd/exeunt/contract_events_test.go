package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"exeunt/internal/config"
	"exeunt/internal/event"
	"exeunt/internal/testkit"
)

// past reads the events that a query chooses.
func (in *instance) past(query string) answer {
	in.t.Helper()
	return in.call("GET", in.admin+"/admin/events"+query, nil)
}

// kinds are the kinds of the events that an answer lists, in their order.
func (a answer) kinds(t *testing.T) string {
	t.Helper()
	var all []string
	for _, e := range a.expect(t, 200).list(t) {
		all = append(all, strings.TrimPrefix(e["kind"].(string), "session_"))
	}
	return strings.Join(all, " ")
}

func TestContractEvents(t *testing.T) {
	t.Parallel()
	contract(t, "session: {extend_debounce: 0s}\n", []row{
		{"what happened to a session, the oldest first, with when, why and by whom", func(t *testing.T, in *instance) {
			p := in.person()
			in.extend(p.session).expect(t, 204)
			in.logout(p.token).expect(t, 204)
			a := in.past("?session_id=" + p.session)
			if got := a.kinds(t); got != "started extended ended" {
				t.Error(got)
			}
			a.has(t, "2", "actor at id identity_id kind reason session_id")
			a.is(t, "2.kind", "session_ended").is(t, "2.reason", "logout").is(t, "2.actor", p.id).is(t, "2.session_id", p.session).is(t, "2.identity_id", p.id)
			a.is(t, "1.actor", "admin").is(t, "1.reason", "")
			at, err := time.Parse(time.RFC3339Nano, a.text(t, "2.at"))
			if err != nil || time.Since(at).Abs() > time.Minute || !strings.HasSuffix(a.text(t, "2.at"), "Z") {
				t.Errorf("at %s", a.text(t, "2.at"))
			}
			if _, err := uuid.Parse(a.text(t, "0.id")); err != nil {
				t.Error(err)
			}
		}},
		{"of an identity, with all its sessions", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil).expect(t, 204)
			a := in.past("?identity_id=" + strings.ToUpper(p.id))
			if got := a.kinds(t); !strings.HasPrefix(got, "identity_created started") || strings.Count(got, "ended") == 0 || strings.Count(got, "ended") != strings.Count(got, "started") || !strings.HasSuffix(got, "identity_deleted") {
				t.Error(got)
			}
			if got := in.past("?kind=identity_deleted&identity_id=" + p.id).kinds(t); got != "identity_deleted" {
				t.Error(got)
			}
		}},
		{"the last of them", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			if got := in.past("?last=1000000&identity_id=" + p.id).kinds(t); got != "identity_created started ended" {
				t.Error(got)
			}
			a := in.past("?last=3&page_size=2")
			if n := len(a.list(t)); n != 2 {
				t.Errorf("%d on the first page", n)
			}
			if next := a.next(t); strings.Contains(next, "last=") {
				t.Errorf("the next page begins anew: %s", next)
			}
			if got := in.past("?last=0&identity_id=" + p.id).body; got != "[]" && got != "[]\n" {
				t.Error(got)
			}
			for _, wrong := range []string{"?last=-1", "?last=x", "?last=", "?last=1&" + strings.TrimPrefix(a.next(t)[strings.Index(a.next(t), "page_token"):], "?")} {
				in.past(wrong).refused(t, 400, "last_invalid")
			}
		}},
		{"pages follow the Link header, which never ends", func(t *testing.T, in *instance) {
			p := in.person()
			for range 4 {
				in.extend(p.session).expect(t, 204)
			}
			at, all := "?page_size=2&session_id="+p.session, ""
			for range 3 {
				a := in.past(at)
				all += " " + a.kinds(t)
				to := a.next(t)
				if !strings.HasPrefix(to, "/admin/events?") || !strings.Contains(to, "page_size=2") || !strings.Contains(to, "session_id=") {
					t.Fatalf("the next page is %q", to)
				}
				at = strings.TrimPrefix(to, "/admin/events")
			}
			if all != " started extended extended extended extended" {
				t.Error(all)
			}
			for range 2 { // at the end there is nothing, until something happens
				a := in.past(at)
				if a.body != "[]\n" || a.next(t) == "" {
					t.Errorf("at the end: %s, next %q", a.body, a.next(t))
				}
				at = strings.TrimPrefix(a.next(t), "/admin/events")
			}
			in.logout(p.token).expect(t, 204)
			if got := in.past(at).kinds(t); got != "ended" {
				t.Error(got)
			}
		}},
		{"a page token may be called after", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			u, err := url.Parse(in.past("?page_size=1&session_id=" + p.session).next(t))
			if err != nil {
				t.Fatal(err)
			}
			a := in.past("?session_id=" + p.session + "&after=" + u.Query().Get("page_token"))
			if got := a.kinds(t); got != "ended" || strings.Contains(a.header.Get("Link"), "after=") {
				t.Error(got, a.header.Get("Link"))
			}
		}},
		{"mistakes are told", func(t *testing.T, in *instance) {
			foreign, err := url.Parse(in.call("GET", in.admin+"/admin/sessions?page_size=1", nil).next(t))
			if err != nil {
				t.Fatal(err)
			}
			for query, id := range map[string]string{
				"kind=session_end": "event_kind_invalid", "kind=%00": "event_kind_invalid", "session_id=x": "bad_uuid", "identity_id=x": "bad_uuid", "page_size=x": "page_size_invalid",
				"page_token=x": "page_token_invalid", "after=x": "page_token_invalid", "page_token=" + foreign.Query().Get("page_token") + "x": "page_token_invalid",
			} {
				in.past("?"+query).refused(t, 400, id)
				in.call("GET", in.admin+"/admin/events?"+query, nil, "Accept", "text/event-stream").refused(t, 400, id)
			}
			if reason := in.past("?kind=x").text(t, "error.reason"); !strings.Contains(reason, "session_ended") {
				t.Error(reason)
			}
			in.call("GET", in.admin+"/admin/events", nil, "Accept", "text/event-stream", "Last-Event-ID", "x").refused(t, 400, "page_token_invalid")
		}},
		{"HEAD answers as GET, and follows nothing", func(t *testing.T, in *instance) {
			for _, accept := range []string{"application/json", "text/event-stream"} {
				a := in.call("HEAD", in.admin+"/admin/events", nil, "Accept", accept).expect(t, 200)
				if a.body != "" || !strings.HasPrefix(a.header.Get("Content-Type"), accept) {
					t.Errorf("%s: %q of type %q", accept, a.body, a.header.Get("Content-Type"))
				}
			}
		}},
		{"a follower is told what happens from then on", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.follow("?identity_id=" + p.id)
			in.extend(p.session).expect(t, 204)
			m := f.next()
			in.logout(p.token).expect(t, 204)
			n := f.next()
			if m.name != "session_extended" || n.name != "session_ended" {
				t.Errorf("told of %s and %s", m.name, n.name)
			}
			a := in.past("?kind=session_ended&session_id=" + p.session)
			if want := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(a.body), "["), "]"); n.data != want {
				t.Errorf("told %s, listed %s", n.data, want)
			}
			h := f.header
			if h.Get("Content-Type") != "text/event-stream" || !strings.Contains(h.Get("Cache-Control"), "no-store") {
				t.Errorf("header lines %v", h)
			}
		}},
		{"a follower goes on where it was", func(t *testing.T, in *instance) {
			p := in.person()
			query := "?session_id=" + p.session
			before := pageToken(t, in.past(query+"&page_size=1"))
			f := in.follow(query)
			in.extend(p.session).expect(t, 204)
			seen := f.next().id
			f.close()
			in.extend(p.session).expect(t, 204)
			in.logout(p.token).expect(t, 204)
			for what, again := range map[string]*feed{
				"Last-Event-ID": in.follow(query, "Last-Event-ID", seen), "after": in.follow(query + "&after=" + seen), "page_token": in.follow(query + "&page_token=" + seen),
				"both, as an EventSource that began with after": in.follow(query+"&after="+before, "Last-Event-ID", seen),
			} {
				if one, two := again.next().name, again.next().name; one != "session_extended" || two != "session_ended" {
					t.Errorf("%s: then %s and %s", what, one, two)
				}
			}
		}},
		{"a follower that begins before the first event is told all", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			first := in.past("?page_size=1&session_id=" + p.session)
			f := in.follow("?session_id=" + p.session + "&after=" + pageToken(t, first))
			if m := f.next(); m.name != "session_ended" {
				t.Errorf("told of %s", m.name)
			}
		}},
	})
}

func pageToken(t *testing.T, a answer) string {
	t.Helper()
	u, err := url.Parse(a.next(t))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("page_token")
}

// feed is somebody who follows the events.
type feed struct {
	t      *testing.T
	header http.Header
	lines  chan string
	ended  chan error
	close  func()
}

// message is what a feed was told.
type message struct{ id, name, data string }

// follow opens a feed, and returns when it is open.
func (in *instance) follow(query string, header ...string) *feed {
	in.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", in.admin+"/admin/events"+query, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := in.client.Transport.RoundTrip(req)
	if err != nil {
		in.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		b, _ := io.ReadAll(resp.Body)
		in.t.Fatalf("following answers %d %s", resp.StatusCode, b)
	}
	f := &feed{t: in.t, header: resp.Header, lines: make(chan string, 1000), ended: make(chan error, 1), close: cancel}
	go func() {
		defer resp.Body.Close()
		s := bufio.NewScanner(resp.Body)
		for s.Scan() {
			f.lines <- s.Text()
		}
		close(f.lines)
		f.ended <- s.Err()
	}()
	return f
}

// next waits for the next event.
func (f *feed) next() (m message) {
	f.t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case line, open := <-f.lines:
			switch {
			case !open:
				f.t.Fatal("the feed has ended")
			case line == "" && m.data != "":
				return m
			case strings.HasPrefix(line, "id: "):
				m.id = strings.TrimPrefix(line, "id: ")
			case strings.HasPrefix(line, "event: "):
				m.name = strings.TrimPrefix(line, "event: ")
			case strings.HasPrefix(line, "data: "):
				m.data += strings.TrimPrefix(line, "data: ")
			}
		case <-late:
			f.t.Fatal("no event came")
		}
	}
}

func TestFollowersAreBounded(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), "")
	var all []*feed
	for range 64 {
		all = append(all, in.follow(""))
	}
	a := in.call("GET", in.admin+"/admin/events", nil, "Accept", "text/event-stream").refused(t, 429, "followers_busy")
	if a.header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	in.past("").expect(t, 200)
	all[0].close()
	until(t, func() bool {
		return in.call("HEAD", in.admin+"/admin/events", nil, "Accept", "text/event-stream").status == 200
	})
	in.register(testkit.Email())
	for _, f := range all[1:] {
		if m := f.next(); m.name != "identity_created" {
			t.Errorf("told of %s", m.name)
		}
	}
}

func TestFollowersOfAllNodesAreTold(t *testing.T) {
	t.Parallel()
	if !testkit.HasPostgres() {
		return // an embedded database has one node
	}
	dsn := testkit.Postgres(t)
	one, two := start(t, dsn, ""), start(t, dsn, "")
	here, there := one.follow("?kind=session_ended"), two.follow("?kind=session_ended")
	p := one.person()
	var last message
	for _, in := range []*instance{one, two, one} {
		token, id := in.login(p.email)
		in.logout(token).expect(t, 204)
		a, b := here.next(), there.next()
		if a != b || !strings.Contains(a.data, id) {
			t.Errorf("told %v and %v of %s", a, b, id)
		}
		if last.id != "" { // what one node hands out, the other takes
			if m := two.follow("?kind=session_ended", "Last-Event-ID", last.id).next(); m != a {
				t.Errorf("told %v, want %v", m, a)
			}
		}
		last = a
	}
}

func TestAServerThatStopsEndsItsFollowers(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		f := in.follow("")
		begun := time.Now()
		if err := in.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took > drainTime/2 {
			t.Errorf("stopping took %v", took)
		}
		for range f.lines {
		}
		if err := <-f.ended; err != nil {
			t.Errorf("the feed was cut off: %v", err)
		}
		if log := in.output.String(); strings.Contains(log, "cut off") {
			t.Errorf("the log says\n%s", log)
		}
	})
}

func TestTheConfigurationKnowsAllKindsOfEvents(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(event.Kinds, config.HookEvents); diff != "" {
		t.Error(diff)
	}
}
