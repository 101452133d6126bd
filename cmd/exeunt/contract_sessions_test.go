package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/testkit"
)

const (
	sessionKeys  = "active authenticated_at authentication_methods authenticator_assurance_level devices expires_at id identity issued_at last_seen_at"
	identityKeys = "created_at id metadata_public organization_id recovery_addresses schema_id schema_url state state_changed_at traits updated_at verifiable_addresses"
	noStore      = "private, no-cache, no-store, must-revalidate"
)

func (in *instance) native(body any, header ...string) answer {
	in.t.Helper()
	return in.call("DELETE", in.public+"/self-service/logout/api", body, header...)
}

func (in *instance) extend(session string) answer {
	in.t.Helper()
	return in.call("PATCH", in.admin+"/admin/sessions/"+session+"/extend", nil)
}

func TestContractCredentials(t *testing.T) {
	t.Parallel()
	whoami := func(in *instance, header ...string) answer {
		return in.call("GET", in.public+"/sessions/whoami", nil, header...)
	}
	var rows []row
	add := func(name string, status int, header func(token, other string) []string) {
		rows = append(rows, row{"sessions 0.2: " + name, func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			a := whoami(in, header(p.token, q.token)...).expect(t, status)
			if status == 200 {
				a.is(t, "id", p.session)
			} else {
				a.refused(t, 401, "session_inactive")
			}
		}})
	}
	add("token in X-Session-Token", 200, func(p, _ string) []string { return []string{"X-Session-Token", p} })
	add("spaces around the token are trimmed", 200, func(p, _ string) []string { return []string{"X-Session-Token", "  " + p + " "} })
	add("bearer token", 200, func(p, _ string) []string { return []string{"Authorization", "Bearer " + p} })
	add("the scheme's case does not matter", 200, func(p, _ string) []string { return []string{"Authorization", "bEARER " + p} })
	add("X-Session-Token goes before the bearer token", 200, func(p, q string) []string {
		return []string{"X-Session-Token", p, "Authorization", "Bearer " + q}
	})
	add("an empty X-Session-Token does not count", 200, func(p, _ string) []string {
		return []string{"X-Session-Token", " ", "Authorization", "Bearer " + p}
	})
	add("a junk cookie beside a token is no trouble (W6)", 200, func(p, _ string) []string {
		return []string{"X-Session-Token", p, "Cookie", "ory_kratos_session=junk; =; ory_kratos_session"}
	})
	add("a wrong X-Session-Token is final", 401, func(p, _ string) []string {
		return []string{"X-Session-Token", "bogus", "Authorization", "Bearer " + p}
	})
	add("two spaces after the scheme", 401, func(p, _ string) []string { return []string{"Authorization", "Bearer  " + p} })
	add("another scheme", 401, func(p, _ string) []string { return []string{"Authorization", "Basic " + p} })
	add("no scheme", 401, func(p, _ string) []string { return []string{"Authorization", p} })
	add("a token in a cookie", 401, func(p, _ string) []string { return []string{"Cookie", "ory_kratos_session=" + p} })
	add("no credential", 401, func(string, string) []string { return nil })
	add("an unknown token", 401, func(string, string) []string {
		return []string{"X-Session-Token", "ory_st_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
	})
	rows = append(rows,
		row{"sessions 0.2: a token in the query does nothing", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("GET", in.public+"/sessions/whoami?session_token="+p.token+"&token="+p.token, nil).refused(t, 401, "session_inactive")
		}},
		row{"sessions 0.2: the first of two X-Session-Token lines counts", func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			req, _ := http.NewRequest("GET", in.public+"/sessions/whoami", nil)
			req.Header["X-Session-Token"] = []string{p.token, q.token}
			in.do(req).expect(t, 200).is(t, "id", p.session)
		}},
		row{"sessions D17: tokens are ory_st_ and 32 letters, each one new", func(t *testing.T, in *instance) {
			p := in.person()
			other, _ := in.login(p.email)
			for _, token := range []string{p.token, other} {
				if !regexp.MustCompile(`^ory_st_[A-Za-z0-9]{32}$`).MatchString(token) {
					t.Error("a token of another form")
				}
			}
			if other == p.token {
				t.Error("two sign-ins got the same token")
			}
		}},
		row{"sessions 0.4: X-Request-ID is repeated in errors and in no header", func(t *testing.T, in *instance) {
			a := whoami(in, "X-Request-ID", "abc-123").refused(t, 401, "session_inactive").is(t, "error.request", "abc-123")
			if a.header.Get("X-Request-Id") != "" {
				t.Error("the header is echoed")
			}
			whoami(in, "X-Request-ID", strings.Repeat("x", 500)).has(t, "error", "code id message reason status")
		}},
	)
	contract(t, "", rows)
}

func TestContractNativeLogout(t *testing.T) {
	t.Parallel()
	var rows []row
	add := func(name string, test func(t *testing.T, in *instance)) {
		rows = append(rows, row{"sessions 1.4: " + name, test})
	}
	live := func(name string, body func(token string) any, header ...string) {
		add(name, func(t *testing.T, in *instance) {
			p := in.person()
			in.native(body(p.token), header...).expect(t, 204).empty(t)
			in.whoami(p.token).refused(t, 401, "session_inactive")
		})
	}
	plain := func(token string) any { return object{"session_token": token} }
	live("live token", plain)
	live("content type with a parameter", plain, "Content-Type", "application/json; charset=utf-8")
	live("content type in capitals", plain, "Content-Type", "Application/JSON")
	live("unknown fields are ignored", func(token string) any { return object{"session_token": token, "x": []int{1}} })
	live("the key's case does not matter", func(token string) any { return object{"SESSION_TOKEN": token} })
	live("Accept is ignored", plain, "Accept", "text/html")
	live("a dead token in the header is ignored", plain, "X-Session-Token", "bogus", "Cookie", "ory_kratos_session=x")
	live("an Origin header is no hindrance", plain, "Origin", "https://app.example")

	add("already revoked token", func(t *testing.T, in *instance) {
		p := in.person()
		for range 3 {
			in.logout(p.token).expect(t, 204).empty(t)
		}
	})
	add("a token that an administrator has revoked", func(t *testing.T, in *instance) {
		p := in.person()
		in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204)
		in.logout(p.token).expect(t, 204)
	})
	add("a token whose session was deleted stays a success (D2)", func(t *testing.T, in *instance) {
		p := in.person()
		in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/sessions", nil).expect(t, 204)
		in.logout(p.token).expect(t, 204)
	})
	add("a token whose identity was deleted stays a success (D2)", func(t *testing.T, in *instance) {
		p := in.person()
		in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil).expect(t, 204)
		in.logout(p.token).expect(t, 204)
	})
	add("unknown token", func(t *testing.T, in *instance) {
		in.logout("ory_st_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").refused(t, 403, "session_token_unknown")
		in.logout("anything").refused(t, 403, "session_token_unknown")
		in.logout(" ").refused(t, 403, "session_token_unknown")
	})
	add("only the token's own session ends, not the other ones of the person", func(t *testing.T, in *instance) {
		p := in.person()
		other, _ := in.login(p.email)
		in.logout(p.token).expect(t, 204)
		in.whoami(other).expect(t, 200)
	})
	add("a token in header or query alone does nothing", func(t *testing.T, in *instance) {
		p := in.person()
		in.native(object{}, "X-Session-Token", p.token, "Authorization", "Bearer "+p.token).refused(t, 400, "session_token_malformed")
		in.call("DELETE", in.public+"/self-service/logout/api?session_token="+p.token, object{}).refused(t, 400, "session_token_malformed")
		in.native(nil, "X-Session-Token", p.token).refused(t, 400, "content_type_unsupported")
		in.whoami(p.token).expect(t, 200)
	})
	for name, body := range map[string]string{
		"empty token": `{"session_token":""}`, "no token": `{}`, "null token": `{"session_token":null}`, "null": `null`,
		"number as token": `{"session_token":7}`, "array as token": `{"session_token":["x"]}`, "object as token": `{"session_token":{}}`,
		"over-long token": `{"session_token":"` + strings.Repeat("x", 513) + `"}`, "token with a control character": `{"session_token":"ory_st_\n"}`,
	} {
		add(name+" (D10)", func(t *testing.T, in *instance) { in.native(body).refused(t, 400, "session_token_malformed") })
	}
	for name, c := range map[string][2]string{
		"empty body":           {"", "json_malformed"},
		"broken JSON":          {`{"session_token":`, "json_malformed"},
		"an array":             {`["x"]`, "json_type_mismatch"},
		"a string":             {`"x"`, "json_type_mismatch"},
		"bytes after the end":  {`{"session_token":"x"} {}`, "json_malformed"},
		"token twice":          {`{"session_token":"x","session_token":"y"}`, "json_malformed"},
		"token twice, by case": {`{"session_token":"x","Session_Token":"y"}`, "json_malformed"},
		"token with NUL (W15)": {`{"session_token":"x\u0000"}`, "json_malformed"},
		"not UTF-8":            {"{\"session_token\":\"\xff\"}", "json_malformed"},
	} {
		add(name, func(t *testing.T, in *instance) {
			in.native(c[0], "Content-Type", "application/json").refused(t, 400, c[1])
		})
	}
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/problem+json", ";"} {
		add(fmt.Sprintf("content type %q", contentType), func(t *testing.T, in *instance) {
			p := in.person()
			in.native(`{"session_token":"`+p.token+`"}`, "Content-Type", contentType).refused(t, 400, "content_type_unsupported")
			in.whoami(p.token).expect(t, 200)
		})
	}
	add("a body over the limit", func(t *testing.T, in *instance) {
		in.native(`{"session_token":"`+strings.Repeat("x", 2<<20)+`"}`).refused(t, 413, "body_too_large")
	})
	add("a chunked body", func(t *testing.T, in *instance) {
		p := in.person()
		req, _ := http.NewRequest("DELETE", in.public+"/self-service/logout/api", struct{ *strings.Reader }{strings.NewReader(`{"session_token":"` + p.token + `"}`)})
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = -1
		in.do(req).expect(t, 204)
		in.whoami(p.token).expect(t, 401)
	})
	add("headers", func(t *testing.T, in *instance) {
		p := in.person()
		a := in.logout(p.token).expect(t, 204)
		if a.header.Get("Cache-Control") != noStore || a.header.Get("Vary") != "Cookie" || a.header["Set-Cookie"] != nil || a.header["Location"] != nil {
			t.Errorf("headers %v", a.header)
		}
	})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"} {
		add(method+" is not allowed and does nothing", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.call(method, in.public+"/self-service/logout/api", object{"session_token": p.token}).expect(t, 405)
			if a.header.Get("Allow") != "DELETE" || a.header.Get("Ory-Error-Id") != "method_not_allowed" {
				t.Errorf("Allow %q, %v", a.header.Get("Allow"), a.header)
			}
			in.whoami(p.token).expect(t, 200)
		})
	}
	contract(t, "", rows)
}

func TestContractWhoami(t *testing.T) {
	t.Parallel()
	rows := []row{
		{"sessions 3.1: a valid session", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.whoami(p.token).expect(t, 200)
			for name, want := range map[string]string{
				"Content-Type": "application/json; charset=utf-8", "X-Kratos-Authenticated-Identity-Id": p.id,
				"Cache-Control": noStore, "Vary": "Cookie", "X-Content-Type-Options": "nosniff",
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			for _, name := range []string{"Set-Cookie", "Ory-Session-Cache-For", "Ory-Error-Id"} {
				if a.header[name] != nil {
					t.Errorf("%s is sent", name)
				}
			}
			if strings.Contains(a.body, p.token) || strings.Contains(a.body, "ory_") {
				t.Error("the answer holds a token")
			}
		}},
		{"sessions 3.1: nobody is authenticated", func(t *testing.T, in *instance) {
			a := in.whoami("bogus").refused(t, 401, "session_inactive")
			if a.header["X-Kratos-Authenticated-Identity-Id"] != nil || a.header["Www-Authenticate"] != nil || a.header.Get("Cache-Control") != noStore {
				t.Errorf("headers %v", a.header)
			}
		}},
		{"sessions 3.2: the keys", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.whoami(p.token).expect(t, 200).has(t, "", sessionKeys).has(t, "identity", identityKeys)
			a.has(t, "authentication_methods.0", "aal completed_at method").has(t, "devices.0", "id ip_address location user_agent")
			a.has(t, "identity.verifiable_addresses.0", "created_at id status updated_at value verified via")
			a.has(t, "identity.recovery_addresses.0", "created_at id updated_at value via")
		}},
		{"sessions 3.2: the values", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.whoami(p.token).expect(t, 200)
			a.is(t, "id", p.session).is(t, "active", true).is(t, "authenticator_assurance_level", "aal1")
			a.is(t, "authentication_methods.0.method", "password").is(t, "authentication_methods.0.aal", "aal1")
			a.is(t, "identity.id", p.id).is(t, "identity.schema_id", "default").is(t, "identity.state", "active")
			a.is(t, "identity.schema_url", in.public+"/schemas/ZGVmYXVsdA").is(t, "identity.metadata_public", nil).is(t, "identity.organization_id", nil)
			a.is(t, "identity.traits.email", p.email).is(t, "devices.0.ip_address", "127.0.0.1").is(t, "devices.0.location", "")
			if _, err := uuid.Parse(a.text(t, "devices.0.id")); err != nil {
				t.Error(err)
			}
			at := func(path string) time.Time {
				v, err := time.Parse(time.RFC3339Nano, a.text(t, path))
				if err != nil || !strings.HasSuffix(a.text(t, path), "Z") {
					t.Errorf("%s: %q", path, a.text(t, path))
				}
				return v
			}
			if at("expires_at").Sub(at("issued_at")) != 24*time.Hour || !at("issued_at").Equal(at("authenticated_at")) {
				t.Errorf("times %s", a.body)
			}
		}},
		{"sessions 3.2: metadata, external id", func(t *testing.T, in *instance) {
			email, external := testkit.Email(), testkit.Email()
			in.create(object{"traits": object{"email": email}, "external_id": external, "metadata_public": object{"plan": "x"},
				"metadata_admin": object{"secret": "y"}, "credentials": clear(passphrase)}).expect(t, 201)
			token, _ := in.login(email)
			a := in.whoami(token).expect(t, 200).is(t, "identity.metadata_public.plan", "x").is(t, "identity.external_id", external)
			if strings.Contains(a.body, "secret") || strings.Contains(a.body, "credentials") {
				t.Errorf("an answer for the public has %s", a.body)
			}
		}},
		{"sessions 3: a change of the identity shows at once", func(t *testing.T, in *instance) {
			p := in.person()
			in.whoami(p.token).expect(t, 200)
			next := testkit.Email()
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "replace", "path": "/traits/email", "value": next}}).expect(t, 200)
			in.whoami(p.token).expect(t, 200).is(t, "identity.traits.email", next)
		}},
		{"sessions 3: an extension shows at once", func(t *testing.T, in *instance) {
			p := in.person()
			before := in.whoami(p.token).expect(t, 200).text(t, "expires_at")
			in.extend(p.session).expect(t, 204)
			if after := in.whoami(p.token).expect(t, 200).text(t, "expires_at"); after <= before {
				t.Errorf("expires at %s after it was extended, before at %s", after, before)
			}
		}},
		{"sessions 3: HEAD answers as GET without a body", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.call("HEAD", in.public+"/sessions/whoami", nil, "X-Session-Token", p.token).expect(t, 200)
			if a.body != "" || a.header.Get("X-Kratos-Authenticated-Identity-Id") != p.id || a.header.Get("Cache-Control") != noStore {
				t.Errorf("%v", a)
			}
			in.call("HEAD", in.public+"/sessions/whoami", nil).expect(t, 401)
		}},
		{"sessions 3: an unknown tokenizer template", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.call("GET", in.public+"/sessions/whoami?tokenize_as=x", nil, "X-Session-Token", p.token).refused(t, 400, "tokenizer_template_unknown")
			if a.header["X-Kratos-Authenticated-Identity-Id"] != nil {
				t.Error("the header names an identity")
			}
			in.call("GET", in.public+"/sessions/whoami?tokenize_as=", nil, "X-Session-Token", p.token).expect(t, 200)
		}},
		{"sessions 3: a trailing slash", func(t *testing.T, in *instance) {
			in.call("GET", in.public+"/sessions/whoami/", nil).refused(t, 404, "route_not_found")
		}},
		{"sessions 8.3: a double slash in the path", func(t *testing.T, in *instance) {
			a := in.call("GET", in.public+"//sessions/whoami", nil).expect(t, 307)
			if a.header.Get("Location") != "/sessions/whoami" {
				t.Errorf("Location %q", a.header.Get("Location"))
			}
		}},
		{"sessions W4: a deactivated identity is signed out at once and for good", func(t *testing.T, in *instance) {
			p := in.person()
			in.state(p.id, "inactive").expect(t, 200)
			in.whoami(p.token).refused(t, 401, "session_inactive")
			in.state(p.id, "active").expect(t, 200)
			in.whoami(p.token).refused(t, 401, "session_inactive")
			in.extend(p.session).refused(t, 404, "session_not_extendable")
			in.logout(p.token).expect(t, 204)
		}},
		{"sessions W4: a deleted identity", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil).expect(t, 204)
			in.whoami(p.token).refused(t, 401, "session_inactive")
		}},
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		rows = append(rows, row{"sessions W32: " + method + " answers as GET and changes nothing", func(t *testing.T, in *instance) {
			p := in.person()
			for range 2 {
				in.call(method, in.public+"/sessions/whoami", nil, "X-Session-Token", p.token).expect(t, 200).is(t, "id", p.session)
			}
		}})
	}
	for _, method := range []string{"TRACE", "CONNECT", "BREW"} {
		rows = append(rows, row{"sessions W32: " + method + " is not allowed", func(t *testing.T, in *instance) {
			a := in.raw(in.public, method+" /sessions/whoami HTTP/1.1\r\nHost: exeunt\r\nConnection: close\r\n\r\n")
			a.refused(t, 405, "method_not_allowed")
			if a.header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT" {
				t.Errorf("Allow: %q", a.header.Get("Allow"))
			}
		}})
	}
	contract(t, "", rows)
}

func (in *instance) state(id, state string) answer {
	in.t.Helper()
	return in.call("PATCH", in.admin+"/admin/identities/"+id, []object{{"op": "replace", "path": "/state", "value": state}})
}

func (in *instance) sessionsOf(id string) []map[string]any {
	in.t.Helper()
	return in.call("GET", in.admin+"/admin/identities/"+id+"/sessions", nil).expect(in.t, 200).list(in.t)
}

func TestContractAdminSessions(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"sessions 5.1: item without expand", func(t *testing.T, in *instance) {
			p := in.person()
			a := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).has(t, "", sessionKeys)
			a.is(t, "identity", nil).is(t, "active", true)
			if !strings.Contains(a.body, `"devices":[]`) {
				t.Error(a.body)
			}
			if a.header.Get("Vary") != "" || a.header.Get("Cache-Control") != noStore {
				t.Errorf("headers %v", a.header)
			}
		}},
		{"sessions 5.1: item with expand", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "add", "path": "/metadata_admin", "value": object{"b": 2}}}).expect(t, 200)
			a := in.call("GET", in.admin+"/admin/sessions/"+p.session+"?expand=identity&expand=DEVICES", nil).expect(t, 200)
			a.is(t, "identity.id", p.id).is(t, "identity.metadata_admin.b", 2).is(t, "devices.0.ip_address", "127.0.0.1")
			a.is(t, "identity.schema_url", in.public+"/schemas/ZGVmYXVsdA")
			a.is(t, "identity.verifiable_addresses.0.value", p.email).is(t, "identity.credentials", nil)
		}},
		{"sessions 5.1: bad expand", func(t *testing.T, in *instance) {
			p := in.person()
			for _, q := range []string{"expand=identity,devices", "expand=", "expand=x"} {
				in.call("GET", in.admin+"/admin/sessions/"+p.session+"?"+q, nil).refused(t, 400, "expand_invalid")
				in.call("GET", in.admin+"/admin/sessions?"+q, nil).refused(t, 400, "expand_invalid")
			}
		}},
		{"sessions 5.1: unknown and malformed ids", func(t *testing.T, in *instance) {
			unknown := in.admin + "/admin/sessions/" + uuid.NewString()
			in.call("GET", unknown, nil).refused(t, 404, "session_not_found").is(t, "error.message", "Unable to locate the resource")
			in.call("DELETE", unknown, nil).refused(t, 404, "session_not_found")
			in.call("PATCH", unknown+"/extend", nil).refused(t, 404, "session_not_found")
			in.call("PATCH", in.admin+"/admin/sessions/"+uuid.Nil.String()+"/extend", nil).refused(t, 404, "session_not_found")
			for _, id := range []string{"nope", "token-exchange", "x" + uuid.NewString() + "x", strings.Repeat("a", 4000)} {
				in.call("GET", in.admin+"/admin/sessions/"+id, nil).refused(t, 400, "bad_uuid")
				for _, path := range []string{"/admin/sessions/", "/sessions/"} {
					in.call("DELETE", in.admin+path+id, nil).refused(t, 400, "bad_uuid")
					in.call("DELETE", in.admin+path+"whoami", nil).refused(t, 400, "bad_uuid")
				}
				in.call("PATCH", in.admin+"/admin/sessions/"+id+"/extend", nil).refused(t, 400, "bad_uuid")
				in.call("GET", in.admin+"/admin/identities/"+id+"/sessions", nil).refused(t, 400, "bad_uuid")
				in.call("DELETE", in.admin+"/admin/identities/"+id+"/sessions", nil).refused(t, 400, "bad_uuid")
			}
		}},
		{"sessions 5.1: disable ends a session and keeps its row", func(t *testing.T, in *instance) {
			p := in.person()
			for range 2 {
				in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204).emptyJSON(t)
			}
			in.whoami(p.token).refused(t, 401, "session_inactive")
			a := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "active", false)
			a.is(t, "end_reason", "revoked_by_admin").is(t, "ended_by", "admin")
			if a.text(t, "ended_at") == "" {
				t.Error("no ended_at")
			}
		}},
		{"sessions 5.1: how and by whom a session ended is told", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "end_reason", "logout").is(t, "ended_by", p.id)
		}},
		{"sessions 5.1: paths without /admin are the same", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("GET", in.admin+"/sessions/"+p.session, nil).expect(t, 200).is(t, "id", p.session)
			in.call("PATCH", in.admin+"/sessions/"+p.session+"/extend", nil).expect(t, 204)
			in.call("DELETE", in.admin+"/sessions/"+p.session, nil).expect(t, 204)
			in.whoami(p.token).expect(t, 401)
		}},
		{"sessions 5.1: wrong methods", func(t *testing.T, in *instance) {
			id := uuid.NewString()
			for path, allow := range map[string]string{
				"/admin/sessions": "GET, HEAD, POST", "/admin/sessions/" + id: "DELETE, GET, HEAD",
				"/admin/sessions/" + id + "/extend": "PATCH", "/admin/identities/" + id + "/sessions": "DELETE, GET, HEAD",
			} {
				if a := in.call("PUT", in.admin+path, object{}).refused(t, 405, "method_not_allowed"); a.header.Get("Allow") != allow {
					t.Errorf("%s: Allow %q", path, a.header.Get("Allow"))
				}
			}
		}},
		{"sessions 5.4: extend in the window", func(t *testing.T, in *instance) {
			p := in.person()
			before := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).text(t, "expires_at")
			a := in.extend(p.session).expect(t, 204).empty(t)
			if a.header["Set-Cookie"] != nil {
				t.Error("a cookie is set")
			}
			after := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).text(t, "expires_at")
			if after <= before {
				t.Errorf("%s is not after %s", after, before)
			}
		}},
		{"sessions 5.4: a second extend within the debounce (D12)", func(t *testing.T, in *instance) {
			p := in.person()
			in.extend(p.session).expect(t, 204)
			in.extend(p.session).refused(t, 404, "session_not_extendable")
			in.whoami(p.token).expect(t, 200)
		}},
		{"sessions 5.4: of eight extends at once one succeeds (D12)", func(t *testing.T, in *instance) {
			p := in.person()
			var statuses [8]int
			var all sync.WaitGroup
			for i := range statuses {
				all.Go(func() { statuses[i] = in.extend(p.session).status })
			}
			all.Wait()
			slices.Sort(statuses[:])
			if statuses != [8]int{204, 404, 404, 404, 404, 404, 404, 404} {
				t.Errorf("%v", statuses)
			}
		}},
		{"sessions 5.4: a revoked session is not extended (W5)", func(t *testing.T, in *instance) {
			p := in.person()
			before := in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).text(t, "expires_at")
			in.logout(p.token).expect(t, 204)
			in.extend(p.session).refused(t, 404, "session_not_extendable")
			in.whoami(p.token).expect(t, 401)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "expires_at", before)
		}},
		{"sessions 5.4: query and body are ignored", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("PATCH", in.admin+"/admin/sessions/"+p.session+"/extend?x=%zz", "{broken").expect(t, 204)
		}},
		{"sessions 5.5: sessions of an identity", func(t *testing.T, in *instance) {
			p := in.person()
			other, _ := in.login(p.email)
			in.logout(p.token).expect(t, 204)
			all := in.sessionsOf(p.id)
			if len(all) != 2 || all[0]["active"] != true || all[1]["id"] != p.session || all[1]["active"] != false {
				t.Fatalf("%v", all)
			}
			if all[0]["identity"].(map[string]any)["id"] != p.id || len(all[0]["devices"].([]any)) != 1 {
				t.Errorf("%v", all[0])
			}
			for active, n := range map[string]int{"true": 1, "1": 1, "T": 1, "false": 1, "f": 1, "": 2} {
				if got := in.call("GET", in.admin+"/admin/identities/"+p.id+"/sessions?active="+active, nil).expect(t, 200).list(t); len(got) != n {
					t.Errorf("active=%s: %d", active, len(got))
				}
			}
			in.call("GET", in.admin+"/admin/identities/"+p.id+"/sessions?active=maybe", nil).refused(t, 400, "active_invalid")
			in.whoami(other).expect(t, 200)
		}},
		{"sessions 5.5: sessions of an unknown identity", func(t *testing.T, in *instance) {
			a := in.call("GET", in.admin+"/admin/identities/"+uuid.NewString()+"/sessions", nil).expect(t, 200)
			if a.body != "[]\n" || a.header.Get("X-Total-Count") != "0" {
				t.Errorf("%q, X-Total-Count %q", a.body, a.header.Get("X-Total-Count"))
			}
			in.call("DELETE", in.admin+"/admin/identities/"+uuid.NewString()+"/sessions", nil).refused(t, 404, "session_not_found")
		}},
		{"sessions 5.5: delete all sessions of an identity", func(t *testing.T, in *instance) {
			p, bystander := in.person(), in.person()
			second, _ := in.login(p.email)
			in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/sessions", nil).expect(t, 204).empty(t)
			in.whoami(p.token).expect(t, 401)
			in.whoami(second).expect(t, 401)
			in.whoami(bystander.token).expect(t, 200)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).refused(t, 404, "session_not_found")
			in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/sessions", nil).refused(t, 404, "session_not_found")
			if all := in.sessionsOf(p.id); len(all) != 0 {
				t.Errorf("%v", all)
			}
		}},
		{"sessions 5.5: pages by number", func(t *testing.T, in *instance) {
			p := in.person()
			in.login(p.email)
			in.login(p.email)
			path := in.admin + "/admin/identities/" + p.id + "/sessions?per_page=2&page="
			seen := map[string]bool{}
			for _, page := range []string{"1", "2"} {
				a := in.call("GET", path+page, nil).expect(t, 200)
				if a.header.Get("X-Total-Count") != "3" {
					t.Errorf("X-Total-Count %q", a.header.Get("X-Total-Count"))
				}
				for _, s := range a.list(t) {
					seen[s["id"].(string)] = true
				}
			}
			if len(seen) != 3 {
				t.Errorf("%d of 3 rows seen", len(seen))
			}
			if got := in.call("GET", path+"0", nil).expect(t, 200).list(t); len(got) != 2 {
				t.Errorf("page 0 has %d rows", len(got))
			}
			for _, bad := range []string{"x", "99999999999999999999", "1000000"} {
				in.call("GET", path+bad, nil).refused(t, 400, "page_invalid")
			}
		}},
		{"sessions 5.6: the public API's paths lead there from the admin port", func(t *testing.T, in *instance) {
			for path, to := range map[string]string{
				"/sessions/whoami": "/sessions/whoami", "/admin/sessions/whoami": "/sessions/whoami",
				"/self-service/login/api?x=1": "/self-service/login/api?x=1", "/schemas": "/schemas", "/admin/schemas/default": "/schemas/default",
			} {
				if a := in.call("GET", in.admin+path, nil).expect(t, 307); a.header.Get("Location") != in.public+to {
					t.Errorf("%s: %q", path, a.header.Get("Location"))
				}
			}
			in.call("DELETE", in.admin+"/self-service/logout/api", object{}).expect(t, 307)
		}},
		{"sessions W27: the public port does not know the admin API", func(t *testing.T, in *instance) {
			p := in.person()
			for _, path := range []string{"/admin/sessions", "/admin/identities", "/identities", "/admin/sessions/" + p.session, "/sessions/" + p.session + "/extend",
				"/version", "/metrics/prometheus", "/identities/" + p.id + "/sessions"} {
				for _, method := range []string{"GET", "POST", "DELETE", "PATCH"} {
					a := in.call(method, in.public+path, object{}).refused(t, 404, "route_not_found")
					if a.header["Location"] != nil || strings.Contains(a.body, strings.TrimPrefix(in.admin, "http://")) {
						t.Error("the admin API's address is told")
					}
				}
			}
			for _, method := range []string{"GET", "PATCH"} {
				if a := in.call(method, in.public+"/sessions/"+p.session, nil).refused(t, 405, "method_not_allowed"); a.header.Get("Allow") != "DELETE" {
					t.Errorf("Allow %q", a.header.Get("Allow"))
				}
			}
			in.whoami(p.token).expect(t, 200)
		}},
		{"sessions 9: health and version", func(t *testing.T, in *instance) {
			for _, base := range []string{in.public, in.admin, in.admin + "/admin"} {
				for _, path := range []string{"/health/alive", "/health/ready"} {
					if a := in.call("GET", base+path, nil).expect(t, 200); a.body != "{\"status\":\"ok\"}\n" || a.header.Get("Cache-Control") != noStore {
						t.Errorf("%s: %s", path, a.body)
					}
					in.call("HEAD", base+path, nil).expect(t, 200)
					in.call("POST", base+path, nil).refused(t, 405, "method_not_allowed")
				}
			}
			for _, base := range []string{in.admin, in.admin + "/admin"} {
				in.call("GET", base+"/version", nil).expect(t, 200).has(t, "", "version")
				a := in.call("GET", base+"/metrics/prometheus", nil).expect(t, 200)
				if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain; version=0.0.4") || !strings.Contains(a.body, "exeunt_sessions_started_total") {
					t.Errorf("%s\n%s", a.header.Get("Content-Type"), a.body)
				}
			}
		}},
	})
}

func TestContractSessionList(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		p := in.person()
		ids := []string{p.session}
		for range 6 {
			_, id := in.login(p.email)
			ids = append([]string{id}, ids...)
		}
		in.call("DELETE", in.admin+"/admin/sessions/"+ids[3], nil).expect(t, 204)
		pages := func(t *testing.T, query string) (seen []string) {
			in := in.on(t)
			for path := "/admin/sessions?" + query; path != ""; {
				a := in.call("GET", in.admin+path, nil).expect(t, 200)
				if !strings.Contains(a.header.Get("Link"), `rel="first"`) || a.header.Get("X-Total-Count") != "" {
					t.Errorf("headers %v", a.header)
				}
				for _, s := range a.list(t) {
					seen = append(seen, s["id"].(string))
				}
				path = a.next(t)
			}
			return seen
		}
		for _, size := range []string{"1", "2", "3", "7", "8", "1000"} {
			t.Run("sessions 5.2: no row is lost with page_size="+size+" (W13)", func(t *testing.T) {
				if got := pages(t, "page_size="+size); !slices.Equal(got, ids) {
					t.Errorf("got %v\nwant %v", got, ids)
				}
			})
		}
		t.Run("sessions 5.1: active sessions", func(t *testing.T) {
			want := slices.Concat(ids[:3], ids[4:])
			if got := pages(t, "active=true&page_size=2"); !slices.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
			if got := pages(t, "active=false"); !slices.Equal(got, ids[3:4]) {
				t.Errorf("got %v", got)
			}
			in.on(t).call("GET", in.admin+"/admin/sessions?active=yes", nil).refused(t, 400, "active_invalid")
		})
		t.Run("sessions 5.1: neither devices nor identity without expand", func(t *testing.T) {
			a := in.on(t).call("GET", in.admin+"/admin/sessions", nil).expect(t, 200)
			if !strings.Contains(a.body, `"identity":null,"devices":null`) {
				t.Error(a.body)
			}
			a = in.on(t).call("GET", in.admin+"/admin/sessions?expand=identity&expand=devices", nil).expect(t, 200)
			a.is(t, "0.identity.id", p.id).is(t, "0.devices.0.ip_address", "127.0.0.1")
		})
		t.Run("sessions 5.1: page sizes", func(t *testing.T) {
			in := in.on(t)
			for size, shown := range map[string]string{"": "250", "0": "250", "-1": "250", "5000": "1000"} {
				if a := in.call("GET", in.admin+"/admin/sessions?page_size="+size, nil).expect(t, 200); a.header.Get("Link") != `</admin/sessions?page_size=`+shown+`>; rel="first"` {
					t.Errorf("page_size=%s: %s", size, a.header.Get("Link"))
				}
			}
			in.call("GET", in.admin+"/admin/sessions?page_size=x", nil).refused(t, 400, "page_size_invalid")
			in.call("GET", in.admin+"/admin/sessions?page_size=99999999999999999999", nil).refused(t, 400, "page_size_invalid")
			in.call("GET", in.admin+"/admin/sessions?page=3&per_page=1", nil).expect(t, 200)
		})
		t.Run("sessions 5.2: page tokens are signed and bound to their list", func(t *testing.T) {
			in := in.on(t)
			next := in.call("GET", in.admin+"/admin/sessions?page_size=2", nil).expect(t, 200).next(t)
			_, token, _ := strings.Cut(next, "page_token=")
			flipped := token[:len(token)-2] + map[bool]string{true: "B", false: "A"}[token[len(token)-2] == 'A'] + token[len(token)-1:]
			for _, bad := range []string{"x", "!", "aWQ9", flipped, token + "AAAA", token[:len(token)-4], strings.Repeat("A", 5000), "%00", "%ff"} {
				in.call("GET", in.admin+"/admin/sessions?page_token="+bad, nil).refused(t, 400, "page_token_invalid")
			}
			in.call("GET", in.admin+"/admin/identities?page_token="+token, nil).refused(t, 400, "page_token_invalid")
			in.call("GET", in.admin+"/admin/identities/"+p.id+"/sessions?page_token="+token, nil).refused(t, 400, "page_token_invalid")
		})
		t.Run("sessions 5.2: a row that ends or begins between pages costs no other", func(t *testing.T) {
			in := in.on(t)
			a := in.call("GET", in.admin+"/admin/sessions?page_size=3", nil).expect(t, 200)
			in.login(p.email)
			in.call("DELETE", in.admin+"/admin/sessions/"+ids[0], nil).expect(t, 204)
			b := in.call("GET", in.admin+a.next(t), nil).expect(t, 200).list(t)
			if len(b) != 3 || b[0]["id"] != ids[3] || b[2]["id"] != ids[5] {
				t.Errorf("%v", b)
			}
		})
	})
}

func TestContractBulk(t *testing.T) {
	t.Parallel()
	bulk := func(in *instance, body any, header ...string) answer {
		return in.call("POST", in.admin+"/admin/sessions", body, header...)
	}
	ids := func(n int) (all []string) {
		for range n {
			all = append(all, uuid.NewString())
		}
		return all
	}
	rows := []row{
		{"sessions 5.3: disable sessions", func(t *testing.T, in *instance) {
			p, q, r := in.person(), in.person(), in.person()
			body := object{"action": "disable", "sessions": []string{p.session, q.session, q.session, uuid.NewString()}}
			a := bulk(in, body).expect(t, 200)
			if a.body != "{\"processed\":2,\"more\":false}\n" {
				t.Error(a.body)
			}
			bulk(in, body).expect(t, 200).is(t, "processed", 0)
			in.whoami(p.token).expect(t, 401)
			in.whoami(q.token).expect(t, 401)
			in.whoami(r.token).expect(t, 200)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "active", false)
		}},
		{"sessions 5.3: disable identities", func(t *testing.T, in *instance) {
			p, q := in.person(), in.person()
			second, _ := in.login(p.email)
			bulk(in, object{"action": "disable", "identities": []string{p.id}}).expect(t, 200).is(t, "processed", 2)
			in.whoami(p.token).expect(t, 401)
			in.whoami(second).expect(t, 401)
			in.whoami(q.token).expect(t, 200)
			in.login(p.email)
		}},
		{"sessions 5.3: delete counts removed rows, live or not", func(t *testing.T, in *instance) {
			p := in.person()
			_, _ = in.login(p.email)
			in.logout(p.token).expect(t, 204)
			bulk(in, object{"action": "delete", "identities": []string{p.id}}).expect(t, 200).is(t, "processed", 2)
			bulk(in, object{"action": "delete", "identities": []string{p.id}}).expect(t, 200).is(t, "processed", 0)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 404)
			in.logout(p.token).expect(t, 204)
		}},
		{"sessions 5.3: 500 ids", func(t *testing.T, in *instance) {
			bulk(in, object{"action": "disable", "sessions": ids(500)}).expect(t, 200).is(t, "processed", 0)
		}},
		{"sessions 5.3: unknown fields are ignored", func(t *testing.T, in *instance) {
			bulk(in, object{"action": "disable", "sessions": ids(1), "x": 1}).expect(t, 200)
		}},
	}
	for name, body := range map[string]object{
		"more than 500 ids":   {"action": "disable", "sessions": ids(501)},
		"bad action":          {"action": "end", "sessions": ids(1)},
		"no action":           {"sessions": ids(1)},
		"both lists":          {"action": "disable", "sessions": ids(1), "identities": ids(1)},
		"neither list":        {"action": "disable", "sessions": []string{}},
		"all sessions":        {"action": "disable", "sessions": []string{"*"}},
		"all and one more":    {"action": "disable", "identities": []string{"*", uuid.NewString()}},
		"not a UUID":          {"action": "disable", "identities": []string{"nope"}},
		"a UUID in odd marks": {"action": "disable", "identities": []string{"<" + uuid.NewString() + ">"}},
	} {
		rows = append(rows, row{"sessions 5.3: " + name, func(t *testing.T, in *instance) { bulk(in, body).refused(t, 400, "bulk_invalid") }})
	}
	for body, id := range map[string]string{
		"": "json_malformed", "{": "json_malformed", "[]": "json_type_mismatch", `{"action":1}`: "json_type_mismatch",
		`{"action":"disable","sessions":"x"}`: "json_type_mismatch", `{"action":"disable","sessions":[1]}`: "json_type_mismatch",
		`{"action":"disable","sessions":["*"]}x`: "json_malformed",
	} {
		rows = append(rows, row{"sessions 5.3: body " + body, func(t *testing.T, in *instance) {
			bulk(in, body, "Content-Type", "application/json").refused(t, 400, id)
		}})
	}
	contract(t, "", rows)
}

func TestContractEverybodyIsSignedOut(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		all := []person{in.person(), in.person(), in.person()}
		body := object{"action": "disable", "identities": []string{"*"}}
		a := in.call("POST", in.admin+"/admin/sessions", body).expect(t, 200)
		if a.body != "{\"processed\":3,\"more\":false}\n" {
			t.Errorf("sessions 5.3: every session of the installation: %s", a.body)
		}
		for _, p := range all {
			in.whoami(p.token).expect(t, 401)
		}
		in.call("POST", in.admin+"/admin/sessions", object{"action": "delete", "identities": []string{"*"}}).expect(t, 200).is(t, "processed", 3)
		if left := in.call("GET", in.admin+"/admin/sessions", nil).list(t); len(left) != 0 {
			t.Errorf("%v", left)
		}
		for _, p := range all {
			in.logout(p.token).expect(t, 204)
		}
	})
}

func TestContractExtendLegacy(t *testing.T) {
	t.Parallel()
	contract(t, "session: {lifespan: 24h, earliest_possible_extend: 1h}\nfeature_flags: {faster_session_extend: false}\n", []row{
		{"sessions 5.4: too early changes nothing", func(t *testing.T, in *instance) {
			p := in.person()
			before := in.whoami(p.token).text(t, "expires_at")
			a := in.extend(p.session).expect(t, 200).is(t, "expires_at", before).is(t, "id", p.session)
			a.has(t, "", sessionKeys).is(t, "identity.id", p.id).is(t, "identity.metadata_admin", nil)
			if !strings.Contains(a.body, `"devices":[]`) {
				t.Error(a.body)
			}
			in.extend(p.session).expect(t, 200)
		}},
		{"sessions 5.4: a revoked session", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			in.extend(p.session).refused(t, 404, "session_not_extendable")
		}},
	})
}

func TestContractExpiry(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "session: {lifespan: 1500ms}\n", func(t *testing.T, in *instance) {
		p := in.person()
		until(t, func() bool { return in.whoami(p.token).status == 401 })
		t.Run("sessions 5.4: an expired session does not come back (D13, W5)", func(t *testing.T) {
			in := in.on(t)
			in.extend(p.session).refused(t, 404, "session_not_extendable")
			in.whoami(p.token).refused(t, 401, "session_inactive")
		})
		t.Run("sessions 1.4: expired token (D2)", func(t *testing.T) {
			in.on(t).logout(p.token).refused(t, 403, "session_token_unknown")
			in.on(t).logout(p.token).refused(t, 403, "session_token_unknown")
		})
		t.Run("sessions 5.1: it is no longer active, and says that its time had run out", func(t *testing.T) {
			a := in.on(t).call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "active", false)
			if a.text(t, "end_reason") != "expired" {
				t.Error(a.body)
			}
			in.on(t).call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204)
			if all := in.on(t).call("GET", in.admin+"/admin/sessions?active=false", nil).list(t); len(all) != 1 {
				t.Errorf("%v", all)
			}
		})
	})
}

// until asks again and again until the answer is yes.
func until(t *testing.T, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ask(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 30 seconds")
		}
	}
}
