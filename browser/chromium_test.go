package browser

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience is how long anything in a browser may take before the test fails.
const patience = 45 * time.Second

// tab is one page of a running browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// chromium starts a browser with a profile of its own, and returns its first tab. It resolves every name to this machine
// and goes nowhere else.
func chromium(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v; scripts/install chromium chromium brings it", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1"), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(func() { leave(); stop() })
	first := &tab{t, ctx}
	if err := chromedp.Do(ctx); err != nil { // without a deadline: the browser lives as long as its first context
		t.Fatalf("starting the browser: %v", err)
	}
	return first
}

// another opens one more tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, leave := chromedp.NewContext(b.ctx)
	b.t.Cleanup(leave)
	second := &tab{b.t, ctx}
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("opening a tab: %v", err)
	}
	return second
}

// somebodyElse opens a tab of the same browser that knows nothing of the others' cookies.
func (b *tab) somebodyElse() *tab {
	b.t.Helper()
	ctx, leave := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(leave)
	other := &tab{b.t, ctx}
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("opening a tab for somebody else: %v", err)
	}
	return other
}

// withoutScripts turns the scripts of pages off.
func (b *tab) withoutScripts() *tab {
	b.t.Helper()
	b.do("turning scripts off", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	return b
}

// do runs actions, and fails the test when they take too long.
func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, what, chromedp.Steps(actions...))
}

// run runs an action and returns its value.
func run[T any](b *tab, what string, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.look())
	}
	return v
}

// look is where the tab is and what it shows, for messages.
func (b *tab) look() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	seen, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + (document.body ? document.body.innerText : "")`))
	if err != nil {
		return err.Error()
	}
	return seen
}

// open navigates and waits until the page is there.
func (b *tab) open(address string) {
	b.t.Helper()
	b.do("opening "+address, chromedp.Navigate(address))
}

// at is the address that the tab shows.
func (b *tab) at() string {
	b.t.Helper()
	return run(b, "asking where the tab is", chromedp.Location())
}

// text is what a person reads on the page, html the whole document.
func (b *tab) text() string {
	b.t.Helper()
	return evaluate[string](b, `document.body.innerText`)
}

func (b *tab) html() string {
	b.t.Helper()
	return evaluate[string](b, `document.documentElement.outerHTML`)
}

// until waits until an expression of the page is true, whatever pages come and go meanwhile. It is asked from outside, as
// pages without scripts have no timers.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && done {
			return
		}
		if ctx.Err() != nil {
			b.t.Fatalf("waiting until %s: %v\n%s", what, err, b.look())
		}
		<-tick.C
	}
}

// evaluate runs a script of the page, and waits for what its promise resolves to.
func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	return run(b, "running "+script, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// size makes the page as wide as a telephone or a desk, and light or dark.
func (b *tab) size(width, height int64, dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	b.do("changing the size", chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
		return err
	}))
}

// cookie is the value of a cookie that the browser holds for an address, or "".
func (b *tab) cookie(address, name string) string {
	b.t.Helper()
	return b.held(address, name).Value
}

// held is a cookie that the browser holds for an address; it has no name if there is none.
func (b *tab) held(address, name string) network.Cookie {
	b.t.Helper()
	found := run(b, "reading cookies", func(ctx context.Context, t *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	})
	for _, c := range found.Cookies {
		if c.Name == name {
			return *c
		}
	}
	return network.Cookie{}
}

// forget removes all cookies, as somebody does who takes over another's machine.
func (b *tab) forget() {
	b.t.Helper()
	b.do("removing cookies", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
}

const (
	sessionCookie = "ory_kratos_session"
	passphrase    = "seven quiet herons at dawn"
)

// register signs somebody up through the built-in pages, who is signed in then.
func (b *tab) register(base, email string) {
	b.t.Helper()
	b.open(base + "/self-service/registration/browser")
	b.do("filling in the registration", chromedp.WaitVisible(chromedp.CSS(`input[name="traits.email"]`)), chromedp.SendKeys(chromedp.CSS(`input[name="traits.email"]`), email),
		chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), passphrase), chromedp.Click(chromedp.CSS(`button[name="method"]`)))
	b.until("the home page is there", signedInAs(email))
}

// signIn signs somebody in through the built-in pages.
func (b *tab) signIn(base, email string) {
	b.t.Helper()
	b.open(base + "/self-service/login/browser")
	b.fillLogin(email)
	b.until("the home page is there", signedInAs(email))
}

func (b *tab) fillLogin(email string) {
	b.t.Helper()
	b.do("filling in the login", chromedp.WaitVisible(chromedp.CSS(`input[name="identifier"]`)), chromedp.SendKeys(chromedp.CSS(`input[name="identifier"]`), email),
		chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), passphrase), chromedp.Click(chromedp.CSS(`button[name="method"]`)))
}

// press clicks a button or whatever else, typeIn fills in an input in place of what it holds.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.do("pressing "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) typeIn(selector, text string) {
	b.t.Helper()
	b.do("typing into "+selector, chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// setUpApp sets up an authenticator app on the settings page, with the key that is there to type.
func (b *tab) setUpApp() *app {
	b.t.Helper()
	a := newApp(b.t, evaluate[string](b, `document.querySelector(".key code").innerText`))
	b.typeIn(`input[name="totp_code"]`, a.code())
	b.press(`button[value="totp"]`)
	b.until("the app is set up", `document.querySelector("[name=totp_unlink]")`)
	return a
}

// codes are the recovery codes that the page shows.
func (b *tab) codes() []string {
	b.t.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll(".codes li > code")].map(e => e.innerText)`)
}

// signedInAs is true on a page that shows an address.
func signedInAs(email string) string {
	return `document.body && document.querySelector("form[data-after]") && document.body.innerText.includes("` + email + `")`
}

// trimmed is the path of an address on a base.
func trimmed(base, address string) string { return strings.TrimPrefix(address, base) }
