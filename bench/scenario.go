package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"sync/atomic"
)

// goal is the ratio to the floor that is to be reached on each engine; 0 where none is.
type goal struct{ sqlite, postgres float64 }

func (g goal) on(p place) float64 {
	if p.driver == "pgx" {
		return g.postgres
	}
	return g.sqlite
}

// scenario is one path through the server.
type scenario struct {
	name  string
	write bool // its floor is that of changes, not of checks
	admin bool // it is asked of the admin listener
	once  bool // each session can take part once
	goal  goal

	// before is what the same client has done a moment earlier, which is not measured: somebody who signs out in a browser
	// has just been shown a page for whoever is signed in.
	before func(n int) exchange

	// operation is what is done with the session of a number.
	operation func(n int) exchange
}

// operations hands out those of the sessions from a number on: so many that can take part once, or a thousand over and over.
func (x scenario) operations(from, sessions int) source {
	if !x.once {
		all := make([]exchange, reused)
		for i := range all {
			all[i] = x.operation(from + i)
		}
		return turns(all, false)
	}
	var n atomic.Int64
	return func() (exchange, bool) {
		i := int(n.Add(1) - 1)
		if i >= sessions {
			return exchange{}, false
		}
		return x.operation(from + i), true
	}
}

// scenarios are all that are measured, with what is to be reached: a ratio to the floor. Sessions are extended before they end.
var scenarios = []scenario{
	{name: "whoami by token", goal: goal{.85, .85}, operation: func(n int) exchange { return whoami(headerToken(native(n))) }},
	{name: "whoami by cookie", goal: goal{.85, .85}, operation: func(n int) exchange { return whoami(cookie(browser(n))) }},
	{name: "whoami, unknown", once: true, goal: goal{.90, .85}, operation: unknown},
	{name: "extend", write: true, admin: true, once: true, goal: goal{.70, .70}, operation: extend},
	{name: "native logout", write: true, once: true, goal: goal{.70, .70}, operation: nativeLogout},
	{name: "browser logout", write: true, once: true, goal: goal{.50, .50}, operation: browserLogout, before: func(n int) exchange { return whoami(cookie(browser(n))) }},
	{name: "list mine", operation: listMine},
	{name: "sign-in", write: true, operation: signIn},
	{name: "95/4/1 mix", operation: mix},
}

// native and browser are the sessions of clients of each kind that stand nearest to a number, two numbers for one.
func native(n int) int  { return 2 * n }
func browser(n int) int { return 2*n + 1 }

func headerToken(n int) string { return "X-Session-Token: " + token(n) + "\r\n" }

// cookie is the one that a browser holds: behind the token stands until when.
func cookie(n int) string {
	return "Cookie: ory_kratos_session=" + token(n) + "." + strconv.FormatInt(deadline.UnixMicro(), 36) + "\r\n"
}

func get(path, header string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + header + "\r\n")
}

func send(method, path, body string) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
}

// whoami checks a session. Answers differ in length by the digits of their times, so that is left open.
func whoami(credential string) exchange {
	return exchange{request: get("/sessions/whoami", credential), status: 200, length: -1}
}

// unknown asks with a token that nobody has, a different one each time.
func unknown(n int) exchange {
	return exchange{request: get("/sessions/whoami", "X-Session-Token: "+token(1<<40+2*n)+"\r\n"), status: 401, length: -1}
}

func nativeLogout(n int) exchange {
	return exchange{request: send("DELETE", "/self-service/logout/api", `{"session_token":"`+token(native(n))+`"}`), status: 204}
}

// browserLogout asks for the logout URL and opens it, as a page's script does.
func browserLogout(n int) exchange {
	credential := cookie(browser(n)) + "Accept: application/json\r\n"
	return exchange{request: get("/self-service/logout/browser", credential), status: 200, length: -1, next: func(body []byte) (exchange, error) {
		var flow struct {
			Token string `json:"logout_token"`
		}
		err := json.Unmarshal(body, &flow)
		return exchange{request: get("/self-service/logout?token="+url.QueryEscape(flow.Token), credential), status: 204}, err
	}}
}

func extend(n int) exchange {
	return exchange{request: send("PATCH", "/admin/sessions/"+named("session", native(n))+"/extend", ""), status: 204}
}

func listMine(n int) exchange {
	return exchange{request: get("/sessions", headerToken(native(n))), status: 200, length: -1}
}

// people is how many can sign in.
const people = 20

func person(n int) (email, password string) {
	return fmt.Sprintf("person-%d@example.com", n%people), "a phrase that is long enough"
}

// signIn begins a flow and completes it.
func signIn(n int) exchange {
	return exchange{request: get("/self-service/login/api", ""), status: 200, length: -1, next: func(body []byte) (exchange, error) {
		var flow struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(body, &flow)
		email, password := person(n)
		form := fmt.Sprintf(`{"method":"password","identifier":%q,"password":%q}`, email, password)
		return exchange{request: send("POST", "/self-service/login?flow="+flow.ID, form), status: 200, length: -1}, err
	}}
}

// mix is what a day may look like: of a hundred operations 95 are checks, 4 sign somebody in, and one signs somebody in
// and out again.
func mix(n int) exchange {
	switch k := n * 37 % 100; {
	case k < 95:
		return whoami(headerToken(native(n)))
	case k < 99:
		return signIn(n)
	}
	return signInAndOut(n)
}

// signInAndOut signs somebody in and out again.
func signInAndOut(n int) exchange {
	x := signIn(n)
	begin := x.next
	x.next = func(body []byte) (exchange, error) {
		submit, err := begin(body)
		submit.next = func(body []byte) (exchange, error) {
			var in struct {
				Token string `json:"session_token"`
			}
			err := json.Unmarshal(body, &in)
			return exchange{request: send("DELETE", "/self-service/logout/api", `{"session_token":"`+in.Token+`"}`), status: 204}, err
		}
		return submit, err
	}
	return x
}
