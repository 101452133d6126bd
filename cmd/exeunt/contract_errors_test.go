package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestContractErrors(t *testing.T) {
	t.Parallel()
	// fail makes a navigation fail and returns the id of the error.
	fail := func(in *instance, header ...string) string {
		in.t.Helper()
		to := in.call("GET", in.public+"/self-service/logout/browser", nil, append(header, "Accept", asPage)...).to(in.t, 303)
		id, ok := strings.CutPrefix(to, in.public+"/ui/error?id=")
		if !ok {
			in.t.Fatalf("led to %s", to)
		}
		return id
	}
	get := func(in *instance, query string) answer {
		return in.call("GET", in.public+"/self-service/errors"+query, nil, "Accept", asPage)
	}
	contract(t, "", []row{
		{"sessions 1.5: a navigation that fails leads to the error page", func(t *testing.T, in *instance) {
			a := in.call("GET", in.public+"/self-service/logout/browser", nil, "Accept", asPage)
			if a.to(t, 303); a.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasPrefix(a.body, "<a href=") || a.header.Get("Cache-Control") != noStore || a.header["Ory-Error-Id"] != nil {
				t.Errorf("headers %v, %s", a.header, a.body)
			}
		}},
		{"sessions 1.5: a known error, by anybody and any number of times", func(t *testing.T, in *instance) {
			id := fail(in)
			for range 3 {
				a := get(in, "?id="+id).expect(t, 200).has(t, "", "created_at error id updated_at").has(t, "error", "code id message reason status").is(t, "id", id)
				a.is(t, "error.id", "session_inactive").is(t, "error.code", 401).is(t, "error.status", "Unauthorized").is(t, "updated_at", a.text(t, "created_at"))
				if at, err := time.Parse(time.RFC3339Nano, a.text(t, "created_at")); err != nil || time.Since(at) > time.Minute {
					t.Errorf("created at %s", a.text(t, "created_at"))
				}
				if a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != noStore {
					t.Errorf("headers %v", a.header)
				}
			}
		}},
		{"sessions 1.5: ?error= is the same, and goes before ?id=", func(t *testing.T, in *instance) {
			id := fail(in)
			get(in, "?error="+id).expect(t, 200).is(t, "error.id", "session_inactive")
			get(in, "?id=x&error="+id).expect(t, 200)
			get(in, "?error=x&id="+id).refused(t, 404, "error_not_found")
			get(in, "?error=&id="+id).expect(t, 200)
		}},
		{"sessions 1.5: the example", func(t *testing.T, in *instance) {
			a := get(in, "?id=stub:500").expect(t, 200).is(t, "id", "stub:500").is(t, "error.code", 500).is(t, "created_at", "0001-01-01T00:00:00Z").is(t, "updated_at", "0001-01-01T00:00:00Z")
			if a.text(t, "error.reason") == "" || a.text(t, "error.message") == "" {
				t.Error(a.body)
			}
		}},
		{"sessions 1.5: no such error", func(t *testing.T, in *instance) {
			id := fail(in)
			for _, query := range []string{"", "?id=", "?id=x", "?id=" + uuid.NewString(), "?id=" + id[:len(id)-1], "?id=" + id + "A", "?id=" + id + id, "?id=" + id[1:], "?id=stub:404", "?id=%00", "?id=" + strings.Repeat("A", 20000)} {
				get(in, query).refused(t, 404, "error_not_found")
			}
		}},
		{"sessions 1.5: a logout token is no error, and an error no logout token", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("")
			get(in, "?id="+strings.TrimPrefix(token, "ory_lo_")).refused(t, 404, "error_not_found")
			b.ask("/self-service/logout?token=ory_lo_"+fail(in)).refused(t, 403, "logout_token_mismatch")
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.5, W28: other methods", func(t *testing.T, in *instance) {
			for _, method := range []string{"POST", "PUT", "DELETE"} {
				in.call(method, in.public+"/self-service/errors?id=stub:500", nil).refused(t, 405, "method_not_allowed")
			}
		}},
		{"sessions 0.4: the error holds nothing that the client has written", func(t *testing.T, in *instance) {
			for _, header := range []string{"X-Request-ID", "User-Agent", "Content-Type", "Referer"} {
				if a := get(in, "?id="+fail(in, header, "please/call-us")).expect(t, 200); strings.Contains(a.body, "please/call-us") {
					t.Errorf("%s: %s", header, a.body)
				}
			}
		}},
		{"sessions 1.5: the built-in page shows it, and says so when there is none", func(t *testing.T, in *instance) {
			if a := in.call("GET", in.public+"/ui/error?id="+fail(in), nil).expect(t, 200); !strings.Contains(a.body, "session_inactive") || !strings.HasPrefix(a.header.Get("Content-Type"), asPage) {
				t.Error(a.body)
			}
			if a := in.call("GET", in.public+"/ui/error?id="+url.QueryEscape(`"><script>alert(1)</script>`), nil).expect(t, 404); strings.Contains(a.body, "alert(1)") || !strings.Contains(a.body, "error_not_found") {
				t.Error(a.body)
			}
		}},
		{"sessions W20: failures store nothing", func(t *testing.T, in *instance) {
			for range 50 {
				fail(in)
			}
			db := in.database()
			defer db.Close()
			for _, table := range []string{"flows", "sessions"} {
				var n int
				if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil || n > 30 {
					t.Errorf("%s: %d rows, %v", table, n, err)
				}
			}
		}},
	})
	contract(t, "selfservice: {flows: {error: {ui_url: 'https://ui.example/error?theme=dark#top'}}}\n", []row{
		{"sessions 1.5: a configured page keeps its query", func(t *testing.T, in *instance) {
			to := in.call("GET", in.public+"/self-service/logout/browser", nil, "Accept", asPage).to(t, 303)
			u, err := url.Parse(to)
			if err != nil || !strings.HasPrefix(to, "https://ui.example/error?theme=dark&id=") || u.Fragment != "top" {
				t.Fatalf("led to %s", to)
			}
			get(in, "?id="+u.Query().Get("id")).expect(t, 200).is(t, "error.id", "session_inactive")
		}},
	})
}
