package tunnel

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// dug is a tunnel that runs until the test ends, with a browser of scripts before it.
type dug struct {
	t      *testing.T
	own    string
	client *http.Client
}

// dig runs a tunnel in front of an application and a server.
func dig(t *testing.T, app, server string, insteadOf ...string) *dug {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own := "http://" + l.Addr().String()
	made, err := New(own, app, server, insteadOf)
	if err != nil {
		t.Fatal(err)
	}
	s := made.HTTP()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &dug{t, own, &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: stay}}
}

// application is a web application of the test.
func application(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// seen is an answer that was read to its end.
type seen struct {
	status int
	header http.Header
	body   string
}

// ask sends a request through the tunnel; header is name, value, name, value …
func (d *dug) ask(method, address, body string, header ...string) seen {
	d.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = d.own + address
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return seen{resp.StatusCode, resp.Header, string(b)}
}

// expect fails unless an answer has a status and a text.
func (s seen) expect(t *testing.T, status int, text string) seen {
	t.Helper()
	if s.status != status || !strings.Contains(s.body, text) {
		t.Fatalf("%d, want %d with %q: %v\n%s", s.status, status, text, s.header, s.body)
	}
	return s
}

// flow is what the answers of the API hold.
type flow struct {
	ID       string
	ReturnTo string `json:"return_to"`
	UI       struct {
		Action string
		Nodes  []struct{ Attributes struct{ Name, Value any } }
	}
	LogoutURL    string `json:"logout_url"`
	ContinueWith []struct {
		To string `json:"redirect_browser_to"`
	} `json:"continue_with"`
	Session struct {
		Identity struct{ Traits json.RawMessage }
	}
}

func (s seen) flow(t *testing.T) (f flow) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.body), &f); err != nil {
		t.Fatalf("%v\n%s", err, s.body)
	}
	return f
}

func (f flow) csrf() string {
	for _, n := range f.UI.Nodes {
		if n.Attributes.Name == "csrf_token" {
			return fmt.Sprint(n.Attributes.Value)
		}
	}
	return ""
}

const quick = testkit.Quick

func nothing(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "the application has ", r.URL.Path)
}

func TestApplicationAndAPIAreOneOrigin(t *testing.T) {
	p := testkit.Start(t, t.TempDir(), quick+"cookies: {same_site: Strict}\n")
	d := dig(t, application(t, nothing), p.Public)
	d.ask("GET", "/page", "").expect(t, 200, "the application has /page")
	home := d.own + "/orders?of=me#last"
	begun := d.ask("GET", "/self-service/registration/browser?return_to="+url.QueryEscape(home), "").expect(t, 200, "").flow(t)
	if begun.ReturnTo != home || !strings.HasPrefix(begun.UI.Action, d.own+"/self-service/registration?flow=") {
		t.Fatalf("return to %s, action %s", begun.ReturnTo, begun.UI.Action)
	}
	body := fmt.Sprintf(`{"method":"password","password":"correct horse 7 staple","csrf_token":%q,"traits":{"email":"ada@example.org"}}`, begun.csrf())
	done := d.ask("POST", begun.UI.Action, body, "Origin", d.own, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors").expect(t, 200, "ada@example.org")
	if to := done.flow(t).ContinueWith[0].To; to != home {
		t.Errorf("continue with %s, want %s", to, home)
	}
	for _, line := range done.header["Set-Cookie"] {
		if strings.Contains(strings.ToLower(line), "domain") || strings.Contains(line, "Secure") || !strings.Contains(line, "Path=/") || !strings.Contains(line, "SameSite=Strict") {
			t.Errorf("no first-party cookie: %s", line)
		}
	}
	d.ask("GET", "/sessions/whoami", "").expect(t, 200, "ada@example.org")
	d.ask("GET", "/.ory/sessions/whoami", "").expect(t, 200, "ada@example.org")

	out := d.ask("GET", "/self-service/logout/browser?return_to="+url.QueryEscape(d.own+"/bye"), "").expect(t, 200, "").flow(t)
	if !strings.HasPrefix(out.LogoutURL, d.own+"/self-service/logout?") {
		t.Fatalf("logout at %s", out.LogoutURL)
	}
	gone := d.ask("GET", out.LogoutURL, "", "Accept", "text/html").expect(t, 303, "")
	if to := gone.header.Get("Location"); to != d.own+"/bye" {
		t.Errorf("after the logout: %s", to)
	}
	d.ask("GET", "/sessions/whoami", "").expect(t, 401, "session_inactive")
}

func TestPagesOfExeuntWorkOnTheTunnel(t *testing.T) {
	p := testkit.Start(t, t.TempDir(), quick)
	d := dig(t, application(t, nothing), p.Public)
	begun := d.ask("GET", "/self-service/login/browser?return_to="+url.QueryEscape(d.own+"/x"), "", "Accept", "text/html").expect(t, 303, "")
	page := d.ask("GET", begun.header.Get("Location"), "", "Accept", "text/html").expect(t, 200, `action="`+d.own+`/self-service/login?flow=`)
	if strings.Contains(page.body, `"`+p.Public+"/") {
		t.Errorf("the page still leads to %s\n%s", p.Public, page.body)
	}
	if policy := page.header.Get("Content-Security-Policy"); strings.Contains(policy, p.Public) || !strings.Contains(policy, d.own) {
		t.Errorf("the policy is %s", policy)
	}
	// An address that somebody kept from within a query leads back as well.
	kept := d.ask("GET", standIn+"/x?y=z", "").expect(t, 303, "")
	if to := kept.header.Get("Location"); to != d.own+"/x?y=z" {
		t.Errorf("the kept address leads to %s", to)
	}
}

func TestTheTunnelStandsInForTheDeployedApplication(t *testing.T) {
	configured := strings.Replace(quick, "flows: {", "default_browser_return_url: 'https://app.example.com/welcome', flows: {login: {ui_url: 'https://app.example.com/login'}, ", 1)
	p := testkit.Start(t, t.TempDir(), configured)
	d := dig(t, application(t, nothing), p.Public, "https://app.example.com")
	begun := d.ask("GET", "/self-service/login/browser", "", "Accept", "text/html").expect(t, 303, "")
	if to := begun.header.Get("Location"); !strings.HasPrefix(to, d.own+"/login?flow=") {
		t.Errorf("the form is at %s", to)
	}
	d.ask("GET", "/login", "").expect(t, 200, "the application has /login")
	away := d.ask("GET", "/self-service/logout?token=x", "", "Accept", "text/html")
	if to := away.header.Get("Location"); strings.Contains(to, p.Public) || strings.Contains(to, "app.example.com") {
		t.Errorf("%d leads to %s", away.status, to)
	}
}

func TestAFormSaysWhereToReturn(t *testing.T) {
	got := make(chan string, 4)
	server := application(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // what comes is compared
		got <- fmt.Sprint(r.ContentLength, " ", string(b))
	})
	d := dig(t, application(t, nothing), server)
	there := server + standIn + "/x?y=1"
	for body, want := range map[string]string{
		`{"token":"t", "return_to":"` + d.own + `/x?y=1"}`:               `{"token":"t", "return_to":"` + there + `"}`,
		`{"return_to":"https://evil.example/"}`:                          `{"return_to":"https://evil.example/"}`,
		`{"return_to":`:                                                  `{"return_to":`,
		strings.Repeat(" ", maxRequest) + `{"return_to":"` + d.own + `"`: strings.Repeat(" ", maxRequest) + `{"return_to":"` + d.own + `"`,
	} {
		d.ask("POST", "/self-service/logout", body).expect(t, 200, "")
		if got := <-got; got != fmt.Sprint(len(want), " ", want) {
			t.Errorf("sent was %.200q, want %.200q", got, want)
		}
	}
	form := url.Values{"return_to": {d.own + "/x?y=1"}, "token": {"a b"}}.Encode()
	d.ask("POST", "/self-service/logout", form, "Content-Type", "application/x-www-form-urlencoded").expect(t, 200, "")
	if _, sent, _ := strings.Cut(<-got, " "); sent != (url.Values{"return_to": {there}, "token": {"a b"}}).Encode() {
		t.Errorf("sent was %s", sent)
	}
}

func TestWhatExeuntDoesNotAllowIsNotAllowedThroughTheTunnel(t *testing.T) {
	p := testkit.Start(t, t.TempDir(), quick)
	d := dig(t, application(t, nothing), p.Public)
	for _, to := range []string{"https://evil.example/", d.own + ".evil.example/", d.own + "@evil.example/", "//evil.example", "http://127.0.0.1:1/"} {
		d.ask("GET", "/self-service/login/browser?return_to="+url.QueryEscape(to), "").expect(t, 400, "return_to")
	}
	begun := d.ask("GET", "/self-service/login/browser?return_to="+url.QueryEscape(d.own+"/../../ui//evil.example"), "").expect(t, 200, "").flow(t)
	if begun.ReturnTo != d.own+"/ui//evil.example" {
		t.Errorf("return to %s", begun.ReturnTo)
	}
}

func TestPagesOfOtherOriginsStayRefused(t *testing.T) {
	p := testkit.Start(t, t.TempDir(), quick)
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "from ", r.Header.Get("Origin"), " to ", r.Host)
	})
	d := dig(t, app, p.Public)
	for what, h := range map[string][]string{
		"a script of another site":               {"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"},
		"a script of another port":               {"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"},
		"a script of exeunt's own origin":        {"Origin", p.Public, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"},
		"a script of the application's origin":   {"Origin", app, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"},
		"a form of a page that hides its origin": {"Origin", "null", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"},
		"an old browser's form":                  {"Origin", "http://evil.example"},
		"a form without an origin":               {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"},
		"a longer name":                          {"Origin", d.own + ".evil.example"},
	} {
		t.Run(what, func(t *testing.T) {
			d.ask("POST", "/self-service/login?flow=x", "{}", h...).expect(t, 403, "tunnel_foreign_origin")
			d.ask("DELETE", "/sessions", "", h...).expect(t, 403, "tunnel_foreign_origin")
		})
	}
	d.ask("GET", "/sessions/whoami", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image").expect(t, 403, "tunnel_foreign_origin")
	// A link from a mail leads here; whether it may sign somebody out, exeunt decides.
	d.ask("GET", "/self-service/login/browser", "", "Accept", "text/html", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document").expect(t, 303, "")

	// The application judges for itself: it sees its own origin for the tunnel's, and others as they are.
	d.ask("GET", "/x", "", "Origin", d.own).expect(t, 200, "from "+app+" to "+strings.TrimPrefix(app, "http://"))
	d.ask("GET", "/x", "", "Origin", "http://evil.example").expect(t, 200, "from http://evil.example to ")
}

func TestAHostNameOfSomebodyElseDoesNotReachTheTunnel(t *testing.T) {
	app := application(t, func(http.ResponseWriter, *http.Request) { t.Error("the application was reached") })
	d := dig(t, app, "http://127.0.0.1:4433")
	_, port, _ := strings.Cut(strings.TrimPrefix(d.own, "http://"), ":")
	for _, host := range []string{"evil.example:" + port, "localhost:" + port, "127.0.0.1", "127.0.0.1:1"} {
		d.ask("GET", "/", "", "Host", host).expect(t, 421, d.own)
	}
	for _, line := range []string{"GET http://evil.example/ HTTP/1.1\r\nHost: " + d.own[7:], "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22", "OPTIONS * HTTP/1.1\r\nHost: " + d.own[7:]} {
		if s := d.raw(line + "\r\n\r\n"); s.status < 400 || s.status > 499 {
			t.Errorf("%q: %d %s", line, s.status, s.body)
		}
	}
	if s := d.raw("GET / HTTP/1.1\r\nHost: " + d.own[7:] + "\r\nX: " + strings.Repeat("x", 1<<17) + "\r\n\r\n"); s.status != 431 {
		t.Errorf("headers without end: %d %s", s.status, s.body)
	}
}

// raw sends bytes on a connection of its own and reads one answer.
func (d *dug) raw(request string) seen {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.own[7:])
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, request) }() // whoever refuses a long one does not read it to its end
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body) // it may be cut off
	return seen{resp.StatusCode, resp.Header, string(b)}
}

func TestHeadersOfOneConnectionAreNotPassedOn(t *testing.T) {
	app := application(t, func(w http.ResponseWriter, r *http.Request) { _ = r.Header.Write(w) })
	d := dig(t, app, "http://127.0.0.1:4433")
	s := d.raw("GET http://" + d.own[7:] + "/ HTTP/1.1\r\nHost: " + d.own[7:] + "\r\nConnection: close, X-Once\r\nX-Once: 1\r\nX-Forwarded-For: 8.8.8.8\r\nForwarded: for=8.8.8.8\r\nX-Real-Ip: 8.8.8.8\r\nProxy-Authorization: secret\r\n\r\n")
	if s.status != 200 || strings.Contains(s.body, "8.8.8.8") || strings.Contains(s.body, "X-Once") || strings.Contains(s.body, "secret") {
		t.Errorf("%d\n%s", s.status, s.body)
	}
	if !strings.Contains(s.body, "X-Forwarded-Host: "+d.own[7:]) {
		t.Errorf("the application does not learn where its visitor is\n%s", s.body)
	}
}

func TestTheAdminAPIIsNotBehindTheTunnel(t *testing.T) {
	p := testkit.Start(t, t.TempDir(), quick)
	d := dig(t, application(t, nothing), p.Admin) // even where it is said to be exeunt
	d.ask("GET", "/.ory/admin/identities", "").expect(t, 404, "tunnel_admin")
	d.ask("GET", "/admin/identities", "").expect(t, 200, "the application has /admin/identities")
}

func TestEventsComeAsTheyAreSent(t *testing.T) {
	next := make(chan string)
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain") // nothing says that it is a stream
		for text := range next {
			fmt.Fprintln(w, text)
			_ = http.NewResponseController(w).Flush()
		}
	})
	d := dig(t, app, "http://127.0.0.1:4433")
	got := make(chan *http.Response, 1)
	go func() {
		resp, err := d.client.Get(d.own + "/events")
		if err != nil {
			t.Error(err)
		}
		got <- resp
	}()
	next <- "one"
	resp := <-got
	if resp == nil {
		t.FailNow()
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, want := range []string{"one", "two", "three"} {
		if line, err := lines.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("%q %v, want %s", line, err, want)
		}
		if want == "one" {
			next <- "two"
		}
		if want == "two" {
			next <- "three"
		}
	}
	close(next)
}

func TestWebSocketsPass(t *testing.T) {
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		rw.Flush()
		_, _ = io.Copy(conn, rw) // an echo, until the other side ends
	})
	d := dig(t, app, "http://127.0.0.1:4433")
	conn, err := net.Dial("tcp", d.own[7:])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", d.own[7:], d.own)
	r := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	for _, word := range []string{"hello", "again"} {
		fmt.Fprintln(conn, word)
		if line, err := r.ReadString('\n'); err != nil || line != word+"\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
}

func TestWhoIsDownIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + l.Addr().String()
	l.Close()
	l2, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead2 := "http://" + l2.Addr().String()
	l2.Close()
	d := dig(t, dead, dead2)
	d.ask("GET", "/", "").expect(t, 502, `"tunnel_app_down"`).expect(t, 502, dead)
	d.ask("GET", "/", "", "Accept", "text/html,*/*").expect(t, 502, "<h1>Bad Gateway</h1>").expect(t, 502, "the application at "+dead)
	d.ask("GET", "/sessions/whoami", "").expect(t, 502, `"tunnel_exeunt_down"`).expect(t, 502, "exeunt serve")
	d.ask("GET", "/<script>", "", "Accept", "text/html").expect(t, 502, "Bad Gateway")
}

func TestATunnelIntoItselfEnds(t *testing.T) {
	var back string
	app := application(t, func(w http.ResponseWriter, r *http.Request) {
		u, _ := url.Parse(back)
		req := r.Clone(r.Context())
		req.URL, req.Host, req.RequestURI = u, u.Host, ""
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // the test reads what comes
	})
	d := dig(t, app, "http://127.0.0.1:4433")
	back = d.own + "/"
	d.ask("GET", "/", "").expect(t, 508, "tunnel_loop")
}

func TestAddressesThatMakeNoTunnel(t *testing.T) {
	for _, c := range []struct{ own, app, server, why string }{
		{"http://localhost:4000", "http://127.0.0.1:4000", "http://127.0.0.1:4433", "the tunnel itself"},
		{"http://localhost:4000", "http://0.0.0.0:4000", "http://127.0.0.1:4433", "the tunnel itself"},
		{"http://localhost:4000", "http://app.localhost:4000", "http://127.0.0.1:4433", "the tunnel itself"},
		{"http://127.0.0.1:4433", "http://127.0.0.1:3000", "http://localhost:4433", "the tunnel itself"},
		{"http://localhost:4000", "http://localhost:3000", "http://localhost:3000", "both said to be at"},
		{"http://0.0.0.0:4000", "http://localhost:3000", "http://localhost:4433", "no loopback address"},
		{"http://192.168.1.2:4000", "http://localhost:3000", "http://localhost:4433", "no loopback address"},
		{"http://tunnel.example:4000", "http://localhost:3000", "http://localhost:4433", "no loopback address"},
		{"https://localhost:4000", "http://localhost:3000", "http://localhost:4433", "is https"},
		{"http://localhost", "http://localhost:3000", "http://localhost:4433", "no port"},
		{"http://localhost:4000", "localhost:3000", "http://localhost:4433", "cannot be used"},
		{"http://localhost:4000", "http://localhost:3000/app", "http://localhost:4433", "has a path"},
		{"http://localhost:4000", "http://localhost:3000", "http://user:secret@localhost:4433", "cannot be used"},
		{"http://localhost:4000", "http://localhost:3000", "file:///etc/passwd", "cannot be used"},
	} {
		_, err := New(c.own, c.app, c.server, nil)
		if err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := New("http://localhost:4000", "http://localhost:3000", "http://localhost:4433", []string{"app.example"}); err == nil {
		t.Error("an origin without a scheme was taken")
	}
}

func TestCookiesBecomeFirstParty(t *testing.T) {
	for line, want := range map[string]string{
		"a=b; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=None": "a=b; Path=/; HttpOnly; SameSite=Lax",
		"a=b; path=/auth/; domain=.example.com; SECURE":                    "a=b; Path=/",
		"a=b; Path=/auth/ui; SameSite=Strict; Max-Age=5":                   "a=b; Path=/ui; SameSite=Strict; Max-Age=5",
		"a=b; Path=/authors": "a=b; Path=/authors",
		"__Host-session=x; Path=/; Secure; HttpOnly; SameSite=Lax":           "tunnel.__Host-session=x; Path=/; HttpOnly; SameSite=Lax",
		"__secure-session=x; Secure; Partitioned":                            "tunnel.__secure-session=x",
		"a=domain; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Domain=localhost;": "a=domain; Expires=Thu, 01 Jan 1970 00:00:01 GMT;",
	} {
		if got := firstPartyCookie(line, "/auth"); got != want {
			t.Errorf("%q became %q, want %q", line, got, want)
		}
	}
	h := http.Header{"Cookie": {"a=b; tunnel.__Host-session=x; tunnel.other=y"}}
	if restoreCookies(h); h.Get("Cookie") != "a=b; __Host-session=x; tunnel.other=y" {
		t.Errorf("sent as %q", h.Get("Cookie"))
	}
}

func TestOnlyAddressesAreRewritten(t *testing.T) {
	tunnel, err := New("http://localhost:4000", "http://localhost:3000", "https://example.com/auth", []string{"https://app.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]string{
		`{"logout_url" : "https://example.com/auth/self-service/logout?a=b\u0026c=d", "n":1.50}`:                                                           `{"logout_url" : "http://localhost:4000/self-service/logout?a=b&c=d", "n":1.50}`,
		`[{"action":"https:\/\/example.com\/auth\/x"}]`:                                                                                                    `[{"action":"http://localhost:4000/x"}]`,
		`{"return_to":"https://example.com/auth/self-service/.tunnel/a?b#c"}`:                                                                              `{"return_to":"http://localhost:4000/a?b#c"}`,
		`{"error":{"details":{"redirect_browser_to":"http://127.0.0.1:3000/login"}}}`:                                                                      `{"error":{"details":{"redirect_browser_to":"http://localhost:4000/login"}}}`,
		`{"redirect_browser_to":"https://app.example.com"}`:                                                                                                `{"redirect_browser_to":"http://localhost:4000"}`,
		`{"redirect_browser_to":"https://app.example.com.evil.example/"}`:                                                                                  `{"redirect_browser_to":"https://app.example.com.evil.example/"}`,
		`{"action":"https://example.com/authors"}`:                                                                                                         `{"action":"https://example.com/authors"}`,
		`{"traits":{"url":"https://app.example.com/me"},"metadata_public":{"href":"https://app.example.com/"},"value":{"url":"https://app.example.com/"}}`: `{"traits":{"url":"https://app.example.com/me"},"metadata_public":{"href":"https://app.example.com/"},"value":{"url":"https://app.example.com/"}}`,
		`{"name":"https://app.example.com/"}`:                                                                                                              `{"name":"https://app.example.com/"}`,
		`{"action":"https://app.example.com/"`:                                                                                                             `{"action":"https://app.example.com/"`,
		strings.Repeat("[", 100000):                                                                                                                        strings.Repeat("[", 100000),
		`{"url":["https://app.example.com/a",{"url":null}]} `:                                                                                              `{"url":["http://localhost:4000/a",{"url":null}]} `,
	} {
		if got := string(tunnel.names.rewritten([]byte(doc), tunnel.names.shown, addressKeys...)); got != want {
			t.Errorf("%.100s became\n%.100s, want\n%.100s", doc, got, want)
		}
	}
}

// FuzzAddress checks that whatever a client wants to return to is exeunt's to judge, or stands for the tunnel's own.
func FuzzAddress(f *testing.F) {
	tunnel, err := New("http://localhost:4000", "http://localhost:3000", "http://127.0.0.1:4433", nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"http://localhost:4000/a?b#c", "http://localhost:4000@evil.example", "http://localhost:4000/%2e%2e/x", "HTTP://LOCALHOST:4000/../..//x", "//evil", `{"return_to":"http://localhost:4000/"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := tunnel.names
		if sent := n.returning(s); sent != s {
			back := n.shown(sent)
			u, err := url.Parse(back)
			if err != nil || u.Scheme+"://"+u.Host != n.own || !strings.HasPrefix(sent, n.server+standIn+"/") {
				t.Errorf("%q was sent as %q and shown as %q: %v", s, sent, back, err)
			}
			if n.returning(sent) != sent {
				t.Errorf("%q changes again", sent)
			}
		}
		if doc := []byte(s); json.Valid(doc) {
			if got := n.rewritten(bytes.Clone(doc), n.returning, "return_to"); !json.Valid(got) {
				t.Errorf("%q became %q", s, got)
			}
		}
		n.query(s)
		n.page([]byte(s))
		firstPartyCookie(s, "/auth")
	})
}
