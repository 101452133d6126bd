package main

import (
	"testing"

	"exeunt/internal/testkit"
)

// The whole server with its default bound on failed sign-ins; all other tests do without one.
func TestFailedSignInsAreBoundedAndSignOutsNever(t *testing.T) {
	extra := "serve: {public: {port: 0, trusted_proxies: [127.0.0.1]}, admin: {port: 0}}\n"
	in := start(t, testkit.File(t), extra)
	in.register("ada@example.org")
	in.register("bo@example.org")
	adas, _ := in.login("ada@example.org")
	attempt := func(email, secret, client string) answer {
		f := in.call("GET", in.public+"/self-service/login/api", nil).expect(t, 200)
		return in.call("POST", f.text(t, "ui.action"), map[string]any{"method": "password", "identifier": email, "password": secret}, "X-Forwarded-For", client)
	}
	refused := 0
	for range 70 {
		if a := attempt("ada@example.org", "wrong", "203.0.113.7"); a.status == 429 {
			refused++
			if a.header.Get("Retry-After") == "" || a.text(t, "error.id") != "too_many_attempts" {
				t.Fatalf("a refusal without advice: %v %s", a.header, a.body)
			}
		}
	}
	if refused == 0 {
		t.Error("nobody is kept from guessing")
	}
	if a := attempt("ada@example.org", "wrong", "203.0.113.8"); a.status != 429 {
		t.Errorf("the account can be tried from elsewhere: %d", a.status)
	}
	if a := attempt("bo@example.org", passphrase, "203.0.113.8"); a.status != 200 {
		t.Errorf("somebody else pays: %d %s", a.status, a.body)
	}
	for range 100 {
		in.logout("ory_st_unknown").expect(t, 403)
	}
	in.logout(adas).expect(t, 204)
	in.whoami(adas).expect(t, 401)
}

func TestNobodyFillsTheStoreWithFlowsInPlaceOfExpiredOnes(t *testing.T) {
	in := start(t, testkit.File(t), "serve: {public: {port: 0, failed_attempts_per_minute: 5, trusted_proxies: [127.0.0.1]}, admin: {port: 0}}\nselfservice: {flows: {login: {lifespan: 1s}}}\n")
	action := in.call("GET", in.public+"/self-service/login/api", nil, "X-Forwarded-For", "203.0.113.5").expect(t, 200).text(t, "ui.action")
	until(t, func() bool { return in.call("POST", action, object{}, "X-Forwarded-For", "203.0.113.6").status == 410 })
	refused := 0
	for range 60 {
		if in.call("POST", action, object{}, "X-Forwarded-For", "203.0.113.5").status == 429 {
			refused++
		}
	}
	if refused < 5 {
		t.Errorf("%d of 60 are refused", refused)
	}
}

func TestNobodyFillsTheStoreWithFlows(t *testing.T) {
	in := start(t, testkit.File(t), "serve: {public: {port: 0, failed_attempts_per_minute: 5, trusted_proxies: [127.0.0.1]}, admin: {port: 0}}\n")
	for _, path := range []string{"/self-service/login/api", "/self-service/login/browser", "/self-service/registration/api"} {
		begin := func(client string) answer {
			return in.call("GET", in.public+path, nil, "X-Forwarded-For", client, "Accept", "application/json")
		}
		refused := 0
		for range 60 {
			if a := begin("203.0.113." + string(rune('0'+len(path)%10))); a.status == 429 {
				refused++
				a.refused(t, 429, "too_many_flows")
			}
		}
		if refused < 5 || refused > 11 {
			t.Errorf("%s: %d of 60 are refused", path, refused)
		}
		begin("203.0.113.99").expect(t, 200)
		begin("10.0.0.7").expect(t, 200)
	}
}
