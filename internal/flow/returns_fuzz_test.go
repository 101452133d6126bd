package flow

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"exeunt/internal/fault"
)

// fuzzed are returns with an entry of each kind.
func fuzzed(t testing.TB) *Returns {
	t.Helper()
	rs, err := NewReturns("https://x.example/", "https://app.example/ok/home", []string{"https://app.example/ok", "https://*.wild.example", "http://127.0.0.1:4455",
		"https://p443.example:443/dir/", "http://[::1]:80", "myapp://", "com.example.app:/oauth", "exp://192.168.0.1:8081"})
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

var seeds = []string{
	"", "/", "/ok/x", "/ok//evil", "/ok/;x", "?a=b", "#f", "?", "#", "//app.example/ok", "//evil.example", "///evil.example", "/.//evil.example", "/ok/.G...//../.", "/ok/../..//evil.example",
	"https://app.example/ok/x", "HTTPS://APP.example:443/ok", "https://app.example/ok/%2e%2e/x", "https://app.example/ok%2f%2e%2e", "https://app.example/ok/.%2E/ok?x=//y#z#z", "https://app.example/%6fk/a b",
	`https:\\evil.example`, "https:/evil", "https:evil", "http:evil", "https://app.example@evil.example/", "https://app.example%2f@evil.example/ok", "https://a.wild.example", "https://xn--.wild.example", "https://\u3002wild.example/", "https://a_-b.wild.example./",
	"https://[::1]/ok", "http://[0::1]:80/", "http://[::ffff:127.0.0.1]:80/", "http://127.0.0.1:4455/<>\"`{}|^'[]ü%zz", "http://127.0.0.1:4455?'\"<>`|^#'\"<>`|^", "http://0x7f.1:4455/", "http://127.0.0.1:04455/", "https://p443.example:443/dir/",
	"myapp://cb", "myapp:/cb", "myapp:///cb", "myapp:cb", "myapp:/.//cb", "myapp://CB/../x?'", "myapp://CB/..", "myapp://[::1]:1/", "com.example.app:/oauth", "com.example.app:///oauth/..", "exp://192.168.0.1:8081/--/x", "javascript://a/%0aalert(1)", "/%00", "/ok\u202e", "/ok/\xff",
}

// FuzzReturns holds what Allow returns to its promises, as far as Go can read it.
func FuzzReturns(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	rs := fuzzed(f)
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := rs.Allow(raw)
		if err != nil {
			if fault.From(err).Kind != fault.Invalid || !got.IsZero() {
				t.Errorf("%q: %v, %q", raw, err, got)
			}
			return
		}
		if raw == "" {
			return
		}
		u, err := url.Parse(got.String())
		if err != nil || u.User != nil || u.Opaque != "" || !ordinary(got.String(), "-._~!$&'()*+,;=:@/?%#[]") {
			t.Fatalf("%q becomes %q: %v", raw, got, err)
		}
		if !expected(u.Scheme, u.Host, u.Path) {
			t.Fatalf("%q leads to %q", raw, got)
		}
		if again, err := rs.Allow(got.String()); err != nil || again != got {
			t.Fatalf("%q becomes %q, and that becomes %q, %v", raw, got, again, err)
		}
	})
}

// expected reports whether a place is one that the list of fuzzed allows, in words of its own. Default ports may be
// left out, as browsers do.
func expected(scheme, host, path string) bool {
	switch host = strings.ToLower(host); scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
		own := host == "x.example" && strings.HasPrefix(path+"/", "/self-service/")
		return own || host == "app.example" && strings.HasPrefix(path+"/", "/ok/") || strings.HasSuffix(host, ".wild.example") || host == "p443.example" && strings.HasPrefix(path, "/dir/")
	case "http":
		return host == "127.0.0.1:4455" || strings.TrimSuffix(host, ":80") == "[::1]"
	case "exp":
		return host == "192.168.0.1:8081"
	case "com.example.app":
		return host == "" && strings.HasPrefix(path+"/", "/oauth/")
	}
	return scheme == "myapp"
}

// FuzzReturnsAsBrowsersReadThem compares with the parser of URLs that browsers have. It is Node's.
func FuzzReturnsAsBrowsersReadThem(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	rs := fuzzed(f)
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := rs.Allow(raw)
		if err != nil || raw == "" {
			return
		}
		in, out := asBrowsersRead(t, raw, rs.fallback.String(), got.String())
		if in == nil || out == nil {
			t.Fatalf("%q becomes %q; no browser reads both: %v, %v", raw, got, in, out)
		}
		if path, err := url.PathUnescape(out.Path); err != nil || !expected(strings.TrimSuffix(out.Scheme, ":"), out.Host, path) || out.User != "" {
			t.Fatalf("%q becomes %q, which leads to %+v", raw, got, *out)
		}
		if raw[0] == '?' || raw[0] == '#' {
			in.Path, out.Path = "", "" // as in Kratos, the path of the default does not count
		}
		if raw[0] == '#' {
			in.Query = "" // nor does its query
		}
		if !strings.HasPrefix(in.Scheme, "http") && in.Path == "" && out.Path == "/" {
			out.Path = "" // Node 20 loses the slash that remains of "/.."
		}
		if *in != *out {
			t.Fatalf("%q becomes %q; a browser reads %+v and %+v", raw, got, *in, *out)
		}
	})
}

// reading is what a browser finds in an address.
type reading struct{ Scheme, User, Host, Path, Query, Fragment string }

// node runs the parser. Workers of the fuzzer are processes, so each has its own; it ends when its input does.
var node = sync.OnceValues(func() (*browser, error) {
	cmd := exec.Command("node", "testdata/browser.mjs")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &browser{in: in, out: bufio.NewReader(out)}, cmd.Start()
})

type browser struct {
	in  io.Writer
	out *bufio.Reader
}

func asBrowsersRead(t *testing.T, raw, page, got string) (in, out *reading) {
	t.Helper()
	b, err := node()
	if err != nil {
		t.Fatalf("this test needs Node; run scripts/install node nodejs: %v", err)
	}
	code := base64.StdEncoding.EncodeToString
	if _, err := fmt.Fprintln(b.in, code([]byte(raw)), code([]byte(page)), code([]byte(got))); err != nil {
		t.Fatal(err)
	}
	line, err := b.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Raw, Out *reading }
	if err := json.Unmarshal(line, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Raw, answer.Out
}
