package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// The person of the README.
const (
	email      = "ada@example.org"
	passphrase = "correct horse 7 staple"
)

const sessionCookie = "ory_kratos_session"

// visitor is a browser without scripts: it keeps cookies and follows redirects. The cookies are those of 127.0.0.1,
// whatever the port.
type visitor struct {
	t      *testing.T
	public string
	client *http.Client
}

func newVisitor(t *testing.T, p *testkit.Process) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t, p.Public, &http.Client{Jar: jar, Timeout: patience, CheckRedirect: stay}}
}

// page is what a visitor ends up with.
type page struct {
	trail  []string // the addresses on the way, the last one is the page's
	status int
	body   string
}

func (p page) at() string { return p.trail[len(p.trail)-1] }

// visit navigates to an address; post submits a form. Both follow redirects.
func (v *visitor) visit(address string) page {
	v.t.Helper()
	return v.walk(http.MethodGet, address, nil)
}

func (v *visitor) post(address string, form url.Values) page {
	v.t.Helper()
	return v.walk(http.MethodPost, address, form)
}

func (v *visitor) walk(method, address string, form url.Values) page {
	v.t.Helper()
	var seen page
	for len(seen.trail) < 10 {
		seen.trail = append(seen.trail, address)
		status, next, body := v.step(method, address, form)
		if next == "" {
			seen.status, seen.body = status, body
			return seen
		}
		method, address, form = http.MethodGet, next, nil
	}
	v.t.Fatalf("redirects without end: %q", seen.trail)
	return seen
}

// step makes one request, and returns where its answer redirects to, if it does.
func (v *visitor) step(method, address string, form url.Values) (status int, next, body string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if to, err := res.Location(); err == nil && res.StatusCode/100 == 3 {
		next = to.String()
	}
	return res.StatusCode, next, string(text)
}

// cookie is the value of the session cookie that the visitor holds, or "".
func (v *visitor) cookie() string {
	u, _ := url.Parse(v.public)
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == sessionCookie {
			return c.Value
		}
	}
	return ""
}

// form is what a login or registration flow asks for.
type form struct {
	ID string
	UI struct {
		Action string
		Nodes  []struct{ Attributes struct{ Name, Value any } }
	}
}

func (f form) csrf() string {
	for _, n := range f.UI.Nodes {
		if n.Attributes.Name == "csrf_token" {
			return n.Attributes.Value.(string)
		}
	}
	return ""
}

// fetch reads a flow.
func (v *visitor) fetch(path string) (f form) {
	v.t.Helper()
	status, _, body := v.step(http.MethodGet, v.public+path, nil)
	if err := json.Unmarshal([]byte(body), &f); status != http.StatusOK || err != nil {
		v.t.Fatalf("%s: %d %v\n%s", path, status, err, body)
	}
	return f
}

// fill submits the login form that a visitor sees.
func (v *visitor) fill(seen page) page {
	v.t.Helper()
	u, err := url.Parse(seen.at())
	if err != nil {
		v.t.Fatal(err)
	}
	f := v.fetch("/self-service/login/flows?id=" + u.Query().Get("flow"))
	return v.post(f.UI.Action, url.Values{"method": {"password"}, "identifier": {email}, "password": {passphrase}, "csrf_token": {f.csrf()}})
}

// register makes the account, as an app would.
func register(t *testing.T, p *testkit.Process) {
	t.Helper()
	v := newVisitor(t, p)
	f := v.fetch("/self-service/registration/api")
	status, _, body := v.step(http.MethodPost, f.UI.Action, url.Values{"method": {"password"}, "traits.email": {email}, "password": {passphrase}})
	if status != http.StatusOK {
		t.Fatalf("registering: %d\n%s", status, body)
	}
}

// expectWhoami asks whose session a cookie is, and fails unless the answer has a status.
func expectWhoami(t *testing.T, p *testkit.Process, cookie string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Public+"/sessions/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != want {
		t.Fatalf("whoami answers %d, want %d", res.StatusCode, want)
	}
}
