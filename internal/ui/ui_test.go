package ui

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exeunt/internal/wire"
)

var update = flag.Bool("update", false, "write golden files anew")

const base = "https://id.example.org/auth/"

func newPages(t *testing.T, o Options) *Pages {
	t.Helper()
	if o.Base == "" {
		o.Base = base
	}
	if o.Product == "" {
		o.Product = "Example"
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func info(id int, text string) wire.Message { return wire.Message{ID: id, Text: text, Type: "info"} }

func failure(id int, text string) wire.Message {
	return wire.Message{ID: id, Text: text, Type: "error"}
}

func input(name, kind string, value any, label ...wire.Message) wire.Node {
	n := wire.Node{Type: "input", Group: "default", Attributes: wire.Attributes{Name: name, Type: kind, Value: value, NodeType: "input"}}
	if len(label) > 0 {
		n.Meta.Label = &label[0]
	}
	return n
}

func required(n wire.Node) wire.Node {
	n.Attributes.Required = true
	return n
}

func inGroup(group string, n wire.Node) wire.Node {
	n.Group = group
	return n
}

func withNotes(n wire.Node, m ...wire.Message) wire.Node {
	n.Messages = m
	return n
}

var csrf = required(input("csrf_token", "hidden", "c3Jm+/=="))

func password(autocomplete string) wire.Node {
	n := inGroup("password", required(input("password", "password", nil, info(1070001, "Password"))))
	n.Attributes.Autocomplete = autocomplete
	return n
}

func email(kind, value string) wire.Node {
	n := required(input("traits.email", kind, value, info(1070002, "E-Mail")))
	n.Attributes.Autocomplete = "email"
	return n
}

func login(messages []wire.Message, nodes ...wire.Node) FlowPage {
	return FlowPage{Kind: "login", UI: wire.UI{Action: base + "self-service/login?flow=f1", Method: "POST", Nodes: nodes, Messages: messages}}
}

func registration(messages []wire.Message, nodes ...wire.Node) FlowPage {
	return FlowPage{Kind: "registration", UI: wire.UI{Action: base + "self-service/registration?flow=f2", Method: "POST", Nodes: nodes, Messages: messages}}
}

func withOther(v FlowPage, other string) FlowPage {
	v.Other = base + other
	return v
}

var (
	signIn  = inGroup("password", input("method", "submit", "password", info(1010022, "Sign in with password")))
	signUp  = inGroup("password", input("method", "submit", "password", info(1040001, "Sign up")))
	profile = inGroup("profile", input("method", "submit", "profile", info(1040001, "Sign up")))
	back    = inGroup("profile", input("screen", "submit", "previous", info(1040008, "Back")))
)

func identifier(kind, value string) wire.Node {
	return required(input("identifier", kind, value, info(1070004, "ID")))
}

func refreshPage() FlowPage {
	v := login([]wire.Message{info(1010003, "Please confirm that it is you by signing in again.")},
		csrf, input("identifier", "hidden", "ada@example.org"), password("current-password"),
		inGroup("password", input("method", "submit", "password", info(1010001, "Sign in"))))
	v.Refresh = true
	return v
}

// everything shows all sorts of inputs, with a good deal wrong.
func everything() FlowPage {
	user := required(input("traits.username", "text", "Ada <1>", info(1070002, "User name")))
	user.Attributes.Pattern = `^[a-z"]+$`
	plan := required(input("traits.plan", "text", "box & stalls", info(1070002, "Seat")))
	plan.Attributes.Options = []wire.Option{{Value: "gallery"}, {Value: "box & stalls"}, {Value: 3}}
	return registration([]wire.Message{failure(4000007, "An account with the same identifier exists already.")},
		csrf, withNotes(email("email", "ada(at)example.org"), failure(4000040, "The value is not valid: not an email.")),
		withNotes(user, failure(4000004, "The value is not valid: does not match the pattern.")),
		plan, input("traits.age", "number", 36.0, info(1070002, "Age")), input("traits.phone", "tel", nil),
		input("traits.site", "url", ""), input("traits.born", "date", "1815-12-10"), input("traits.doors", "datetime-local", nil),
		withNotes(required(input("traits.terms", "checkbox", nil, info(1070002, "I have read the terms"))), failure(4000002, "Property terms is missing.")),
		input("traits.news", "checkbox", "true", info(1070002, "Tell me what is on")),
		withNotes(input("traits", "text", nil), failure(4000001, "The traits have too many properties.")),
		withNotes(password("new-password"), wire.Message{ID: 4000032, Type: "error", Text: "too short", Context: map[string]any{"min_length": 8}}), signUp)
}

func session() wire.Session {
	at := time.Date(2026, 11, 21, 9, 30, 12, 0, time.UTC)
	return wire.Session{
		ID: "s1", Active: true, AuthenticatedAt: at, IssuedAt: at, ExpiresAt: at.Add(24 * time.Hour),
		Identity: &wire.Identity{ID: "i1", Traits: json.RawMessage(`{"email":"ada@example.org"}`)},
		Devices:  []wire.Device{{IP: "192.0.2.7", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}},
	}
}

var signOut = SignOut{Action: base + "self-service/logout", Token: "t0ken", After: base + "signed-out"}

func home(ended int) HomePage {
	return HomePage{Session: session(), SignOut: signOut, Others: base + "ui/others", CSRF: "c3Jm", Ended: ended,
		Sessions: base + "ui/sessions", Settings: base + "self-service/settings/browser"}
}

// pages are all golden pages by name.
var pages = map[string]func(p *Pages, w io.Writer) error{
	"login": func(p *Pages, w io.Writer) error {
		return p.Flow(w, withOther(login(nil, csrf, identifier("text", ""), password("current-password"), signIn), "self-service/registration/browser"))
	},
	"login-wrong": func(p *Pages, w io.Writer) error {
		return p.Flow(w, withOther(login([]wire.Message{failure(4000006, "The provided credentials are invalid.")},
			csrf, identifier("text", "ada@example.org"), password("current-password"), signIn), "self-service/registration/browser"))
	},
	"login-remember": func(p *Pages, w io.Writer) error {
		return p.Flow(w, login([]wire.Message{ended("credential_changed")}, csrf, identifier("text", ""), password("current-password"),
			input("remember", "checkbox", nil, info(1100001, "Keep me signed in")), signIn))
	},
	"login-refresh": func(p *Pages, w io.Writer) error { return p.Flow(w, refreshPage()) },
	"registration": func(p *Pages, w io.Writer) error {
		return p.Flow(w, withOther(registration(nil, csrf, email("email", ""), input("traits.name", "text", nil, info(1070002, "Name")), profile),
			"self-service/login/browser"))
	},
	"registration-second": func(p *Pages, w io.Writer) error {
		return p.Flow(w, withOther(registration([]wire.Message{info(1040009, "Please choose a credential to sign in with.")},
			csrf, email("hidden", "ada@example.org"), input("traits.name", "hidden", "Ada"), password("new-password"), signUp, back),
			"self-service/login/browser"))
	},
	"registration-faults": func(p *Pages, w io.Writer) error { return p.Flow(w, everything()) },
	"second": func(p *Pages, w io.Writer) error {
		return p.SecondFactor(w, second(nil, appCode, useApp, recovery, useRecovery))
	},
	"second-recovery": func(p *Pages, w io.Writer) error {
		return p.SecondFactor(w, second([]wire.Message{failure(4000016, "The recovery code is not right.")}, appCode, useApp, recovery, useRecovery))
	},
	"second-nothing": func(p *Pages, w io.Writer) error { return p.SecondFactor(w, second(nil)) },
	"settings": func(p *Pages, w io.Writer) error {
		return p.Settings(w, settings(nil, makeCodes, qr, key, verify, saveApp))
	},
	"settings-protected": func(p *Pages, w io.Writer) error { return p.Settings(w, settings(saved, showCodes, noCodes, noApp)) },
	"settings-new-codes": func(p *Pages, w io.Writer) error {
		return p.Settings(w, settings(nil, codesNode("abcd1234", "q0q0zzzz"), keepCodes, noApp))
	},
	"settings-codes": func(p *Pages, w io.Writer) error {
		return p.Settings(w, settings(nil, codesNode("abcd1234", ""), noCodes, makeCodes, noApp))
	},
	"settings-wrong": func(p *Pages, w io.Writer) error {
		return p.Settings(w, settings(nil, qr, key, withNotes(verify, failure(4000008, "The code is not right.")), saveApp, withNotes(input("traits.x", "text", nil), failure(4000001, "No such trait."))))
	},
	"sessions":       func(p *Pages, w io.Writer) error { return p.Sessions(w, everywhere("")) },
	"sessions-ended": func(p *Pages, w io.Writer) error { return p.Sessions(w, everywhere(OneEnded)) },
	"sessions-alone": func(p *Pages, w io.Writer) error {
		return p.Sessions(w, SessionsPage{Here: session(), Now: session().AuthenticatedAt, Done: "3", Action: base + "ui/sessions", CSRF: "c3Jm", Home: base + "ui/"})
	},
	"home":       func(p *Pages, w io.Writer) error { return p.Home(w, home(-1)) },
	"home-ended": func(p *Pages, w io.Writer) error { return p.Home(w, home(2)) },
	"logout": func(p *Pages, w io.Writer) error {
		return p.Logout(w, LogoutPage{Session: session(), SignOut: signOut, Stay: base + "ui"})
	},
	"signed-out": func(p *Pages, w io.Writer) error {
		return p.SignedOut(w, SignedOutPage{SignIn: base + "self-service/login/browser"})
	},
	"error": func(p *Pages, w io.Writer) error {
		return p.Error(w, ErrorPage{Home: base, Error: wire.Error{ID: "self_service_flow_return_to_forbidden", Code: 400, Status: "Bad Request",
			Request: "r-17", Reason: "The requested return_to address is not allowed.", Message: "The request was malformed"}})
	},
}

func drawn(t *testing.T, p *Pages, draw func(*Pages, io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := draw(p, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var hash = regexp.MustCompile(`-[0-9a-f]{16}\b`)

// masked is a page without the hashes of its assets, which would change every golden file with every asset.
func masked(page string) string { return hash.ReplaceAllString(page, "-hash") }

func TestPagesLookAsTheyDid(t *testing.T) {
	p := newPages(t, Options{})
	for name, draw := range pages {
		got, file := masked(drawn(t, p, draw)), filepath.Join("testdata", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s has changed; renew it with -update if that is meant:\n%s", file, diff)
		}
	}
}
