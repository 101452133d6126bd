package doctor

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// proxied is nginx with TLS at localhost.
type proxied struct {
	address string
	roots   *x509.CertPool
}

const nginxConf = `
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server {
    listen 127.0.0.1:%[2]d ssl;
    ssl_certificate %[1]s/cert.pem;
    ssl_certificate_key %[1]s/key.pem;
    %[3]s
  }
}
`

// nginx runs a proxy until the test ends; locations is of its configuration.
func nginx(t *testing.T, port int, locations string) proxied {
	t.Helper()
	dir := t.TempDir()
	p := proxied{fmt.Sprintf("https://localhost:%d", port), certificate(t, dir)}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConf, dir, port, locations), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx"
	}
	cmd := exec.Command(path, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatalf("nginx: %v; scripts/install nginx nginx-light brings it", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it was told to end
	})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return p
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
	t.Fatalf("nginx does not listen\n%s", log)
	return p
}

// certificate makes one for localhost, and what trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	return roots
}

// visit makes a doctor for an address.
func visit(address string, roots *x509.CertPool) *Doctor {
	return &Doctor{Server: address, Cookie: "ory_kratos_session", Now: time.Now, Client: &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// server runs one with more configuration. What it says of serve stands in the place of the usual.
func server(t *testing.T, port int, public, extra string) *testkit.Process {
	t.Helper()
	_, rest, _ := strings.Cut(testkit.Quick, "\nsecrets:")
	return testkit.Start(t, t.TempDir(), fmt.Sprintf("serve: {public: {port: %d, failed_attempts_per_minute: 0, %s}, admin: {port: 0}}\nsecrets:%s%s", port, public, rest, extra))
}

// findings are those of a level, as check: cause.
func findings(all []Finding, level Level) (causes []string) {
	for _, f := range all {
		if f.Level == level {
			causes = append(causes, f.Cause)
		}
	}
	return causes
}

// person signs in as a client of either kind.
type person struct {
	t      *testing.T
	p      *testkit.Process
	client *http.Client
	token  string // of the native client
	id     string // of the session that it was given for
}

const passphrase = "correct horse 7 staple"

// newPerson registers somebody.
func newPerson(t *testing.T, p *testkit.Process) *person {
	t.Helper()
	who := &person{t: t, p: p, client: &http.Client{Timeout: time.Minute}}
	f := who.call("GET", p.Public+"/self-service/registration/api", nil, 200)
	done := who.call("POST", f.UI.Action, map[string]any{"method": "password", "password": passphrase, "traits": map[string]string{"email": "ada@example.org"}}, 200)
	who.token, who.id = done.SessionToken, done.Session.ID
	return who
}

// said is what the tests read of answers.
type said struct {
	UI struct {
		Action string
		Nodes  []struct {
			Attributes struct {
				ID, Name string
				Value    any
				Text     struct{ Text string }
			}
		}
	}
	SessionToken string `json:"session_token"`
	Session      struct{ ID string }
}

// node is the value of a form's field, or the text of a node.
func (s said) node(name string) string {
	for _, n := range s.UI.Nodes {
		switch name {
		case n.Attributes.Name:
			return fmt.Sprint(n.Attributes.Value)
		case n.Attributes.ID:
			return n.Attributes.Text.Text
		}
	}
	return ""
}

func (w *person) call(method, address string, body any, want int, header ...string) (s said) {
	w.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, address, bytes.NewReader(encoded))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = json.Unmarshal(text, &s) // an empty answer says nothing
	if resp.StatusCode != want {
		w.t.Fatalf("%s %s: %d\n%s", method, address, resp.StatusCode, text)
	}
	return s
}

// signIn signs in once more, natively.
func (w *person) signIn() (token, id string) {
	w.t.Helper()
	f := w.call("GET", w.p.Public+"/self-service/login/api", nil, 200)
	done := w.call("POST", f.UI.Action, map[string]string{"method": "password", "identifier": "ada@example.org", "password": passphrase}, 200)
	return done.SessionToken, done.Session.ID
}

// browse signs in as a browser, and returns its session cookie.
func (w *person) browse() string {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w = &person{t: w.t, p: w.p, client: &http.Client{Jar: jar, Timeout: time.Minute}}
	f := w.call("GET", w.p.Public+"/self-service/login/browser", nil, 200)
	w.call("POST", f.UI.Action, map[string]string{"method": "password", "identifier": "ada@example.org", "password": passphrase, "csrf_token": f.node("csrf_token")}, 200)
	for _, c := range w.client.Jar.Cookies(parse(w.p.Public)) {
		if c.Name == "ory_kratos_session" {
			return c.Value
		}
	}
	w.t.Fatal("the browser has no session cookie")
	return ""
}

// postJSON posts a document and reads the answer.
func postJSON(address string, body, into any) (status int, err error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	resp, err := http.Post(address, "application/json", bytes.NewReader(encoded))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(into)
}
