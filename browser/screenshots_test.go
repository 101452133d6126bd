package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"exeunt/internal/testkit"
)

// album takes pictures of pages, as wide as a telephone and as a desk, in light and in dark.
type album struct {
	*tab
	folder string
}

// newAlbum keeps the pictures where EXEUNT_SCREENSHOTS says, or nowhere.
func newAlbum(b *tab) album {
	folder := os.Getenv("EXEUNT_SCREENSHOTS")
	if folder == "" {
		folder = b.t.TempDir()
	}
	return album{b, folder}
}

func (a album) take(name string) {
	a.t.Helper()
	for device, size := range map[string][2]int64{"phone": {390, 844}, "desktop": {1280, 900}} {
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			a.size(size[0], size[1], dark)
			if whole := evaluate[int64](a.tab, `document.documentElement.scrollHeight`); whole > size[1] {
				a.size(size[0], whole, dark)
			}
			if !evaluate[bool](a.tab, `document.documentElement.scrollWidth <= innerWidth`) {
				a.t.Errorf("%s does not fit on a %s: it is %d wide", name, device, evaluate[int](a.tab, `document.documentElement.scrollWidth`))
			}
			a.keep(fmt.Sprintf("%s-%s-%s.png", name, device, scheme))
		}
	}
}

func (a album) keep(name string) {
	a.t.Helper()
	picture := run(a.tab, "taking a picture", chromedp.CaptureScreenshot())
	if err := os.WriteFile(filepath.Join(a.folder, name), picture, 0o644); err != nil {
		a.t.Fatal(err)
	}
}

// print takes a picture of what a printer would get.
func (a album) print(name string) {
	a.t.Helper()
	a.size(794, 1123, false) // A4
	a.do("going to paper", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	a.keep(name + "-paper.png")
	a.size(1280, 900, false)
}

// The server with nothing but its defaults, a browser, and every page that a person may see.
func TestEveryPageWithNothingElseInstalled(t *testing.T) {
	t.Parallel()
	p := testkit.Start(t, t.TempDir(), "serve: {public: {port: 0}, admin: {port: 0}}\n")
	b := chromium(t)
	a := newAlbum(b)
	const email = "ada@example.org"

	b.open(p.Public + "/")
	b.until("the login is shown", `location.pathname === "/ui/login" && document.querySelector("form")`)
	a.take("login")
	b.do("signing in without an account", chromedp.SendKeys(chromedp.CSS(`input[name="identifier"]`), email),
		chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), "not this one"), chromedp.Click(chromedp.CSS(`button[name="method"]`)))
	b.until("the failure is told", `document.querySelector("[role=alert]")`)
	a.take("login-failed")

	b.open(p.Public + "/self-service/registration/browser")
	a.take("registration")
	b.do("filling in the first step", chromedp.SendKeys(chromedp.CSS(`input[name="traits.email"]`), email), chromedp.Click(chromedp.CSS(`button[name="method"]`)))
	b.until("the second step is there", `document.querySelector("input[name=password]")`)
	a.take("registration-password")
	b.do("filling in the second step", chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), passphrase), chromedp.Click(chromedp.CSS(`button[name="method"]`)))
	b.until("the login is shown", `location.pathname === "/ui/login" && document.querySelector("form")`)

	for _, again := range []bool{false, true} {
		b.signIn(p.Public, email)
		if !again {
			a.take("home")
			b.open(p.Public + "/self-service/login/browser?refresh=true")
			a.take("login-again")
			b.open(p.Public + "/self-service/logout")
			b.until("the question is there", `location.pathname === "/ui/logout"`)
			a.take("logout")
		}
		b.do("signing out", chromedp.Click(chromedp.CSS(`form[data-after] button`)))
		b.until("it is done", `document.querySelector("main[data-signed-out]") !== null`)
		if !again {
			a.take("signed-out")
		}
	}
	b.open(p.Public + "/self-service/logout?token=made-up")
	b.until("the error is shown", `location.pathname === "/ui/error"`)
	a.take("error")
	if err := p.Stop(); err != nil {
		t.Errorf("the server did not end well: %v", err)
	}
}

// The pages of a longer stay: second factors, other devices, and an end that was not one's own doing.
func TestEveryPageOfALongerStay(t *testing.T) {
	t.Parallel()
	p := alone(t, testkit.File(t), "remember_me: {lifespan: 720h}, lifespan: 24h", "")
	b := chromium(t)
	a := newAlbum(b)
	const email = "ada@example.org"
	b.register(p.Public, email)
	b.open(p.Public + "/self-service/settings/browser")
	a.take("settings")
	b.setUpApp()
	a.take("settings-saved")
	b.press(`button[name="lookup_secret_regenerate"]`)
	b.until("the codes are there", `document.querySelectorAll(".codes li > code").length === 12`)
	a.take("settings-new-codes")
	a.print("settings-new-codes")
	codes := b.codes()
	b.press(`button[name="lookup_secret_confirm"]`)
	b.until("they are kept", `document.querySelector("[name=lookup_secret_reveal]")`)

	other := chromium(t)
	other.open(p.Public + "/self-service/login/browser")
	newAlbum(other).take("login-remember")
	other.fillLogin(email)
	other.until("the second step is there", `document.querySelector("[name=totp_code]")`)
	newAlbum(other).take("second-factor")
	other.typeIn(`input[name="totp_code"]`, "000000")
	other.press(`button[value="totp"]`)
	other.sees("That code is not right")
	other.press("summary")
	other.typeIn(`input[name="lookup_secret"]`, "nonsense")
	other.press(`button[value="lookup_secret"]`)
	other.sees("That recovery code is not right")
	newAlbum(other).take("second-factor-code")
	other.typeIn(`input[name="lookup_secret"]`, codes[2])
	other.press(`button[value="lookup_secret"]`)
	other.until("the home page is there", `location.pathname === "/ui/"`)

	b.press(`button[name="lookup_secret_reveal"]`)
	b.until("the codes are there", `document.querySelectorAll(".codes li > code").length === 11`)
	a.take("settings-codes")
	b.open(p.Public + "/ui/sessions")
	a.take("sessions")
	b.press(`button[name="session"]`)
	b.until("it is told", `document.querySelector("[role=status]")`)
	a.take("sessions-ended")
	other.open(p.Public + "/ui/")
	other.until("the login says why", `document.body && document.body.innerText.includes("from another one")`)
	newAlbum(other).take("login-ended")
}

func TestSignOutEverywhereElse(t *testing.T) {
	t.Parallel()
	onEachEngine(t, nil, func(t *testing.T, h *house, b *tab) {
		const email = "everywhere@example.org"
		b.register(h.auth, email)
		elsewhere := chromium(t)
		elsewhere.signIn(h.auth, email)
		b.do("ending the others", chromedp.Click(chromedp.CSS(`form[action$="/ui/"] button`)))
		b.until("it is told how many", `document.querySelector("[role=status]")`)
		newAlbum(b).take("home-others-ended")
		elsewhere.open(h.auth + "/ui/")
		elsewhere.until("the other browser is signed out", `location.pathname === "/ui/login"`)
		b.open(h.auth + "/ui/")
		b.until("this one is not", signedInAs(email))
	})
}

func TestNothingMovesForWhoeverAsksForThat(t *testing.T) {
	t.Parallel()
	p := testkit.Start(t, t.TempDir(), "serve: {public: {port: 0}, admin: {port: 0}}\n")
	b := chromium(t)
	b.open(p.Public + "/ui/signed-out")
	b.size(1280, 900, false)
	moving := `[...document.querySelectorAll("*")].flatMap(e => ["", "::before", "::after"].map(p => getComputedStyle(e, p)))
		.filter(s => s.transitionDuration.split(", ").some(d => d !== "0s") || s.animationName !== "none").length`
	if n := evaluate[int](b, moving); n != 0 {
		t.Errorf("%d boxes may move although less motion is asked for", n)
	}
}
