package browser

import (
	"testing"

	"exeunt/internal/testkit"
)

func TestSecondFactors(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			p := alone(t, engine.DSN(t), "lifespan: 1h", "")
			b := chromium(t)
			protect(b, p, "scripts@example.org")
			protect(b.somebodyElse().withoutScripts(), p, "plain@example.org")
		})
	}
}

// protect sets up an authenticator app and recovery codes, and signs in and out with them.
func protect(b *tab, p *testkit.Process, email string) {
	t := b.t
	b.register(p.Public, email)
	b.open(p.Public + "/self-service/settings/browser")
	if drawn := evaluate[bool](b, `document.querySelector(".picture img").naturalWidth === 256`); !drawn {
		t.Error("the picture is not drawn")
	}
	b.typeIn(`input[name="totp_code"]`, "000000")
	b.press(`button[value="totp"]`)
	b.sees("That code is not right")
	phone := b.setUpApp()
	b.sees("Your changes are saved.")
	b.press(`button[name="lookup_secret_regenerate"]`)
	b.until("the codes are there", `document.querySelectorAll(".codes li > code").length === 12`)
	list := b.codes()
	b.press(`button[name="lookup_secret_confirm"]`)
	b.until("they are kept", `document.querySelector("[name=lookup_secret_reveal]")`)

	// Whoever has lost the phone is not stuck.
	b.leave(p, email)
	b.secondStep(p, email)
	b.press(`form[data-after] button`)
	b.until("it is done", `document.querySelector("main[data-signed-out]")`)
	if b.cookie(p.Public, sessionCookie) != "" {
		t.Error("the session cookie is still there")
	}

	b.secondStep(p, email)
	b.typeIn(`input[name="totp_code"]`, "000000")
	b.press(`button[value="totp"]`)
	b.sees("That code is not right")
	b.typeIn(`input[name="totp_code"]`, phone.code())
	b.press(`button[value="totp"]`)
	b.until("the home page is there", `location.pathname === "/ui/" && `+signedInAs(email))

	b.leave(p, email)
	b.secondStep(p, email)
	b.recover(list[4])
	b.until("the home page is there", `location.pathname === "/ui/" && `+signedInAs(email))

	b.leave(p, email)
	b.secondStep(p, email)
	b.recover(list[4])
	b.sees("This recovery code was used before.")
	b.recover(list[5])
	b.until("the home page is there", `location.pathname === "/ui/" && `+signedInAs(email))
	b.open(p.Public + "/self-service/settings/browser")
	b.press(`button[name="lookup_secret_reveal"]`)
	b.until("two codes are struck out", `document.querySelectorAll(".codes s").length === 2 && document.querySelectorAll(".codes li > code").length === 10`)
}

// recover types a recovery code in place of one from the app.
func (b *tab) recover(code string) {
	b.t.Helper()
	if !evaluate[bool](b, `document.querySelector("details").open`) {
		b.press("summary")
	}
	b.typeIn(`input[name="lookup_secret"]`, code)
	b.press(`button[value="lookup_secret"]`)
}

// leave signs out from the home page.
func (b *tab) leave(p *testkit.Process, email string) {
	b.t.Helper()
	b.open(p.Public + "/ui/")
	b.until("the home page is there", signedInAs(email))
	b.press(`form[data-after] button`)
	b.until("it is done", `document.querySelector("main[data-signed-out]")`)
}

// secondStep signs in as far as the second step.
func (b *tab) secondStep(p *testkit.Process, email string) {
	b.t.Helper()
	b.open(p.Public + "/self-service/login/browser")
	b.fillLogin(email)
	b.until("the second step is there", `document.querySelector("[name=totp_code]")`)
	if trimmed(p.Public, b.at())[:len("/ui/login?flow=")] != "/ui/login?flow=" {
		b.t.Fatalf("the second step is at %s", b.at())
	}
}
