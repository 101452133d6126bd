package compat

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	ory "github.com/ory/client-go"

	"exeunt/internal/testkit"
)

const passphrase = "seven quiet herons"

// api is an SDK client for one of the two listeners.
func api(address string) *ory.APIClient {
	c := ory.NewConfiguration()
	c.Servers = ory.ServerConfigurations{{URL: address}}
	c.HTTPClient = &http.Client{Timeout: 30 * time.Second}
	return ory.NewAPIClient(c)
}

// onEachServer runs a test against the real binary on every engine.
func onEachServer(t *testing.T, test func(t *testing.T, p *testkit.Process)) {
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			p := testkit.Start(t, t.TempDir(), fmt.Sprintf("dsn: %q\n%s", engine.DSN(t), testkit.Quick))
			test(t, p)
			if err := p.Stop(); err != nil {
				t.Errorf("the server did not end well: %v", err)
			}
		})
	}
}

func onEachEngine(t *testing.T, test func(t *testing.T, public, admin *ory.APIClient)) {
	onEachServer(t, func(t *testing.T, p *testkit.Process) { test(t, api(p.Public), api(p.Admin)) })
}

func TestANativeClientRegistersSignsInIsRecognisedAndSignsOut(t *testing.T) {
	onEachEngine(t, func(t *testing.T, public, admin *ory.APIClient) {
		ctx := context.Background()
		signUp(t, public)
		token, id := signIn(t, public)

		s, _, err := public.FrontendAPI.ToSession(ctx).XSessionToken(token).Execute()
		must(t, "whoami", err)
		if s.Id != id || !s.GetActive() || s.Identity.Traits.(map[string]any)["email"] != "ada@example.org" {
			t.Errorf("whoami shows another session: %+v", s)
		}

		listed, _, err := admin.IdentityAPI.ListIdentitySessions(ctx, s.Identity.Id).Active(true).Execute()
		must(t, "listing an identity's sessions", err)
		if len(listed) != 2 {
			t.Errorf("%d sessions are listed, want that of the registration and that of the sign-in", len(listed))
		}
		everybody, _, err := admin.IdentityAPI.ListSessions(ctx).Expand([]string{"identity", "devices"}).Execute()
		must(t, "listing sessions", err)
		if len(everybody) != 2 || everybody[0].Id != id {
			t.Errorf("the newest session is not listed first: %+v", everybody)
		}

		_, r, err := admin.IdentityAPI.ExtendSession(ctx, id).Execute()
		must(t, "extending", err)
		if r.StatusCode != http.StatusNoContent {
			t.Errorf("extending answered %d", r.StatusCode)
		}

		signOut(t, public, token)
		_, r, err = public.FrontendAPI.ToSession(ctx).XSessionToken(token).Execute()
		if err == nil || r.StatusCode != http.StatusUnauthorized {
			t.Errorf("whoami after the sign-out: %v, %v", r, err)
		}
		signOut(t, public, token)
	})
}

func signUp(t *testing.T, public *ory.APIClient) {
	t.Helper()
	ctx := context.Background()
	f, _, err := public.FrontendAPI.CreateNativeRegistrationFlow(ctx).Execute()
	must(t, "beginning a registration", err)
	body := ory.UpdateRegistrationFlowWithPasswordMethodAsUpdateRegistrationFlowBody(&ory.UpdateRegistrationFlowWithPasswordMethod{
		Method: "password", Password: passphrase, Traits: map[string]any{"email": "ada@example.org"},
	})
	done, _, err := public.FrontendAPI.UpdateRegistrationFlow(ctx).Flow(f.Id).UpdateRegistrationFlowBody(body).Execute()
	must(t, "registering", err)
	if done.GetSessionToken() == "" || done.Session == nil {
		t.Errorf("the hook session did not sign the person in: %+v", done)
	}
}

func signIn(t *testing.T, public *ory.APIClient) (token, id string) {
	t.Helper()
	ctx := context.Background()
	f, _, err := public.FrontendAPI.CreateNativeLoginFlow(ctx).Execute()
	must(t, "beginning a login", err)
	wrong := ory.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(&ory.UpdateLoginFlowWithPasswordMethod{
		Method: "password", Identifier: "ada@example.org", Password: "something else",
	})
	_, r, err := public.FrontendAPI.UpdateLoginFlow(ctx).Flow(f.Id).UpdateLoginFlowBody(wrong).Execute()
	if err == nil || r.StatusCode != http.StatusBadRequest {
		t.Fatalf("a wrong password: %v, %v", r, err)
	}
	again, ok := err.(*ory.GenericOpenAPIError).Model().(ory.LoginFlow)
	if !ok || again.Ui.Messages[0].Id != 4000006 {
		t.Fatalf("the SDK does not read a login flow from the answer to a wrong password: %v", err)
	}
	right := ory.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(&ory.UpdateLoginFlowWithPasswordMethod{
		Method: "password", Identifier: "ada@example.org", Password: passphrase,
	})
	done, _, err := public.FrontendAPI.UpdateLoginFlow(ctx).Flow(f.Id).UpdateLoginFlowBody(right).Execute()
	must(t, "signing in", err)
	return done.GetSessionToken(), done.Session.Id
}

func signOut(t *testing.T, public *ory.APIClient, token string) {
	t.Helper()
	_, err := public.FrontendAPI.PerformNativeLogout(context.Background()).PerformNativeLogoutBody(ory.PerformNativeLogoutBody{SessionToken: token}).Execute()
	must(t, "signing out", err)
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if e, ok := err.(*ory.GenericOpenAPIError); ok {
		t.Fatalf("%s: %v: %s", what, err, e.Body())
	}
	t.Fatalf("%s: %v", what, err)
}
