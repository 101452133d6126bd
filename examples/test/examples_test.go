package test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

func TestExpress(t *testing.T) { onEachEngine(t, "express", signInAndOut) }
func TestNextJS(t *testing.T)  { onEachEngine(t, "nextjs", signInAndOut) }
func TestGo(t *testing.T)      { onEachEngine(t, "go", signInAndOut) }
func TestJava(t *testing.T)    { onEachEngine(t, "java", signInAndOut) }

// signInAndOut is what a person does with an example that renders its pages on its server.
func signInAndOut(t *testing.T, e example, p *testkit.Process, origin string) {
	register(t, p)
	start(t, e, p, origin)
	v, elsewhere, self := newVisitor(t, p), newVisitor(t, p), origin+"/"
	expectLogin := func(seen page, way ...string) {
		t.Helper()
		way = append(way, p.Public+"/self-service/login/browser?return_to="+url.QueryEscape(self))
		if last := len(seen.trail) - 1; seen.status != 200 || !slices.Equal(seen.trail[:last], way) || !strings.HasPrefix(seen.at(), p.Public+"/ui/login?flow=") {
			t.Fatalf("%d at the end of %q\n%s", seen.status, seen.trail, seen.body)
		}
	}
	expectPage := func(seen page) {
		t.Helper()
		if seen.status != 200 || seen.at() != self || !strings.Contains(seen.body, "Signed in as "+email) {
			t.Fatalf("%d at the end of %q\n%s", seen.status, seen.trail, seen.body)
		}
	}
	for _, browser := range []*visitor{v, elsewhere} {
		form := browser.visit(self)
		expectLogin(form, self)
		expectPage(browser.fill(form))
	}
	expectPage(v.visit(self))
	cookie := v.cookie()
	expectWhoami(t, p, cookie, 200)

	_, leave, _ := v.step("GET", self+"logout", nil)
	if !strings.HasPrefix(leave, p.Public+"/self-service/logout?") {
		t.Fatalf("the logout leads to %s", leave)
	}
	expectWhoami(t, p, cookie, 200) // the token alone has ended nothing
	expectLogin(v.visit(leave), leave, self)
	expectWhoami(t, p, cookie, 401)
	if v.cookie() != "" {
		t.Error("the browser still has its session cookie")
	}

	// Once more, by the link of before and from the start.
	expectLogin(v.visit(leave), leave, self)
	expectLogin(v.visit(self+"logout"), self+"logout", self)

	expectPage(elsewhere.visit(self))
	cookie = elsewhere.cookie()
	_, leave, _ = elsewhere.step("GET", self+"logout", nil)
	expectLogin(elsewhere.visit(self+"logout"), self+"logout", leave, self)
	expectWhoami(t, p, cookie, 401)
}

func TestNative(t *testing.T) {
	onEachEngine(t, "native", func(t *testing.T, e example, p *testkit.Process, _ string) {
		const want = `login: 200
whoami: 200 ada@example.org
logout: 204
whoami: 401 session_inactive
logout: 204
`
		register(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if got, err := command(ctx, e.run, p.Public).Output(); err != nil || string(got) != want {
			t.Errorf("%v\n%s", err, got)
		}
		wrong := strings.Replace(e.run, passphrase, "something else", 1)
		got, err := command(ctx, wrong, p.Public).CombinedOutput()
		if err == nil || !strings.Contains(string(got), "login: 400 ") {
			t.Errorf("a wrong password: %v\n%s", err, got)
		}
	})
}
