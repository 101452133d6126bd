package ui

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/wire"
)

// element is an opening tag, with the names of the elements around it.
type element struct {
	name   string
	attrs  map[string]string
	around []string
	text   string // what follows the tag, up to the next one
}

func (e element) has(attr string) bool { _, ok := e.attrs[attr]; return ok }

var (
	tag  = regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z0-9-]+(?:="[^"<]*")?)*)>([^<]*)`)
	attr = regexp.MustCompile(`([a-zA-Z0-9-]+)(?:="([^"<]*)")?`)
	void = []string{"meta", "link", "img", "input"}
)

// elements reads a page more strictly than a browser does: attributes are quoted, none is there twice, and every element
// is closed where it was opened.
func elements(t *testing.T, page string) (all []element) {
	t.Helper()
	page, ok := strings.CutPrefix(page, "<!DOCTYPE html>\n")
	if !ok {
		t.Fatal("the page does not begin with its document type")
	}
	var open []string
	for page != "" {
		m := tag.FindStringSubmatchIndex(page)
		if m == nil || m[0] != 0 {
			t.Fatalf("this is no tag: %.80s", page)
		}
		closing, name := m[3] > m[2], page[m[4]:m[5]]
		switch {
		case !closing:
			all = append(all, element{name, attributes(t, page[m[6]:m[7]]), slices.Clone(open), page[m[8]:m[9]]})
			if !slices.Contains(void, name) {
				open = append(open, name)
			}
		case len(open) == 0 || open[len(open)-1] != name:
			t.Fatalf("</%s> closes nothing; open are %v", name, open)
		default:
			open = open[:len(open)-1]
		}
		page = page[m[1]:]
	}
	if len(open) > 0 {
		t.Fatalf("not closed: %v", open)
	}
	return all
}

func attributes(t *testing.T, source string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, m := range attr.FindAllStringSubmatch(source, -1) {
		if _, twice := all[m[1]]; twice {
			t.Fatalf("attribute %s is there twice:%s", m[1], source)
		}
		all[m[1]] = m[2]
	}
	return all
}

// onEveryPage runs a check as one test for each page.
func onEveryPage(t *testing.T, check func(t *testing.T, all []element)) {
	t.Helper()
	p := newPages(t, Options{Logo: &Asset{"image/png", []byte("picture")}})
	for name, draw := range pages {
		t.Run(name, func(t *testing.T) { check(t, elements(t, drawn(t, p, draw))) })
	}
}

func TestThePolicyOfContentIsKept(t *testing.T) {
	onEveryPage(t, func(t *testing.T, all []element) { keepsThePolicy(t, all, base) })
}

func keepsThePolicy(t *testing.T, all []element, base string) {
	t.Helper()
	for _, e := range all {
		if e.name == "style" || e.name == "script" && !e.has("src") || e.name == "base" || e.name == "iframe" {
			t.Errorf("<%s> is not allowed by the policy", e.name)
		}
		for a, v := range e.attrs {
			if a == "style" || strings.HasPrefix(a, "on") {
				t.Errorf("<%s> has the attribute %s", e.name, a)
			}
			if (a == "src" || a == "href" || a == "action") && !strings.HasPrefix(v, base) && v != dot && v != "#main" {
				t.Errorf("<%s %s=%q> is not below the base", e.name, a, v)
			}
		}
	}
}

func TestPagesAreAccessible(t *testing.T) { onEveryPage(t, isAccessible) }

func isAccessible(t *testing.T, all []element) {
	t.Helper()
	ids, labelled, counts := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, e := range all {
		if id, ok := e.attrs["id"]; ok && ids[id] {
			t.Errorf("the id %s is there twice", id)
		} else if ok {
			ids[id] = true
		}
		if e.name == "label" && strings.TrimSpace(e.text) != "" {
			labelled[e.attrs["for"]] = true
		}
		if !slices.Contains(e.around, "template") {
			counts[e.name]++
		}
		if e.has("autofocus") {
			counts["autofocus"]++
		}
	}
	for _, once := range []string{"html", "title", "header", "main", "h1"} {
		if counts[once] != 1 {
			t.Errorf("<%s> is there %d times", once, counts[once])
		}
	}
	if counts["autofocus"] > 1 {
		t.Error("several inputs want the focus")
	}
	for _, e := range all {
		visible := (e.name == "input" || e.name == "select" || e.name == "textarea") && e.attrs["type"] != "hidden"
		if visible && !labelled[e.attrs["id"]] {
			t.Errorf("the input %s has no label", e.attrs["name"])
		}
		if e.attrs["aria-invalid"] == "true" && e.attrs["aria-describedby"] == "" {
			t.Errorf("nobody hears what is wrong with the input %s", e.attrs["name"])
		}
		for _, id := range strings.Fields(e.attrs["aria-describedby"]) {
			if !ids[id] {
				t.Errorf("%s is described by %s, which is not there", e.attrs["name"], id)
			}
		}
		if (e.name == "button" || e.name == "a" || e.name == "h1") && strings.TrimSpace(e.text) == "" {
			t.Errorf("<%s> says nothing", e.name)
		}
		if e.name == "img" && !e.has("alt") {
			t.Error("a picture has no alternative text")
		}
	}
	if html := all[0]; html.attrs["lang"] != "en" || html.attrs["dir"] != "ltr" {
		t.Errorf("the language is not named: %v", html.attrs)
	}
}

func TestFormsPostAndNameNothingTwice(t *testing.T) {
	onEveryPage(t, func(t *testing.T, all []element) { sendsNothingTwice(t, all, "post") })
}

// sendsNothingTwice also says how forms may be sent besides by post.
func sendsNothingTwice(t *testing.T, all []element, how string) {
	t.Helper()
	names := map[string]bool{}
	for _, e := range all {
		switch e.name {
		case "form":
			names = map[string]bool{}
			if e.attrs["method"] != "post" && e.attrs["method"] != how {
				t.Errorf("a form is sent by %q", e.attrs["method"])
			}
		case "input", "select":
			if names[e.attrs["name"]] {
				t.Errorf("%s is sent twice", e.attrs["name"])
			}
			names[e.attrs["name"]] = true
		}
	}
}

func TestWhatUsersWroteIsEscaped(t *testing.T) {
	const evil = `"'><script>alert(1)</script>{{.}}`
	node := withNotes(input("traits."+evil, "text", evil, info(1070002, evil)), failure(4000001, evil))
	node.Attributes.Pattern, node.Attributes.Autocomplete = evil, evil
	choice := input(evil, evil, evil, info(1, evil))
	choice.Attributes.Options = []wire.Option{{Value: evil}}
	form := registration([]wire.Message{failure(4000028, evil)}, node, choice, email("hidden", evil), input(evil, "submit", evil, info(2, evil)))
	form.UI.Action, form.Other = "javascript:alert(1)", "javascript:alert(1)"
	s := session()
	s.Identity.Traits = []byte(`{"email":"\"'><script>alert(1)</script>{{.}}"}`)
	s.ID, s.Devices[0].IP, s.Devices[0].Location = evil, evil, evil
	out := SignOut{evil, evil, evil}
	p := newPages(t, Options{Product: evil})
	for name, draw := range map[string]func(*Pages, io.Writer) error{
		"flow": func(p *Pages, w io.Writer) error { return p.Flow(w, form) },
		"home": func(p *Pages, w io.Writer) error { return p.Home(w, HomePage{s, out, evil, evil, -1, evil, evil}) },
		"settings": func(p *Pages, w io.Writer) error {
			return p.Settings(w, SettingsPage{wire.UI{Action: evil, Nodes: []wire.Node{node, inGroup(evil, choice), picturing(evil), telling(evil, evil, info(1, evil), info(2, evil)), codesNode(evil)}}, s, evil, evil})
		},
		"second factor": func(p *Pages, w io.Writer) error {
			return p.SecondFactor(w, SecondFactorPage{form.UI, false, s, out})
		},
		"sessions": func(p *Pages, w io.Writer) error {
			over := s
			over.EndReason = evil
			return p.Sessions(w, SessionsPage{s, []wire.Session{s}, true, []wire.Session{over}, s.ExpiresAt, evil, evil, evil, evil})
		},
		"logout":     func(p *Pages, w io.Writer) error { return p.Logout(w, LogoutPage{s, out, evil}) },
		"signed out": func(p *Pages, w io.Writer) error { return p.SignedOut(w, SignedOutPage{evil}) },
		"error": func(p *Pages, w io.Writer) error {
			return p.Error(w, ErrorPage{wire.Error{ID: evil, Code: 500, Reason: evil, Request: evil}, evil})
		},
	} {
		t.Run(name, func(t *testing.T) {
			page := drawn(t, p, draw)
			if strings.Contains(page, "alert(1)</script>") || strings.Contains(page, "javascript:") {
				t.Errorf("something was not escaped:\n%s", page)
			}
			for _, e := range elements(t, page) {
				if e.name == "script" && !strings.HasPrefix(e.attrs["src"], base) {
					t.Errorf("a script from a user: %v", e.attrs)
				}
			}
		})
	}
}
