package main

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// browser is a client that keeps cookies, as a browser does, and follows no redirect by itself.
type browser struct {
	*instance
	jar http.CookieJar
}

func (in *instance) browser() *browser {
	in.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		in.t.Fatal(err)
	}
	own, client := *in, *in.client
	client.Jar = jar
	own.client = &client
	return &browser{&own, jar}
}

// page navigates to a page; ask asks for JSON, as a script does.
func (b *browser) page(path string, header ...string) answer {
	b.t.Helper()
	return b.call("GET", b.at(path), nil, append([]string{"Accept", "text/html"}, header...)...)
}

func (b *browser) ask(path string, header ...string) answer {
	b.t.Helper()
	return b.call("GET", b.at(path), nil, append([]string{"Accept", "application/json"}, header...)...)
}

// at is an address of the public API; a whole address stays as it is.
func (b *browser) at(path string) string {
	if strings.HasPrefix(path, "/") {
		return b.public + path
	}
	return path
}

// post submits a form, as a page without scripts does; send submits JSON.
func (b *browser) post(path string, values url.Values, header ...string) answer {
	b.t.Helper()
	return b.call("POST", b.at(path), values.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"}, header...)...)
}

func (b *browser) send(path string, body any, header ...string) answer {
	b.t.Helper()
	return b.call("POST", b.at(path), body, append([]string{"Accept", "application/json"}, header...)...)
}

// cookie is the value of the session cookie that the browser holds, or "".
func (b *browser) cookie() string {
	u, _ := url.Parse(b.public)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == "ory_kratos_session" {
			return c.Value
		}
	}
	return ""
}

// csrf is the value of a flow's anti-forgery node.
func (a answer) csrf(t *testing.T) string {
	t.Helper()
	n := a.node(t, "csrf_token", "")
	if n == nil {
		t.Fatalf("the flow has no csrf_token:\n%s", a.body)
	}
	v, _ := n["attributes"].(map[string]any)["value"].(string)
	return v
}

// to is where an answer sends a browser.
func (a answer) to(t *testing.T, status int) string {
	t.Helper()
	a.expect(t, status)
	if a.header.Get("Location") == "" {
		t.Fatalf("%d without a Location", status)
	}
	return a.header.Get("Location")
}

// enter signs in by a script.
func (b *browser) enter(email string) answer {
	b.t.Helper()
	f := b.ask("/self-service/login/browser").expect(b.t, 200)
	return b.send(b.act(f), object{"method": "password", "identifier": email, "password": passphrase, "csrf_token": f.csrf(b.t)}).expect(b.t, 200)
}

// visitor is somebody who has signed up, in a browser of their own that is signed in.
func (in *instance) visitor() (*browser, person) {
	in.t.Helper()
	p := person{email: testkit.Email()}
	p.id = in.register(p.email)
	b := in.browser()
	p.session = b.enter(p.email).text(in.t, "session.id")
	return b, p
}

// leaving begins a logout and returns its address and its token.
func (b *browser) leaving(query string, header ...string) (address, token string) {
	b.t.Helper()
	a := b.ask("/self-service/logout/browser"+query, header...).expect(b.t, 200)
	return a.text(b.t, "logout_url"), a.text(b.t, "logout_token")
}

func TestAPersonSignsInAndOutWithFormsAlone(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		b, email := in.browser(), testkit.Email()
		in.register(email)
		page := b.page("/self-service/login/browser").to(t, 303)
		if !strings.HasPrefix(page, in.public+"/ui/login?flow=") {
			t.Fatalf("led to %s", page)
		}
		b.page(page).expect(t, 200)
		f := b.ask("/self-service/login/flows?id="+page[strings.Index(page, "=")+1:]).expect(t, 200)
		form := url.Values{"method": {"password"}, "identifier": {email}, "password": {"wrong"}, "csrf_token": {f.csrf(t)}}
		if again := b.post(f.text(t, "ui.action"), form).to(t, 303); again != page {
			t.Fatalf("a wrong password leads to %s", again)
		}
		form.Set("password", passphrase)
		if home := b.post(f.text(t, "ui.action"), form).to(t, 303); home != in.public+"/ui/" {
			t.Fatalf("led to %s", home)
		}
		b.page("/ui/").expect(t, 200)
		b.ask("/sessions/whoami").expect(t, 200)
		address, _ := b.leaving("")
		for range 2 {
			if out := b.page(address).to(t, 303); out != in.public+"/ui/signed-out" {
				t.Fatalf("led to %s", out)
			}
			b.ask("/sessions/whoami").refused(t, 401, "session_inactive")
		}
		b.page("/ui/signed-out").expect(t, 200)
		if login := b.page("/ui/").to(t, 303); login != in.public+"/self-service/login/browser" {
			t.Fatalf("led to %s", login)
		}
	})
}

// csrfName is the name of the anti-forgery cookie: it follows from the base URL.
func (in *instance) csrfName() string {
	return fmt.Sprintf("csrf_token_%x", sha256.Sum256([]byte(in.public+"/")))
}

// carrying is a Cookie header with these session cookies.
func carrying(values ...string) string {
	return "ory_kratos_session=" + strings.Join(values, "; ory_kratos_session=")
}

// held is the value of a cookie that the browser holds, or "".
func (b *browser) held(name string) string {
	u, _ := url.Parse(b.public)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// What scripts and navigations accept.
const (
	asJSON = "application/json"
	asPage = "text/html"
)

// The lines of Set-Cookie, as they have to be. A value of an anti-forgery cookie is 32 bytes in base64.
const (
	removed = `ory_kratos_session=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Lax`
	issued  = `ory_kratos_session=ory_sc_[A-Za-z0-9]{32}\.[0-9a-z]{10}; Path=/; Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT; Max-Age=(8639[0-9]|86400); HttpOnly; SameSite=Lax`
	guard   = `csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/]{43}=; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`
)

// sets checks the lines of Set-Cookie, by expressions in any order.
func (a answer) sets(t *testing.T, want ...string) answer {
	t.Helper()
	left := slices.Clone(a.header["Set-Cookie"])
	for _, w := range want {
		is := regexp.MustCompile("^" + w + "$")
		i := slices.IndexFunc(left, is.MatchString)
		if i < 0 {
			t.Fatalf("no cookie like %s: %q", w, a.header["Set-Cookie"])
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		t.Fatalf("cookies that nobody expects: %q", left)
	}
	return a
}

// shown checks that a browser was led to the built-in error page, and that the error there is this one.
func (in *instance) shown(a answer, id string) answer {
	in.t.Helper()
	to := a.to(in.t, 303)
	query, ok := strings.CutPrefix(to, in.public+"/ui/error?")
	if !ok || a.header.Get("Ory-Error-Id") != "" {
		in.t.Fatalf("led to %s, Ory-Error-Id %q", to, a.header.Get("Ory-Error-Id"))
	}
	told := in.call("GET", in.public+"/self-service/errors?"+query, nil).expect(in.t, 200)
	if told.text(in.t, "error.id") != id {
		in.t.Fatalf("the error is %s, want %s", told.body, id)
	}
	return a
}

// alive checks that a session cookie still counts, and gone that it does not. Neither changes anything.
func (in *instance) alive(cookie string) {
	in.t.Helper()
	in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(cookie)).expect(in.t, 200)
}

func (in *instance) gone(cookie string) {
	in.t.Helper()
	in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(cookie)).refused(in.t, 401, "session_inactive").sets(in.t, removed)
}

// ends counts how often the store says that a session has ended.
func (in *instance) ends(session string) (n int) {
	in.t.Helper()
	db := in.database()
	defer db.Close()
	if err := db.QueryRow(`SELECT COUNT(*) FROM events WHERE kind = 'session_ended' AND session_id = $1`, session).Scan(&n); err != nil {
		in.t.Fatal(err)
	}
	return n
}

// database opens the store behind the server's back.
func (in *instance) database() *sql.DB {
	in.t.Helper()
	driver, dsn := "pgx", in.dsn
	if path, ok := strings.CutPrefix(in.dsn, "sqlite://"); ok {
		driver, dsn = "sqlite", path
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		in.t.Fatal(err)
	}
	return db
}
