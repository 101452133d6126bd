package browser

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// house is a whole installation: the server behind nginx with TLS, an application that nginx guards with whoami, a
// single-page application, an application that is not on any list, and somebody else's site.
type house struct {
	port                        int    // of nginx, for all names
	own                         string // where the server itself listens
	seen                        string // the file in which nginx notes the X-Request-ID of what it sends there
	auth, app, spa, rogue, evil string
	server                      *testkit.Process
}

// The names are mapped to this machine by the browser. All but the last are of one site.
const (
	authHost  = "auth.shop.test"
	appHost   = "app.shop.test"
	spaHost   = "spa.shop.test"
	rogueHost = "rogue.shop.test"
	evilHost  = "evil.test"
)

// pages are what the sites serve, by host and path; or "redirect " and where to.
type pages map[string]string

// newHouse starts everything on an engine. extra is added to the server's configuration.
func newHouse(t *testing.T, dsn string, content pages) *house {
	t.Helper()
	h := &house{port: freePort(t)}
	own := freePort(t)
	h.own = fmt.Sprintf("127.0.0.1:%d", own)
	at := func(host string) string { return fmt.Sprintf("https://%s:%d", host, h.port) }
	h.auth, h.app, h.spa, h.rogue, h.evil = at(authHost), at(appHost), at(spaHost), at(rogueHost), at(evilHost)
	h.server = testkit.Start(t, t.TempDir(), fmt.Sprintf(`
dsn: %q
serve:
  public: {port: %d, base_url: %q, trusted_proxies: [127.0.0.1], failed_attempts_per_minute: 0, cors: {enabled: true, allowed_origins: [%q]}}
  admin: {port: 0}
secrets: {default: [a-secret-for-tests-only]}
hashers: {weak_for_tests: true, algorithm: argon2, argon2: {memory: 64KB, iterations: 1, parallelism: 1, dedicated_memory: 64MB}}
cookies: {domain: shop.test}
selfservice:
  allowed_return_urls: [%q, %q]
  flows: {registration: {style: unified, after: {password: {hooks: [{hook: session}]}}}}
`, dsn, own, h.auth+"/", h.spa, h.app, h.spa))
	sites := httptest.NewServer(serveSites(content))
	t.Cleanup(sites.Close)
	h.proxy(t, h.own, strings.TrimPrefix(sites.URL, "http://"))
	return h
}

// quick is what makes the server cheap to start, without its flows.
var quick, _, _ = strings.Cut(testkit.Quick, "selfservice:")

// alone starts the server on an engine without a proxy, for browsers on this machine, with both second factors. session
// and settings are configuration of these two; returns are the addresses that people may go to.
func alone(t *testing.T, dsn, session, settings string, returns ...string) *testkit.Process {
	t.Helper()
	return testkit.Start(t, t.TempDir(), fmt.Sprintf("dsn: %q\n%s", dsn, quick)+fmt.Sprintf(`
ui: {product_name: The Globe}
session: {%s}
selfservice:
  allowed_return_urls: [%s]
  methods: {totp: {enabled: true, config: {issuer: The Globe}}, lookup_secret: {enabled: true}}
  flows: {registration: {style: unified, after: {password: {hooks: [{hook: session}]}}}, settings: {%s}}
`, session, strings.Join(returns, ", "), settings))
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// serveSites answers for the applications and for the stranger.
func serveSites(content pages) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		page, ok := content[host+r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if to, elsewhere := strings.CutPrefix(page, "redirect "); elsewhere {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprint(w, page)
	})
}

const nginxConf = `
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  ssl_certificate %[1]s/cert.pem;
  ssl_certificate_key %[1]s/key.pem;
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  log_format ids '$http_x_request_id';
  upstream exeunt { server %[4]s; keepalive 8; }
  server {
    listen 127.0.0.1:%[2]d ssl;
    server_name %[3]s;
    location / {
      access_log %[1]s/seen ids;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Connection "";
      proxy_pass http://exeunt;
    }
  }
  server {
    listen 127.0.0.1:%[2]d ssl;
    server_name %[5]s;
    location = /private {
      auth_request /session;
      proxy_pass http://%[6]s;
    }
    location = /session {
      internal;
      proxy_pass http://%[4]s/sessions/whoami;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
    location / { proxy_pass http://%[6]s; }
  }
  server {
    listen 127.0.0.1:%[2]d ssl default_server;
    server_name _;
    location / { proxy_pass http://%[6]s; }
  }
}
`

// proxy runs nginx until the test ends.
func (h *house) proxy(t *testing.T, server, sites string) {
	t.Helper()
	dir := t.TempDir()
	h.seen = filepath.Join(dir, "seen")
	certificate(t, dir)
	conf := fmt.Sprintf(nginxConf, dir, h.port, authHost, server, appHost, sites)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"))
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	if path, err := exec.LookPath("/usr/sbin/nginx"); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("nginx: %v; scripts/install nginx nginx-light brings it", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	h.waitForProxy(t, dir)
}

// waitForProxy returns when nginx accepts connections.
func (h *house) waitForProxy(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", h.port), time.Second)
		if err == nil {
			c.Close()
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
	t.Fatalf("nginx does not listen:\n%s", log)
}

// certificate makes a certificate for all names, which the browser is told not to check.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{authHost, appHost, spaHost, rogueHost, evilHost}}
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
}
