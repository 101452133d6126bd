package ui

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/wire"
)

func TestThePolicyIsExact(t *testing.T) {
	const want = "default-src 'none'; style-src 'self' https://id.example.org; script-src 'self' https://id.example.org; " +
		"img-src 'self' https://id.example.org; connect-src 'self' https://id.example.org; frame-ancestors 'none'; base-uri 'none'"
	if got := newPages(t, Options{}).Policy(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestABaseHasToBeAnAddressWithASlash(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://id.example.org/": true, "http://127.0.0.1:4433/x/": true, "https://id.example.org": false,
		"/auth/": false, "": false, "ftp://id.example.org/": false, "https:///": false,
	} {
		if _, err := New(Options{Base: base}); (err == nil) != ok {
			t.Errorf("New with the base %q: %v", base, err)
		}
	}
}

func TestAssetsAreNamedByTheirContent(t *testing.T) {
	one := newPages(t, Options{Logo: &Asset{"image/png", []byte("one")}})
	two := newPages(t, Options{Logo: &Asset{"image/png", []byte("two")}})
	if one.assets.logo == two.assets.logo || one.assets.style != two.assets.style {
		t.Errorf("names do not follow the content: %v, %v", one.assets, two.assets)
	}
	if a, ok := one.Asset(one.assets.logo); !ok || a.Type != "image/png" || string(a.Content) != "one" {
		t.Errorf("the logo is %v, %v", a, ok)
	}
	for _, name := range []string{two.assets.logo, "style.css", "", "../texts/en.json"} {
		if _, ok := one.Asset(name); ok {
			t.Errorf("there is an asset %q", name)
		}
	}
	for name, want := range map[string]string{one.assets.style: "text/css; charset=utf-8", one.assets.script: "text/javascript; charset=utf-8", one.assets.icon: "image/svg+xml"} {
		if a, ok := one.Asset(name); !ok || a.Type != want || len(a.Content) == 0 {
			t.Errorf("%s: %s, %v", name, a.Type, ok)
		}
	}
}

func TestTheLogoTakesThePlaceOfTheName(t *testing.T) {
	p := newPages(t, Options{Logo: &Asset{"image/png", []byte("one")}})
	page := drawn(t, p, pages["login"])
	if want := `<img class="logo" src="` + base + "ui/assets/" + p.assets.logo + `" alt="Example">`; !strings.Contains(page, want) {
		t.Errorf("the page has no %s", want)
	}
}

// lookedUp are the keys that only some pages ask for: one's own words for numbers and ids that others have given.
func lookedUp(key string) bool {
	return strings.HasPrefix(key, "message.") || strings.HasPrefix(key, "fault.")
}

func TestEveryTextIsSaidSomewhere(t *testing.T) {
	texts, err := readTexts(textsFile)
	if err != nil {
		t.Fatal(err)
	}
	used := keysOfCode()
	for _, name := range append([]string{"layout", "parts"}, pageNames...) {
		source, err := templateFiles.ReadFile("templates/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, keysIn(source)...)
	}
	for _, text := range texts.all.Templates() {
		if key := text.Name(); key != "" && !slices.Contains(used, key) && !lookedUp(key) {
			t.Errorf("nothing says %s", key)
		}
	}
	for _, key := range used {
		if !texts.has(key) {
			t.Errorf("there is no text %s", key)
		}
	}
}

func TestAMissingTextIsNoticedAtTheStart(t *testing.T) {
	whole, err := os.ReadFile("texts/en.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"month.5", "home.signout"} {
		texts, err := readTexts(bytes.Replace(whole, []byte(`"`+key+`"`), []byte(`"message.1"`), 1))
		if err == nil {
			_, err = parse(texts)
		}
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("without %s: %v", key, err)
		}
	}
}

func TestOwnWordsComeBeforeThoseOfTheWire(t *testing.T) {
	p := newPages(t, Options{})
	for _, c := range []struct {
		name    string
		message wire.Message
		want    string
	}{
		{"a known number has our words", failure(4000006, "Wrong."), "That did not match. Please check the spelling of both, and try again."},
		{"our words use the context", wire.Message{ID: 4000032, Text: "Short.", Context: map[string]any{"min_length": 8}}, "This password is too short. Please use at least 8 characters."},
		{"without the context that they need, those of the wire are used", wire.Message{ID: 4000032, Text: "Short."}, "Short."},
		{"an unknown number has the words of the wire", failure(4000001, "Wrong & odd."), "Wrong &amp; odd."},
	} {
		if got := p.notices([]wire.Message{c.message}); string(got[0].Text) != c.want {
			t.Errorf("%s: %q", c.name, got[0].Text)
		}
	}
	if got := p.label(profile); got != "Continue" {
		t.Errorf("a label has other words in a certain group, but was %q", got)
	}
}

func TestTypingBeginsWhereItIsNeeded(t *testing.T) {
	p := newPages(t, Options{})
	wrong := withNotes(password("new-password"), failure(4000032, "Short."))
	for name, c := range map[string]struct {
		nodes []wire.Node
		want  string
	}{
		"in the first empty input":                  {[]wire.Node{csrf, email("email", "a@b.c"), password("new-password")}, "password"},
		"in the first wrong one, though it is full": {[]wire.Node{password("new-password"), withNotes(email("email", "a"), failure(4000040, "No."))}, "traits.email"},
		"in a wrong one before an empty one":        {[]wire.Node{email("email", ""), wrong}, "password"},
		"nowhere when all is there":                 {[]wire.Node{csrf, email("email", "a@b.c"), signUp}, ""},
	} {
		got := ""
		for _, f := range p.form(wire.UI{Nodes: c.nodes}).Fields {
			if f.Autofocus {
				got += f.Name
			}
		}
		if got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestBackLeavesTheFormUnchecked(t *testing.T) {
	page := drawn(t, newPages(t, Options{}), pages["registration-second"])
	if !strings.Contains(page, `<button type="submit" name="screen" value="previous" class="quiet" formnovalidate>Back</button>`) {
		t.Error("the way back checks the inputs")
	}
}

func TestOnlyFlowsThatThereAreHaveAPage(t *testing.T) {
	if err := newPages(t, Options{}).Flow(io.Discard, FlowPage{Kind: "recovery"}); err == nil {
		t.Error("a page for an unknown flow was drawn")
	}
}

func TestAPersonHasAName(t *testing.T) {
	named := func(traits string) wire.Session {
		return wire.Session{Identity: &wire.Identity{ID: "i1", Traits: []byte(traits)}}
	}
	verified := named(`{}`)
	verified.Identity.Verifiable = []wire.VerifiableAddress{{Value: "+44 20 7946 0018"}}
	for name, c := range map[string]struct {
		session wire.Session
		want    string
	}{
		"the e-mail address":         {named(`{"username":"ada","email":"ada@example.org"}`), "ada@example.org"},
		"else a verifiable address":  {verified, "+44 20 7946 0018"},
		"else the user name":         {named(`{"email":7,"username":"ada"}`), "ada"},
		"else the identity's id":     {named(`{"name":"Ada"}`), "i1"},
		"the id without any traits":  {named(``), "i1"},
		"nobody without an identity": {wire.Session{}, ""},
	} {
		if got := who(c.session); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestBrowsersHaveSimpleNames(t *testing.T) {
	for agent, want := range map[string]device{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0": {"Edge", "Windows", ""},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/604.1":     {"Safari", "iPhone", ""},
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":               {"Chrome", "Android", ""},
		"curl/8.16.0": {},
		"":            {},
	} {
		if got := lastDevice(wire.Session{Devices: []wire.Device{{UserAgent: "older"}, {UserAgent: agent}}}); got != want {
			t.Errorf("%q is %v", agent, got)
		}
	}
	if got := lastDevice(wire.Session{}); got != (device{}) {
		t.Errorf("no device is %v", got)
	}
}

func TestEndedSessionsAreCounted(t *testing.T) {
	p := newPages(t, Options{})
	for n, want := range map[int]string{0: "There was no other session to end.", 1: "1 other session was ended.", 2: "2 other sessions were ended."} {
		page := drawn(t, p, func(p *Pages, w io.Writer) error { return p.Home(w, home(n)) })
		if !strings.Contains(page, `role="status">`+want+"<") {
			t.Errorf("after ending %d: no %q", n, want)
		}
	}
}
