package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"exeunt/internal/testkit"
)

const (
	leaving = `
selfservice:
  default_browser_return_url: https://app.example/
  allowed_return_urls: [https://app.example/app]
  flows: {logout: {after: {default_browser_return_url: https://app.example/bye}}}
`
	bye = "https://app.example/bye"
)

func TestContractLogoutInit(t *testing.T) {
	t.Parallel()
	const begin = "/self-service/logout/browser"
	rows := []row{
		{"sessions 1.1: the cookie of a live session, for scripts and for navigations", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for _, accept := range []string{asJSON, asPage, "", "*/*"} {
				a := b.call("GET", in.public+begin, nil, "Accept", accept).expect(t, 200).has(t, "", "logout_token logout_url").sets(t)
				token := a.text(t, "logout_token")
				if !strings.HasPrefix(token, "ory_lo_") || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
					t.Errorf("a token that is not URL-safe: %s", token)
				}
				a.is(t, "logout_url", in.public+"/self-service/logout?token="+token)
				if a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != noStore || !slices.Equal(a.header["Vary"], []string{"Cookie"}) {
					t.Errorf("headers %v", a.header)
				}
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.1: tokens in headers do as well, and the browser gets its anti-forgery cookie", func(t *testing.T, in *instance) {
			p := in.person()
			in.call("GET", in.public+begin, nil, "X-Session-Token", p.token).expect(t, 200).sets(t, guard)
			in.call("GET", in.public+begin, nil, "Authorization", "Bearer "+p.token).expect(t, 200).sets(t, guard)
			in.whoami(p.token).expect(t, 200)
		}},
		{"sessions 1.1: an allowed return_to is in the address, before the token and escaped", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			a := b.ask(begin+"?return_to="+url.QueryEscape("/app/x?a=1&b=2")).expect(t, 200)
			a.is(t, "logout_url", in.public+"/self-service/logout?return_to="+url.QueryEscape("https://app.example/app/x?a=1&b=2")+"&token="+a.text(t, "logout_token"))
			if !strings.Contains(a.body, `\u0026token=`) {
				t.Errorf("& is not escaped: %s", a.body)
			}
		}},
		{"sessions 1.1: an empty return_to is none, and of two the last counts", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for _, query := range []string{"?return_to=", "?return_to=https://evil.example/&return_to="} {
				if a := b.ask(begin+query).expect(t, 200); strings.Contains(a.text(t, "logout_url"), "return_to") {
					t.Error(a.body)
				}
			}
			b.ask(begin+"?return_to=/app&return_to=https://evil.example/").refused(t, 400, "self_service_flow_return_to_forbidden")
		}},
		{"sessions 1.1: a forbidden or malformed return_to", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for to, id := range map[string]string{"https://evil.example/": "self_service_flow_return_to_forbidden", "%zz": "return_to_malformed"} {
				b.ask(begin+"?return_to="+url.QueryEscape(to)).refused(t, 400, id)
				in.shown(b.page(begin+"?return_to="+url.QueryEscape(to)), id)
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.1, D9: nobody is signed in", func(t *testing.T, in *instance) {
			in.call("GET", in.public+begin, nil, "Accept", asJSON).refused(t, 401, "session_inactive").sets(t)
			in.shown(in.call("GET", in.public+begin, nil, "Accept", asPage), "session_inactive").sets(t)
		}},
		{"sessions 1.1: the credential is judged before return_to", func(t *testing.T, in *instance) {
			in.call("GET", in.public+begin+"?return_to=https://evil.example/", nil, "Accept", asJSON).refused(t, 401, "session_inactive")
			in.shown(in.call("GET", in.public+begin+"?return_to=%zz", nil, "Accept", asPage), "session_inactive")
		}},
		{"sessions 1.1, W25: a cookie that stands for nobody is refused and removed", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			revoked := b.cookie()
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			for _, value := range []string{revoked, "junk", "ory_sc_" + strings.Repeat("A", 32), ""} {
				in.call("GET", in.public+begin, nil, "Accept", asJSON, "Cookie", carrying(value)).refused(t, 401, "session_inactive").sets(t, removed)
				in.shown(in.call("GET", in.public+begin, nil, "Accept", asPage, "Cookie", carrying(value)), "session_inactive").sets(t, removed)
			}
		}},
		{"sessions 1.1: a token that stands for nobody is refused", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			for _, token := range []string{p.token, "ory_st_" + strings.Repeat("A", 32), "x"} {
				in.call("GET", in.public+begin, nil, "Accept", asJSON, "X-Session-Token", token).refused(t, 401, "session_inactive")
			}
		}},
		{"sessions 1.1, W4: whoever is deactivated is signed out already", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			in.state(p.id, "inactive").expect(t, 200)
			b.ask(begin).refused(t, 401, "session_inactive").sets(t, removed)
		}},
		{"sessions 1.1, D3: every init may hand out another token, and all of them work", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, first := b.leaving("?return_to=/app/1")
			_, second := b.leaving("?return_to=/app/2")
			if first == second {
				t.Error("two places to return to, one token")
			}
			for _, token := range []string{first, second, first} {
				b.ask("/self-service/logout?token="+token).expect(t, 204)
			}
		}},
		{"sessions 1.1, 3.5: a token that was handed out before an extension works after it", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			address, _ := b.leaving("")
			in.extend(p.session).expect(t, 204)
			b.ask("/sessions/whoami").expect(t, 200)
			b.ask(address).expect(t, 204)
			b.ask("/sessions/whoami").refused(t, 401, "session_inactive")
		}},
		{"sessions 1.1: headers about the host have no influence", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			a := b.ask(begin, "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/evil", "Forwarded", "host=evil.example").expect(t, 200)
			if !strings.HasPrefix(a.text(t, "logout_url"), in.public+"/self-service/logout?token=") {
				t.Error(a.body)
			}
		}},
		{"sessions 1.1: HEAD answers as GET and ends nothing", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			if a := b.call("HEAD", in.public+begin, nil).expect(t, 200); a.body != "" {
				t.Error(a.body)
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.1, W28: other methods, and a slash at the end", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
				if a := b.call(method, in.public+begin, nil).refused(t, 405, "method_not_allowed"); a.header.Get("Allow") != "GET, HEAD" {
					t.Errorf("Allow %q", a.header.Get("Allow"))
				}
			}
			b.ask(begin+"/").refused(t, 404, "route_not_found").sets(t)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
	}
	contract(t, leaving, rows)
}

func TestContractLogoutSubmit(t *testing.T) {
	t.Parallel()
	const submit = "/self-service/logout"
	rows := []row{
		{"sessions 1.2: own cookie and own token, by a script", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			cookie := b.cookie()
			address, _ := b.leaving("")
			a := b.ask(address).expect(t, 204).empty(t).sets(t, removed, guard)
			if a.header.Get("Cache-Control") != noStore || a.header.Get("Clear-Site-Data") != "" || a.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("headers %v", a.header)
			}
			in.gone(cookie)
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "active", false).is(t, "end_reason", "logout").is(t, "ended_by", p.id)
		}},
		{"sessions 1.2: own cookie and own token, by a navigation", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			cookie := b.cookie()
			address, _ := b.leaving("")
			a := b.page(address).sets(t, removed, guard)
			if a.to(t, 303) != bye || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("headers %v", a.header)
			}
			in.gone(cookie)
		}},
		{"sessions 1.2: other sessions of the person live on", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			native, _ := in.login(p.email)
			second := in.browser()
			second.enter(p.email)
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			in.whoami(native).expect(t, 200)
			second.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.2: no token is 400 for a script, whoever asks", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for _, query := range []string{"", "?token=", "?token=&return_to=/app"} {
				b.ask(submit+query).refused(t, 400, "logout_token_missing")
				in.call("GET", in.public+submit+query, nil, "Accept", asJSON).refused(t, 400, "logout_token_missing")
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.2: no token leads a navigation to a page that asks", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			if to := b.page(submit).to(t, 303); to != in.public+"/ui/logout" {
				t.Errorf("led to %s", to)
			}
			if to := b.page(submit+"?token=&return_to=/app/x").to(t, 303); to != in.public+"/ui/logout?return_to="+url.QueryEscape("https://app.example/app/x") {
				t.Errorf("led to %s", to)
			}
			in.shown(b.page(submit+"?return_to=https://evil.example/"), "self_service_flow_return_to_forbidden")
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.2, D1: the token of a live session without its cookie signs nobody out", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			in.call("GET", address, nil, "Accept", asJSON).refused(t, 401, "session_inactive").sets(t)
			in.shown(in.call("GET", address, nil, "Accept", asPage), "session_inactive").sets(t)
			in.call("GET", address, nil, "Accept", asJSON, "Cookie", carrying("junk")).refused(t, 401, "session_inactive").sets(t, removed)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.2: a token that nobody has made", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("")
			for _, wrong := range []string{"x", "ory_lo_", "ory_lo_" + strings.Repeat("A", 32), strings.TrimPrefix(token, "ory_lo_"), token[:len(token)-1], token + "A", token + token, strings.ToUpper(token), token + "=", strings.Repeat("A", 9000)} {
				b.ask(submit+"?token="+wrong).refused(t, 403, "logout_token_mismatch").sets(t)
				in.shown(b.page(submit+"?token="+wrong), "logout_token_mismatch").sets(t)
				in.call("GET", in.public+submit+"?token="+wrong, nil, "Accept", asJSON).refused(t, 401, "session_inactive").sets(t)
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.2: a token of somebody else, or of another session of one's own", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			stranger, _ := in.visitor()
			second := in.browser()
			second.enter(p.email)
			for _, other := range []*browser{stranger, second} {
				_, token := other.leaving("")
				b.ask(submit+"?token="+token).refused(t, 403, "logout_token_mismatch").sets(t)
				in.shown(b.page(submit+"?token="+token), "logout_token_mismatch").sets(t)
				other.ask("/sessions/whoami").expect(t, 200)
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.2, D1: whoever is signed out already is told so with success", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			cookie := b.cookie()
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			for range 2 {
				in.call("GET", address, nil, "Accept", asJSON, "Cookie", carrying(cookie)).expect(t, 204).empty(t).sets(t, removed)
				in.call("GET", address, nil, "Accept", asJSON, "Cookie", carrying("")).expect(t, 204).sets(t, removed)
				in.call("GET", address, nil, "Accept", asJSON).expect(t, 204).sets(t)
				if to := in.call("GET", address, nil, "Accept", asPage, "Cookie", carrying(cookie)).sets(t, removed).to(t, 303); to != bye {
					t.Errorf("led to %s", to)
				}
			}
		}},
		{"sessions D1: so is whoever was signed out by somebody else", func(t *testing.T, in *instance) {
			ends := map[string]func(p person){
				"revoked by an administrator": func(p person) { in.call("DELETE", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 204) },
				"deactivated":                 func(p person) { in.state(p.id, "inactive").expect(t, 200) },
				"deleted with the identity":   func(p person) { in.call("DELETE", in.admin+"/admin/identities/"+p.id, nil).expect(t, 204) },
				"deleted with all sessions": func(p person) {
					in.call("DELETE", in.admin+"/admin/identities/"+p.id+"/sessions", nil).expect(t, 204)
				},
			}
			for name, end := range ends {
				b, p := in.visitor()
				address, _ := b.leaving("")
				end(p)
				if a := b.ask(address); a.status != 204 {
					t.Errorf("%s: %d %s", name, a.status, a.body)
				}
				if to := b.page(address).to(t, 303); to != bye {
					t.Errorf("%s: led to %s", name, to)
				}
			}
		}},
		{"sessions D1: an old token leaves alone whoever has signed in again", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			address, _ := b.leaving("")
			b.ask(address).expect(t, 204)
			b.enter(p.email)
			b.ask(address).expect(t, 204)
			b.page(address).to(t, 303)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions D7: a forbidden return_to is told before anything has ended", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			b.ask(address+"&return_to=https://evil.example/").refused(t, 400, "self_service_flow_return_to_forbidden").sets(t)
			in.shown(b.page(address+"&return_to=https://evil.example/"), "self_service_flow_return_to_forbidden").sets(t)
			b.ask(address+"&return_to=%25zz").refused(t, 400, "return_to_malformed").sets(t)
			b.ask("/sessions/whoami").expect(t, 200)
			b.ask(address).expect(t, 204)
		}},
		{"sessions 1.2: of two tokens the first counts", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("")
			b.ask(submit+"?token=bad&token="+token).refused(t, 403, "logout_token_mismatch")
			b.ask(submit+"?token="+token+"&token=bad").expect(t, 204)
		}},
		{"sessions 1.2: a link on somebody else's page may sign out, as a person follows it", func(t *testing.T, in *instance) {
			for _, header := range [][]string{
				{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Referer", "https://elsewhere.example/"},
				{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
				{"Sec-Fetch-Mode", "navigate"},
				{"Referer", "https://elsewhere.example/"},
			} {
				b, _ := in.visitor()
				address, _ := b.leaving("")
				if to := b.page(address, header...).to(t, 303); to != bye {
					t.Errorf("%v: led to %s", header, to)
				}
			}
		}},
		{"sessions 1.2: six submits of one link at once all succeed, and end one session once", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			bystander, _ := in.login(p.email)
			cookie := b.cookie()
			address, _ := b.leaving("")
			got := together(6, func(int) int {
				return in.call("GET", address, nil, "Accept", asJSON, "Cookie", carrying(cookie)).status
			})
			if !slices.Equal(got, []int{204, 204, 204, 204, 204, 204}) {
				t.Errorf("%v", got)
			}
			in.gone(cookie)
			in.whoami(bystander).expect(t, 200)
			if n := strings.Count(in.output.String(), "session_ended="+p.session); n > 6 {
				t.Errorf("%d lines of the log tell of it", n)
			}
			if n := in.ends(p.session); n != 1 {
				t.Errorf("the session has ended %d times", n)
			}
		}},
		{"sessions W9: HEAD signs nobody out", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			for _, accept := range []string{asJSON, asPage} {
				a := b.call("HEAD", address, nil, "Accept", accept).expect(t, 405)
				if a.header.Get("Allow") != "GET, POST" || a.header.Get("Ory-Error-Id") != "method_not_allowed" {
					t.Errorf("headers %v", a.header)
				}
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 1.2, W28: other methods change nothing", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS"} {
				b.call(method, address, nil).refused(t, 405, "method_not_allowed")
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions W9: POST with the token in a form, in JSON or in the query", func(t *testing.T, in *instance) {
			for name, post := range map[string]func(b *browser, token string) answer{
				"form": func(b *browser, token string) answer { return b.post(submit, url.Values{"token": {token}}) },
				"JSON": func(b *browser, token string) answer { return b.send(submit, object{"token": token}) },
				"query": func(b *browser, token string) answer {
					return b.call("POST", in.public+submit+"?token="+token, nil, "Accept", asJSON)
				},
				"over both": func(b *browser, token string) answer { return b.send(submit+"?token=bad", object{"token": token}) },
			} {
				b, _ := in.visitor()
				cookie := b.cookie()
				_, token := b.leaving("")
				a := post(b, token).sets(t, removed, guard)
				if name == "form" && a.to(t, 303) != bye || name != "form" && a.status != 204 {
					t.Errorf("%s: %d %s", name, a.status, a.body)
				}
				in.gone(cookie)
			}
		}},
		{"sessions W9: POST bodies that cannot be read end nothing", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("")
			b.call("POST", in.public+submit+"?token="+token, "{", "Content-Type", asJSON).refused(t, 400, "json_malformed")
			b.call("POST", in.public+submit+"?token="+token, "x", "Content-Type", "text/plain", "Accept", asJSON).refused(t, 400, "content_type_unsupported")
			in.shown(b.call("POST", in.public+submit+"?token="+token, "x", "Content-Type", "text/plain", "Accept", asPage), "content_type_unsupported")
			b.call("POST", in.public+submit, "token=a&token=b", "Content-Type", "application/x-www-form-urlencoded", "Accept", asJSON).refused(t, 400, "form_malformed")
			b.send(submit, object{"token": 7}).refused(t, 400, "logout_token_missing")
			b.ask("/sessions/whoami").expect(t, 200)
		}},
	}
	for name, header := range map[string][]string{
		"a prefetch":                            {"Sec-Purpose", "prefetch"},
		"a prerendering":                        {"Sec-Purpose", "prefetch;prerender"},
		"a prefetch of an older browser":        {"Purpose", "prefetch"},
		"a prefetch of a Mozilla browser":       {"X-Moz", "prefetch"},
		"a preview":                             {"X-Purpose", "preview"},
		"an image":                              {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
		"an image on a page of one's own":       {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
		"a script element":                      {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"},
		"a frame":                               {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
		"a script of another site":              {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "empty"},
		"a script of another site that asks":    {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Origin", "https://evil.example"},
		"a script of a neighbour":               {"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Origin", "http://127.0.0.1:1"},
		"a script of another site, old browser": {"Origin", "https://evil.example"},
		"a sandboxed page":                      {"Origin", "null"},
	} {
		rows = append(rows, row{"sessions W9: " + name + " signs nobody out", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			b.ask(address, header...).refused(t, 403, "logout_not_intended").sets(t)
			b.page(address, header...).refused(t, 403, "logout_not_intended").sets(t)
			b.ask("/sessions/whoami").expect(t, 200)
		}})
	}
	for name, header := range map[string][]string{
		"a fetch of a page of one's own": {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*"},
		"the same without cors":          {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "same-origin", "Sec-Fetch-Dest", "empty", "Accept", "*/*"},
		"a server's own fetch":           {"Sec-Fetch-Mode", "cors", "Accept", "*/*"},
	} {
		rows = append(rows, row{"sessions D8: " + name + " is told 204 and led nowhere", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			b.call("GET", address, nil, append(header, "Accept", asPage)...).to(t, 303) // asked for by name, a page it is
			b.call("GET", address, nil, header...).expect(t, 204).empty(t)
			in.call("GET", in.public+"/self-service/logout/browser", nil, header...).refused(t, 401, "session_inactive")
		}})
	}
	for name, header := range map[string][]string{
		"another site":                  {"Sec-Fetch-Site", "cross-site"},
		"a neighbour":                   {"Sec-Fetch-Site", "same-site"},
		"another site, old browser":     {"Origin", "https://evil.example"},
		"a sandboxed page":              {"Origin", "null"},
		"another site's form":           {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Origin", "https://evil.example"},
		"a host that looks like ours":   {"Origin", "http://127.0.0.1.evil.example"},
		"another port of the same host": {"Origin", "http://127.0.0.1:1"},
	} {
		rows = append(rows, row{"sessions W9: POST from " + name + " is forged", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			_, token := b.leaving("")
			b.send(submit, object{"token": token}, header...).refused(t, 403, "security_csrf_violation").sets(t)
			b.post(submit, url.Values{"token": {token}}, header...).refused(t, 403, "security_csrf_violation").sets(t)
			b.ask("/sessions/whoami").expect(t, 200)
		}})
	}
	contract(t, leaving, rows)
}

func TestContractMixedCredentialsAtLogout(t *testing.T) {
	t.Parallel()
	type mix struct{ cookie, header, bearer string } // whose: a, b (both cookies too), p (a native one), or x for unknown
	var rows []row
	add := func(name string, m mix, token string, status int, ended string) {
		rows = append(rows, row{"sessions 1.3, W1: " + name, func(t *testing.T, in *instance) {
			a, who := in.visitor()
			p := person{email: who.email}
			p.token, p.session = in.login(who.email)
			values := map[string]string{"a": a.cookie(), "p": p.token, "x": "ory_st_" + strings.Repeat("A", 32)}
			tokens := map[string]string{}
			_, tokens["a"] = a.leaving("")
			tokens["p"] = in.call("GET", in.public+"/self-service/logout/browser", nil, "X-Session-Token", p.token).expect(t, 200).text(t, "logout_token")
			header := []string{"Accept", asJSON}
			if m.cookie != "" {
				header = append(header, "Cookie", carrying(values[m.cookie]))
			}
			if m.header != "" {
				header = append(header, "X-Session-Token", values[m.header])
			}
			if m.bearer != "" {
				header = append(header, "Authorization", "Bearer "+values[m.bearer])
			}
			got := in.call("GET", in.public+"/self-service/logout?token="+tokens[token], nil, header...)
			switch {
			case status == 403:
				got.refused(t, 403, "logout_token_mismatch").sets(t)
			case status == 401:
				got.refused(t, 401, "session_inactive").sets(t)
			case ended == "a":
				got.expect(t, 204).empty(t).sets(t, removed, guard)
			default:
				got.expect(t, 204).empty(t).sets(t, guard)
			}
			if ended == "a" {
				in.gone(values["a"])
			} else {
				in.alive(values["a"])
			}
			if want := map[bool]int{true: 401, false: 200}[ended == "p"]; in.whoami(p.token).status != want {
				t.Errorf("the native session answers %d", in.whoami(p.token).status)
			}
		}})
	}
	add("Bearer B and B's token end B", mix{bearer: "p"}, "p", 204, "p")
	add("X-Session-Token B and B's token end B", mix{header: "p"}, "p", 204, "p")
	add("cookie A beside Bearer B with A's token ends A", mix{cookie: "a", bearer: "p"}, "a", 204, "a")
	add("cookie A beside Bearer B with B's token ends nothing", mix{cookie: "a", bearer: "p"}, "p", 403, "")
	add("cookie A beside an unknown Bearer with A's token ends A", mix{cookie: "a", bearer: "x"}, "a", 204, "a")
	add("cookie A beside X-Session-Token B with B's token ends B", mix{cookie: "a", header: "p"}, "p", 204, "p")
	add("cookie A beside X-Session-Token B with A's token ends nothing", mix{cookie: "a", header: "p"}, "a", 403, "")
	add("cookie A beside an unknown X-Session-Token with A's token ends nothing", mix{cookie: "a", header: "x"}, "a", 401, "")
	contract(t, leaving, rows)
}

func TestContractLogoutOfAnExpiredSession(t *testing.T) {
	t.Parallel()
	onEachEngine(t, "session: {lifespan: 2s}\n"+leaving, func(t *testing.T, in *instance) {
		b, p := in.visitor()
		cookie := b.cookie()
		address, token := b.leaving("?return_to=/app/x")
		until(t, func() bool {
			return in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(cookie)).status == 401
		})
		t.Run("sessions 1.1: init with an expired session", func(t *testing.T) {
			in := in.on(t)
			in.call("GET", in.public+"/self-service/logout/browser", nil, "Accept", asJSON, "Cookie", carrying(cookie)).refused(t, 401, "session_inactive").sets(t, removed)
			in.shown(in.call("GET", in.public+"/self-service/logout/browser", nil, "Accept", asPage, "Cookie", carrying(cookie)), "session_inactive").sets(t, removed)
		})
		t.Run("sessions 1.2, D1: a script is told that the session is over", func(t *testing.T) {
			in := in.on(t)
			in.call("GET", address, nil, "Accept", asJSON, "Cookie", carrying(cookie)).refused(t, 401, "session_inactive").sets(t, removed)
			in.call("GET", address, nil, "Accept", asJSON).refused(t, 401, "session_inactive").sets(t)
		})
		t.Run("sessions 1.2: a person is signed out, and led where that leads", func(t *testing.T) {
			in := in.on(t)
			a := in.call("GET", address, nil, "Accept", asPage, "Cookie", carrying(cookie)).sets(t, removed)
			if to := a.to(t, 303); to != "https://app.example/app/x" {
				t.Errorf("led to %s", to)
			}
			if to := in.call("GET", in.public+"/self-service/logout?token="+token, nil, "Accept", asPage).sets(t).to(t, 303); to != "https://app.example/app/x" {
				t.Errorf("led to %s", to)
			}
			in.call("GET", in.admin+"/admin/sessions/"+p.session, nil).expect(t, 200).is(t, "active", false)
		})
	})
}

func TestContractClearSiteData(t *testing.T) {
	t.Parallel()
	const data = `"cookies", "storage", "cache"`
	const extra = `
serve: {public: {port: 0, failed_attempts_per_minute: 0, trusted_proxies: [127.0.0.1]}, admin: {port: 0}}
selfservice: {flows: {logout: {clear_browser_data: true}}}
`
	contract(t, extra, []row{
		{"sessions 1.2: over https the browser is told to forget", func(t *testing.T, in *instance) {
			for _, accept := range []string{asJSON, asPage} {
				b, _ := in.visitor()
				address, _ := b.leaving("")
				if a := b.call("GET", address, nil, "Accept", accept, "X-Forwarded-Proto", "https"); a.header.Get("Clear-Site-Data") != data {
					t.Errorf("%d with %q", a.status, a.header.Get("Clear-Site-Data"))
				}
			}
		}},
		{"sessions 1.2: over http it is not, as it would not obey", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			if a := b.ask(address).expect(t, 204); a.header.Get("Clear-Site-Data") != "" {
				t.Error("it is")
			}
		}},
		{"sessions 1.2: a refusal makes nobody forget", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			if a := b.ask("/self-service/logout?token=bad", "X-Forwarded-Proto", "https").expect(t, 403); a.header.Get("Clear-Site-Data") != "" {
				t.Error("it does")
			}
		}},
		{"sessions 1.2: somebody else's old link takes nothing from whoever is signed in", func(t *testing.T, in *instance) {
			forger, _ := in.visitor()
			old, _ := forger.leaving("")
			forger.ask(old).expect(t, 204)
			b, _ := in.visitor()
			for _, accept := range []string{asJSON, asPage} {
				a := b.call("GET", old, nil, "Accept", accept, "X-Forwarded-Proto", "https").sets(t)
				if a.header.Get("Clear-Site-Data") != "" {
					t.Error("its cookies would be gone")
				}
			}
			b.ask("/sessions/whoami").expect(t, 200)
			stranger := in.browser()
			stranger.ask("/self-service/login/browser").expect(t, 200)
			if a := stranger.page(old, "X-Forwarded-Proto", "https").sets(t); a.status != 303 || a.header.Get("Clear-Site-Data") != "" {
				t.Errorf("%d, and what others keep at this site would be gone: %v", a.status, a.header)
			}
		}},
	})
	contract(t, "selfservice: {flows: {logout: {clear_browser_data: true}}}\n", []row{
		{"sessions W23: X-Forwarded-Proto is not believed from just anybody", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			address, _ := b.leaving("")
			if a := b.ask(address, "X-Forwarded-Proto", "https").expect(t, 204); a.header.Get("Clear-Site-Data") != "" {
				t.Error("it is")
			}
		}},
	})
}

func TestALogoutLinkOutlivesTheListOfAddresses(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			dsn := engine.DSN(t)
			before := start(t, dsn, "selfservice: {allowed_return_urls: ['https://app.example/']}\n")
			b, _ := before.visitor()
			address, _ := b.leaving("?return_to=https://app.example/bye")
			if err := before.stop(); err != nil {
				t.Fatal(err)
			}
			after := start(t, dsn, "")
			query := address[strings.Index(address, "?"):]
			if to := after.call("GET", after.public+"/self-service/logout"+query, nil, "Accept", asPage, "Cookie", carrying(b.cookie())).to(t, 303); to != after.public+"/ui/signed-out" {
				t.Errorf("led to %s", to)
			}
			after.gone(b.cookie())
		})
	}
}

func TestContractLogoutPages(t *testing.T) {
	t.Parallel()
	const errors = "selfservice: {flows: {error: {ui_url: 'https://app.example/error?x=1'}}}\n"
	contract(t, errors, []row{
		{"sessions 1.5: a configured error page keeps its query, and stands in where nobody asks before signing out", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			for _, path := range []string{"/self-service/logout", "/self-service/logout?token=bad"} {
				if to := b.page(path).to(t, 303); !strings.HasPrefix(to, "https://app.example/error?x=1&id=") {
					t.Errorf("led to %s", to)
				}
			}
		}},
	})
	contract(t, "selfservice: {flows: {error: {ui_url: 'https://app.example/error'}, logout: {ui_url: 'https://app.example/leave?y'}}}\n", []row{
		{"sessions 1.2: a configured page asks before signing out", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			if to := b.page("/self-service/logout").to(t, 303); to != "https://app.example/leave?y" {
				t.Errorf("led to %s", to)
			}
			b.ask("/sessions/whoami").expect(t, 200)
		}},
	})
}

func TestContractBasePath(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run("sessions 1.1: addresses follow from the base URL, on "+engine.Name, func(t *testing.T) {
			in := startAt(t, engine.DSN(t), "http://127.0.0.1:6503/base/path", "")
			p := in.person()
			req, _ := http.NewRequest("GET", in.public+"/self-service/logout/browser", nil)
			req.Header.Set("X-Session-Token", p.token)
			req.Host = "evil.example"
			a := in.do(req).expect(t, 200)
			a.is(t, "logout_url", "http://127.0.0.1:6503/base/path/self-service/logout?token="+a.text(t, "logout_token"))
			b := in.call("GET", in.public+"/self-service/logout/browser", nil, "Accept", asPage)
			if to := b.to(t, 303); !strings.HasPrefix(to, "http://127.0.0.1:6503/base/path/ui/error?id=") {
				t.Errorf("led to %s", to)
			}
		})
	}
}

// startAt runs a server that browsers find under another address than tests do.
func startAt(t *testing.T, dsn, base, extra string) *instance {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().(*net.TCPAddr)
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	in := start(t, dsn, fmt.Sprintf("serve: {public: {port: %d, base_url: %q, failed_attempts_per_minute: 0}, admin: {port: 0}}\n%s", at.Port, base, extra))
	in.public = "http://" + at.String()
	return in
}
