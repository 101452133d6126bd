package compat

import (
	"context"
	"net/http"
	"testing"

	ory "github.com/ory/client-go"
)

func TestAnAdministratorLooksAfterIdentitiesAndTheirSessions(t *testing.T) {
	onEachEngine(t, func(t *testing.T, public, admin *ory.APIClient) {
		ctx := context.Background()
		body := ory.NewCreateIdentityBody("default", map[string]any{"email": "ada@example.org"})
		body.Credentials = &ory.IdentityWithCredentials{Password: &ory.IdentityWithCredentialsPassword{
			Config: &ory.IdentityWithCredentialsPasswordConfig{Password: ory.PtrString(passphrase)},
		}}
		body.MetadataAdmin = map[string]any{"note": "first"}
		made, r, err := admin.IdentityAPI.CreateIdentity(ctx).CreateIdentityBody(*body).Execute()
		must(t, "creating an identity", err)
		if r.StatusCode != http.StatusCreated || made.GetState() != "active" {
			t.Errorf("creating answered %d with %+v", r.StatusCode, made)
		}
		token, id := signIn(t, public)

		found, _, err := admin.IdentityAPI.ListIdentities(ctx).CredentialsIdentifier("ADA@example.org").Execute()
		must(t, "finding an identity", err)
		if len(found) != 1 || found[0].Id != made.Id {
			t.Errorf("the identity is not found by its identifier: %+v", found)
		}
		_, _, err = admin.IdentityAPI.PatchIdentity(ctx, made.Id).JsonPatch([]ory.JsonPatch{{Op: "replace", Path: "/traits/name", Value: map[string]any{"first": "Ada"}}}).Execute()
		must(t, "patching an identity", err)
		one, _, err := admin.IdentityAPI.GetSession(ctx, id).Expand([]string{"identity"}).Execute()
		must(t, "showing a session", err)
		if name := one.Identity.Traits.(map[string]any)["name"].(map[string]any)["first"]; name != "Ada" {
			t.Errorf("the session shows old traits: %v", name)
		}
		_, err = admin.IdentityAPI.DisableSession(ctx, id).Execute()
		must(t, "disabling a session", err)
		if _, r, _ := public.FrontendAPI.ToSession(ctx).XSessionToken(token).Execute(); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("a disabled session answers %d", r.StatusCode)
		}
		_, err = admin.IdentityAPI.DeleteIdentitySessions(ctx, made.Id).Execute()
		must(t, "deleting an identity's sessions", err)
		_, err = admin.IdentityAPI.DeleteIdentity(ctx, made.Id).Execute()
		must(t, "deleting an identity", err)
		if _, _, err := admin.MetadataAPI.GetVersion(ctx).Execute(); err != nil {
			t.Errorf("the version: %v", err)
		}
	})
}
