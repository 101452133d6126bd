package browser

import (
	"net/http"
	"testing"

	"exeunt/internal/testkit"
)

const otherPassphrase = "nine loud geese at dusk"

// sees waits until the page shows a text.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.until("the page says "+text, `document.body && document.body.innerText.includes("`+text+`")`)
}

// changePassword changes the password on the settings page.
func (b *tab) changePassword(p *testkit.Process, password string) {
	b.t.Helper()
	b.open(p.Public + "/self-service/settings/browser")
	b.typeIn(`input[name="password"]`, password)
	b.press(`button[value="password"]`)
}

func TestAChangedPasswordSignsOutEverywhereElse(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			s := newShop(t)
			p := alone(t, engine.DSN(t), "lifespan: 1h", "", s.address)
			s.auth = p.Public
			const email = "changed@example.org"
			const why = "because the password, or another way to sign in, was changed."
			here := chromium(t)
			here.register(p.Public, email)
			visitor, watcher := chromium(t), here.somebodyElse()
			visitor.signIn(p.Public, email)
			watcher.signIn(p.Public, email)
			visitor.open(s.address)
			visitor.until("the shop knows its visitor", inShop(email))
			own, other := sessionOf(here, p), sessionOf(visitor, p)
			before := here.cookie(p.Public, sessionCookie)

			here.changePassword(p, otherPassphrase)
			here.sees("Your changes are saved.")
			here.sees("You were signed out on 2 other devices.")

			visitor.open(s.address)
			visitor.until("the shop leads to the login", `location.pathname === "/ui/login" && document.querySelector("form")`)
			visitor.sees(why)
			if visitor.cookie(p.Public, sessionCookie) != "" {
				t.Error("the dead cookie is still there")
			}
			// A page that was left open closes as soon as somebody looks at it.
			evaluate[bool](watcher, `document.dispatchEvent(new Event("visibilitychange"))`)
			watcher.sees(why)
			watcher.until("nothing private is left", `!document.documentElement.outerHTML.includes("`+email+`")`)

			k := lookUp(t, p, other.ID)
			if k.Active || k.Reason != "credential_changed" || k.By != own.Identity.ID {
				t.Errorf("an administrator sees %+v", k)
			}
			if after := here.cookie(p.Public, sessionCookie); after == before || whoami(t, p, after) != http.StatusOK {
				t.Errorf("the cookie is a new one: %v; it counts: %d", after != before, whoami(t, p, after))
			}
			if still := sessionOf(here, p); !still.Active || still.ID != own.ID {
				t.Errorf("the session at hand is %+v", still)
			}
		})
	}
}

func TestAnOldSessionIsConfirmedBeforeAChange(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			p := alone(t, engine.DSN(t), "lifespan: 1h", "privileged_session_max_age: 1s")
			first := chromium(t)
			for email, b := range map[string]*tab{"old@example.org": first, "old-plain@example.org": first.somebodyElse().withoutScripts()} {
				b.register(p.Public, email)
				b.until("the session is old", `Date.now() - Date.parse(document.querySelector("main time").dateTime) > 2500`)
				b.changePassword(p, otherPassphrase)
				b.sees("Confirm that it is you")
				b.typeIn(`input[name="password"]`, passphrase)
				b.press(`button[name="method"]`)
				b.until("the settings are back", `location.pathname === "/ui/settings"`)
				b.sees("Your changes are saved.")
				if b.cookie(p.Public, "ory_kratos_continuity") != "" {
					t.Error("what was taken along is still there")
				}
				other := first.somebodyElse()
				other.open(p.Public + "/self-service/login/browser")
				other.typeIn(`input[name="identifier"]`, email)
				other.typeIn(`input[name="password"]`, otherPassphrase)
				other.press(`button[name="method"]`)
				other.until("the new password counts", `location.pathname === "/ui/" && `+signedInAs(email))
			}
		})
	}
}

func TestWhereSomebodyIsSignedIn(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			p := alone(t, engine.DSN(t), "lifespan: 1h", "")
			const email = "everywhere@example.org"
			here := chromium(t)
			here.register(p.Public, email)
			second, third, fourth := chromium(t), here.somebodyElse(), here.somebodyElse()
			for _, b := range []*tab{second, third, fourth} {
				b.signIn(p.Public, email)
			}
			fourth.press(`form[data-after] button`)
			fourth.until("it is done", `document.querySelector("main[data-signed-out]")`)
			id := sessionOf(second, p).ID

			here.press(`a[href$="/ui/sessions"]`)
			here.until("two others are listed", `document.querySelectorAll("button[name=session]").length === 2`)
			here.sees("signed out there")
			here.press(`button[value="` + id + `"]`)
			here.sees("That device is signed out.")
			here.until("one other is listed", `document.querySelectorAll("button[name=session]").length === 1`)
			second.open(p.Public + "/ui/sessions")
			second.until("the login is there", `location.pathname === "/ui/login" && document.querySelector("form")`)
			second.sees("You were signed out on this device from another one.")
			third.open(p.Public + "/ui/")
			third.until("the third is signed in still", signedInAs(email))

			here.press(`button[name="others"]`)
			here.sees("1 other session was ended.")
			here.sees("You are signed in nowhere else.")
			here.until("the history has all of them", `document.querySelectorAll(".past li").length === 3`)
			here.until("with the reasons, the last first", `[...document.querySelectorAll(".past li")].map(e => e.innerText.split(": ").at(-1)).join("|") ===
				"signed out by you from another device|signed out by you from another device|signed out there"`)
			third.open(p.Public + "/ui/")
			third.sees("You were signed out on this device from another one.")
			if k := lookUp(t, p, id); k.Reason != "revoked" || k.By != k.Identity.ID {
				t.Errorf("an administrator sees %+v", k)
			}
			here.open(p.Public + "/ui/")
			here.until("this one is signed in still", signedInAs(email))
		})
	}
}
