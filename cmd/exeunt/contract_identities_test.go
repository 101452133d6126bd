package main

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

const adminIdentityKeys = "created_at credentials id metadata_public organization_id recovery_addresses schema_id schema_url state state_changed_at traits updated_at verifiable_addresses"

func (in *instance) identity(id, query string) answer {
	in.t.Helper()
	return in.call("GET", in.admin+"/admin/identities/"+id+query, nil)
}

func TestContractIdentities(t *testing.T) {
	t.Parallel()
	traits := func() object { return object{"email": testkit.Email()} }
	rows := []row{
		{"identities 5: create", func(t *testing.T, in *instance) {
			who := traits()
			a := in.create(object{"schema_id": "default", "traits": who, "credentials": clear("x")}).expect(t, 201).has(t, "", adminIdentityKeys)
			if got := a.header.Get("Location"); got != in.admin+"/identities/"+a.text(t, "id") {
				t.Errorf("Location %q", got)
			}
			a.is(t, "state", "active").is(t, "metadata_public", nil).is(t, "organization_id", nil).is(t, "schema_url", in.public+"/schemas/ZGVmYXVsdA")
			a.has(t, "credentials", "password").has(t, "credentials.password", "created_at identifiers type updated_at version").is(t, "credentials.password.identifiers.0", who["email"])
			a.is(t, "verifiable_addresses.0.status", "pending").is(t, "verifiable_addresses.0.verified", false).is(t, "verifiable_addresses.0.via", "email")
			if strings.Contains(a.body, "argon2") {
				t.Error("the answer holds a hash")
			}
			in.signIn(in.begin("login", ""), who["email"].(string), "x").expect(t, 200)
		}},
		{"identities 5: a credential entry exists without a secret", func(t *testing.T, in *instance) {
			who := traits()
			a := in.create(object{"traits": who}).expect(t, 201).is(t, "credentials.password.identifiers.0", who["email"])
			in.identity(a.text(t, "id"), "?include_credential=password").expect(t, 200).has(t, "credentials.password", "created_at identifiers type updated_at version")
			if f := in.signIn(in.begin("login", ""), who["email"].(string), "x").expect(t, 400); f.messages(t) != "4000006" {
				t.Error(f.messages(t))
			}
		}},
		{"identities 5: a full body", func(t *testing.T, in *instance) {
			who, external, organization := traits(), testkit.Email(), uuid.NewString()
			who["name"] = object{"first": "Ä<&>"}
			a := in.create(object{"schema_id": "", "traits": who, "state": "inactive", "external_id": external, "organization_id": organization,
				"metadata_public": object{"a": 1}, "metadata_admin": []int{1}, "recovery_addresses": []object{{"value": "other@example.org", "via": "email"}},
				"verifiable_addresses": []object{{"value": strings.ToUpper(who["email"].(string)), "verified": true, "via": "email", "status": "completed"}, {"value": "other@example.org", "verified": true, "via": "email"}},
			}).expect(t, 201)
			a = in.identity(a.text(t, "id"), "").expect(t, 200)
			a.is(t, "state", "inactive").is(t, "external_id", external).is(t, "organization_id", organization).is(t, "metadata_public.a", 1).is(t, "metadata_admin.0", 1)
			a.is(t, "traits.name.first", "Ä<&>").is(t, "verifiable_addresses.0.verified", true).is(t, "verifiable_addresses.0.status", "completed")
			if a.text(t, "verifiable_addresses.0.verified_at") == "" || len(a.json(t, "verifiable_addresses").([]any)) != 1 || strings.Contains(a.body, "other@example.org") {
				t.Errorf("addresses follow from the traits alone: %s", a.body)
			}
			if strings.Contains(a.body, "<&>") {
				t.Error("<, & and > are not escaped")
			}
		}},
		{"identities 5: taken", func(t *testing.T, in *instance) {
			who, external := traits(), testkit.Email()
			in.create(object{"traits": who, "external_id": external}).expect(t, 201)
			a := in.create(object{"traits": object{"email": strings.ToUpper(who["email"].(string))}}).refused(t, 409, "identity_conflict")
			a.is(t, "error.message", "The resource could not be created due to a conflict")
			in.create(object{"traits": traits(), "external_id": external}).refused(t, 409, "identity_conflict")
			in.create(object{"traits": traits(), "external_id": strings.ToUpper(external)}).expect(t, 201)
		}},
		{"identities 4: read", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.identity(p.id, "").expect(t, 200).has(t, "", adminIdentityKeys).has(t, "credentials.password", "created_at identifiers type updated_at version")
			if a.header.Get("Vary") != "" {
				t.Error("Vary on the admin listener")
			}
			b := in.identity(p.id, "?include_credential=password&include_credential=totp").expect(t, 200).has(t, "credentials.password.config", "hashed_password")
			if !strings.HasPrefix(b.text(t, "credentials.password.config.hashed_password"), "$argon2id$") {
				t.Error("no argon2id hash")
			}
			in.identity(p.id, "?include_credential=nope").refused(t, 400, "include_credential_invalid")
			in.call("GET", in.admin+"/identities/"+p.id, nil).expect(t, 200)
		}},
		{"identities 4: unknown and malformed ids", func(t *testing.T, in *instance) {
			for _, id := range []string{uuid.NewString(), "nope", "x" + uuid.NewString() + "x"} {
				in.identity(id, "").refused(t, 404, "identity_not_found").is(t, "error.message", "Unable to locate the resource")
				in.call("PUT", in.admin+"/admin/identities/"+id, object{"traits": traits()}).refused(t, 404, "identity_not_found")
				in.call("PATCH", in.admin+"/admin/identities/"+id, []object{}).refused(t, 404, "identity_not_found")
				in.call("DELETE", in.admin+"/admin/identities/"+id, nil).refused(t, 404, "identity_not_found")
				in.call("DELETE", in.admin+"/admin/identities/"+id+"/credentials/totp", nil).refused(t, 404, "identity_not_found")
			}
		}},
		{"identities 6: an identity that is put back as it was read keeps its password", func(t *testing.T, in *instance) {
			email := testkit.Email()
			id := in.register(email)
			read := in.identity(id, "").expect(t, 200)
			in.call("PUT", in.admin+"/admin/identities/"+id, read.body).expect(t, 200)
			in.login(email)
		}},
		{"identities 1: by external id", func(t *testing.T, in *instance) {
			for _, external := range []string{testkit.Email(), "a/b c%" + uuid.NewString(), "ö?#" + uuid.NewString()} {
				id := in.create(object{"traits": traits(), "external_id": external}).expect(t, 201).text(t, "id")
				for _, prefix := range []string{"/admin", ""} {
					in.call("GET", in.admin+prefix+"/identities/by/external/"+url.PathEscape(external), nil).expect(t, 200).is(t, "id", id).has(t, "credentials", "password")
				}
			}
			for _, unknown := range []string{"nope", "%00", "%ff", strings.Repeat("x", 3000)} {
				in.call("GET", in.admin+"/admin/identities/by/external/"+unknown, nil).refused(t, 404, "identity_not_found")
			}
		}},
		{"identities 6: PUT replaces", func(t *testing.T, in *instance) {
			who := traits()
			a := in.create(object{"traits": who, "external_id": testkit.Email(), "metadata_public": 1, "metadata_admin": 2, "state": "inactive", "organization_id": uuid.NewString(), "credentials": clear(passphrase)}).expect(t, 201)
			id := a.text(t, "id")
			b := in.call("PUT", in.admin+"/admin/identities/"+id, object{"traits": who, "unknown": 1}).expect(t, 200)
			b.is(t, "metadata_public", nil).is(t, "metadata_admin", nil).is(t, "external_id", nil).is(t, "state", "inactive").is(t, "schema_id", "default")
			b.is(t, "created_at", a.text(t, "created_at")).is(t, "verifiable_addresses.0.id", a.text(t, "verifiable_addresses.0.id"))
			b.is(t, "organization_id", a.text(t, "organization_id"))
			in.call("PUT", in.admin+"/admin/identities/"+id, object{"traits": who, "state": "active"}).expect(t, 200).is(t, "state", "active")
			in.login(who["email"].(string))
			in.call("PUT", in.admin+"/admin/identities/"+id, object{"state": "active"}).refused(t, 400, "identity_traits_invalid")
			in.call("PUT", in.admin+"/admin/identities/"+id, object{"traits": who}, "Content-Type", "text/plain").refused(t, 400, "content_type_unsupported")
		}},
		{"identities 6: PUT with a new password and e-mail; sessions live on", func(t *testing.T, in *instance) {
			p := in.person()
			next := testkit.Email()
			a := in.call("PUT", in.admin+"/admin/identities/"+p.id, object{"traits": object{"email": next}, "credentials": clear("another one")}).expect(t, 200)
			a.is(t, "credentials.password.identifiers.0", next).is(t, "verifiable_addresses.0.value", next).is(t, "verifiable_addresses.0.verified", false)
			in.signIn(in.begin("login", ""), next, "another one").expect(t, 200)
			in.signIn(in.begin("login", ""), next, passphrase).expect(t, 400)
			in.signIn(in.begin("login", ""), p.email, "another one").expect(t, 400)
			in.whoami(p.token).expect(t, 200)
			in.register(p.email)
		}},
		{"identities 6: taken by an update", func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			in.call("PUT", in.admin+"/admin/identities/"+p.id, object{"traits": object{"email": q.email}}).refused(t, 409, "identity_conflict")
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "replace", "path": "/traits/email", "value": q.email}}).refused(t, 409, "identity_conflict")
			in.whoami(p.token).expect(t, 200).is(t, "identity.traits.email", p.email)
		}},
		{"identities 6: JSON patch", func(t *testing.T, in *instance) {
			p := in.person()
			patch := func(ops ...object) answer {
				if ops == nil {
					ops = []object{}
				}
				return in.call("PATCH", in.admin+"/admin/identities/"+p.id, ops)
			}
			patch().expect(t, 200)
			patch(object{"op": "add", "path": "/traits/name/first", "value": "Ada"}, object{"op": "add", "path": "/metadata_public", "value": object{"a": 1}}).expect(t, 200).
				is(t, "traits.name.first", "Ada").is(t, "metadata_public.a", 1)
			patch(object{"op": "test", "path": "/traits/name/first", "value": "Ada"}, object{"op": "replace", "path": "/metadata_public/b/c", "value": 2}).expect(t, 200).
				is(t, "metadata_public.b.c", 2).is(t, "metadata_public.a", 1)
			patch(object{"op": "remove", "path": "/traits/name"}, object{"op": "replace", "path": "/metadata_admin", "value": object{"x": true}}).expect(t, 200).
				is(t, "traits.name", nil).is(t, "metadata_admin.x", true)
			external := testkit.Email()
			patch(object{"op": "replace", "path": "/external_id", "value": external}, object{"op": "replace", "path": "/nonsense", "value": 1}).expect(t, 200).is(t, "external_id", external).is(t, "nonsense", nil)
			patch(object{"op": "replace", "path": "/verifiable_addresses/0/verified", "value": true}).expect(t, 200).is(t, "verifiable_addresses.0.verified", true).is(t, "verifiable_addresses.0.status", "completed")
			patch(object{"op": "add", "path": "/metadata_public/123456", "value": 1}).expect(t, 200).is(t, "metadata_public.123456", 1)
			in.whoami(p.token).expect(t, 200)
			for _, path := range []string{"/id", "/ID", "/credentials", "/credentials/oidc", "/credentials/saml/config", "/credentials/password", "", "/"} {
				patch(object{"op": "replace", "path": path, "value": "x"}).refused(t, 400, "json_patch_failed")
			}
			for _, op := range []object{{"op": "test", "path": "/traits/email", "value": "x"}, {"op": "nope", "path": "/traits"}, {"op": "remove", "path": "/traits/none"}, {"op": "add"},
				{"path": "/traits"}, {"op": "move", "path": "/traits/x"}, {"op": "copy", "from": "/credentials", "path": "/metadata_admin"}, {"op": "add", "path": "/traits/email"}} {
				patch(op).expect(t, 400)
			}
			patch(object{"op": "replace", "path": "/state", "value": "foo"}).refused(t, 400, "identity_state_invalid")
			patch(object{"op": "replace", "path": "/schema_id", "value": "nope"}).refused(t, 400, "identity_schema_unknown")
			patch(object{"op": "replace", "path": "/traits/email", "value": "x"}).refused(t, 400, "identity_traits_invalid")
			for _, body := range []string{`{}`, `{"op":"add"}`, `"x"`, `7`, `null`, `[`, `[null]`, `[7]`, `[[]]`, `[{}]`} {
				if a := in.call("PATCH", in.admin+"/admin/identities/"+p.id, body); a.status != 400 && !(body == "null" && a.status == 200) {
					t.Errorf("%s: %d %s", body, a.status, a.body)
				}
			}
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, `[]`, "Content-Type", "application/json-patch+json").expect(t, 200)
		}},
		{"identities 6: JSON patch sets a password", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "replace", "path": "/credentials/password/config", "value": object{"password": "patched in"}}}).expect(t, 200)
			in.signIn(in.begin("login", ""), p.email, "patched in").expect(t, 200)
			in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 400)
			in.whoami(p.token).expect(t, 200)
		}},
		{"identities 6: a patch cannot ask for more than it may cost", func(t *testing.T, in *instance) {
			p := in.person()
			double := []object{{"op": "add", "path": "/metadata_public", "value": object{"x": strings.Repeat("x", 1000)}}}
			for i := range 60 {
				double = append(double, object{"op": "copy", "from": "/metadata_public", "path": fmt.Sprintf("/metadata_public/c%d", i)})
			}
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, double).refused(t, 400, "json_patch_failed")
			for _, path := range []string{"/metadata_public/a/1000000000/b", "/metadata_public/a/2000000000"} {
				in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "add", "path": path, "value": 1}}).refused(t, 400, "json_patch_failed")
			}
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "add", "path": strings.Repeat("/a", 300000), "value": 1}}).refused(t, 400, "json_patch_failed")
			in.whoami(p.token).expect(t, 200)
		}},
		{"identities 10: delete", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil).expect(t, 204).empty(t)
			in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil).refused(t, 404, "identity_not_found")
			in.whoami(p.token).refused(t, 401, "session_inactive")
			if f := in.signIn(in.begin("login", ""), p.email, passphrase).expect(t, 400); f.messages(t) != "4000006" {
				t.Error(f.messages(t))
			}
			in.call("GET", in.admin+"/admin/identities/"+p.id+"/sessions", nil).expect(t, 200)
			in.extend(p.session).expect(t, 404)
			in.register(p.email)
			in.whoami(p.token).expect(t, 401)
		}},
		{"identities 9: delete a credential", func(t *testing.T, in *instance) {
			p := in.person()
			remove := func(what string) answer {
				return in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/credentials/"+what, nil)
			}
			remove("password").refused(t, 400, "credential_last_first_factor")
			remove("code").refused(t, 400, "credential_undeletable")
			remove("passkey").refused(t, 400, "credential_undeletable")
			for _, unset := range []string{"totp", "lookup_secret", "webauthn", "oidc", "nope", "%00", strings.Repeat("x", 500)} {
				remove(unset).refused(t, 404, "credential_not_found")
			}
			in.whoami(p.token).expect(t, 200)
		}},
		{"identities 12: schemas", func(t *testing.T, in *instance) {
			a := in.call("GET", in.public+"/schemas", nil).expect(t, 200).is(t, "0.id", "default")
			if a.header.Get("X-Total-Count") != "1" || !strings.Contains(a.header.Get("Link"), `rel="first"`) || len(a.list(t)) != 1 {
				t.Errorf("%v", a.header)
			}
			one := in.call("GET", in.public+"/schemas/default", nil).expect(t, 200)
			coded := in.call("GET", in.public+"/schemas/"+base64.RawURLEncoding.EncodeToString([]byte("default")), nil).expect(t, 200)
			if one.body != coded.body || one.text(t, "title") != "Person" {
				t.Error(one.body)
			}
			in.call("GET", in.public+"/schemas/nope", nil).refused(t, 404, "identity_schema_unknown")
			in.call("GET", in.public+"/schemas?page=0&per_page=1", nil).expect(t, 200)
			if all := in.call("GET", in.public+"/schemas?page=7&per_page=1", nil).expect(t, 200).list(t); len(all) != 0 {
				t.Errorf("%v", all)
			}
		}},
		{"identities 10: deactivating ends sessions, and no one signs in meanwhile", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("PUT", in.admin+"/admin/identities/"+p.id, object{"traits": object{"email": p.email}, "state": "inactive"}).expect(t, 200)
			in.whoami(p.token).expect(t, 401)
			a := in.call("GET", in.admin+"/admin/sessions/"+p.session+"?expand=identity", nil).expect(t, 200)
			a.is(t, "active", false).is(t, "end_reason", "identity_disabled").is(t, "identity.state", "inactive")
		}},
	}
	for name, c := range map[string]struct {
		body   any
		id     string
		status int
	}{
		"required trait missing": {object{"traits": object{}}, "identity_traits_invalid", 400},
		"no traits":              {object{}, "identity_traits_invalid", 400},
		"traits of a wrong type": {object{"traits": "x"}, "identity_traits_invalid", 400},
		"bad e-mail":             {object{"traits": object{"email": "x"}}, "identity_traits_invalid", 400},
		"unknown schema":         {object{"schema_id": "nope", "traits": traits()}, "identity_schema_unknown", 400},
		"bad state":              {object{"state": "on", "traits": traits()}, "identity_state_invalid", 400},
		"unknown key":            {object{"foo": 1, "traits": traits()}, "json_unknown_field", 400},
		"wrong type":             {object{"state": 1, "traits": traits()}, "json_type_mismatch", 400},
		"bad organization":       {object{"traits": traits(), "organization_id": "x"}, "bad_uuid", 400},
		"external id too long":   {object{"traits": traits(), "external_id": strings.Repeat("x", 600)}, "external_id_too_long", 400},
		"empty body":             {"", "content_type_unsupported", 400},
		"broken JSON":            {"{", "json_malformed", 400},
		"null":                   {"null", "identity_traits_invalid", 400},
		"bad hash":               {object{"traits": traits(), "credentials": hashed("nope")}, "password_hash_unknown", 400},
		"empty config":           {object{"traits": traits(), "credentials": object{"password": object{"config": object{}}}}, "password_hash_unknown", 400},
		"costly hash":            {object{"traits": traits(), "credentials": hashed("$2a$16$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e")}, "password_hash_cost", 400},
		"migration hook":         {object{"traits": traits(), "credentials": object{"password": object{"config": object{"use_password_migration_hook": true}}}}, "credential_import_unsupported", 400},
		"totp":                   {object{"traits": traits(), "credentials": object{"totp": object{"config": object{"totp_url": "x"}}}}, "credential_import_unsupported", 400},
		"oidc":                   {object{"traits": traits(), "credentials": object{"oidc": object{"config": object{"providers": []object{}}}}}, "credential_import_unsupported", 400},
		"unknown credential":     {object{"traits": traits(), "credentials": object{"x": object{}}}, "credential_unknown", 400},
	} {
		rows = append(rows, row{"identities 5: " + name, func(t *testing.T, in *instance) {
			in.call("POST", in.admin+"/admin/identities", c.body, "Content-Type", map[bool]string{true: "text/plain", false: "application/json"}[c.body == ""]).refused(t, c.status, c.id)
		}})
	}
	// All for the password "correct horse"; made with other implementations.
	for name, hash := range map[string]string{
		"bcrypt":          `$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`,
		"argon2id":        `$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$ehqGRlXhNY90u1mXokuaGpor9OaG4WSZVb4jCfev4ys`,
		"argon2i":         `$argon2i$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$JJ/ZDykYOnhMabOK2tGFjoWMyIA2jiyUS51az8rbHG4`,
		"pbkdf2":          `$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M`,
		"scrypt":          `$scrypt$ln=1024,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg==$I4YuHpx/6xJJ4+sk74hQU+KhW++gPE8aHzXbHijxgzg=`,
		"firebase scrypt": `$firescrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OQ==$+g0HL5GIrN4mk71Z7SqmtONaW/ueT2GGE15GJ4sjHkI9B6OKnhgE0QdHgQiSRjeVeLpoSet5qrptWWDpKP0wfQ==$Bw==$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==`,
		"LDAP":            `{SSHA}6NCJNQkxhrzMv7QCEmGH4U7h9y4wMTIz`,
		"salted SHA":      `$sha256$pf=e1NBTFR9e1BBU1NXT1JEfQ==$MDEyMzQ1Njc4OWFiY2RlZg==$j97FnIGc8CAcMPPA53TDJOFeYZ4BzqOBpemyTkgmPnw=`,
		"MD5":             `$md5$PLTnMmMfR+brlh80VUt83g==`,
		"crypt":           `$sha256-crypt$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/`,
		"HMAC":            `$hmac-sha256$YzNhMDEyMTVkNjVjNTBmMTM4YTgxYmJlOTZhODFkYWIwMTZiNjk5ZTI5ZTE3OTQ2N2Q3NWI1MjY4MGUxNDdmYQ==$MDEyMzQ1Njc4OWFiY2RlZg==`,
	} {
		rows = append(rows, row{"identities 8: " + name + " hash signs in and is upgraded", func(t *testing.T, in *instance) {
			email := testkit.Email()
			id := in.create(object{"traits": object{"email": email}, "credentials": hashed(hash)}).expect(t, 201).text(t, "id")
			if f := in.signIn(in.begin("login", ""), email, "correct hors").expect(t, 400); f.messages(t) != "4000006" {
				t.Error(f.messages(t))
			}
			for range 2 {
				in.signIn(in.begin("login", ""), email, "correct horse").expect(t, 200)
				now := in.identity(id, "?include_credential=password").text(t, "credentials.password.config.hashed_password")
				if !strings.HasPrefix(now, "$argon2id$v=19$m=64,t=1,p=1$") {
					t.Errorf("still %s", now)
				}
			}
		}})
	}
	rows = append(rows, row{"identities 8: a password in clear text goes before a hash", func(t *testing.T, in *instance) {
		email := testkit.Email()
		both := object{"password": object{"config": object{"password": "clear", "hashed_password": "nope"}}}
		in.create(object{"traits": object{"email": email}, "credentials": both}).expect(t, 201)
		in.signIn(in.begin("login", ""), email, "clear").expect(t, 200)
	}})
	contract(t, "", rows)
}

func TestContractIdentityList(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		var ids []string
		organization := uuid.NewString()
		for i := range 7 {
			body := object{"traits": object{"email": fmt.Sprintf("list%d@example.org", i)}, "metadata_admin": object{"n": i}}
			if i < 2 {
				body["organization_id"] = organization
			}
			ids = append(ids, in.create(body).expect(t, 201).text(t, "id"))
		}
		slices.Sort(ids)
		list := func(t *testing.T, query string) answer {
			t.Helper()
			return in.on(t).call("GET", in.admin+"/admin/identities"+query, nil)
		}
		found := func(t *testing.T, query string) (seen []string) {
			t.Helper()
			for path := "/admin/identities" + query; path != ""; {
				a := in.on(t).call("GET", in.admin+path, nil).expect(t, 200)
				for _, i := range a.list(t) {
					seen = append(seen, i["id"].(string))
				}
				path = a.next(t)
			}
			return seen
		}
		t.Run("identities 3: no row is lost", func(t *testing.T) {
			for _, size := range []string{"1", "2", "3", "6", "7", "8", "500", "9999", "0", ""} {
				if got := found(t, "?page_size="+size); !slices.Equal(got, ids) {
					t.Errorf("page_size=%s: %v", size, got)
				}
			}
			if got := found(t, "?per_page=2"); !slices.Equal(got, ids) {
				t.Errorf("per_page alone: %v", got)
			}
		})
		t.Run("identities 3: no credentials, but metadata_admin", func(t *testing.T) {
			a := list(t, "").expect(t, 200)
			a.has(t, "0", "created_at id metadata_admin metadata_public organization_id recovery_addresses schema_id schema_url state state_changed_at traits updated_at verifiable_addresses")
			if a.header.Get("Link") != `</admin/identities?page_size=250>; rel="first"` || a.header.Get("X-Total-Count") != "" {
				t.Errorf("%v", a.header)
			}
		})
		t.Run("identities 3: nothing found is an empty array", func(t *testing.T) {
			if a := list(t, "?ids="+uuid.NewString()).expect(t, 200); a.body != "[]\n" {
				t.Error(a.body)
			}
		})
		t.Run("identities 3: filters", func(t *testing.T) {
			if got := found(t, "?page_size=1&ids="+ids[4]+"&ids="+ids[1]+"&ids="+ids[4]); !slices.Equal(got, []string{ids[1], ids[4]}) {
				t.Errorf("ids: %v", got)
			}
			a := list(t, "?credentials_identifier=%20LIST3@Example.org").expect(t, 200).is(t, "0.traits.email", "list3@example.org").has(t, "0.credentials", "password")
			if len(a.list(t)) != 1 || a.json(t, "0.credentials.password.config") != nil {
				t.Error(a.body)
			}
			if got := found(t, "?credentials_identifier=list"); len(got) != 0 {
				t.Errorf("credentials_identifier is exact: %v", got)
			}
			if got := found(t, "?page_size=3&preview_credentials_identifier_similar=LIST"); len(got) != 7 {
				t.Errorf("similar: %v", got)
			}
			for _, pattern := range []string{"%25", "_ist", "l%25", `\`, "*", "LIST%00"} {
				if got := found(t, "?preview_credentials_identifier_similar="+pattern); len(got) != 0 && pattern != "LIST%00" {
					t.Errorf("%s is a pattern: %v", pattern, got)
				}
			}
			if got := found(t, "?page_size=1&organization_id="+organization); len(got) != 2 {
				t.Errorf("organization: %v", got)
			}
			list(t, "?include_credential=password").expect(t, 200).has(t, "0.credentials", "password")
			list(t, "?consistency=strong").expect(t, 200)
			list(t, "?consistency=eventual").expect(t, 200)
		})
		t.Run("identities 3: pages by number", func(t *testing.T) {
			a := list(t, "?page=1&per_page=3").expect(t, 200)
			if a.header.Get("X-Total-Count") != "7" || a.json(t, "0.id") != ids[3] {
				t.Errorf("%v %s", a.header, a.body)
			}
			for _, rel := range []string{"first", "next", "prev", "last"} {
				if !strings.Contains(a.header.Get("Link"), `rel="`+rel+`"`) {
					t.Errorf("no %s: %s", rel, a.header.Get("Link"))
				}
			}
			list(t, "?page=1001&per_page=1").refused(t, 400, "page_invalid")
			list(t, "?page=x").refused(t, 400, "page_invalid")
		})
		for query, id := range map[string]string{
			"?ids=nope": "bad_uuid", "?ids=": "bad_uuid", "?" + strings.Repeat("ids="+ids[0]+"&", 501): "too_many_ids", "?organization_id=x": "bad_uuid",
			"?page_size=x": "page_size_invalid", "?page_token=x": "page_token_invalid", "?include_credential=x": "include_credential_invalid",
			"?page_token=" + uuid.NewString():                                    "page_token_invalid",
			"?ids=" + ids[0] + "&credentials_identifier=x":                       "filters_combined",
			"?credentials_identifier=x&preview_credentials_identifier_similar=x": "filters_combined",
			"?organization_id=" + organization + "&credentials_identifier=x":     "filters_combined",
		} {
			t.Run("identities 3: "+query[:min(len(query), 60)], func(t *testing.T) { list(t, query).refused(t, 400, id) })
		}
		t.Run("identities 3: a row that goes between pages costs no other", func(t *testing.T) {
			a := list(t, "?page_size=2").expect(t, 200)
			in.on(t).call("DELETE", in.admin+"/admin/identities/"+ids[1], nil).expect(t, 204)
			if b := in.on(t).call("GET", in.admin+a.next(t), nil).expect(t, 200); b.json(t, "0.id") != ids[2] {
				t.Error(b.body)
			}
		})
	})
}

func TestContractBatch(t *testing.T) {
	t.Parallel()
	batch := func(in *instance, entries ...any) answer {
		return in.call("PATCH", in.admin+"/admin/identities", object{"identities": entries})
	}
	entry := func(body object) object { return object{"create": body} }
	many := func(n int, with object) (all []any) {
		for range n {
			body := object{"traits": object{"email": testkit.Email()}}
			for k, v := range with {
				body[k] = v
			}
			all = append(all, entry(body))
		}
		return all
	}
	contract(t, "", []row{
		{"identities 7: one result for each entry", func(t *testing.T, in *instance) {
			email, patch := testkit.Email(), uuid.NewString()
			a := batch(in, object{"patch_id": patch, "create": object{"traits": object{"email": email}, "credentials": clear("x")}},
				entry(object{"traits": object{"email": strings.ToUpper(email)}}), entry(object{"traits": object{"email": "x"}}), object{"patch_id": patch},
				entry(object{"schema_id": "nope", "traits": object{"email": testkit.Email()}}), object{"create": nil}).expect(t, 200)
			a.has(t, "identities.0", "action identity patch_id").is(t, "identities.0.action", "create").is(t, "identities.0.patch_id", patch)
			a.has(t, "identities.1", "action error").is(t, "identities.1.action", "error").is(t, "identities.1.error.id", "identity_conflict").is(t, "identities.1.error.code", 409)
			a.is(t, "identities.2.error.id", "identity_traits_invalid").is(t, "identities.3", nil).is(t, "identities.4.error.id", "identity_schema_unknown").is(t, "identities.5", nil)
			if n := len(a.json(t, "identities").([]any)); n != 6 {
				t.Errorf("%d results", n)
			}
			in.identity(a.text(t, "identities.0.identity"), "").expect(t, 200)
			in.signIn(in.begin("login", ""), email, "x").expect(t, 200)
		}},
		{"identities 7: a patch_id that is no UUID refuses everything", func(t *testing.T, in *instance) {
			email := testkit.Email()
			good := entry(object{"traits": object{"email": email}})
			for _, bad := range []string{"", "x", "3fa85f64-5717-4562-b3fc-2c963f66afa", "{" + uuid.NewString()} {
				for _, create := range []any{nil, object{"traits": object{"email": testkit.Email()}}} {
					a := batch(in, good, object{"patch_id": bad, "create": create}).refused(t, 400, "bad_uuid")
					a.is(t, "error.reason", "The patch_id of identities[1] is not a UUID.")
				}
			}
			batch(in, good, object{"patch_id": 7}).refused(t, 400, "json_type_mismatch")
			if all := in.call("GET", in.admin+"/admin/identities?credentials_identifier="+email, nil).list(t); len(all) != 0 {
				t.Error("something was stored")
			}
			batch(in, good, object{"patch_id": nil, "create": nil}).expect(t, 200).is(t, "identities.0.action", "create")
		}},
		{"identities 7: a bad state or hash refuses everything", func(t *testing.T, in *instance) {
			for id, bad := range map[string]object{"identity_state_invalid": {"state": "on"}, "password_hash_unknown": {"credentials": hashed("nope")},
				"json_unknown_field": {"foo": 1}, "json_type_mismatch": {"state": 1}, "credential_import_unsupported": {"credentials": object{"totp": object{}}}} {
				email := testkit.Email()
				bad["traits"] = object{"email": testkit.Email()}
				batch(in, entry(object{"traits": object{"email": email}}), entry(bad)).refused(t, 400, id)
				if all := in.call("GET", in.admin+"/admin/identities?credentials_identifier="+email, nil).list(t); len(all) != 0 {
					t.Errorf("%s: something was stored", id)
				}
			}
		}},
		{"identities 7: 1000 entries, and not one more", func(t *testing.T, in *instance) {
			a := batch(in, many(1000, nil)...).expect(t, 200)
			if strings.Count(a.body, `"action":"create"`) != 1000 {
				t.Error("not all were created")
			}
			batch(in, many(1001, nil)...).refused(t, 400, "batch_invalid")
		}},
		{"identities 7: 200 passwords in clear text, and not one more", func(t *testing.T, in *instance) {
			batch(in, many(200, object{"credentials": clear("x")})...).expect(t, 200)
			batch(in, many(201, object{"credentials": clear("x")})...).refused(t, 400, "batch_invalid")
			batch(in, many(201, object{"credentials": hashed(`$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`)})...).expect(t, 200)
		}},
		{"identities 7: bodies that cannot be read", func(t *testing.T, in *instance) {
			for body, id := range map[string]string{`{`: "json_malformed", `[]`: "json_type_mismatch", `{"identities":[7]}`: "json_type_mismatch",
				`{"identities":[{"create":7}]}`: "json_type_mismatch", `{"identities":[{"create":{"traits":{},"traits":{}}}]}`: "json_malformed", `{"identities":{}}`: "json_type_mismatch"} {
				in.call("PATCH", in.admin+"/admin/identities", body).refused(t, 400, id)
			}
			in.call("PATCH", in.admin+"/admin/identities", `{}`).expect(t, 200)
			in.call("PATCH", in.admin+"/admin/identities", `{"identities":[null]}`).expect(t, 200)
		}},
	})
}
