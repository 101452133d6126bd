package test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"exeunt/internal/testkit"
)

func TestSPA(t *testing.T) {
	onEachEngine(t, "spa", func(t *testing.T, e example, p *testkit.Process, origin string) {
		register(t, p)
		start(t, e, p, origin)
		first := chromium(t)
		first.do("opening the page", chromedp.Navigate(origin+"/"))
		first.reads("who", "Nobody is signed in")
		first.signIn("something else")
		first.until("the page says why", `document.getElementById("message").textContent.startsWith("The provided credentials are invalid.")`)
		first.reads("who", "Nobody is signed in")
		first.signIn(passphrase)
		first.reads("who", "Signed in as "+email)
		first.reads("message", "")
		cookie := first.cookie(p.Public)
		expectWhoami(t, p, cookie, 200)

		second := first.another()
		second.do("opening the page again", chromedp.Navigate(origin+"/"))
		second.reads("who", "Signed in as "+email)
		second.do("waiting for the button", chromedp.WaitVisible(chromedp.CSS("#logout")))

		first.do("signing out", chromedp.Click(chromedp.CSS("#logout")))
		first.reads("message", "The logout answered 204")
		first.reads("who", "Nobody is signed in")
		expectWhoami(t, p, cookie, 401)
		if left := first.cookie(p.Public); left != "" {
			t.Errorf("the browser still has the session cookie %s", left)
		}

		// The other tab does not know yet.
		second.do("signing out again", chromedp.Click(chromedp.CSS("#logout")))
		second.reads("message", "There was nothing to log out of: 401")
		second.reads("who", "Nobody is signed in")
	})
}

var tunnelLine = regexp.MustCompile(`(?m)^bin/exeunt (tunnel \S+)\n(ORY_SDK_URL=\S+) (.+)$`)

func TestSPAThroughTheTunnel(t *testing.T) {
	lines := tunnelLine.FindStringSubmatch(readme())
	e := examples()["spa"]
	if lines == nil || lines[3] != e.run {
		t.Fatal("the README does not say how to start the tunnel and the page")
	}
	if out, err := command(t.Context(), e.install, "").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", e.install, err, out)
	}
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			p := testkit.Start(t, t.TempDir(), fmt.Sprintf("dsn: %q\n%s", engine.DSN(t), testkit.Quick)) // it knows of no other origin
			register(t, p)
			app, own := "http://127.0.0.1:"+freePort(t), "http://localhost:"+freePort(t)
			run(t, testkit.Binary(t)+" "+strings.ReplaceAll(lines[1], usual, app)+" "+own+" --server "+p.Public, own)
			run(t, lines[3], own, "PORT="+app[strings.LastIndex(app, ":")+1:])

			first := chromium(t)
			first.do("opening the page", chromedp.Navigate(own+"/"))
			first.reads("who", "Nobody is signed in")
			first.signIn(passphrase)
			first.reads("who", "Signed in as "+email)
			cookie := first.sessionCookie(own)
			if cookie == nil || cookie.Domain != "localhost" || cookie.Path != "/" || !cookie.HTTPOnly || cookie.Secure {
				t.Fatalf("the session cookie is not the tunnel's own: %+v", cookie)
			}
			if stray := first.sessionCookie(p.Public); stray != nil {
				t.Errorf("there is a session cookie of another origin: %+v", stray)
			}
			expectWhoami(t, p, cookie.Value, 200)

			second := first.another()
			second.do("opening the page again", chromedp.Navigate(own+"/"))
			second.reads("who", "Signed in as "+email)
			first.do("signing out", chromedp.Click(chromedp.CSS("#logout")))
			first.reads("message", "The logout answered 204")
			first.reads("who", "Nobody is signed in")
			expectWhoami(t, p, cookie.Value, 401)
			if left := first.sessionCookie(own); left != nil {
				t.Errorf("the browser still has the session cookie %+v", left)
			}
			second.do("signing out again", chromedp.Click(chromedp.CSS("#logout")))
			second.reads("message", "There was nothing to log out of: 401")

			// The built-in pages work there too, with forms and redirects.
			first.do("signing in on a page of exeunt's", chromedp.Navigate(own+"/self-service/login/browser?return_to="+url.QueryEscape(own+"/?back")),
				chromedp.SendKeys(chromedp.CSS("[name=identifier]"), email), chromedp.SendKeys(chromedp.CSS("[name=password]"), passphrase), chromedp.Click(chromedp.CSS("[name=method][value=password]")))
			first.do("coming back", chromedp.WaitVisible(chromedp.CSS("#logout")))
			first.until("it is back", `location.href === "`+own+`/?back"`)
			first.reads("who", "Signed in as "+email)
			if err := p.Stop(); err != nil {
				t.Errorf("the server did not end well: %v", err)
			}
		})
	}
}

// tab is one page of a running Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// chromium starts a browser with a profile of its own, and returns its first tab.
func chromium(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	return (&tab{t, ctx}).another()
}

// another opens one more tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, leave := chromedp.NewContext(b.ctx)
	b.t.Cleanup(leave)
	if err := chromedp.Do(ctx); err != nil { // without a deadline: the browser lives as long as its first context
		b.t.Fatalf("opening a tab: %v", err)
	}
	return &tab{b.t, ctx}
}

func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	perform(b, what, chromedp.Steps(actions...))
}

// perform runs an action, and fails the test when it takes too long.
func perform[T any](b *tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		seen, _ := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("body"))) // what there is to see helps
		b.t.Fatalf("%s: %v\n%s", what, err, seen)
	}
	return v
}

// signIn fills in the form of the page.
func (b *tab) signIn(password string) {
	b.t.Helper()
	b.do("filling in the form", chromedp.WaitVisible(chromedp.CSS("#login")), chromedp.SendKeys(chromedp.CSS("[name=identifier]"), email),
		chromedp.SendKeys(chromedp.CSS("[name=password]"), password), chromedp.Click(chromedp.CSS("#login button")))
}

// reads waits until an element of the page has a text.
func (b *tab) reads(id, text string) {
	b.t.Helper()
	b.until(id+" reads "+text, `document.getElementById("`+id+`").textContent === "`+text+`"`)
}

// until waits until an expression of the page is true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	b.do("waiting until "+what, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(patience)))
}

// cookie is the value of the session cookie that the browser holds for an address, or "".
func (b *tab) cookie(address string) string {
	b.t.Helper()
	if c := b.sessionCookie(address); c != nil {
		return c.Value
	}
	return ""
}

// sessionCookie is the whole of it; nil for none.
func (b *tab) sessionCookie(address string) *network.Cookie {
	b.t.Helper()
	found := perform(b, "reading the cookies", func(ctx context.Context, t *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	})
	for _, c := range found.Cookies {
		if c.Name == sessionCookie {
			return c
		}
	}
	return nil
}
