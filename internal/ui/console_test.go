package ui

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exeunt/internal/admin"
	rules "exeunt/internal/session"
	"exeunt/internal/wire"
)

const consoleBase = "/ops/console/"

func newConsole(t *testing.T, product string) *Console {
	t.Helper()
	c, err := NewConsole(ConsoleOptions{Path: consoleBase, Product: product})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func visiting(at string) Visit { return Visit{At: at, Who: "boss", Opens: Sections, CSRF: "c3Jm+/=="} }

func told(v Visit, what string, n int) Visit {
	v.Done, v.Number = what, n
	return v
}

func hours() (all []HourCount) {
	begin := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
	for i := range int64(48) {
		all = append(all, HourCount{begin.Add(time.Duration(i) * time.Hour), i * i % 57, i * 3 % 31})
	}
	return all
}

// listed is a live session and one that is over.
func listed(text string) SessionsList {
	one, two := session(), session()
	one.Methods = []wire.Method{{Method: "password"}, {Method: "totp"}, {Method: "password"}}
	ended := two.AuthenticatedAt.Add(time.Hour)
	two.ID, two.Active, two.AAL, two.EndedAt, two.EndReason, two.EndedBy = "s2", false, "aal1", &ended, "revoked_by_admin", "boss"
	if text != "" {
		one.ID, one.AAL, one.Identity = text, text, &wire.Identity{ID: text, Traits: trait(text)}
		one.Methods, one.Devices = []wire.Method{{Method: text}}, []wire.Device{{IP: text, UserAgent: text, Location: text}}
		two.EndReason, two.EndedBy = text, text
	}
	return SessionsList{Sessions: []wire.Session{one, two}, Next: &Older{Address: consoleBase + "sessions?after=x", Searching: true},
		End: "sessions/end?who=" + "ada", MayWrite: true, MayIdentities: true}
}

func trait(text string) json.RawMessage {
	b, _ := json.Marshal(map[string]string{"email": text}) // a text cannot fail
	return b
}

func somebody(text string) wire.Identity {
	return wire.Identity{ID: text, State: "active", SchemaID: "default", Traits: trait(text), CreatedAt: session().IssuedAt,
		Credentials: map[string]wire.Credential{"password": {Type: "password", Identifiers: []string{text}, CreatedAt: session().IssuedAt}, "totp": {Type: "totp", CreatedAt: session().IssuedAt}}}
}

func found(text string, l SessionsList) ConsoleSessionsPage {
	return ConsoleSessionsPage{SessionsList: l, Search: SessionSearch{Who: text, Address: text, Browser: text, Method: "totp", Age: "24h", State: "live"},
		Methods: []string{"password", "totp"}, Reasons: []string{"logout", "revoked"}, Ages: []string{"24h", "-24h"}, Scanned: 5000}
}

func made(text string) KeysPage {
	at := session().IssuedAt
	all := []wire.Key{{ID: text, Name: text, Scopes: []admin.Scope{admin.All}, Active: true, CreatedAt: at, CreatedBy: text, ExpiresAt: &at, LastUsedAt: &at},
		{ID: "k2", Name: "old", Scopes: []admin.Scope{admin.Settings, admin.SessionsRead}, CreatedAt: at, RevokedAt: &at}}
	return KeysPage{Keys: all, Made: &wire.Key{Name: text, Secret: text}, Name: text, Chosen: []string{"all"}, Scopes: []string{"settings", "all"}, Expiries: []string{"24h"}}
}

func happened(text string) EventsPage {
	return EventsPage{Kind: "session_ended", Session: text, Identity: text, Kinds: []string{"session_ended", "key_created"}, Live: true, MaySee: true,
		Events: []wire.Event{{ID: "e1", At: session().IssuedAt, Kind: "session_ended", Reason: text, Actor: text, SessionID: text, IdentityID: text}},
		Next:   &Older{Address: consoleBase + "events?before=x"}}
}

func sent(text string) DeliveriesPage {
	one := wire.Delivery{ID: text, Hook: text, State: "dead", ChangedAt: session().IssuedAt, Attempts: 12, Problem: text, Event: wire.Event{Kind: "session_ended", At: session().IssuedAt}}
	return DeliveriesPage{State: "dead", States: []string{"dead", ""}, Deliveries: []wire.Delivery{one}, MayWrite: true}
}

func redirected(text string) RedirectsPage {
	return RedirectsPage{Version: 7, Logout: text, Default: text, Allowed: text + "\n" + text, FromLogout: "store", FromDefault: "default", FromAllowed: text}
}

// consoleLooks are all golden pages of the console, by name, with a text where users may have written one.
func consoleLooks(text string) map[string]func(c *Console, w io.Writer) error {
	wrong := &wire.Error{ID: text, Code: 400, Reason: text}
	bad := redirected(text)
	bad.Wrong, bad.Changed = []string{text}, true
	faulty := found(text, SessionsList{})
	faulty.Wrong = wrong
	refused := made(text)
	refused.Made, refused.Wrong = nil, wrong
	return map[string]func(c *Console, w io.Writer) error{
		"signin":       func(c *Console, w io.Writer) error { return c.SignIn(w, told(Visit{}, "over", 0), SignInPage{}) },
		"signin-wrong": func(c *Console, w io.Writer) error { return c.SignIn(w, Visit{}, SignInPage{Wrong: wrong}) },
		"signin-shut":  func(c *Console, w io.Writer) error { return c.SignIn(w, Visit{}, SignInPage{Shut: true}) },
		"overview": func(c *Console, w io.Writer) error {
			return c.Overview(w, visiting("overview"), OverviewPage{Live: 100000, LiveMore: true, In: 1234, Out: 567, Ended: 8, Hours: hours()})
		},
		"overview-open": func(c *Console, w io.Writer) error {
			return c.Overview(w, Visit{At: "overview", Opens: Sections, CSRF: "x"}, OverviewPage{Hours: hours()[:3]})
		},
		"overview-hidden": func(c *Console, w io.Writer) error {
			return c.Overview(w, Visit{At: "overview", Who: text, Opens: []string{"overview", "redirects"}}, OverviewPage{Hidden: true})
		},
		"overview-person": func(c *Console, w io.Writer) error {
			return c.Overview(w, Visit{At: "overview", Who: text, Person: true, Opens: []string{"overview", "redirects"}, CSRF: "x"}, OverviewPage{Hidden: true})
		},
		"sessions": func(c *Console, w io.Writer) error {
			return c.FoundSessions(w, told(visiting("sessions"), "ended", 2), found(text, listed(text)))
		},
		"sessions-none": func(c *Console, w io.Writer) error {
			return c.FoundSessions(w, visiting("sessions"), found("", SessionsList{}))
		},
		"sessions-wrong": func(c *Console, w io.Writer) error { return c.FoundSessions(w, visiting("sessions"), faulty) },
		"sessions-read": func(c *Console, w io.Writer) error {
			l := listed(text)
			l.MayWrite, l.MayIdentities = false, false
			return c.FoundSessions(w, visiting("sessions"), found(text, l))
		},
		"confirm": func(c *Console, w io.Writer) error {
			names := slices.Repeat([]string{text}, 10)
			return c.Confirm(w, visiting("sessions"), ConfirmPage{What: "sessions", Count: 30, More: true, List: names, Action: "sessions/end", Back: "sessions", Hidden: []Hidden{{"ids", text}}})
		},
		"confirm-revoke": func(c *Console, w io.Writer) error {
			return c.Confirm(w, visiting("keys"), ConfirmPage{What: "revoke", Who: text, Action: "keys/revoke", Back: "keys"})
		},
		"confirm-deactivate": func(c *Console, w io.Writer) error {
			return c.Confirm(w, visiting("identities"), ConfirmPage{What: "deactivate", Who: text, Action: "identities/i1/state", Back: "identities/i1"})
		},
		"confirm-theirs": func(c *Console, w io.Writer) error {
			return c.Confirm(w, visiting("identities"), ConfirmPage{What: "theirs", Who: text, Action: "identities/i1/sessions", Back: "identities/i1"})
		},
		"identities": func(c *Console, w io.Writer) error {
			return c.Identities(w, visiting("identities"), IdentitiesPage{Query: text, Found: []wire.Identity{somebody(text)}, Next: &Older{Address: consoleBase + "identities?after=x"}})
		},
		"identities-none": func(c *Console, w io.Writer) error { return c.Identities(w, visiting("identities"), IdentitiesPage{}) },
		"identity": func(c *Console, w io.Writer) error {
			return c.Identity(w, visiting("identities"), IdentityPage{Identity: somebody(text), Sessions: listed(text), MayWrite: true, MaySessions: true})
		},
		"events": func(c *Console, w io.Writer) error { return c.Events(w, visiting("events"), happened(text)) },
		"hooks": func(c *Console, w io.Writer) error {
			return c.Deliveries(w, told(visiting("hooks"), "retried", 0), sent(text))
		},
		"redirects": func(c *Console, w io.Writer) error {
			return c.Redirects(w, told(visiting("redirects"), "saved", 0), redirected(text))
		},
		"redirects-wrong": func(c *Console, w io.Writer) error { return c.Redirects(w, visiting("redirects"), bad) },
		"keys":            func(c *Console, w io.Writer) error { return c.Keys(w, visiting("keys"), made(text)) },
		"keys-wrong":      func(c *Console, w io.Writer) error { return c.Keys(w, visiting("keys"), refused) },
		"error":           func(c *Console, w io.Writer) error { return c.Fault(w, visiting(""), *wrong) },
	}
}

func drawnByConsole(t *testing.T, c *Console, draw func(*Console, io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := draw(c, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestConsolePagesLookAsTheyDid(t *testing.T) {
	c := newConsole(t, "Example")
	for name, draw := range consoleLooks("ada@example.org") {
		got, file := masked(drawnByConsole(t, c, draw)), filepath.Join("testdata", "console", name+".html")
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

func TestConsolePagesKeepTheRulesOfPages(t *testing.T) {
	c := newConsole(t, "Example")
	for name, draw := range consoleLooks("ada@example.org") {
		t.Run(name, func(t *testing.T) {
			all := elements(t, drawnByConsole(t, c, draw))
			keepsThePolicy(t, all, consoleBase)
			isAccessible(t, all)
			sendsNothingTwice(t, all, "get")
			for _, e := range all {
				if e.name == "form" && e.attrs["method"] == "post" && !strings.HasSuffix(e.attrs["action"], "sign-in") && !carriesToken(all, e) {
					t.Errorf("the form %s has no token", e.attrs["action"])
				}
			}
		})
	}
}

// carriesToken reports whether there is one token for each form that is sent.
func carriesToken(all []element, _ element) bool {
	forms, tokens := 0, 0
	for _, e := range all {
		if e.name == "form" && e.attrs["method"] == "post" {
			forms++
		}
		if e.name == "input" && e.attrs["name"] == "csrf_token" && e.attrs["type"] == "hidden" {
			tokens++
		}
	}
	return forms == tokens
}

func TestConsoleShowsWhatUsersWroteAsText(t *testing.T) {
	const evil = `"'><script>alert(1)</script>{{.}}javascript:alert(2)`
	c := newConsole(t, evil)
	for name, draw := range consoleLooks(evil) {
		t.Run(name, func(t *testing.T) {
			page := drawnByConsole(t, c, draw)
			if strings.Contains(page, "alert(1)</script>") {
				t.Errorf("something was not escaped:\n%s", page)
			}
			for _, e := range elements(t, page) {
				if e.name == "script" && !strings.HasPrefix(e.attrs["src"], consoleBase) {
					t.Errorf("a script from a user: %v", e.attrs)
				}
				for _, a := range []string{"href", "action", "src", "data-stream"} {
					if v, ok := e.attrs[a]; ok && !strings.HasPrefix(v, consoleBase) && v != "#main" {
						t.Errorf("<%s> leads to %q", e.name, v)
					}
				}
			}
		})
	}
}

func TestTheConsoleHasWordsForAllThereIs(t *testing.T) {
	c := newConsole(t, "Example")
	var keys []string
	for _, scope := range admin.Scopes {
		keys = append(keys, "console.scope."+string(scope))
	}
	for _, reason := range rules.Reasons {
		keys = append(keys, pastKey+string(reason))
	}
	for _, section := range Sections {
		keys = append(keys, "console."+section)
	}
	for _, key := range keys {
		if !c.texts.has(key) {
			t.Errorf("there is no text %s", key)
		}
	}
}

func TestTheScaleOfTheChartIsRound(t *testing.T) {
	for most, want := range map[int64]int64{0: 2, 1: 2, 2: 2, 3: 4, 9: 10, 10: 10, 11: 20, 21: 40, 99: 100, 101: 200, 123456: 200000} {
		if got := ceiling(most); got != want {
			t.Errorf("up to %d: %d, want %d", most, got, want)
		}
	}
	if got := grouped(1234567); got != "1\u202f234\u202f567" {
		t.Errorf("%q", got)
	}
}
