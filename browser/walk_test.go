package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"exeunt/internal/testkit"
)

// onEachEngine runs a test of a whole installation on every engine.
func onEachEngine(t *testing.T, content pages, test func(t *testing.T, h *house, b *tab)) {
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) { test(t, newHouse(t, engine.DSN(t), content), chromium(t)) })
	}
}

func TestSigningOutInOneTabIsSeenInTheOther(t *testing.T) {
	t.Parallel()
	onEachEngine(t, nil, func(t *testing.T, h *house, first *tab) {
		first.register(h.auth, "two-tabs@example.org")
		first.open(h.auth + "/ui/?visited=again") // a private page to go back to
		second := first.another()
		second.open(h.auth + "/ui/")
		second.until("the second tab shows who is signed in", signedInAs("two-tabs@example.org"))
		evaluate[bool](second, `window.notReloaded = true`)

		first.do("signing out", chromedp.Click(chromedp.CSS(`form[data-after] button`)))
		first.until("the first tab says so", `document.querySelector("main[data-signed-out]") !== null`)
		second.until("the second tab shows nothing private", `!document.body.innerText.includes("two-tabs@example.org")`)
		second.until("it was not loaded anew", `window.notReloaded === true`)
		if html := second.html(); strings.Contains(html, "two-tabs@example.org") || strings.Contains(html, "ory_lo_") {
			t.Errorf("the second tab still holds something private:\n%s", html)
		}

		first.do("going back", chromedp.NavigateBack())
		first.until("the login is shown", `location.pathname === "/ui/login" && document.body`)
		if html := first.html(); strings.Contains(html, "two-tabs@example.org") {
			t.Errorf("going back shows something private:\n%s", html)
		}
		if first.cookie(h.auth, sessionCookie) != "" {
			t.Error("the session cookie is still there")
		}
	})
}

func TestAnOldLogoutLinkEndsOnTheSuccessPage(t *testing.T) {
	t.Parallel()
	onEachEngine(t, nil, func(t *testing.T, h *house, b *tab) {
		b.register(h.auth, "old-link@example.org")
		link := b.logoutURL()
		for range 2 {
			b.open(link)
			b.until("the success page is there", `document.querySelector("main[data-signed-out]") !== null`)
			if at := trimmed(h.auth, b.at()); at != "/ui/signed-out" {
				t.Fatalf("the link ends at %s", at)
			}
		}
		b.signIn(h.auth, "old-link@example.org")
		b.open(link)
		b.until("somebody who has signed in again is asked", signedInAs("old-link@example.org"))
	})
}

func TestNginxLetsNobodyInWhoHasSignedOut(t *testing.T) {
	t.Parallel()
	content := pages{appHost + "/private": "<h1>The private page</h1>", appHost + "/": "<h1>The public page</h1>"}
	onEachEngine(t, content, func(t *testing.T, h *house, b *tab) {
		guarded := func() int { return evaluate[int](b, `fetch("/private", {cache: "no-store"}).then(r => r.status)`) }
		b.open(h.app + "/")
		if got := guarded(); got != 401 {
			t.Fatalf("a stranger gets %d", got)
		}
		b.register(h.auth, "gateway@example.org")
		b.open(h.app + "/private")
		if !strings.Contains(b.text(), "The private page") {
			t.Fatalf("somebody who is signed in sees %q", b.text())
		}
		if got := guarded(); got != 200 {
			t.Fatalf("somebody who is signed in gets %d", got)
		}
		leaving := b.another()
		leaving.open(h.auth + "/ui/")
		leaving.do("signing out", chromedp.Click(chromedp.CSS(`form[data-after] button`)))
		leaving.until("it is done", `document.querySelector("main[data-signed-out]") !== null`)
		if got := guarded(); got != 401 {
			t.Fatalf("the very next request gets %d", got)
		}
	})
}

func TestAnApplicationMaySendItsVisitorOn(t *testing.T) {
	t.Parallel()
	content := pages{spaHost + "/": "<h1>Somewhere else</h1>"}
	onEachEngine(t, content, func(t *testing.T, h *house, b *tab) {
		content[appHost+"/entry"] = "redirect " + h.evil + "/further"
		content[evilHost+"/further"] = "<h1>Further on</h1>"
		const email = "chain@example.org"
		b.register(h.auth, email)
		b.do("signing out", chromedp.Click(chromedp.CSS(`form[data-after] button`)))
		b.until("it is done", `document.querySelector("main[data-signed-out]") !== null`)
		b.open(h.auth + "/self-service/login/browser?return_to=" + h.app + "/entry")
		b.fillLogin(email)
		b.until("the end of the chain is there", `document.body && document.body.innerText.includes("Further on")`)
	})
}

func TestSigningOutWithoutScripts(t *testing.T) {
	t.Parallel()
	onEachEngine(t, nil, func(t *testing.T, h *house, b *tab) {
		b.register(h.auth, "no-scripts@example.org")
		b.withoutScripts()
		b.open(h.auth + "/ui/")
		b.do("signing out", chromedp.Click(chromedp.CSS(`form[data-after] button`)), chromedp.WaitVisible(chromedp.CSS(`main[data-signed-out]`)))
		if b.cookie(h.auth, sessionCookie) != "" {
			t.Error("the session cookie is still there")
		}
	})
}
