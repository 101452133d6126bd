package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// instance is the whole server, running in this process on one engine.
type instance struct {
	t             *testing.T
	public, admin string  // base addresses without a trailing slash
	dsn, file     string  // of the store, and of its configuration
	output        *output // everything it printed and logged
	client        *http.Client
	stop          func() error
}

// output collects what a server prints, and can be read while it does.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// quick makes password hashing cheap enough for tests.
const quick = `
hashers: {weak_for_tests: true, algorithm: argon2, argon2: {memory: 64KB, iterations: 1, parallelism: 1, dedicated_memory: 64MB}}
`

// onEachEngine runs a test of the whole server on every engine; extra is added to its configuration.
func onEachEngine(t *testing.T, extra string, test func(t *testing.T, in *instance)) {
	t.Helper()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, engine.DSN(t), extra))
		})
	}
}

// start runs a server until the test ends.
func start(t *testing.T, dsn, extra string) *instance {
	t.Helper()
	file := filepath.Join(t.TempDir(), "exeunt.yml")
	text := fmt.Sprintf("dsn: %q\n", dsn)
	for key, usual := range map[string]string{"serve": "{public: {port: 0, failed_attempts_per_minute: 0}, admin: {port: 0}}", "secrets": "{default: [a-secret-for-tests-only]}"} {
		if !strings.Contains("\n"+extra, "\n"+key+":") {
			text += key + ": " + usual + "\n"
		}
	}
	text += quick + extra
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load([]string{file}, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, lines := &output{}, newLines()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, true, io.MultiWriter(out, lines), out) }()
	transport := &http.Transport{DisableCompression: true}
	in := &instance{t: t, dsn: dsn, file: file, output: out, client: &http.Client{Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	in.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	select {
	case addresses := <-lines.found:
		in.public, in.admin = addresses[0], addresses[1]
	case err := <-ended:
		t.Fatalf("the server did not start: %v", err)
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := in.stop(); err != nil {
			t.Errorf("the server did not end well: %v", err)
		}
	})
	return in
}

// on is the same server for a part of the test.
func (in *instance) on(t *testing.T) *instance {
	part := *in
	part.t = t
	return &part
}

// lines waits for the addresses in what the server says when it starts.
type lines struct {
	found chan [2]string
	text  string
	told  bool
}

func newLines() *lines { return &lines{found: make(chan [2]string, 1)} }

func (l *lines) Write(b []byte) (int, error) {
	l.text += string(b)
	_, public, ok1 := strings.Cut(l.text, "public API")
	_, admin, ok2 := strings.Cut(l.text, "admin API")
	if ok1 && ok2 && !l.told && strings.Contains(l.text, "store ") {
		l.told = true
		first := func(s string) string { return strings.TrimSuffix(strings.Fields(s)[0], "/") }
		l.found <- [2]string{first(public), first(admin)}
	}
	return len(b), nil
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request. body is sent as it is when it is a string, else as JSON; header is name, value, name, value …
func (in *instance) call(method, address string, body any, header ...string) answer {
	in.t.Helper()
	var reader io.Reader
	contentType := ""
	switch b := body.(type) {
	case nil:
	case string:
		reader, contentType = strings.NewReader(b), "application/json"
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			in.t.Fatal(err)
		}
		reader, contentType = bytes.NewReader(encoded), "application/json"
	}
	req, err := http.NewRequest(method, address, reader)
	if err != nil {
		in.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Del(header[i])
		if header[i+1] != "" {
			req.Header.Add(header[i], header[i+1])
		}
	}
	return in.do(req)
}

func (in *instance) do(req *http.Request) answer {
	in.t.Helper()
	resp, err := in.client.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// raw sends bytes as they are on a connection of its own, and reads one answer.
func (in *instance) raw(base, request string) answer {
	in.t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(base, "http://"), 10*time.Second)
	if err != nil {
		in.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		in.t.Fatal(err)
	}
	// A server that refuses a long request closes the connection before it has read everything.
	go func() { _, _ = io.WriteString(conn, request) }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		in.t.Fatalf("reading the answer: %v", err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body) // the connection may be reset after the answer
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// json reads a value out of the body by its dotted path; array elements are numbers.
func (a answer) json(t *testing.T, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("the answer %d is not JSON: %v\n%s", a.status, err, a.body)
	}
	for _, key := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			var n int
			if _, err := fmt.Sscan(key, &n); err != nil || n >= len(at) {
				return nil
			}
			v = at[n]
		default:
			return nil
		}
	}
	return v
}

func (a answer) text(t *testing.T, path string) string {
	t.Helper()
	s, _ := a.json(t, path).(string)
	return s
}

// expect fails the test unless the answer has this status.
func (a answer) expect(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d\n%s", a.status, status, a.body)
	}
	return a
}

const passphrase = "quiet heron 41 leaves"

// register signs up a person and returns the identity's id.
func (in *instance) register(email string) string {
	in.t.Helper()
	f := in.call("GET", in.public+"/self-service/registration/api", nil).expect(in.t, 200)
	body := map[string]any{"method": "password", "password": passphrase, "traits": map[string]any{"email": email}}
	return in.call("POST", in.act(f), body).expect(in.t, 200).text(in.t, "identity.id")
}

// login signs a person in and returns the session's token and id.
func (in *instance) login(email string) (token, id string) {
	in.t.Helper()
	f := in.call("GET", in.public+"/self-service/login/api", nil).expect(in.t, 200)
	body := map[string]any{"method": "password", "identifier": email, "password": passphrase}
	a := in.call("POST", in.act(f), body).expect(in.t, 200)
	return a.text(in.t, "session_token"), a.text(in.t, "session.id")
}

// act is where a flow is submitted, whatever its address looks like from outside.
func (in *instance) act(flow answer) string {
	in.t.Helper()
	action := flow.text(in.t, "ui.action")
	return in.public + action[max(strings.Index(action, "/self-service/"), 0):]
}

// whoami checks a token.
func (in *instance) whoami(token string) answer {
	in.t.Helper()
	return in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", token)
}

// logout signs a token out.
func (in *instance) logout(token string) answer {
	in.t.Helper()
	return in.call("DELETE", in.public+"/self-service/logout/api", map[string]any{"session_token": token})
}

// misspelt is a secret of which the last character is another one.
func misspelt(secret string) string {
	last := len(secret) - 1
	if secret[last] == 'x' {
		return secret[:last] + "y"
	}
	return secret[:last] + "x"
}
