package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

// endpoint is one route with a request that it would answer well.
type endpoint struct {
	method, pattern string
	query           string
	body            any  // nil when none is read
	flow            bool // what is wrong with the body is told on the form
	free            bool // works without the store
	leads           bool // who does not ask for JSON is led to the error page
}

func (e endpoint) admin() bool { return strings.HasPrefix(e.pattern, "/admin/") }

// address is where the endpoint is, with values in the place of what stands in braces.
func (e endpoint) address(in *instance, id string) string {
	base := in.public
	if e.admin() {
		base = in.admin
	}
	return base + strings.NewReplacer("{id}", id, "{type}", "totp", "{$}", "", "{name}", "x.css").Replace(e.pattern)
}

var endpoints = []endpoint{
	{method: "GET", pattern: "/health/alive", free: true},
	{method: "GET", pattern: "/health/ready"},
	{method: "GET", pattern: "/self-service/logout/browser", leads: true},
	{method: "GET", pattern: "/self-service/logout", query: "?token=ory_lo_x", leads: true},
	{method: "POST", pattern: "/self-service/logout", body: object{"token": "ory_lo_x"}, leads: true},
	{method: "HEAD", pattern: "/self-service/logout", query: "?token=ory_lo_x", free: true},
	{method: "DELETE", pattern: "/self-service/logout/api", body: object{"session_token": "ory_st_x"}},
	{method: "GET", pattern: "/self-service/login/api"},
	{method: "GET", pattern: "/self-service/login/browser", leads: true},
	{method: "GET", pattern: "/self-service/login/flows", query: "?id=" + uuid.NewString()},
	{method: "POST", pattern: "/self-service/login", query: "?flow=" + uuid.NewString(), body: object{"method": "password"}, flow: true},
	{method: "GET", pattern: "/self-service/registration/api"},
	{method: "GET", pattern: "/self-service/registration/browser", leads: true},
	{method: "GET", pattern: "/self-service/registration/flows", query: "?id=" + uuid.NewString()},
	{method: "POST", pattern: "/self-service/registration", query: "?flow=" + uuid.NewString(), body: object{"method": "password"}, flow: true},
	{method: "GET", pattern: "/self-service/settings/api"},
	{method: "GET", pattern: "/self-service/settings/browser", leads: true},
	{method: "GET", pattern: "/self-service/settings/flows", query: "?id=" + uuid.NewString()},
	{method: "POST", pattern: "/self-service/settings", query: "?flow=" + uuid.NewString(), body: object{"method": "password"}, flow: true},
	{method: "GET", pattern: "/self-service/settings", query: "?flow=" + uuid.NewString(), leads: true},
	{method: "HEAD", pattern: "/self-service/settings", query: "?flow=" + uuid.NewString(), free: true},
	{method: "GET", pattern: "/.well-known/change-password", free: true},
	{method: "GET", pattern: "/self-service/errors", query: "?id=stub:500", free: true},
	{method: "GET", pattern: "/sessions/token-exchange", query: "?init_code=x&return_to_code=y"},
	{method: "HEAD", pattern: "/sessions/token-exchange", query: "?init_code=x&return_to_code=y", free: true},
	{method: "DELETE", pattern: "/sessions"},
	{method: "DELETE", pattern: "/sessions/{id}"},
	{method: "GET", pattern: "/sessions"},
	{method: "GET", pattern: "/schemas", free: true},
	{method: "GET", pattern: "/schemas/{id}", free: true},
	{method: "GET", pattern: "/.well-known/jwks.json", free: true},
	{method: "*", pattern: "/sessions/whoami"},
	{method: "GET", pattern: "/{$}", free: true},
	{method: "GET", pattern: "/ui/{$}"},
	{method: "POST", pattern: "/ui/{$}"},
	{method: "GET", pattern: "/ui/sessions"},
	{method: "POST", pattern: "/ui/sessions"},
	{method: "GET", pattern: "/ui/login", query: "?flow=" + uuid.NewString()},
	{method: "GET", pattern: "/ui/registration", query: "?flow=" + uuid.NewString()},
	{method: "GET", pattern: "/ui/settings", query: "?flow=" + uuid.NewString(), leads: true},
	{method: "GET", pattern: "/ui/logout"},
	{method: "GET", pattern: "/ui/signed-out"},
	{method: "GET", pattern: "/ui/error", query: "?id=stub:500", free: true},
	{method: "GET", pattern: "/ui/assets/{name}", free: true},
	{method: "GET", pattern: "/admin/health/alive", free: true},
	{method: "GET", pattern: "/admin/health/ready"},
	{method: "GET", pattern: "/admin/version", free: true},
	{method: "GET", pattern: "/admin/metrics/prometheus", free: true},
	{method: "GET", pattern: "/admin/sessions"},
	{method: "POST", pattern: "/admin/sessions", body: object{"action": "disable", "sessions": []string{uuid.NewString()}}},
	{method: "GET", pattern: "/admin/debug/pprof/{name}"},
	{method: "GET", pattern: "/admin/sessions/whoami", free: true},
	{method: "DELETE", pattern: "/admin/sessions/whoami"},
	{method: "POST", pattern: "/admin/sessions/lookup", body: object{"session_token": "ory_st_x"}},
	{method: "GET", pattern: "/admin/sessions/{id}"},
	{method: "DELETE", pattern: "/admin/sessions/{id}"},
	{method: "PATCH", pattern: "/admin/sessions/{id}/extend"},
	{method: "GET", pattern: "/admin/identities"},
	{method: "POST", pattern: "/admin/identities", body: object{"traits": object{"email": "bad-input@example.org"}}},
	{method: "PATCH", pattern: "/admin/identities", body: object{"identities": []object{{"create": object{"traits": object{"email": "bad-batch@example.org"}}}}}},
	{method: "GET", pattern: "/admin/identities/{id}"},
	{method: "PUT", pattern: "/admin/identities/{id}", body: object{"traits": object{"email": "bad-put@example.org"}}},
	{method: "PATCH", pattern: "/admin/identities/{id}", body: []object{{"op": "add", "path": "/metadata_public", "value": 1}}},
	{method: "DELETE", pattern: "/admin/identities/{id}"},
	{method: "GET", pattern: "/admin/identities/by/external/{id}"},
	{method: "DELETE", pattern: "/admin/identities/{id}/credentials/{type}"},
	{method: "GET", pattern: "/admin/identities/{id}/sessions"},
	{method: "DELETE", pattern: "/admin/identities/{id}/sessions"},
	{method: "GET", pattern: "/admin/events"},
	{method: "GET", pattern: "/admin/hooks/deliveries"},
	{method: "POST", pattern: "/admin/hooks/deliveries/{id}/retry"},
	{method: "GET", pattern: "/admin/settings"},
	{method: "PATCH", pattern: "/admin/settings", body: object{"session": object{"limit": object{"max": 1000}}}},
	{method: "GET", pattern: "/admin/keys"},
	{method: "POST", pattern: "/admin/keys", body: object{"name": "a key would lock everybody out", "scopes": []string{"all"}}},
	{method: "DELETE", pattern: "/admin/keys/{id}"},
}

func TestEveryRouteIsAmongTheEndpoints(t *testing.T) {
	t.Parallel()
	all := routes(t)
	var listed []string
	for _, e := range endpoints {
		listed = append(listed, e.method+" "+e.pattern)
	}
	slices.Sort(all)
	slices.Sort(listed)
	if !slices.Equal(all, listed) || len(all) < 50 {
		t.Errorf("routes\n%s\nlisted\n%s", strings.Join(all, "\n"), strings.Join(listed, "\n"))
	}
}

// routes reads all routes out of the server's source, as method and pattern; * stands for any method.
func routes(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "internal", "server", "routes.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if entry, ok := n.(*ast.CompositeLit); ok && (len(entry.Elts) == 3 || len(entry.Elts) == 4) {
			if path, ok := entry.Elts[1].(*ast.BasicLit); ok {
				method := "*"
				if m, ok := entry.Elts[0].(*ast.BasicLit); ok {
					method, _ = strconv.Unquote(m.Value)
				}
				pattern, _ := strconv.Unquote(path.Value)
				all = append(all, method+" "+pattern)
			}
		}
		return true
	})
	return all
}

// telltales are what no answer may hold: names of types and packages, SQL, paths, addresses.
var telltales = []string{"json:", " sql", "sqlstate", "sqlite", "pgx", "pgconn", "postgres", "goroutine", "/work", "/tmp", "internal/", ".go:", "runtime", "strconv",
	"unmarshal", "panic", "nil pointer", "url.error", "map[", "interface {", "struct {", "&{", "0x"}

// random is what may hold any letters by chance: anti-forgery tokens, whatever is sealed, and addresses of people.
var random = regexp.MustCompile(`[A-Za-z0-9+/]{86}==|[A-Za-z0-9_-]{40,}|[a-z2-7]{26}@`)

// telltale returns the first telltale in a text, or "".
func telltale(text string) string {
	text = strings.ToLower(random.ReplaceAllString(html.UnescapeString(text[:min(len(text), 20000)]), "…"))
	for _, t := range telltales {
		if strings.Contains(text, t) {
			return t
		}
	}
	return ""
}

// harmless checks an answer to bad input: no failure of the server, an id and a reason where it is refused, and nothing
// told that is nobody's business.
func (in *instance) harmless(a answer, what string) {
	in.t.Helper()
	if a.status >= 500 {
		in.t.Errorf("%s: %d %s", what, a.status, cut(a.body))
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/plain; version=") {
		return
	}
	for _, part := range []string{a.body, a.header.Get("Location"), a.header.Get("Link")} {
		if found := telltale(part); found != "" {
			in.t.Errorf("%s: the answer tells %q: %s", what, found, cut(part))
		}
	}
	if strings.Contains(in.dsn, "postgres://") {
		if u, err := url.Parse(in.dsn); err == nil && strings.Contains(a.body, u.Host) {
			in.t.Errorf("%s: the answer tells where the database is", what)
		}
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		in.page(a, what)
		return
	}
	if a.status < 400 || a.body == "" {
		return
	}
	var e struct {
		Error struct{ ID, Reason, Message string }
		UI    json.RawMessage
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || (e.Error.ID == "" || e.Error.Reason == "" || e.Error.Message == "") && e.UI == nil {
		in.t.Errorf("%s: %d without an id and a reason: %s", what, a.status, cut(a.body))
	}
	if e.UI == nil && a.header.Get("Ory-Error-Id") != e.Error.ID {
		in.t.Errorf("%s: the header says %q", what, a.header.Get("Ory-Error-Id"))
	}
	if len(a.body) > 20000 {
		in.t.Errorf("%s: an answer of %d bytes", what, len(a.body))
	}
}

// page checks an answer for people: one of our own pages, or the way to one.
func (in *instance) page(a answer, what string) {
	in.t.Helper()
	to := a.header.Get("Location")
	switch {
	case a.status >= 300 && a.status < 400:
		if !strings.HasPrefix(to, in.public+"/") && !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			in.t.Errorf("%s: led to %s", what, cut(to))
		}
	case !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'") || a.body != "" && !strings.HasPrefix(a.body, "<!DOCTYPE html>"):
		in.t.Errorf("%s: a page of another kind: %v %s", what, a.header, cut(a.body))
	}
}

func cut(s string) string { return s[:min(len(s), 500)] }

// broken are bodies that no endpoint can read.
func broken() map[string]string {
	return map[string]string{
		"nothing": "", "spaces": " \n", "an open brace": "{", "a cut string": `{"method":"pass`, "a cut key": `{"meth`, "no value": `{"a":}`, "no colon": `{"a" 1}`,
		"a comma too many": `{"a":1,}`, "single quotes": `{'a':1}`, "text": "hello", "XML": "<a/>", "a bare word": `{"a":nope}`, "a number that is none": `{"a":01}`,
		"trailing garbage": `{"a":1}x`, "two documents": `{"a":1}{"a":2}`, "a key twice": `{"a":1,"a":2}`, "a key twice inside": `{"a":{"b":1,"b":2}}`, "a key twice by escape": `{"a":1,"\u0061":2}`,
		"NUL in a value": `{"a":"\u0000"}`, "NUL in a key": `{"\u0000":1}`, "a raw NUL": "{\"a\":\"\x00\"}", "not UTF-8": "{\"a\":\"\xff\xfe\"}", "not UTF-8 in a key": "{\"\xc3\":1}",
		"a BOM": "\ufeff{}", "UTF-16": "{\x00}\x00", "a deep array": strings.Repeat("[", 100000), "a deep array, closed": strings.Repeat("[", 100000) + strings.Repeat("]", 100000),
		"a deep object": strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000), "deep traits": `{"traits":` + strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 51),
		"a wrong bracket": `{"a":[}`, "a control character": "{\"a\":\"\x01\"}", "a bad escape": `{"a":"\x"}`,
	}
}

// odd are bodies that are JSON, but not what anybody asked for.
func odd() []string {
	return []string{`null`, `true`, `7`, `"x"`, `[]`, `[1]`, `[null]`, `[[]]`, `{"a":1e999999999}`, `{"traits":{"email":1e999999999}}`, `{"traits":{"email":-1e-999999999}}`,
		`{"method":"password","traits":{"email":1e999999999},"password":"abcdefghijkl"}`, `{"traits":[]}`, `{"traits":"\ud800"}`, `{"traits":{"email":"\ud800@example.org"}}`,
		`{"credentials":7}`, `{"credentials":{"password":7}}`, `{"credentials":{"password":{"config":7}}}`, `{"credentials":{"password":{"config":{"hashed_password":7}}}}`,
		`{"verifiable_addresses":[{"verified_at":"x"}]}`, `{"verifiable_addresses":[{"verified":"x"}]}`, `{"identities":7}`, `{"identities":[[]]}`, `{"sessions":{}}`, `{"action":null}`,
		`{"session_token":{"a":1}}`, `{"method":["password"]}`, `{"method":{"a":1}}`, `{"method":"profile","traits":null}`, `{"method":"password","password":[],"identifier":{}}`,
		`{"` + strings.Repeat("k", 100000) + `":1}`, `{"` + strings.Repeat("k", 100000) + `":1,"` + strings.Repeat("k", 100000) + `":2}`, `{"state":"` + strings.Repeat("s", 100000) + `"}`,
		`{"method":"password","password":"abcdefghijkl","traits` + strings.Repeat(".a", 400000) + `":1}`, `{"method":"password","password":"abcdefghijkl","traits` + strings.Repeat(".", 900000) + `":1}`,
		`{"method":"password","traits.email":"a@example.org","traits.email.x":1}`, `[{"op":"add","path":"` + strings.Repeat("/a", 400000) + `","value":1}]`,
		`[{"op":"add","path":"/traits/` + strings.Repeat("x", 500000) + `","value":1}]`, `[{"op":"add","path":7,"value":1}]`, `[{"op":7}]`, `[{"op":"copy","from":7,"path":"/traits/x"}]`,
		`[{"op":"add","path":"/metadata_public/-/-/9999999/a","value":1}]`, `[{"op":"add","path":"/traits/-5","value":1}]`, `[{"op":"add","path":"/traits~2","value":1}]`,
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		p := in.person()
		logins, registrations := in.begin("login", "").text(t, "ui.action"), in.begin("registration", "").text(t, "ui.action")
		t.Run("endpoints", func(t *testing.T) {
			for _, e := range endpoints {
				t.Run(e.method+" "+e.pattern, func(t *testing.T) {
					t.Parallel()
					in := in.on(t)
					e := e
					if e.method == "*" {
						e.method = "GET"
					}
					victim := in.create(object{"traits": object{"email": testkit.Email()}}).expect(t, 201).text(t, "id")
					at := e.address(in, victim) + e.query
					if e.flow {
						at = map[bool]string{true: logins, false: registrations}[strings.HasSuffix(e.pattern, "login")]
					}
					in.wrongMethods(e, at)
					in.badBodies(e, at)
					in.badHeaders(e, at)
					in.badPaths(e)
					in.badQueries(e, at)
					in.head(e, at)
				})
			}
		})
		in.whoami(p.token).expect(t, 200).is(t, "identity.id", p.id)
		in.login(p.email)
		in.logout(p.token).expect(t, 204)
		if log := in.output.String(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
			t.Errorf("the log tells of failures:\n%s", regexp.MustCompile(`(?m)^.*(panic|level=ERROR).*$`).FindString(log))
		}
	})
}

func (in *instance) wrongMethods(e endpoint, at string) {
	in.t.Helper()
	allowed := map[string]bool{}
	for _, other := range endpoints {
		if other.pattern == e.pattern {
			allowed[other.method] = true
			allowed["HEAD"] = allowed["HEAD"] || other.method == "GET"
		}
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "get"} {
		if allowed[method] || allowed["*"] && method != "PROPFIND" && method != "get" {
			continue
		}
		a := in.call(method, at, nil)
		if a.status != 405 || a.header.Get("Allow") == "" || a.header.Get("Ory-Error-Id") != "method_not_allowed" {
			in.t.Errorf("%s: %d, Allow %q, %v", method, a.status, a.header.Get("Allow"), cut(a.body))
		}
		in.harmless(a, method)
	}
}

func (in *instance) badBodies(e endpoint, at string) {
	in.t.Helper()
	read := e.body != nil
	for name, body := range broken() {
		if !read && len(body) > 20 {
			continue
		}
		a := in.call(e.method, at, body, "Content-Type", "application/json")
		in.harmless(a, name)
		if read && a.status != 400 {
			in.t.Errorf("%s: %d %s", name, a.status, cut(a.body))
		}
	}
	if !read {
		return
	}
	for _, body := range odd() {
		in.harmless(in.call(e.method, at, body), cut(body))
	}
	for _, form := range []string{"%zz", "a=1&a=2", "=", "&&&", strings.Repeat("a&", 300000), "traits" + strings.Repeat(".a", 300000) + "=1&method=password&password=abcdefghijkl", "a=%00", "\xff=\xfe", ";"} {
		in.harmless(in.call(e.method, at, form, "Content-Type", "application/x-www-form-urlencoded"), "form "+cut(form))
	}
	for _, contentType := range []string{"", "text/plain", "application/jsonx", "application/json, text/plain", "/", "application/json; charset", strings.Repeat("a", 5000), "multipart/form-data"} {
		a := in.call(e.method, at, e.body, "Content-Type", contentType)
		in.harmless(a, "content type "+cut(contentType))
		if e.leads && a.status == 303 && strings.HasPrefix(a.header.Get("Location"), in.public+"/ui/error?id=") {
			continue
		}
		if a.status != 400 && contentType != "application/json; charset" {
			in.t.Errorf("content type %q: %d %s", cut(contentType), a.status, cut(a.body))
		}
	}
	limit := 1 << 20
	if e.admin() {
		limit = 16 << 20
	}
	a := in.call(e.method, at, `{"a":"`+strings.Repeat("x", limit)+`"}`)
	in.harmless(a, "a large body")
	if a.status != 413 {
		in.t.Errorf("a large body: %d %s", a.status, cut(a.body))
	}
	in.shortBody(e, at)
}

// shortBody promises more bytes than it sends.
func (in *instance) shortBody(e endpoint, at string) {
	u, err := url.Parse(at)
	if err != nil {
		in.t.Fatal(err)
	}
	for _, head := range []string{"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n"} {
		a := in.raw("http://"+u.Host, e.method+" "+u.RequestURI()+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"+head)
		in.harmless(a, "a broken transfer")
		if a.status != 400 {
			in.t.Errorf("a broken transfer: %d %s", a.status, cut(a.body))
		}
	}
}

func (in *instance) badHeaders(e endpoint, at string) {
	in.t.Helper()
	for _, name := range []string{"X-Junk", "X-Session-Token"} {
		a := in.call(e.method, at, e.body, name, strings.Repeat("x", 1<<20))
		in.harmless(a, "1 MB in "+name)
		if a.status != http.StatusRequestHeaderFieldsTooLarge {
			in.t.Errorf("1 MB in %s: %d %s", name, a.status, cut(a.body))
		}
		if name == "X-Session-Token" {
			in.harmless(in.call(e.method, at, e.body, name, strings.Repeat("x", 60000)), "a token of 60 kB")
		}
	}
	u, _ := url.Parse(at)
	if !strings.HasSuffix(e.pattern, "/alive") {
		// one endpoint of each listener is enough: no handler sees such a request
	} else if a := in.raw("http://"+u.Host, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Junk: "+strings.Repeat("x", 3<<20)+"\r\n\r\n"); a.status != http.StatusRequestHeaderFieldsTooLarge {
		in.t.Errorf("3 MB of header: %d", a.status)
	}
	for name, value := range map[string]string{"X-Session-Token": "\xff\xfe", "Authorization": "Bearer \xff", "Cookie": "a=\xff; =;;;", "User-Agent": "\xff\t\xfe", "X-Request-Id": "\xff", "X-Forwarded-For": "\xff,,,", "Accept": "\xff/*;q=x", "Origin": "\xff"} {
		in.harmless(in.call(e.method, at, e.body, name, value), name+" that is not UTF-8")
	}
	if a := in.raw("http://"+u.Host, e.method+" "+u.RequestURI()+" HTTP/1.1\r\nHost: localhost\r\nX-Session-Token: a\x00b\r\nConnection: close\r\n\r\n"); a.status != 400 {
		in.t.Errorf("NUL in a header: %d", a.status)
	}
}

func (in *instance) badPaths(e endpoint) {
	in.t.Helper()
	for _, id := range []string{"nope", "%00", "%2f", "%2F%2e%2e", "%ff", "%c0%af", "..%2f..", strings.Repeat("a", 4000), "'%20OR%201=1--", "%7B%7D", "*", "%20", "%0d%0aX-Evil:%201", uuid.NewString() + "%00",
		strings.ToUpper(uuid.NewString()), uuid.NewString(), "urn:uuid:" + uuid.NewString(), "00000000-0000-0000-0000-000000000000"} {
		for _, base := range []string{e.address(in, id), strings.Replace(e.address(in, id), "/admin/", "/", 1)} {
			if !strings.Contains(e.pattern, "{id}") {
				base += "/" + id
			}
			a := in.call(e.method, base, e.body)
			in.harmless(a, base)
			if a.header["X-Evil"] != nil {
				in.t.Errorf("%s: a header was smuggled in", base)
			}
			if a.status < 300 && e.method != "DELETE" && !strings.Contains(e.pattern, "/sessions") {
				in.t.Errorf("%s: %d", base, a.status)
			}
		}
	}
}

func (in *instance) badQueries(e endpoint, at string) {
	in.t.Helper()
	plain, _, _ := strings.Cut(at, "?")
	paged := map[string]int{"page_size=x": 400, "page_size=1.5": 400, "page_size=99999999999999999999": 400, "page_token=x": 400, "page_token=%00": 400, "page_token=" + strings.Repeat("A", 10000): 400}
	lists := slices.Contains([]string{"/schemas", "/admin/sessions", "/admin/identities", "/admin/identities/{id}/sessions", "/admin/events", "/admin/hooks/deliveries"}, e.pattern) && e.method == "GET"
	for query, status := range paged {
		a := in.call(e.method, plain+"?"+query, e.body)
		in.harmless(a, query)
		if lists && a.status != status {
			in.t.Errorf("%s: %d", cut(query), a.status)
		}
	}
	for _, query := range []string{"%zz", ";", "=", "&&", "a=%00", "id=%00", "flow=%00", "flow=%ff", "id[]=x", "id=x&id=y", "flow=" + uuid.NewString() + "%00", "%ff=%fe", "ids=%00", "active=%00", "expand=%00",
		"credentials_identifier=%00%ff", "preview_credentials_identifier_similar=%25%00_", "credentials_identifier=" + strings.Repeat("x", 5000), "organization_id=%00", "include_credential=%ff", "return_to=%00",
		"return_to=%ff", "identity_schema=%00", "aal=%00", "organization=%00", "tokenize_as=%00", "page=-1", "page=%00&per_page=x", "per_page=-5", strings.Repeat("a=b&", 10000), "\xff=\xfe"} {
		req, err := http.NewRequest(e.method, plain, nil)
		if err != nil {
			in.t.Fatal(err)
		}
		req.URL.RawQuery = query
		in.harmless(in.do(req), query)
	}
}

// head compares HEAD with GET.
func (in *instance) head(e endpoint, at string) {
	in.t.Helper()
	ownHead := func(other endpoint) bool { return other.method == "HEAD" && other.pattern == e.pattern }
	if e.method != "GET" || slices.ContainsFunc(endpoints, ownHead) { // there, HEAD does not do what GET does
		return
	}
	get, head := in.call("GET", at, nil), in.call("HEAD", at, nil)
	if get.status != head.status || head.body != "" || get.header.Get("Ory-Error-Id") != head.header.Get("Ory-Error-Id") {
		in.t.Errorf("GET %d, HEAD %d %q", get.status, head.status, head.body)
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		for _, base := range []string{in.public, in.admin} {
			for _, path := range []string{"/", "/nope", "/admin", "/admin/", "/admin/nope", "/self-service", "/self-service/login/", "/%00", "/%ff", "/%2e%2e/%2e%2e", "/.git/config", "/debug/pprof/", "/self-service/errors/x",
				"/" + strings.Repeat("a/", 2000), "/admin/identities/x/y/z", "/favicon.ico"} {
				for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS"} {
					a := in.call(method, base+path, nil)
					in.harmless(a, path)
					home := method == "GET" && base+path == in.public+"/" && a.to(t, 303) == in.public+"/ui/"
					if a.status != 404 && a.status != 307 && a.status != 405 && a.status != 400 && !home {
						t.Errorf("%s %s: %d", method, path, a.status)
					}
				}
			}
			for _, request := range []string{"GET * HTTP/1.1\r\nHost: localhost", "GET  HTTP/1.1\r\nHost: localhost", "GET /a b HTTP/1.1\r\nHost: localhost", "GET http://evil.example/sessions/whoami HTTP/1.1\r\nHost: evil.example",
				"GET / HTTP/1.1", "GET / HTTP/9.9\r\nHost: localhost", "G\x00T / HTTP/1.1\r\nHost: localhost", "nonsense", "GET /%zz HTTP/1.1\r\nHost: localhost", "GET / HTTP/1.1\r\nHost: a\r\nHost: b",
				"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"} {
				if a := in.raw(base, request+"\r\nConnection: close\r\n\r\n"); a.status < 400 || a.status > 505 || a.status == 500 || telltale(a.body) != "" {
					t.Errorf("%q: %d %s", request, a.status, a.body)
				}
			}
		}
		in.person()
	})
}
