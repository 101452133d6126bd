package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

// oneMore gives a person of a Kratos another credential, and returns its id.
func (x *takeover) oneMore(p testkit.KratosPerson, kind, config string, version int) string {
	x.t.Helper()
	id, at := uuid.NewString(), testkit.Stamp(time.Now())
	x.Insert("identity_credentials", "id, nid, identity_id, identity_credential_type_id, config, version, created_at, updated_at",
		[]any{id, x.Network, p.Identity, testkit.KratosTypes[kind], config, version, at, at})
	return id
}

const (
	kratosTOTP  = `{"totp_url": "otpauth://totp/Exeunt:Alice@Example.org?algorithm=SHA1&digits=6&issuer=Exeunt&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`
	totpSecret  = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	kratosCodes = `{"recovery_codes": [{"code": "di60hfuo", "used_at": "2026-11-20T22:09:01Z"}, {"code": "y89eghkq", "used_at": null}, {"code": "zzzz1111", "used_at": "0001-01-01T00:00:00Z"}]}`
)

// What cannot be taken over is told by its row, everything else is there, and nobody loses a second factor on the way.
func TestRowsOfKratos(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			x := newTakeover(t, engine)
			const people = 30
			all := x.Fill(0, people, bcryptHash, time.Now())
			want, gone := map[string]string{}, map[int]bool{} // the reason by row; who must not be there
			refuse := func(n int, reason string) {
				want[all[n].Identity], gone[n] = reason, true
				want[all[n].Session] = "its identity is not in exeunt"
			}
			set := func(n int, table, column, value string) {
				x.Exec(fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE id = $2`, table, column), value, map[string]string{"identities": all[n].Identity, "identity_credentials": all[n].Credential, "sessions": all[n].Session}[table])
			}
			set(0, "identities", "traits", `{"email": "no address"}`)
			refuse(0, "its traits do not follow the schema: traits.email (email)")
			set(1, "identities", "schema_id", "customer")
			refuse(1, `its schema "customer" is not among identity.schemas`)
			set(2, "identity_credentials", "config", `{"hashed_password": "$unknown$abc"}`)
			want[all[2].Credential] = "the password hash is of no format"
			set(3, "identity_credentials", "config", `{"hashed_password": "", "use_password_migration_hook": true}`)
			want[all[3].Credential] = "web hook alone"
			set(4, "identity_credentials", "config", `{}`)
			x.oneMore(all[5], "totp", kratosTOTP, 0)
			x.oneMore(all[6], "lookup_secret", kratosCodes, 0)
			x.oneMore(all[7], "totp", `{"totp_url": "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&period=60"}`, 0)
			refuse(7, "the second factor is of no form")
			x.oneMore(all[8], "lookup_secret", `{"recovery_codes": [{"code": ""}]}`, 0)
			refuse(8, "the second factor is of no form")
			want[x.oneMore(all[9], "oidc", `{"providers": [{"subject": "1", "provider": "github"}]}`, 0)] = "no method oidc"
			want[x.oneMore(all[10], "webauthn", `{"credentials": [{"id": "AA==", "is_passwordless": true}], "user_handle": "AA=="}`, 1)] = "alone"
			want[x.oneMore(all[11], "webauthn", `{"credentials": [{"id": "AA==", "is_passwordless": false}], "user_handle": "AA=="}`, 1)] = "security keys are kept"
			want[x.oneMore(all[12], "code", `{"addresses": [{"channel": "email", "address": "p12@example.org"}]}`, 1)] = "no codes"
			x.oneMore(all[13], "deviceauthn", `{"keys": [{}]}`, 0)
			refuse(13, `the type "deviceauthn" is not known`)
			x.oneMore(all[14], "totp", kratosTOTP, 2)
			refuse(14, `the version "2" of its form is not known`)
			x.oneMore(all[15], "passkey", `{}`, 0) // a placeholder
			set(16, "identities", "state", "asleep")
			refuse(16, `the state "asleep"`)
			set(17, "identities", "state", "inactive")
			set(18, "sessions", "token", "ory_sc_"+strings.Repeat("a", 32))
			want[all[18].Session] = "the token is malformed"
			set(19, "sessions", "authentication_methods", `{"method": "password"}`)
			want[all[19].Session] = "authentication_methods is damaged"
			set(20, "sessions", "authentication_methods", `[{"method": "password", "aal": "aal9"}]`)
			want[all[20].Session] = `the level "aal9"`
			x.Exec(`UPDATE sessions SET logout_token = NULL WHERE id = $1`, all[21].Session)
			x.Exec(`UPDATE sessions SET active = NULL WHERE id = $1`, all[22].Session)
			set(23, "sessions", "nid", uuid.NewString())
			set(24, "sessions", "authentication_methods", `[{"method":"oidc","aal":"aal2","completed_at":"2026-11-20T22:09:00.75460698Z"}]`)
			stray := uuid.NewString()
			x.Insert("identity_recovery_addresses", "id, nid, identity_id, via, value, created_at, updated_at",
				[]any{stray, x.Network, all[25].Identity, "email", "old@example.org", testkit.Stamp(time.Now()), testkit.Stamp(time.Now())})
			want[stray] = "no trait of its identity names this address"
			x.Exec(`UPDATE identity_verifiable_addresses SET verified = false, status = 'sent', verified_at = NULL WHERE identity_id = $1`, all[26].Identity)
			set(27, "identities", "nid", uuid.NewString())
			want[all[27].Session] = "its identity is not in exeunt"
			set(28, "identities", "external_id", "crm-28")
			if engine.Name == testkit.SQLite { // PostgreSQL keeps no such thing
				set(29, "identities", "created_at", "yesterday")
				refuse(29, "created_at: a time is missing or damaged")
			}

			told, _ := x.summary(3, "--dry-run")
			if len(told) == 0 {
				t.Error("a dry run tells nothing")
			}
			told, sum := x.summary(3)
			for _, p := range told {
				if reason, ok := want[p.ID]; !ok || !strings.Contains(p.Reason, reason) {
					t.Errorf("%s %s: %q, want %q", p.Table, p.ID, p.Reason, reason)
				}
				delete(want, p.ID)
				for _, secret := range []string{totpSecret, "di60hfuo", "$unknown$", "no address", all[0].Token} {
					if strings.Contains(p.Reason, secret) {
						t.Errorf("what is told shows a secret: %s", p.Reason)
					}
				}
			}
			for id, reason := range want {
				t.Errorf("not told: %s: %s", id, reason)
			}
			if sum.Identities.Read != sum.Identities.Added+sum.Identities.Refused || sum.Sessions.Read != sum.Sessions.Added+sum.Sessions.Refused+sum.Sessions.Skipped {
				t.Errorf("some rows are counted nowhere: %+v", sum)
			}
			for _, secret := range []string{totpSecret, "y89eghkq", all[0].Token, all[4].Token} {
				if strings.Contains(x.stored(), secret) {
					t.Errorf("a secret is stored so that it can be read: %s", secret)
				}
			}

			in := start(t, x.target, kratosSecrets+factors)
			for n, p := range all {
				status := 200
				if gone[n] {
					status = 404
				}
				if n == 27 {
					status = 404
				}
				in.call("GET", in.admin+"/admin/identities/"+p.Identity, nil).expect(t, status)
			}
			for n, status := range map[int]int{2: 200, 3: 200, 4: 200, 5: 403, 6: 403, 9: 200, 10: 200, 11: 403, 12: 200, 15: 200, 17: 401, 18: 401,
				19: 401, 20: 401, 21: 401, 22: 401, 23: 401, 24: 200, 25: 200, 26: 200, 27: 401, 28: 200} {
				if a := in.whoami(all[n].Token); a.status != status {
					t.Errorf("person %d: whoami answers %d, want %d", n, a.status, status)
				}
			}
			in.whoami(all[24].Token).is(t, "authenticator_assurance_level", "aal2")
			in.whoami(all[28].Token).is(t, "identity.external_id", "crm-28").is(t, "devices.0.ip_address", "192.0.2.7").is(t, "identity.verifiable_addresses.0.status", "completed")
			in.whoami(all[26].Token).is(t, "identity.verifiable_addresses.0.verified", false).is(t, "identity.verifiable_addresses.0.status", "sent")
			stepUp := func(p testkit.KratosPerson, body object) answer {
				f := in.begin("login", "?aal=aal2", "X-Session-Token", p.Token).expect(t, 200)
				return in.call("POST", in.act(f), body, "X-Session-Token", p.Token)
			}
			app := &codes{secret: totpSecret}
			stepUp(all[5], object{"method": "totp", "totp_code": app.next(t)}).expect(t, 200)
			stepUp(all[6], object{"method": "lookup_secret", "lookup_secret": "di60hfuo"}).expect(t, 400) // it was used
			stepUp(all[6], object{"method": "lookup_secret", "lookup_secret": "y89eghkq"}).expect(t, 200)
		})
	}
}
