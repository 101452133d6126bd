package compat

import (
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	ory "github.com/ory/client-go"

	"exeunt/internal/testkit"
)

// visitor is an SDK client that keeps cookies, as the browser of a single-page application does.
type visitor struct {
	*ory.FrontendAPIService
	t   *testing.T
	jar http.CookieJar
	at  *url.URL
}

func newVisitor(t *testing.T, address string) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, "making a cookie jar", err)
	at, err := url.Parse(address)
	must(t, "reading the address", err)
	client := api(address)
	client.GetConfig().HTTPClient.Jar = jar
	client.GetConfig().HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return visitor{client.FrontendAPI.(*ory.FrontendAPIService), t, jar, at}
}

// cookies are what a server that renders pages passes on.
func (v visitor) cookies() string {
	var all []string
	for _, c := range v.jar.Cookies(v.at) {
		all = append(all, c.String())
	}
	return strings.Join(all, "; ")
}

func csrf(t *testing.T, nodes []ory.UiNode) string {
	t.Helper()
	for _, n := range nodes {
		if a := n.Attributes.UiNodeInputAttributes; a != nil && a.Name == "csrf_token" {
			return a.Value.(string)
		}
	}
	t.Fatal("the flow has no csrf_token")
	return ""
}

func (v visitor) signIn(password string) (*ory.SuccessfulNativeLogin, *http.Response, error) {
	v.t.Helper()
	ctx := context.Background()
	f, _, err := v.CreateBrowserLoginFlow(ctx).Execute()
	must(v.t, "beginning a login", err)
	again, _, err := v.GetLoginFlow(ctx).Id(f.Id).Execute()
	must(v.t, "fetching the login", err)
	if again.Id != f.Id || again.Type != "browser" {
		v.t.Errorf("another flow is fetched: %+v", again)
	}
	token := csrf(v.t, again.Ui.Nodes)
	body := ory.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(&ory.UpdateLoginFlowWithPasswordMethod{
		Method: "password", Identifier: "ada@example.org", Password: password, CsrfToken: &token,
	})
	return v.UpdateLoginFlow(ctx).Flow(f.Id).UpdateLoginFlowBody(body).Execute()
}

func (v visitor) signUp() {
	v.t.Helper()
	ctx := context.Background()
	f, _, err := v.CreateBrowserRegistrationFlow(ctx).Execute()
	must(v.t, "beginning a registration", err)
	_, _, err = v.GetRegistrationFlow(ctx).Id(f.Id).Execute()
	must(v.t, "fetching the registration", err)
	token := csrf(v.t, f.Ui.Nodes)
	body := ory.UpdateRegistrationFlowWithPasswordMethodAsUpdateRegistrationFlowBody(&ory.UpdateRegistrationFlowWithPasswordMethod{
		Method: "password", Password: passphrase, Traits: map[string]any{"email": "ada@example.org"}, CsrfToken: &token,
	})
	done, _, err := v.UpdateRegistrationFlow(ctx).Flow(f.Id).UpdateRegistrationFlowBody(body).Execute()
	must(v.t, "registering", err)
	if done.Session == nil || done.GetSessionToken() != "" || done.ContinueWith[0].ContinueWithRedirectBrowserTo == nil {
		v.t.Errorf("a browser gets %+v", done)
	}
}

func TestABrowserRegistersSignsInIsRecognisedAndSignsOut(t *testing.T) {
	onEachServer(t, func(t *testing.T, p *testkit.Process) {
		ctx := context.Background()
		v, other := newVisitor(t, p.Public), newVisitor(t, p.Public)
		v.signUp()
		leave(t, v)
		if _, r, err := v.signIn("not this one"); err == nil || r.StatusCode != http.StatusBadRequest || model[ory.LoginFlow](t, err).Ui.Messages[0].Id != 4000006 {
			t.Errorf("a wrong password: %v", err)
		}
		done, _, err := v.signIn(passphrase)
		must(t, "signing in", err)
		if done.GetSessionToken() != "" || done.ContinueWith[0].ContinueWithRedirectBrowserTo == nil {
			t.Errorf("a browser gets %+v", done)
		}
		s, _, err := v.ToSession(ctx).Execute()
		must(t, "whoami", err)
		if s.Id != done.Session.Id {
			t.Errorf("whoami shows %s", s.Id)
		}
		rendering := api(p.Public).FrontendAPI
		s, _, err = rendering.ToSession(ctx).Cookie(v.cookies()).Execute()
		must(t, "whoami with the cookie passed on", err)
		if s.Id != done.Session.Id {
			t.Errorf("whoami shows %s", s.Id)
		}

		_, _, err = other.signIn(passphrase)
		must(t, "signing in elsewhere", err)
		mine, _, err := v.ListMySessions(ctx).Execute()
		must(t, "listing sessions", err)
		if len(mine) != 1 {
			t.Fatalf("%d other sessions are listed", len(mine))
		}
		_, err = v.DisableMySession(ctx, mine[0].Id).Execute()
		must(t, "ending another session", err)
		if _, r, err := other.ToSession(ctx).Execute(); err == nil || r.StatusCode != http.StatusUnauthorized {
			t.Errorf("the other session lives: %v", err)
		}
		ended, _, err := v.DisableMyOtherSessions(ctx).Execute()
		must(t, "ending all others", err)
		if ended.GetCount() != 0 {
			t.Errorf("%d more were ended", ended.GetCount())
		}
		leave(t, v)
		if _, r, err := v.ToSession(ctx).Execute(); err == nil || r.StatusCode != http.StatusUnauthorized {
			t.Errorf("whoami after the sign-out: %v", err)
		}
	})
}

// leave signs out, twice.
func leave(t *testing.T, v visitor) {
	t.Helper()
	ctx := context.Background()
	cookie := v.cookies()
	f, _, err := v.CreateBrowserLogoutFlow(ctx).Cookie(cookie).Execute()
	must(t, "beginning a logout", err)
	for range 2 {
		r, err := v.UpdateLogoutFlow(ctx).Token(f.LogoutToken).Cookie(cookie).Execute()
		must(t, "logging out", err)
		if r.StatusCode != http.StatusNoContent {
			t.Errorf("logging out answers %d", r.StatusCode)
		}
	}
}

func TestTheSDKReadsWhatGoesWrongInABrowser(t *testing.T) {
	onEachServer(t, func(t *testing.T, p *testkit.Process) {
		ctx := context.Background()
		v := newVisitor(t, p.Public)
		if _, r, err := v.CreateBrowserLogoutFlow(ctx).Execute(); err == nil || r.StatusCode != 401 || refusal(t, err) != "session_inactive" {
			t.Errorf("a logout without a session: %v", err)
		}
		if r, err := v.UpdateLogoutFlow(ctx).Token("made up").Execute(); err == nil || r.StatusCode != 401 {
			t.Errorf("a made-up token: %v", err)
		}
		v.signUp()
		if _, r, err := v.CreateBrowserLoginFlow(ctx).Execute(); err == nil || r.StatusCode != 400 || refusal(t, err) != "session_already_available" {
			t.Errorf("a login of somebody who is signed in: %v", err)
		}
		if _, r, err := v.CreateBrowserLogoutFlow(ctx).ReturnTo("https://evil.example/").Execute(); err == nil || r.StatusCode != 400 || refusal(t, err) != "self_service_flow_return_to_forbidden" {
			t.Errorf("an address that is not allowed: %v", err)
		}
		f, _, err := v.CreateBrowserLoginFlow(ctx).Refresh(true).Execute()
		must(t, "beginning to sign in again", err)
		if _, r, err := newVisitor(t, p.Public).GetLoginFlow(ctx).Id(f.Id).Execute(); err == nil || r.StatusCode != 403 || refusal(t, err) != "security_csrf_violation" {
			t.Errorf("another browser's flow: %v", err)
		}
		shown, _, err := v.GetFlowError(ctx).Id("stub:500").Execute()
		must(t, "fetching an error", err)
		if shown.Id != "stub:500" || shown.Error["code"] != 500.0 {
			t.Errorf("got %+v", shown)
		}
		if _, r, err := v.GetFlowError(ctx).Id("4be85580-b3cd-4be2-8aa7-c2cb012028de").Execute(); err == nil || r.StatusCode != 404 {
			t.Errorf("an unknown error: %v", err)
		}
	})
}

// refusal is the id of an error answer.
func refusal(t *testing.T, err error) string {
	t.Helper()
	e := model[ory.ErrorGeneric](t, err).Error
	return e.GetId()
}

// model is what the SDK has read from an error answer.
func model[T any](t *testing.T, err error) T {
	t.Helper()
	var e *ory.GenericOpenAPIError
	if errors.As(err, &e) {
		if m, ok := e.Model().(T); ok {
			return m
		}
		t.Fatalf("the SDK reads %T from %s", e.Model(), e.Body())
	}
	t.Fatalf("no error of the SDK: %v", err)
	panic("unreachable")
}
