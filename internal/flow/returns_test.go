package flow

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"exeunt/internal/fault"
)

func allowList(t testing.TB) *Returns {
	t.Helper()
	r, err := NewReturns("https://app.example/", []string{"https://app.example/ok", "https://*.wild.example", "http://127.0.0.1:4455", "myapp://cb"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReturns(t *testing.T) {
	rs := allowList(t)
	for raw, want := range map[string]string{
		"": "", "https://app.example/ok": "https://app.example/ok", "https://app.example/ok/page?x=1#f": "https://app.example/ok/page?x=1#f", "/ok/x": "https://app.example/ok/x",
		"HTTPS://APP.EXAMPLE/ok": "https://app.example/ok", "https://a.wild.example/any": "https://a.wild.example/any", "https://a.b.wild.example": "https://a.b.wild.example",
		"http://127.0.0.1:4455/x": "http://127.0.0.1:4455/x", "myapp://cb/done": "myapp://cb/done", "https://app.example/ok/../ok/x": "https://app.example/ok/x",
	} {
		got, err := rs.Allow(raw)
		if err != nil || got.String() != want {
			t.Errorf("Allow(%q) = %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"https://app.example.evil/ok/", "//app.evil/ok", "//evil.example", "https://app.example/okay", "https://app.example/ok/../admin", "https://app.example/ok/%2e%2e/admin",
		"https://app.example/ok%2f..%2fadmin", "http://app.example/ok", "https://app.example:8443/ok", "https://wild.example", "https://evilwild.example", "https://.wild.example", "http://127.0.0.1:4456/",
		"http://127.0.0.1/", "myapp://other", "other", "../x", "ok", "https:///ok", "https://", "?x=1", "#f", "/", "ftp://app.example/ok"} {
		if got, err := rs.Allow(raw); !errors.Is(err, ErrForbiddenReturn) {
			t.Errorf("Allow(%q) = %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"javascript:alert(1)", "data:text/html,x", `https:\\evil.example`, `/\evil.example`, "https:evil.example", "https://evil@app.example/ok", "https://app.example@evil.example/ok",
		"https://app.example/ok\n", " https://app.example/ok", "https://app.example/ok\t", "https://app.example/%5cevil", "https://app.example/ok%00", "%zz", "http://[::1", "https://app.example/ok\x00", "https://app.exam\u00a0\ufffdple/ok", "mailto:a@b"} {
		if got, err := rs.Allow(raw); !errors.Is(err, ErrBadReturn) {
			t.Errorf("Allow(%q) = %q, %v", raw, got, err)
		}
	}
}

func FuzzReturns(f *testing.F) {
	for _, seed := range []string{"https://app.example/ok/x", "//evil.example", "/ok", `https:\\evil.example`, "https:/evil", "https://app.example/ok/%2e%2e/x", "https://a.wild.example", "https://app.example/ok?x=//y", "myapp://cb", "HTTPS://app.example:443/ok",
		"/ok//evil", "/ok/;x", "https://app.example/ok%2f%2e%2e", "https://[::1]/ok", "https://\u3002wild.example/"} {
		f.Add(seed)
	}
	rs := allowList(f)
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := rs.Allow(raw)
		if err != nil {
			if fault.From(err).Kind != fault.Invalid || got.String() != "" {
				t.Errorf("%q: %v, %q", raw, err, got)
			}
			return
		}
		if raw == "" {
			return
		}
		u, err := url.Parse(got.String())
		if err != nil || u.User != nil || u.Opaque != "" || u.Host == "" || strings.ContainsAny(got.String(), "\\\r\n\t \x00") {
			t.Fatalf("%q becomes %q: %v", raw, got, err)
		}
		if u.Scheme+"://"+u.Host != "https://app.example" && !strings.HasSuffix(u.Host, ".wild.example") && got.String()[:min(10, len(got.String()))] != "myapp://cb" && u.Host != "127.0.0.1:4455" {
			t.Fatalf("%q leads to %q", raw, got)
		}
		if again, err := rs.Allow(got.String()); err != nil || again != got {
			t.Fatalf("%q becomes %q, and that becomes %q, %v", raw, got, again, err)
		}
	})
}
