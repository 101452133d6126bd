package browser

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"exeunt/internal/testkit"
)

// application is a single-page application of a few lines: what it calls is what any such application calls.
const application = `<!doctype html><title>Application</title><body><script>
const json = {Accept: "application/json"};
const call = (address, options = {}) => fetch(address, {credentials: "include", headers: json, ...options});
async function signIn(auth, identifier, password) {
  const flow = await (await call(auth + "/self-service/login/browser")).json();
  const csrf_token = flow.ui.nodes.find(n => n.attributes.name === "csrf_token").attributes.value;
  const answer = await call(flow.ui.action, {method: "POST", headers: {...json, "Content-Type": "application/json"},
    body: JSON.stringify({method: "password", identifier, password, csrf_token})});
  return answer.status;
}
async function logoutURL(auth) { return (await (await call(auth + "/self-service/logout/browser")).json()).logout_url; }
async function status(address) { try { return (await call(address)).status } catch { return 0 } }
</script>`

func TestASinglePageApplicationSignsOutFromAnotherOrigin(t *testing.T) {
	t.Parallel()
	content := pages{spaHost + "/": application, rogueHost + "/": application}
	onEachEngine(t, content, func(t *testing.T, h *house, b *tab) {
		const email = "spa@example.org"
		b.register(h.auth, email)
		b.do("signing out of the registration", chromedp.Click(chromedp.CSS(`form[data-after] button`)))
		b.until("it is done", `document.querySelector("main[data-signed-out]") !== null`)

		b.open(h.spa + "/")
		if got := evaluate[int](b, fmt.Sprintf(`signIn(%q, %q, %q)`, h.auth, email, passphrase)); got != 200 {
			t.Fatalf("signing in answers %d", got)
		}
		link := evaluate[string](b, fmt.Sprintf(`logoutURL(%q)`, h.auth))
		whoami := fmt.Sprintf(`status(%q)`, h.auth+"/sessions/whoami")

		b.open(h.rogue + "/")
		for what, address := range map[string]string{"who is signed in": h.auth + "/sessions/whoami", "a logout address": h.auth + "/self-service/logout/browser", "signing out": link} {
			if got := evaluate[int](b, fmt.Sprintf(`status(%q)`, address)); got != 0 {
				t.Errorf("a page that is not on the list reads the answer to %s: %d", what, got)
			}
		}
		for what, script := range map[string]string{
			"ends all other sessions": `fetch(%q + "/sessions", {method: "DELETE", credentials: "include"}).then(r => r.status, () => 0)`,
			"signs out by POST":       `fetch(%q + "/self-service/logout", {method: "POST", credentials: "include", mode: "no-cors", body: new URLSearchParams({token: ` + fmt.Sprintf("%q", link[strings.Index(link, "token=")+6:]) + `})}).then(r => r.status, () => 0)`,
		} {
			if got := evaluate[int](b, fmt.Sprintf(script, h.auth)); got != 0 {
				t.Errorf("a page that is not on the list %s: %d", what, got)
			}
		}

		b.open(h.spa + "/")
		if got := evaluate[int](b, whoami); got != 200 {
			t.Fatalf("after that, whoami answers %d", got)
		}
		if got := evaluate[int](b, fmt.Sprintf(`status(%q)`, link)); got != 204 {
			t.Fatalf("signing out from an origin on the list answers %d", got)
		}
		if got := evaluate[int](b, whoami); got != 401 {
			t.Fatalf("after the sign-out, whoami answers %d", got)
		}
	})
}

// hostile tries everything that a page can make a browser load. Each attempt is waited for; prefetches may never tell.
const hostile = `<!doctype html><title>Prizes</title><body><script>
const targets = %s;
const settled = promise => Promise.race([promise, new Promise(done => setTimeout(done, 3000))]);
const loaded = (tag, set) => settled(new Promise(done => {
  const e = document.createElement(tag);
  e.onload = e.onerror = done;
  set(e);
  document.body.append(e);
}));
let frames = 0;
const post = (action, token, method) => {
  const name = "frame" + frames++;
  const waiting = loaded("iframe", e => { e.name = name });
  return waiting.then(() => settled(new Promise(done => {
    document.querySelector("iframe[name=" + name + "]").onload = done;
    const form = document.createElement("form");
    form.method = method; form.action = action; form.target = name;
    const input = document.createElement("input");
    input.name = "token"; input.value = token;
    form.append(input);
    document.body.append(form);
    form.submit();
  })));
};
(async () => {
  for (const address of targets) {
    const [action, token] = address.split("?token=");
    await Promise.all([
      loaded("img", e => { e.src = address }),
      loaded("iframe", e => { e.src = address }),
      loaded("script", e => { e.src = address }),
      loaded("link", e => { e.rel = "stylesheet"; e.href = address }),
      loaded("link", e => { e.rel = "prefetch"; e.href = address }),
      loaded("link", e => { e.rel = "preload"; e.as = "fetch"; e.crossOrigin = "use-credentials"; e.href = address }),
      settled(fetch(address, {credentials: "include"}).catch(() => 0)),
      settled(fetch(address, {credentials: "include", mode: "no-cors"}).catch(() => 0)),
      settled(fetch(address, {credentials: "include", mode: "no-cors", method: "HEAD"}).catch(() => 0)),
      settled(fetch(action, {credentials: "include", mode: "no-cors", method: "POST", body: new URLSearchParams({token})}).catch(() => 0)),
      settled(fetch(new URL("/sessions", address), {credentials: "include", method: "DELETE"}).catch(() => 0)),
      post(action, token, "POST"),
      post(action, token, "GET"),
    ]);
    navigator.sendBeacon(action, new URLSearchParams({token}));
    const rules = document.createElement("script");
    rules.type = "speculationrules";
    rules.textContent = JSON.stringify({prefetch: [{urls: [address]}], prerender: [{urls: [address]}]});
    document.body.append(rules);
  }
  await new Promise(done => setTimeout(done, 500));
  window.finished = true;
})();
</script>`

func TestAHostilePageSignsNobodyOut(t *testing.T) {
	t.Parallel()
	content := pages{}
	onEachEngine(t, content, func(t *testing.T, h *house, b *tab) {
		b.register(h.auth, "attacker@example.org")
		stolen := b.logoutURL()
		b.do("signing the attacker out", chromedp.Click(chromedp.CSS(`form[data-after] button`)))
		b.until("it is done", `document.querySelector("main[data-signed-out]") !== null`)
		b.signIn(h.auth, "attacker@example.org")
		live := b.logoutURL() // a genuine token, of a session that lives: that of somebody else
		b.forget()
		b.register(h.auth, "victim@example.org")
		own := b.logoutURL()

		guessed := h.auth + "/self-service/logout?token=ory_lo_" + strings.Repeat("A", 80)
		loaded := fmt.Sprintf("[%q, %q, %q, %q]", guessed, stolen, live, own)
		for _, host := range []string{evilHost, rogueHost} {
			content[host+"/"] = fmt.Sprintf(hostile, loaded)
		}
		for _, site := range []string{h.evil, h.rogue} {
			attack := b.another()
			attack.open(site + "/")
			attack.until("every attempt was made", `window.finished === true`)
			if got := evaluate[int](b, `fetch("/sessions/whoami").then(r => r.status)`); got != 200 {
				t.Fatalf("%s has signed the victim out: whoami answers %d", site, got)
			}
		}
		for what, link := range map[string]string{"a guessed token": guessed, "somebody else's token": live} {
			content[evilHost+"/link"] = fmt.Sprintf(`<!doctype html><a id="prize" href=%q>Your prize</a>`, link)
			clicked := b.another()
			clicked.open(h.evil + "/link")
			clicked.do("following the link", chromedp.Click(chromedp.CSS("#prize")))
			clicked.until("the error page is there", `location.pathname === "/ui/error"`)
			if got := evaluate[int](b, `fetch("/sessions/whoami").then(r => r.status)`); got != 200 {
				t.Fatalf("a link with %s has signed the victim out: whoami answers %d", what, got)
			}
		}
	})
}

// logoutURL is the address that signs the tab's person out.
func (b *tab) logoutURL() string {
	b.t.Helper()
	return evaluate[string](b, `fetch("/self-service/logout/browser", {headers: {Accept: "application/json"}}).then(r => r.json()).then(f => f.logout_url)`)
}

func TestStrictCookiesAndALinkOfAnotherSite(t *testing.T) {
	t.Parallel()
	p := testkit.Start(t, t.TempDir(), testkit.Quick+"cookies: {same_site: Strict}\n")
	content := pages{}
	sites := httptest.NewServer(serveSites(content))
	t.Cleanup(sites.Close)
	elsewhere := "http://" + evilHost + strings.TrimPrefix(sites.URL, "http://127.0.0.1")
	b := chromium(t)
	follow := func(path string) {
		content[evilHost+"/"] = fmt.Sprintf(`<!doctype html><a id="link" href=%q>A link</a>`, p.Public+path)
		b.open(elsewhere + "/")
		b.do("following the link", chromedp.Click(chromedp.CSS("#link")))
	}
	const email = "strict@example.org"
	b.register(p.Public, email)
	for range 2 {
		follow("/ui/")
		b.until("home shows who is signed in", signedInAs(email))
		follow("/self-service/logout")
		b.until("the question is there", `location.pathname === "/ui/logout" && `+signedInAs(email))
		follow("/ui/signed-out")
		b.until("nobody is told that they are signed out", signedInAs(email))
		follow(strings.TrimPrefix(b.logoutURL(), p.Public))
		b.until("the link has signed out", `document.querySelector("main[data-signed-out]") !== null`)
		follow("/self-service/login/browser")
		b.until("the form is there", `location.pathname === "/ui/login" && document.querySelector("form")`)
		b.fillLogin(email)
		b.until("home shows who is signed in again", signedInAs(email))
	}
}
