package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"exeunt/internal/testkit"
)

// receiver takes spans as a collector does (OTLP over HTTP).
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*trace.Span
	raw   bytes.Buffer
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var in io.Reader = q.Body
		if q.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(q.Body)
			if err != nil {
				t.Error(err)
				return
			}
			in = unzipped
		}
		b, err := io.ReadAll(in)
		var sent otlp.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(b, &sent)
		}
		if err != nil || q.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", q.URL.Path, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(b)
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func attribute(s *trace.Span, name string) string {
	for _, a := range s.Attributes {
		if a.Key == name {
			if text := a.Value.GetStringValue(); text != "" {
				return text
			}
			return fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return ""
}

func tracedTo(r *receiver, ratio string) string {
	return fmt.Sprintf("tracing: {provider: otel, providers: {otlp: {server_url: %q, sampling: {sampling_ratio: %s}}}}\n", r.URL, ratio)
}

func TestContractRequestsAreTraced(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			r := newReceiver(t)
			in := start(t, engine.DSN(t), tracedTo(r, "1"))
			p := in.person()
			const theirs = "0af7651916cd43dd8448eb211c80319c"
			in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", p.token, "traceparent", "00-"+theirs+"-b7ad6b7169203331-01").expect(t, 200)
			in.whoami("ory_st_nobody").expect(t, 401)
			in.call("DELETE", in.public+"/sessions/"+p.session, nil, as(p.token)...)
			if err := in.stop(); err != nil {
				t.Fatal(err)
			}
			var checks, refused, inside int
			for _, s := range r.spans {
				switch {
				case s.Name == "GET /sessions/whoami" && fmt.Sprintf("%x", s.TraceId) == theirs:
					checks++
					if s.Kind != trace.Span_SPAN_KIND_SERVER || fmt.Sprintf("%x", s.ParentSpanId) != "b7ad6b7169203331" || attribute(s, "http.response.status_code") != "200" {
						t.Errorf("%v", s)
					}
				case s.Name == "GET /sessions/whoami" && attribute(s, "error.type") == "session_inactive":
					refused++
				case s.Name == "store check" && fmt.Sprintf("%x", s.TraceId) == theirs:
					inside++
				case s.Name == "DELETE /sessions/{id}" && attribute(s, "http.route") != "/sessions/{id}":
					t.Errorf("the route is %q", attribute(s, "http.route"))
				}
			}
			if checks != 1 || refused != 1 || inside != 1 {
				t.Errorf("%d checks with %d look-ups, %d refused, among %d spans", checks, inside, refused, len(r.spans))
			}
			for _, secret := range []string{p.token, p.email, passphrase, "ory_st_nobody"} {
				if strings.Contains(r.raw.String(), secret) {
					t.Errorf("%q is in a span", secret)
				}
			}
		})
	}
}

// Whoever asks cannot have traces recorded that nobody wants, nor does a collector that is away hold anybody up.
func TestContractTracesAreRecordedAsTheOperatorWants(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	in := start(t, testkit.File(t), tracedTo(r, "0"))
	in.call("GET", in.public+"/sessions/whoami", nil, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").expect(t, 401)
	if err := in.stop(); err != nil || len(r.spans) > 0 {
		t.Errorf("%d spans are recorded, %v", len(r.spans), err)
	}
	gone := newReceiver(t)
	address := tracedTo(gone, "1")
	gone.Close()
	away := start(t, testkit.File(t), address)
	away.person()
	if err := away.stop(); err != nil {
		t.Error(err)
	}
}

// audited reads the file of events, and fails for a line that is no event.
func audited(t *testing.T, file string) (kinds []string, ids map[string]bool) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	ids = map[string]bool{}
	for line := range strings.Lines(string(b)) {
		var e struct{ ID, Kind string }
		if !strings.HasSuffix(line, "\n") {
			break // is being written
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds, ids[e.ID] = append(kinds, e.Kind), true
	}
	return kinds, ids
}

func awaitAudit(t *testing.T, file string, n int) []string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		kinds, _ := audited(t, file)
		if len(kinds) >= n {
			return kinds
		}
		if time.Now().After(end) {
			t.Fatalf("there are %d lines, want %d: %v", len(kinds), n, kinds)
		}
	}
}

func TestContractEveryEventIsInTheAuditFileOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			file, dsn := filepath.Join(t.TempDir(), "audit.jsonl"), engine.DSN(t)
			configured := fmt.Sprintf("log: {audit: %q}\n", file)
			in := start(t, dsn, configured)
			p := in.person()
			in.native(object{"session_token": p.token}).expect(t, 204)
			got := awaitAudit(t, file, 3)
			if got[0]+" "+got[len(got)-1] != "identity_created session_ended" {
				t.Errorf("%v", got)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			if err := in.stop(); err != nil {
				t.Fatal(err)
			}
			// A line that a crash has cut off spoils none of those that come after it.
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.WriteString(`{"half":1}`)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			again := start(t, dsn, configured)
			again.person()
			before := len(got) + 1
			more := awaitAudit(t, file, before+2)
			if fmt.Sprint(more[before:before+1]) != "[identity_created]" {
				t.Errorf("%v", more)
			}
			if err := os.Rename(file, file+".1"); err != nil {
				t.Fatal(err)
			}
			again.person()
			if fresh := awaitAudit(t, file, 2); fresh[0] != "identity_created" {
				t.Errorf("after it was moved away: %v", fresh)
			}
		})
	}
}

func TestContractProfilesAskForAKeyThatOpensEverything(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), "")
	in.call("GET", in.admin+"/admin/debug/pprof/heap", nil).refused(t, 401, "admin_key_missing")
	root, _ := in.key("root", "", "all")
	reader, _ := in.key("reader", root, "sessions:read", "settings")
	in.call("GET", in.admin+"/admin/debug/pprof/heap", nil).refused(t, 401, "admin_key_missing")
	in.call("GET", in.admin+"/admin/debug/pprof/heap", nil, withKey(reader)...).expect(t, 403)
	in.call("GET", in.public+"/admin/debug/pprof/heap", nil, withKey(root)...).expect(t, 404)
	in.call("GET", in.admin+"/admin/debug/pprof/cmdline", nil, withKey(root)...).expect(t, 404)
	for _, name := range []string{"heap", "goroutine", "profile?seconds=1", "trace?seconds=1"} {
		if a := in.call("GET", in.admin+"/admin/debug/pprof/"+name, nil, withKey(root)...).expect(t, 200); len(a.body) < 100 {
			t.Errorf("%s has %d bytes", name, len(a.body))
		}
	}
}
