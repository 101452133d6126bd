package ui

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"exeunt/internal/flow"
	rules "exeunt/internal/session"
	"exeunt/internal/wire"
)

func TestThePolicyIsExact(t *testing.T) {
	const want = "default-src 'none'; style-src 'self' https://id.example.org; script-src 'self' https://id.example.org; " +
		"img-src 'self' https://id.example.org; connect-src 'self' https://id.example.org; frame-ancestors 'none'; base-uri 'none'"
	p := newPages(t, Options{})
	if got := p.Policy(); got != want {
		t.Errorf("got %s", got)
	}
	if got, want := p.Policy("data:"), strings.Replace(want, "; connect-src", " data:; connect-src", 1); got != want {
		t.Errorf("with pictures that a form brings along: %s", got)
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
	for _, name := range slices.Concat(shared, pageNames) {
		source, err := templateFiles.ReadFile("templates/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, keysIn(source)...)
	}
	for key := range texts.sources {
		if !slices.Contains(used, key) && !lookedUp(key) && !shownKey(key) {
			t.Errorf("nothing says %s", key)
		}
	}
	for _, key := range used {
		if !texts.has(key) {
			t.Errorf("there is no text %s", key)
		}
	}
}

// shownKey reports whether a key is one of those the keys that are put together from a page, a group or a reason.
func shownKey(key string) bool {
	return strings.HasPrefix(key, sectionKey) || strings.HasPrefix(key, pastKey)
}

func TestEveryTextThatIsPutTogetherIsSaidOnAPage(t *testing.T) {
	p := newPages(t, Options{})
	var all strings.Builder
	for _, draw := range pages {
		all.WriteString(drawn(t, p, draw))
	}
	for key := range p.texts.sources {
		if shownKey(key) {
			if said, err := p.texts.say(key); err != nil || !strings.Contains(all.String(), string(said)) {
				t.Errorf("no page says %s: %v", key, err)
			}
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
			_, err = read(texts, templateFiles, "templates/", shared, pageNames)
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
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0": {Browser: "Edge", System: "Windows"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/604.1":     {Browser: "Safari", System: "iPhone"},
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":               {Browser: "Chrome", System: "Android"},
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
		for name, draw := range map[string]func(*Pages, io.Writer) error{
			"home":     func(p *Pages, w io.Writer) error { return p.Home(w, home(n)) },
			"sessions": func(p *Pages, w io.Writer) error { return p.Sessions(w, everywhere(strconv.Itoa(n))) },
		} {
			if page := drawn(t, p, draw); !strings.Contains(page, `role="status">`+want+"<") {
				t.Errorf("%s, after ending %d: no %q", name, n, want)
			}
		}
	}
}

func TestMessagesCountOtherDevices(t *testing.T) {
	p := newPages(t, Options{})
	for n, want := range map[any]string{1.0: "You were signed out on 1 other device.", 1: "You were signed out on 1 other device.", 12.0: "You were signed out on 12 other devices."} {
		got := p.notices([]wire.Message{{ID: 1100002, Context: map[string]any{"sessions_ended": n}}})
		if string(got[0].Text) != want {
			t.Errorf("%v: %q", n, got[0].Text)
		}
	}
}

func TestEveryReasonIsTold(t *testing.T) {
	p := newPages(t, Options{})
	for _, reason := range rules.Reasons {
		if key := pastKey + string(reason); !p.texts.has(key) {
			t.Errorf("%s has no text", key)
		}
		told := slices.ContainsFunc(p.endings(), func(e ending) bool { return e.Reason == string(reason) && e.Said != "" })
		if told != (reason != rules.Logout) {
			t.Errorf("%s is told: %v", reason, told)
		}
		for _, m := range flow.SessionEnded(reason) {
			got := p.notices([]wire.Message{{ID: m.ID, Text: "Words of the wire.", Context: m.Context}})
			if want, _ := p.texts.say(endingKey + string(reason)); got[0].Text != want {
				t.Errorf("%s is told as %q", reason, got[0].Text)
			}
		}
	}
	if got := p.notices([]wire.Message{ended("struck_by_lightning")}); got[0].Text != "The session has ended." {
		t.Errorf("a reason without a text is told as %q", got[0].Text)
	}
}

func TestEachSectionIsAFormOfItsOwn(t *testing.T) {
	p := newPages(t, Options{})
	all, _ := p.sections("settings", settings(nil, noCodes, makeCodes, noApp).UI)
	var got []string
	for _, s := range all {
		line := s.Group + ":"
		for _, f := range s.Fields {
			line += " " + f.Name
			if f.Quiet {
				line += "-"
			}
		}
		got = append(got, line)
	}
	want := []string{"profile: csrf_token traits.email method", "password: csrf_token password method",
		"lookup_secret: csrf_token lookup_secret_regenerate lookup_secret_disable-", "totp: csrf_token totp_unlink-"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestReadingGoesOnWhereSomethingHasHappened(t *testing.T) {
	p := newPages(t, Options{})
	focused := regexp.MustCompile(`<(h2|input|button)[^>]*? (?:id|name)="(?:field-\d+" name=")?([a-z_.]+)"[^>]* autofocus>`)
	for name, want := range map[string][]string{
		"settings": {}, "settings-protected": {}, "settings-wrong": {"input", "traits.x"}, "settings-new-codes": {"h2", "lookup_secret"}, "settings-codes": {"h2", "lookup_secret"},
		"second": {"input", "totp_code"}, "second-recovery": {"input", "lookup_secret"},
	} {
		got := focused.FindStringSubmatch(drawn(t, p, pages[name]))
		if len(got) > 0 {
			got = got[1:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheLesserWayIsOpenForWhoeverTookIt(t *testing.T) {
	p := newPages(t, Options{})
	missing := withNotes(recovery, failure(4000002, "Missing."))
	for name, c := range map[string]struct {
		page SecondFactorPage
		open bool
	}{
		"at first":                  {second(nil, appCode, useApp, recovery, useRecovery), false},
		"after a wrong app code":    {second([]wire.Message{failure(4000008, "Wrong.")}, appCode, useApp, recovery, useRecovery), false},
		"after a used code":         {second([]wire.Message{failure(4000012, "Used.")}, appCode, useApp, recovery, useRecovery), true},
		"after a code that was not": {second(nil, appCode, useApp, missing, useRecovery), true},
	} {
		page := drawn(t, p, func(p *Pages, w io.Writer) error { return p.SecondFactor(w, c.page) })
		if strings.Contains(page, "<details open>") != c.open || !strings.Contains(page, "<summary>") {
			t.Errorf("%s:\n%s", name, page)
		}
	}
	alone := drawn(t, p, func(p *Pages, w io.Writer) error { return p.SecondFactor(w, second(nil, recovery, useRecovery)) })
	if strings.Contains(alone, "<details") {
		t.Error("the only way is hidden")
	}
}

func TestFormsBringNoOtherPicturesAlong(t *testing.T) {
	p := newPages(t, Options{})
	for src, drawn := range map[string]bool{
		dot: true, "": false, "https://evil.example/x.png": false, "javascript:alert(1)": false, "data:text/html;base64,AAAA": false,
		"data:image/svg+xml;base64,AAAA": false, dot + "\" onload=\"x": false,
	} {
		if got := p.field("field-1", picturing(src)); (got.Src != "") != drawn || got.Kind != picture {
			t.Errorf("%q: %+v", src, got.sight)
		}
	}
}
