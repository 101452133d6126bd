package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// key makes a key as an administrator would, with the key that there is already, if any.
func (in *instance) key(name string, with string, scopes ...string) (secret, id string) {
	in.t.Helper()
	a := in.call("POST", in.admin+"/admin/keys", object{"name": name, "scopes": scopes}, withKey(with)...).expect(in.t, 201)
	return a.text(in.t, "secret"), a.text(in.t, "id")
}

func withKey(secret string) []string {
	if secret == "" {
		return nil
	}
	return []string{"Authorization", "Bearer " + secret}
}

func TestContractKeysOpenTheAdminAPI(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		p := in.person()
		in.call("GET", in.public+"/admin/sessions", nil).refused(t, 404, "route_not_found")
		in.call("PUT", in.public+"/admin/sessions", nil).refused(t, 404, "route_not_found")
		in.call("GET", in.public+"/admin/sessions", nil, "Authorization", "Bearer ory_pat_"+strings.Repeat("a", 32)).refused(t, 404, "route_not_found")
		in.call("GET", in.admin+"/admin/sessions", nil).expect(t, 200)

		root, rootID := in.key("root", "", "all")
		if len(root) != len("ory_pat_")+32 || !strings.HasPrefix(root, "ory_pat_") {
			t.Errorf("the secret looks like %q", root[:8])
		}
		for _, base := range []string{in.admin, in.public} {
			a := in.call("GET", base+"/admin/sessions", nil).refused(t, 401, "admin_key_missing")
			if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="exeunt admin"` {
				t.Errorf("the challenge is %q", got)
			}
			wrong := in.call("GET", base+"/admin/sessions", nil, withKey(misspelt(root))...).refused(t, 401, "admin_key_wrong")
			if got := wrong.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
				t.Errorf("the challenge is %q", got)
			}
			for _, header := range []string{"Bearer", "Bearer ", "Basic " + root, root, "Bearer  " + root} {
				in.call("GET", base+"/admin/sessions", nil, "Authorization", header).expect(t, 401)
			}
			in.call("GET", base+"/admin/sessions", nil, withKey(p.token)...).refused(t, 401, "admin_key_wrong")
			in.call("GET", base+"/admin/sessions", nil, withKey(root)...).expect(t, 200)
			in.call("GET", base+"/admin/sessions", nil, "Authorization", "bEARER "+root).expect(t, 200)
			in.call("PATCH", base+"/admin/sessions/"+p.session+"/extend", nil).refused(t, 401, "admin_key_missing")
			in.call("GET", base+"/admin/keys?key="+root, nil, "Cookie", "key="+root).refused(t, 401, "admin_key_missing")
		}
		for _, open := range []string{"/admin/health/alive", "/admin/health/ready", "/admin/version", "/admin/metrics/prometheus"} {
			in.call("GET", in.admin+open, nil).expect(t, 200)
			in.call("GET", in.public+open, nil, withKey(root)...).expect(t, 404)
		}
		in.whoami(root).expect(t, 401)
		in.call("GET", in.public+"/sessions/whoami", nil, withKey(root)...).expect(t, 401)

		in.call("DELETE", in.public+"/admin/keys/"+rootID, nil, withKey(root)...).expect(t, 204)
		in.call("GET", in.public+"/admin/sessions", nil, withKey(root)...).refused(t, 404, "route_not_found")
		in.call("GET", in.admin+"/admin/sessions", nil).expect(t, 200)
	})
}

func TestContractKeysAllowWhatTheirScopesSay(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		p := in.person()
		root, _ := in.key("root", "", "all")
		for _, c := range []struct {
			method, path string
			body         any
			allowed      []string
		}{
			{"GET", "/admin/sessions", nil, []string{"sessions:read", "sessions:write"}},
			{"GET", "/admin/sessions/" + p.session, nil, []string{"sessions:read", "sessions:write"}},
			{"POST", "/admin/sessions/lookup", object{"session_token": p.token}, []string{"sessions:read", "sessions:write"}},
			{"PATCH", "/admin/sessions/" + p.session + "/extend", nil, []string{"sessions:write"}},
			{"POST", "/admin/sessions", object{"action": "disable", "sessions": []string{p.id}}, []string{"sessions:write"}},
			{"DELETE", "/admin/sessions/" + p.session, nil, []string{"sessions:write"}},
			{"GET", "/admin/identities/" + p.id + "/sessions", nil, []string{"sessions:read", "sessions:write"}},
			{"DELETE", "/admin/identities/" + p.id + "/sessions", nil, []string{"sessions:write"}},
			{"GET", "/admin/events", nil, []string{"sessions:read", "sessions:write"}},
			{"GET", "/admin/hooks/deliveries", nil, []string{"sessions:read", "sessions:write"}},
			{"POST", "/admin/hooks/deliveries/x/retry", nil, []string{"sessions:write"}},
			{"GET", "/admin/identities", nil, []string{"identities:read", "identities:write"}},
			{"GET", "/admin/identities/" + p.id, nil, []string{"identities:read", "identities:write"}},
			{"GET", "/admin/identities/by/external/x", nil, []string{"identities:read", "identities:write"}},
			{"POST", "/admin/identities", object{}, []string{"identities:write"}},
			{"PATCH", "/admin/identities", object{}, []string{"identities:write"}},
			{"PUT", "/admin/identities/" + p.id, object{}, []string{"identities:write"}},
			{"PATCH", "/admin/identities/" + p.id, "[]", []string{"identities:write"}},
			{"DELETE", "/admin/identities/" + p.id + "/credentials/totp", nil, []string{"identities:write"}},
			{"GET", "/admin/settings", nil, []string{"settings"}},
			{"PATCH", "/admin/settings", object{}, []string{"settings"}},
			{"GET", "/admin/keys", nil, nil},
			{"POST", "/admin/keys", object{}, nil},
			{"DELETE", "/admin/keys/x", nil, nil},
			{"DELETE", "/admin/identities/" + p.id, nil, []string{"identities:write"}},
		} {
			for _, scope := range []string{"sessions:read", "sessions:write", "identities:read", "identities:write", "settings"} {
				secret, id := in.key("one", root, scope)
				for _, base := range []string{in.admin, in.public} {
					a := in.call(c.method, base+c.path, c.body, withKey(secret)...)
					if allowed := contains(c.allowed, scope); allowed == (a.status == 403) {
						t.Errorf("%s %s with %s answers %d\n%s", c.method, c.path, scope, a.status, a.body)
					} else if !allowed && (a.text(t, "error.details.scope") == "" || !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_scope")) {
						t.Errorf("%s %s with %s does not say what is missing: %s", c.method, c.path, scope, a.body)
					}
				}
				in.call("DELETE", in.admin+"/admin/keys/"+id, nil, withKey(root)...).expect(t, 204)
			}
		}
	})
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

func TestContractKeysAreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, rootID := in.key("root", "", "all")
		as := withKey(root)
		for _, body := range []any{
			object{"name": "x", "scopes": []string{"everything"}}, object{"name": "x", "scopes": []string{}}, object{"name": "x"},
			object{"name": "", "scopes": []string{"all"}}, object{"name": "admin", "scopes": []string{"all"}}, object{"name": "policy", "scopes": []string{"all"}},
			object{"name": rootID, "scopes": []string{"all"}}, object{"name": "<script>", "scopes": []string{"all"}}, object{"name": "Capital", "scopes": []string{"all"}},
			object{"name": strings.Repeat("x", 64), "scopes": []string{"all"}}, object{"name": "x\ny", "scopes": []string{"all"}}, object{"name": "x", "scopes": "all"},
			object{"name": "x", "scopes": []string{"all"}, "expires_at": "2001-01-01T00:00:00Z"}, object{"name": "x", "scopes": []string{"all"}, "expires_at": "tomorrow"},
			object{"name": "x", "scopes": []string{"all"}, "expires_at": "0001-01-01T00:00:00Z"},
			object{"name": "x", "scopes": []string{"all"}, "secret": "ory_pat_chosen"}, "[]", "{",
		} {
			in.call("POST", in.admin+"/admin/keys", body, as...).expect(t, 400)
		}
		in.call("POST", in.admin+"/admin/keys", object{"name": "root", "scopes": []string{"all"}}, as...).refused(t, 409, "admin_key_name_taken")

		until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
		made := in.call("POST", in.admin+"/keys", object{"name": "backend", "scopes": []string{"sessions:read", "sessions:read"}, "expires_at": until.Format(time.RFC3339)}, as...).expect(t, 201)
		in.call("GET", in.admin+"/sessions", nil, withKey(made.text(t, "secret"))...).expect(t, 200)
		list := in.call("GET", in.admin+"/admin/keys", nil, as...).expect(t, 200)
		list.is(t, "0.name", "backend").is(t, "0.created_by", "root").is(t, "0.expires_at", until.Format(time.RFC3339)).is(t, "1.name", "root").is(t, "1.created_by", "admin")
		if list.text(t, "0.last_used_at") == "" || strings.Contains(list.body, "ory_pat_") || list.json(t, "0.scopes.1") != nil {
			t.Errorf("the list is %s", list.body)
		}
		in.call("DELETE", in.admin+"/admin/keys/nonsense", nil, as...).refused(t, 404, "admin_key_not_found")
		in.call("DELETE", in.admin+"/admin/keys/"+made.text(t, "id"), nil, as...).expect(t, 204)
		in.call("DELETE", in.admin+"/admin/keys/"+strings.ToUpper(made.text(t, "id")), nil, as...).expect(t, 204)
		in.call("GET", in.admin+"/sessions", nil, withKey(made.text(t, "secret"))...).refused(t, 401, "admin_key_wrong")
		if in.call("GET", in.admin+"/admin/keys", nil, as...).text(t, "0.revoked_at") == "" {
			t.Error("the list does not show that a key was revoked")
		}
		in.key("backend", root, "all")

		events := in.call("GET", in.admin+"/admin/events?kind=key_revoked", nil, as...).expect(t, 200)
		events.is(t, "0.reason", "backend").is(t, "0.actor", "root")
		if events.json(t, "1") != nil {
			t.Errorf("revoking twice wrote two events: %s", events.body)
		}
		in.call("GET", in.admin+"/admin/events?kind=key_created", nil, as...).expect(t, 200).is(t, "0.reason", "root").is(t, "0.actor", "admin").is(t, "1.actor", "root")
	})
}

func TestContractAKeyThatHasExpiredStopsAndOpensNothing(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		until1 := time.Now().Add(5 * time.Second)
		a := in.call("POST", in.admin+"/admin/keys", object{"name": "brief", "scopes": []string{"all"}, "expires_at": until1.Format(time.RFC3339Nano)}).expect(t, 201)
		as := withKey(a.text(t, "secret"))
		in.call("GET", in.admin+"/admin/sessions", nil, as...).expect(t, 200)
		until(t, func() bool { return in.call("GET", in.public+"/admin/sessions", nil, as...).status == 401 })
		if time.Now().Before(until1) {
			t.Error("the key has stopped too early")
		}
		in.call("GET", in.admin+"/admin/sessions", nil).refused(t, 401, "admin_key_missing")
		in.call("GET", in.public+"/admin/sessions", nil).refused(t, 401, "admin_key_missing")
	})
}

func TestContractAdminActsBearTheNameOfTheirKey(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		secret, _ := in.key("support-desk", root, "sessions:write", "identities:write")
		as := withKey(secret)
		p, q := in.person(), in.person()
		made := in.call("POST", in.public+"/admin/identities", object{"traits": object{"email": "made@example.org"}}, as...).expect(t, 201).text(t, "id")
		in.call("PATCH", in.public+"/admin/sessions/"+p.session+"/extend", nil, as...).expect(t, 204)
		in.call("DELETE", in.public+"/admin/sessions/"+p.session, nil, as...).expect(t, 204)
		in.call("PATCH", in.admin+"/admin/identities/"+q.id, []object{{"op": "replace", "path": "/state", "value": "inactive"}}, as...).expect(t, 200)
		in.call("DELETE", in.admin+"/admin/identities/"+made, nil, as...).expect(t, 204)
		in.call("GET", in.admin+"/admin/sessions/"+p.session, nil, as...).is(t, "ended_by", "support-desk").is(t, "end_reason", "revoked_by_admin")
		for _, filter := range []string{"session_extended&session_id=" + p.session, "session_ended&session_id=" + p.session, "session_ended&session_id=" + q.session,
			"identity_updated&identity_id=" + q.id, "identity_created&identity_id=" + made, "identity_deleted&identity_id=" + made} {
			in.call("GET", in.admin+"/admin/events?kind="+filter, nil, as...).expect(t, 200).is(t, "0.actor", "support-desk")
		}
		if !strings.Contains(in.output.String(), "key=support-desk") {
			t.Error("the log does not name the key")
		}
	})
}

func TestContractWrongKeysAreHeldUpAndRightOnesAreNot(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "serve: {public: {port: 0, failed_attempts_per_minute: 3}, admin: {port: 0}}\n", func(t *testing.T, in *instance) {
		root, _ := in.key("root", "", "all")
		wrong := withKey("ory_pat_" + strings.Repeat("z", 32))
		refused := answer{}
		for range 5 {
			refused = in.call("GET", in.public+"/admin/sessions", nil, wrong...)
		}
		refused.refused(t, 429, "too_many_wrong_keys")
		if refused.header.Get("Retry-After") == "" {
			t.Error("nobody is told when to try again")
		}
		in.call("GET", in.admin+"/admin/sessions", nil, wrong...).refused(t, 429, "too_many_wrong_keys")
		in.call("GET", in.public+"/admin/sessions", nil, withKey(root)...).expect(t, 200)
		in.set(object{"session": object{"lifespan": "5h"}}, withKey(root)...).expect(t, 200)
		in.call("GET", in.admin+"/admin/sessions", nil, wrong...).refused(t, 429, "too_many_wrong_keys")
		in.call("GET", in.admin+"/admin/sessions", nil, withKey(root)...).expect(t, 200)
	})
}

func TestContractAPageElsewhereGetsNowhereWithOrWithoutKeys(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		ask := func(host, secret string) answer {
			req, err := http.NewRequest("GET", in.admin+"/admin/sessions", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			if secret != "" {
				req.Header.Set("Authorization", "Bearer "+secret)
			}
			return in.do(req)
		}
		ask("evil.example", "").refused(t, 403, "admin_foreign_request")
		ask("evil.example", "ory_pat_made-up").refused(t, 403, "admin_foreign_request")
		root, _ := in.key("root", "", "all")
		ask("evil.example", "").refused(t, 403, "admin_foreign_request")
		ask("evil.example", "ory_pat_made-up").refused(t, 401, "admin_key_wrong")
		ask("admin.internal", root).expect(t, 200)
		in.call("GET", in.admin+"/admin/sessions", nil, append(withKey(root), "X-Exeunt-Tunnel", "x")...).expect(t, 200)
		in.call("POST", in.admin+"/admin/sessions", object{"action": "disable", "identities": []string{"*"}}, append(withKey(root), "Origin", "https://evil.example")...).refused(t, 403, "admin_foreign_request")
	})
}

// To the server only the plain name is that of this machine; to the system, this one is as well.
func TestContractAnAdminListenerThatOthersReachIsNeverOpen(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			dsn := engine.DSN(t)
			before := start(t, dsn, "")
			root, id := before.key("root", "", "all")
			if err := before.stop(); err != nil {
				t.Fatal(err)
			}
			in := start(t, dsn, "serve: {public: {port: 0, failed_attempts_per_minute: 0}, admin: {port: 0, host: LOCALHOST}}\n")
			in.call("GET", in.admin+"/admin/sessions", nil).refused(t, 401, "admin_key_missing")
			req, err := http.NewRequest("GET", in.admin+"/health/alive", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "10.0.0.7:4434" // as probes call it
			in.do(req).expect(t, 200)
			in.call("DELETE", in.admin+"/admin/keys/"+id, nil, withKey(root)...).expect(t, 204)
			in.call("GET", in.admin+"/admin/sessions", nil).refused(t, 401, "admin_key_missing")
			in.call("GET", in.admin+"/admin/sessions", nil, withKey(root)...).expect(t, 401)
		})
	}
}

func TestContractAFollowerIsToldNothingOnceItsKeyIsRevoked(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		open := in.follow("")
		root, _ := in.key("root", "", "all")
		if err := open.end(); err != nil {
			t.Errorf("a follower without a key ended with %v", err)
		}
		secret, id := in.key("reader", root, "sessions:read")
		feed := in.follow("", withKey(secret)...)
		p := in.person()
		if m := feed.next(); !strings.Contains(m.data, p.id) {
			t.Errorf("the first event is %+v", m)
		}
		in.call("DELETE", in.admin+"/admin/keys/"+id, nil, withKey(root)...).expect(t, 204)
		q := in.person()
		if err := feed.end(); err != nil {
			t.Errorf("the feed ended with %v", err)
		}
		for line := range feed.lines {
			if strings.Contains(line, q.id) {
				t.Errorf("after its key was revoked, a follower was told %s", line)
			}
		}
	})
}

// end waits until the server has ended the feed.
func (f *feed) end() error {
	f.t.Helper()
	select {
	case err := <-f.ended:
		return err
	case <-time.After(30 * time.Second):
		f.t.Fatal("the feed does not end")
		return nil
	}
}

func TestContractASessionIsLookedUpByItsToken(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "", func(t *testing.T, in *instance) {
		p, q := in.person(), in.person()
		lookup := func(token string) answer {
			return in.call("POST", in.admin+"/admin/sessions/lookup", object{"session_token": token})
		}
		lookup(p.token).expect(t, 200).is(t, "id", p.session).is(t, "active", true).is(t, "token_replaced", false).is(t, "identity.id", p.id)
		in.native(object{"session_token": p.token}).expect(t, 204)
		lookup(p.token).expect(t, 200).is(t, "id", p.session).is(t, "active", false).is(t, "end_reason", "logout")
		lookup("ory_st_"+strings.Repeat("a", 32)).refused(t, 404, "session_not_found")
		lookup("").expect(t, 400)
		in.call("POST", in.admin+"/admin/sessions/lookup", "[]").expect(t, 400)
		in.call("GET", in.admin+"/admin/sessions/lookup", nil).expect(t, 405)
		in.call("POST", in.public+"/admin/sessions/lookup", object{"session_token": q.token}).refused(t, 404, "route_not_found")
		in.call("POST", in.admin+"/admin/sessions/lookup", object{"session_token": q.token}, "Sec-Fetch-Site", "cross-site").expect(t, 403)
		if strings.Contains(in.output.String(), q.token) {
			t.Error("a token is in the log")
		}
	})
}

// Whoever may look at sessions alone sees whose they are nowhere, and least of all what is for administrators of identities.
func TestContractAKeyForSessionsShowsNobody(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), "")
	p := in.person()
	in.call("PATCH", in.admin+"/admin/identities/"+p.id, []object{{"op": "add", "path": "/metadata_admin", "value": object{"note": "hush"}}}).expect(t, 200)
	root, _ := in.key("root", "", "all")
	sessions, _ := in.key("sessions", root, "sessions:write")
	both, _ := in.key("both", root, "sessions:read", "identities:read")
	for _, path := range []string{"/admin/sessions?expand=identity", "/admin/sessions/" + p.session + "?expand=identity", "/admin/identities/" + p.id + "/sessions"} {
		for key, shown := range map[string]bool{sessions: false, both: true, root: true} {
			a := in.call("GET", in.admin+path, nil, withKey(key)...).expect(t, 200)
			if strings.Contains(a.body, "hush") != shown || strings.Contains(a.body, p.email) != shown || !strings.Contains(a.body, p.session) {
				t.Errorf("%s shows the person: want %v: %s", path, shown, a.body)
			}
		}
	}
	found := in.call("POST", in.admin+"/admin/sessions/lookup", object{"session_token": p.token}, withKey(sessions)...).expect(t, 200)
	extended := in.call("PATCH", in.admin+"/admin/sessions/"+p.session+"/extend", nil, withKey(sessions)...)
	if strings.Contains(found.body+extended.body, p.email) {
		t.Errorf("%s\n%s", found.body, extended.body)
	}
}
