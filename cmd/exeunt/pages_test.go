package main

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// shown checks an answer that is a page: its status, and what guards every page.
func (a answer) shown(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	a.expect(t, status)
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		"Cache-Control": "private, no-cache, no-store, must-revalidate", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	policy := a.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("Content-Security-Policy: %q", policy)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not hold %q:\n%s", text, a.body)
		}
	}
	return a
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`)

// field is the value of a hidden field of a page.
func (a answer) field(t *testing.T, name string) string {
	t.Helper()
	for _, m := range hidden.FindAllStringSubmatch(a.body, -1) {
		if m[1] == name {
			return strings.NewReplacer("&#43;", "+", "&amp;", "&").Replace(m[2])
		}
	}
	t.Fatalf("the page has no field %s:\n%s", name, a.body)
	return ""
}

func TestPages(t *testing.T) {
	t.Parallel()
	contract(t, "ui: {product_name: The Globe}\n", []row{
		{"the root leads home, and home leads strangers to the login", func(t *testing.T, in *instance) {
			b := in.browser()
			if to := b.page("/").to(t, 303); to != in.public+"/ui/" {
				t.Errorf("led to %s", to)
			}
			if to := b.page("/ui/").to(t, 303); to != in.public+"/self-service/login/browser" {
				t.Errorf("led to %s", to)
			}
		}},
		{"a form without a flow, with an unknown one, or with another browser's leads to a new one", func(t *testing.T, in *instance) {
			b, other := in.browser(), in.browser()
			theirs := other.page("/self-service/login/browser?return_to=/self-service/x").to(t, 303)
			b.page("/self-service/login/browser").to(t, 303)
			for _, path := range []string{"/ui/login", "/ui/login?flow=nonsense", "/ui/login?flow=4be85580-b3cd-4be2-8aa7-c2cb012028de", theirs} {
				if to := b.page(path).to(t, 303); to != in.public+"/self-service/login/browser" {
					t.Errorf("%s leads to %s", path, to)
				}
			}
			if to := b.page("/ui/login?return_to=%2Fself-service%2Fx&refresh=true").to(t, 303); to != in.public+"/self-service/login/browser?return_to=%2Fself-service%2Fx&refresh=true" {
				t.Errorf("led to %s", to)
			}
			other.page(theirs).shown(t, 200, "Sign in · The Globe", `name="identifier"`, `href="`+in.public+"/self-service/registration/browser?return_to=")
		}},
		{"a browser that keeps no cookies is told so, and not sent in circles", func(t *testing.T, in *instance) {
			page := in.browser().page("/self-service/login/browser").to(t, 303)
			in.browser().page(page).shown(t, 403, "did not keep the cookie")
		}},
		{"a form that says nothing of where it stands is none of ours, as long as all pages are ours", func(t *testing.T, in *instance) {
			b := in.browser()
			f := b.ask("/self-service/login/browser").expect(t, 200)
			form := url.Values{"csrf_token": {f.csrf(t)}, "method": {"password"}, "identifier": {"x"}, "password": {"x"}}
			b.post(f.text(t, "ui.action"), form, "Origin", "null", "Sec-Fetch-Site", "same-site").to(t, 303)
			b.post(f.text(t, "ui.action"), form, "Origin", "null", "Sec-Fetch-Site", "same-site", "Accept", "application/json").refused(t, 403, "security_csrf_violation")
			b.post(f.text(t, "ui.action"), form, "Origin", "null", "Sec-Fetch-Site", "same-origin", "Accept", "application/json").expect(t, 400)
		}},
		{"registration shows its two steps", func(t *testing.T, in *instance) {
			b := in.browser()
			page := b.page("/self-service/registration/browser").to(t, 303)
			first := b.page(page).shown(t, 200, "traits.email", `value="profile"`)
			action := in.public + "/self-service/registration?flow=" + page[strings.Index(page, "=")+1:]
			form := url.Values{"csrf_token": {first.field(t, "csrf_token")}, "traits.email": {"two-steps@example.org"}, "traits.name.first": {""}, "method": {"profile"}}
			if to := b.post(action, form).to(t, 303); to != page {
				t.Fatalf("led to %s", to)
			}
			b.page(page).shown(t, 200, `type="password"`, "two-steps@example.org", `value="previous"`)
		}},
		{"home shows the session, and ends all others with its form alone", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			token, _ := in.login(p.email)
			home := b.page("/ui/").shown(t, 200, p.email, "The Globe")
			b.post("/ui/", url.Values{"csrf_token": {"x"}}).to(t, 303)
			b.post("/ui/", url.Values{"csrf_token": {home.field(t, "csrf_token")}}, "Origin", "https://evil.example").refused(t, 403, "security_csrf_violation")
			in.whoami(token).expect(t, 200)
			b.post("/ui/", url.Values{"csrf_token": {home.field(t, "csrf_token")}}).shown(t, 200, "1 other session was ended")
			in.whoami(token).expect(t, 401)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"the logout page asks, and its form signs out; afterwards it leads on", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			page := b.page("/self-service/logout").to(t, 303)
			if page != in.public+"/ui/logout" {
				t.Fatalf("led to %s", page)
			}
			asked := b.page(page).shown(t, 200, p.email, `action="`+in.public+`/self-service/logout"`)
			b.ask("/sessions/whoami").expect(t, 200)
			if to := b.post("/self-service/logout", url.Values{"token": {asked.field(t, "token")}}).to(t, 303); to != in.public+"/ui/signed-out" {
				t.Errorf("led to %s", to)
			}
			b.ask("/sessions/whoami").expect(t, 401)
			if to := b.page("/self-service/logout").to(t, 303); to != in.public+"/ui/logout" {
				t.Errorf("led to %s", to)
			}
			if to := b.page(page).to(t, 303); to != in.public+"/ui/signed-out" {
				t.Errorf("led to %s", to)
			}
			b.page("/ui/signed-out").shown(t, 200, "data-signed-out")
		}},
		{"the logout page keeps the address to return to", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			page := b.page("/self-service/logout?return_to=/self-service/after").to(t, 303)
			asked := b.page(page).shown(t, 200)
			if to := b.post("/self-service/logout", url.Values{"token": {asked.field(t, "token")}}).to(t, 303); to != in.public+"/self-service/after" {
				t.Errorf("led to %s", to)
			}
			for _, path := range []string{"/self-service/logout?return_to=https://evil.example", "/ui/logout?return_to=https://evil.example"} {
				b.page(b.page(path).to(t, 303)).shown(t, 200, "self_service_flow_return_to_forbidden")
			}
		}},
		{"nobody is told that they are signed out who is not", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			b.page("/ui/signed-out").shown(t, 200, p.email, "data-after=")
		}},
		{"an error is shown, and an unknown one is none", func(t *testing.T, in *instance) {
			b := in.browser()
			page := b.page("/self-service/logout?token=x").to(t, 303)
			b.page(page).shown(t, 200, "401 session_inactive")
			for _, path := range []string{"/ui/error", "/ui/error?id=x", page + "x", "/ui/error?id=" + strings.Repeat("x", 20000)} {
				b.page(path).shown(t, 404, "error_not_found")
			}
		}},
		{"files have names of their own and may be kept", func(t *testing.T, in *instance) {
			b := in.browser()
			login := b.page(b.page("/self-service/login/browser").to(t, 303)).shown(t, 200)
			files := regexp.MustCompile(`/ui/assets/[a-z]+-[0-9a-zA-Z_-]+(\.[a-z]+)?`).FindAllString(login.body, -1)
			if len(files) < 3 {
				t.Fatalf("files: %v", files)
			}
			for _, file := range files {
				a := b.page(file).expect(t, 200)
				if a.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || a.header["Set-Cookie"] != nil || a.body == "" {
					t.Errorf("%s: %v", file, a.header)
				}
			}
			b.page("/ui/assets/nothing.css").refused(t, 404, "route_not_found")
			b.page("/ui/assets/..%2fpages.go").refused(t, 404, "route_not_found")
		}},
	})
}

func TestStrictCookiesArriveFromLinksOfOtherSites(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "cookies: {same_site: Strict}\n", func(t *testing.T, in *instance) {
		b, p := in.visitor()
		address, _ := b.leaving("")
		for _, path := range []string{address, "/self-service/logout", "/self-service/logout/browser", "/ui/logout", "/ui/signed-out", "/ui/", "/ui/login", "/ui/registration",
			"/self-service/login/browser", "/self-service/registration/browser"} {
			a := in.call("GET", b.at(path), nil, "Accept", "text/html", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document").expect(t, 200)
			if a.header.Get("Refresh") != "0" || a.body != "" || a.header["Set-Cookie"] != nil {
				t.Errorf("%s: %v\n%s", path, a.header, a.body)
			}
		}
		b.page("/ui/logout", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document").shown(t, 200, p.email)
		b.ask("/sessions/whoami").expect(t, 200)
	})
}

func TestFilesAndOtherOrigins(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), corsOn)
	b := in.browser()
	login := b.page(b.page("/self-service/login/browser").to(t, 303)).shown(t, 200)
	file := regexp.MustCompile(`/ui/assets/[^"]+`).FindString(login.body)
	a := b.page(file, "Origin", "https://app.example").expect(t, 200)
	if a.header.Get("Access-Control-Allow-Origin") != "https://app.example" || a.header.Get("Vary") != "Origin" {
		t.Errorf("a shared cache would give one origin's answer to another: %v", a.header)
	}
}

const corsOn = "serve: {public: {port: 0, cors: {enabled: true, allowed_origins: ['https://app.example']}}, admin: {port: 0}}\n"

func TestTheLogoOfTheHouse(t *testing.T) {
	t.Parallel()
	picture := `<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>`
	extra := "ui: {product_name: The Globe, logo: 'base64://" + base64.StdEncoding.EncodeToString([]byte(picture)) + "'}\n"
	onEachEngine(t, extra, func(t *testing.T, in *instance) {
		b := in.browser()
		login := b.page(b.page("/self-service/login/browser").to(t, 303)).shown(t, 200, "The Globe")
		file := regexp.MustCompile(`/ui/assets/logo-[^"]+`).FindString(login.body)
		a := b.page(file).expect(t, 200)
		if a.body != picture || a.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %v\n%s", file, a.header, a.body)
		}
	})
}
