package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

// recordedWhoami is what a Kratos has answered to whoami.
const recordedWhoami = `{"id":"4be85580-b3cd-4be2-8aa7-c2cb012028de","active":true,"expires_at":"2026-11-21T21:07:11.194772567Z","authenticated_at":"2026-11-20T21:07:11.194772567Z","authenticator_assurance_level":"aal1","authentication_methods":[{"method":"password","aal":"aal1","completed_at":"2026-11-20T21:07:11.194652975Z"}],"issued_at":"2026-11-20T21:07:11.194772567Z","identity":{"id":"4e9b69be-1be7-45fe-8014-af07bb165959","external_id":"ext-dcb46e","schema_id":"default","schema_url":"http://127.0.0.1:5433/schemas/ZGVmYXVsdA","state":"active","state_changed_at":"2026-11-20T21:07:11.154992356Z","traits":{"email":"u6fb1c8c847@ex.org"},"verifiable_addresses":[{"id":"95c72453-50ae-4fb3-bb6d-a9761396b95b","value":"u6fb1c8c847@ex.org","verified":false,"via":"email","status":"pending","created_at":"2026-11-20T21:07:11.164596Z","updated_at":"2026-11-20T21:07:11.164596Z"}],"recovery_addresses":[{"id":"c66c9792-014b-4a01-bb65-10b60df6b1db","value":"u6fb1c8c847@ex.org","via":"email","created_at":"2026-11-20T21:07:11.16489Z","updated_at":"2026-11-20T21:07:11.16489Z"}],"metadata_public":{"plan":"x"},"created_at":"2026-11-20T21:07:11.161033Z","updated_at":"2026-11-20T21:07:11.161033Z","organization_id":null},"devices":[{"id":"aae996a4-37e5-4b7f-9d90-278091f6540e","ip_address":"127.0.0.1:35788","user_agent":"curl/7.88.1","location":""}]}`

// recorded stores what a Kratos must have held when it answered so, but for the expiry, which it moves to long from now.
func (x *takeover) recorded(token string) (answer string) {
	x.t.Helper()
	answer = strings.ReplaceAll(recordedWhoami, "2026-11-21T21:07:11.194772567Z", "2099-11-21T21:07:11.194772567Z")
	var s struct {
		ID                     string
		Expires_At, Issued_At  string
		Authentication_Methods json.RawMessage
		Devices                []struct{ ID, IP_Address, User_Agent, Location string }
		Identity               struct {
			ID, External_ID, State_Changed_At, Created_At string
			Traits, Metadata_Public                       json.RawMessage
			Verifiable_Addresses, Recovery_Addresses      []struct{ ID, Value, Status, Created_At string }
		}
	}
	if err := json.Unmarshal([]byte(answer), &s); err != nil {
		x.t.Fatal(err)
	}
	at := func(text string) string { return strings.NewReplacer("T", " ", "Z", "+00:00").Replace(text) }
	i := s.Identity
	created := at(i.Created_At)
	x.Insert("identities", "id, nid, schema_id, traits, metadata_public, state, state_changed_at, external_id, created_at, updated_at",
		[]any{i.ID, x.Network, "default", string(i.Traits), string(i.Metadata_Public), "active", at(i.State_Changed_At), i.External_ID, created, created})
	for _, a := range i.Verifiable_Addresses {
		x.Insert("identity_verifiable_addresses", "id, nid, identity_id, via, value, verified, status, created_at, updated_at",
			[]any{a.ID, x.Network, i.ID, "email", a.Value, false, a.Status, at(a.Created_At), at(a.Created_At)})
	}
	for _, a := range i.Recovery_Addresses {
		x.Insert("identity_recovery_addresses", "id, nid, identity_id, via, value, created_at, updated_at",
			[]any{a.ID, x.Network, i.ID, "email", a.Value, at(a.Created_At), at(a.Created_At)})
	}
	issued := at(s.Issued_At)
	x.Insert("sessions", "id, nid, identity_id, token, logout_token, active, issued_at, expires_at, authenticated_at, aal, authentication_methods, created_at, updated_at",
		[]any{s.ID, x.Network, i.ID, token, "ory_lo_" + token[7:], true, issued, at(s.Expires_At), issued, "aal1", string(s.Authentication_Methods), issued, issued})
	for _, d := range s.Devices {
		x.Insert("session_devices", "id, nid, session_id, identity_id, ip_address, user_agent, location, created_at, updated_at",
			[]any{d.ID, x.Network, s.ID, i.ID, d.IP_Address, d.User_Agent, d.Location, issued, issued})
	}
	return answer
}

// recording is a server that answers what was recorded of a Kratos.
func recording(t *testing.T, token, whoami string) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/sessions/whoami", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Session-Token") != token && !strings.Contains(r.Header.Get("Cookie"), "ory_kratos_session=") {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"code":401,"status":"Unauthorized","reason":"No valid session credentials found in the request.","message":"The request could not be authorized"}}`))
			return
		}
		_, _ = w.Write([]byte(whoami))
	})
	mux.HandleFunc("/health/alive", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":"ok"}`)) })
	mux.HandleFunc("/sessions", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("[]")) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// shadow compares, and returns the report and the error.
func (in *instance) shadow(other, requests string) (string, error) {
	in.t.Helper()
	var out bytes.Buffer
	err := shadow(in.t.Context(), shadowFlags{kratos: other, exeunt: in.public, requests: "-"}, strings.NewReader(requests), &out)
	return out.String(), err
}

func TestShadowingAKratos(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			x := newTakeover(t, engine)
			token := "ory_st_" + strings.Repeat("r", 32)
			whoami := x.recorded(token)
			x.summary(0)
			in := start(t, x.target, kratosSecrets)
			other := recording(t, token, whoami)
			asked := `{"path": "/sessions/whoami", "headers": {"X-Session-Token": "` + token + `"}}` + "\n" +
				`{"method": "GET", "path": "/sessions/whoami", "headers": {"Cookie": "` + carrying(kratosCookie(t, token)) + `", "Host": "evil.example"}}` + "\n\n" +
				`{"path": "/sessions/whoami"}` + "\n" + `{"path": "/health/alive"}` + "\n" + `{"path": "/sessions", "headers": {"x-session-token": "` + token + `"}}` + "\n" +
				`{"path": "/.well-known/jwks.json"}` + "\n"
			out, err := in.shadow(other.URL, asked)
			if err != nil || !strings.HasPrefix(out, "6 requests, 0 answered differently; 0 lines are no requests") {
				t.Errorf("%v\n%s", err, out)
			}

			t.Run("what differs is told, and no token with it", func(t *testing.T) {
				in := in.on(t)
				other := recording(t, token, strings.NewReplacer(`"plan":"x"`, `"plan":"`+token+`"`, `"authenticator_assurance_level":"aal1"`, `"authenticator_assurance_level":"aal2"`).Replace(whoami))
				out, err := in.shadow(other.URL, asked)
				if !errors.Is(err, errDifferent) || strings.Contains(out, token) || strings.Contains(out, token[7:]) ||
					!strings.Contains(out, "line 1: GET /sessions/whoami: authenticator_assurance_level is aal2 at Kratos and aal1 at exeunt") ||
					!strings.Contains(out, "identity.metadata_public.plan is [secret] at Kratos and x at exeunt") {
					t.Errorf("%v\n%s", err, out)
				}
			})
			t.Run("somebody who is signed out on one side is told", func(t *testing.T) {
				in := in.on(t)
				in.logout(token).expect(t, 204)
				if out, err := in.shadow(other.URL, asked); !errors.Is(err, errDifferent) || !strings.Contains(out, "status is 200 at Kratos and 401 at exeunt") {
					t.Errorf("%v\n%s", err, out)
				}
			})
			t.Run("nothing is sent that could change something", func(t *testing.T) {
				in := in.on(t)
				for _, line := range []string{`{"method": "DELETE", "path": "/sessions"}`, `{"path": "/self-service/logout?token=` + token + `"}`, `{"path": "//evil.example/sessions"}`,
					`{"path": "http://evil.example/sessions"}`, `{"path": "/health/../self-service/logout"}`, `{"path": "/health/%2e%2e/self-service/logout"}`, `{"path": ".evil.example/schemas"}`, `{"path": ""}`, `not JSON ` + token} {
					out, err := in.shadow("http://127.0.0.1:1", line)
					if !errors.Is(err, errDifferent) || !strings.Contains(out, "0 requests, 0 answered differently; 1 lines are no requests") || strings.Contains(out, token) {
						t.Errorf("%s: %v\n%s", line, err, out)
					}
				}
				if _, err := in.shadow("http://127.0.0.1:1", `{"path": "/sessions?x=`+token+`"}`); err == nil || strings.Contains(err.Error(), token) {
					t.Errorf("a server that is not there: %v", err)
				}
			})
		})
	}
}
