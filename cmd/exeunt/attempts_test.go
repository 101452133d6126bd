package main

import (
	"fmt"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

const bounded = "serve: {public: {port: 0, trusted_proxies: [127.0.0.1]}, admin: {port: 0}}\n"

// guess is one try to sign in from an address, as a native client.
func (in *instance) guess(email, secret, client string) answer {
	in.t.Helper()
	f := in.call("GET", in.public+"/self-service/login/api", nil, "X-Forwarded-For", client).expect(in.t, 200)
	return in.call("POST", in.act(f), object{"method": "password", "identifier": email, "password": secret}, "X-Forwarded-For", client)
}

// The whole server with its default bounds; other tests do without.
func TestAClientThatFailsTooOftenIsRefusedAndSignOutsNever(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), bounded)
	in.register("ada@example.org")
	in.register("bo@example.org")
	adas, _ := in.login("ada@example.org")
	begun, free := time.Now(), 0
	for n := 0; ; n++ { // another person each time
		a := in.guess(fmt.Sprintf("p%d@example.org", n), "wrong", "203.0.113.7")
		if a.status != 429 {
			if free++; float64(free) > 60+time.Since(begun).Seconds() { // one more each second, however slow this machine is
				t.Fatalf("nobody is kept from guessing: %d tries in %s", free, time.Since(begun))
			}
			continue
		}
		if a.header.Get("Retry-After") == "" || a.text(t, "error.id") != "too_many_attempts" {
			t.Fatalf("a refusal without advice: %v %s", a.header, a.body)
		}
		if in.guess("bo@example.org", passphrase, "203.0.113.7").status == 429 {
			break
		}
	}
	in.guess("bo@example.org", passphrase, "203.0.113.8").expect(t, 200)
	for range 100 {
		in.logout("ory_st_unknown").expect(t, 403)
	}
	in.logout(adas).expect(t, 204)
	in.whoami(adas).expect(t, 401)
}

func TestAFormIsNotSubmittedForEver(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), "serve: {public: {port: 0, failed_attempts_per_minute: 10}, admin: {port: 0}}\n")
	f := in.call("GET", in.public+"/self-service/login/api", nil).expect(t, 200)
	refused := 0
	for n := range 15 {
		if in.call("POST", in.act(f), object{"method": "password", "identifier": fmt.Sprint(n), "password": "wrong"}).status == 429 {
			refused++
		}
	}
	if refused < 2 || refused > 5 {
		t.Errorf("%d of 15 are refused", refused)
	}
}

func TestAClientMayRegisterSoManyPeople(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), "serve: {public: {port: 0, failed_attempts_per_minute: 5, trusted_proxies: [127.0.0.1]}, admin: {port: 0}}\n")
	register := func(n int, client string) answer {
		f := in.call("GET", in.public+"/self-service/registration/api", nil, "X-Forwarded-For", client).expect(t, 200)
		return in.call("POST", in.act(f), object{"method": "password", "password": passphrase, "traits": object{"email": fmt.Sprintf("p%d@example.org", n)}}, "X-Forwarded-For", client)
	}
	made := 0
	for n := range 12 {
		if a := register(n, "203.0.113.7"); a.status == 200 {
			made++
		} else {
			a.refused(t, 429, "too_many_attempts")
		}
	}
	if made < 5 || made > 9 {
		t.Errorf("%d were made", made)
	}
	register(99, "203.0.113.8").expect(t, 200)
}

func TestAClientMaySendSoManyUnknownTokensAndNobodyElsePays(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), "serve: {public: {port: 0, failed_attempts_per_minute: 1, trusted_proxies: [127.0.0.1]}, admin: {port: 0}}\n")
	in.register("ada@example.org")
	live, _ := in.login("ada@example.org")
	over, _ := in.login("ada@example.org")
	in.logout(over).expect(t, 204)
	const bad = "203.0.113.7"
	ways := []func(client string) answer{
		func(client string) answer {
			return in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", "ory_st_guessed", "X-Forwarded-For", client)
		},
		func(client string) answer {
			return in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", "ory_kratos_session=ory_sc_guessed", "X-Forwarded-For", client)
		},
		func(client string) answer {
			return in.call("GET", in.public+"/sessions", nil, "Authorization", "Bearer ory_st_guessed", "X-Forwarded-For", client)
		},
		func(client string) answer {
			return in.call("DELETE", in.public+"/self-service/logout/api", object{"session_token": "ory_st_guessed"}, "X-Forwarded-For", client)
		},
		func(client string) answer {
			return in.call("GET", in.public+"/self-service/logout?token=ory_lo_guessed", nil, "X-Session-Token", live, "Accept", "application/json", "X-Forwarded-For", client)
		},
	}
	for _, other := range []string{"Basic ZXhldW50OmV4ZXVudA==", "Bearer", "Bearer  two", "Bearer ory_sc_guessed", "Digest x"} {
		for range 30 { // what is no session token is no guess of one
			in.call("GET", in.public+"/sessions/whoami", nil, "Authorization", other, "X-Forwarded-For", bad).expect(t, 401)
		}
	}
	refused := 0
	for n := range 40 {
		if a := ways[n%len(ways)](bad); a.status == 429 {
			refused++
			a.refused(t, 429, "too_many_unknown_tokens")
		}
	}
	if refused < 10 || refused > 20 {
		t.Errorf("%d of 40 are refused", refused)
	}
	for _, way := range ways {
		open := 0
		for range 3 { // one may pass now and then
			if way(bad).status != 429 {
				open++
			}
		}
		if open == 3 {
			t.Error("a way is open")
		}
		if way("203.0.113.8").status == 429 {
			t.Error("another client pays")
		}
	}
	for range 30 { // what is known is answered as ever, from the same address
		in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", live, "X-Forwarded-For", bad).expect(t, 200)
		in.call("GET", in.public+"/sessions/whoami", nil, "X-Session-Token", over, "X-Forwarded-For", bad).expect(t, 401)
		in.call("GET", in.public+"/sessions/whoami", nil, "X-Forwarded-For", bad).expect(t, 401)
		in.call("DELETE", in.public+"/self-service/logout/api", object{"session_token": over}, "X-Forwarded-For", bad).expect(t, 204)
	}
	in.call("DELETE", in.public+"/self-service/logout/api", object{"session_token": live}, "X-Forwarded-For", bad).expect(t, 204)
}

func TestNobodyFillsTheStoreWithFlowsInPlaceOfExpiredOnes(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
