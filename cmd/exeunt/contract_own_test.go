package main

import (
	"slices"
	"testing"

	"github.com/google/uuid"
)

// ids are those of the sessions in a list.
func (a answer) ids(t *testing.T) (ids []string) {
	t.Helper()
	for _, s := range a.list(t) {
		ids = append(ids, s["id"].(string))
	}
	return ids
}

func TestContractOwnSessions(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"sessions 4: other live sessions, the newest first, with identity and devices", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			_, first := in.login(p.email)
			ended, _ := in.login(p.email)
			in.logout(ended).expect(t, 204)
			_, last := in.login(p.email)
			a := b.ask("/sessions").expect(t, 200)
			if got := a.ids(t); !slices.Equal(got, []string{last, first}) || a.header.Get("X-Total-Count") != "2" {
				t.Errorf("got %v of %s, want %v", got, a.header.Get("X-Total-Count"), []string{last, first})
			}
			if one := a.list(t)[0]; one["active"] != true || one["identity"].(map[string]any)["id"] != p.id || len(one["devices"].([]any)) != 1 {
				t.Errorf("got %v", one)
			}
			in.call("HEAD", in.public+"/sessions", nil, "Cookie", carrying(b.cookie())).expect(t, 200)
		}},
		{"sessions 4: nobody sees somebody else's", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			in.person()
			a := b.ask("/sessions").expect(t, 200)
			if a.body != "[]\n" || a.header.Get("X-Total-Count") != "0" {
				t.Errorf("%s %s", a.header.Get("X-Total-Count"), a.body)
			}
		}},
		{"sessions 4: without a credential that counts", func(t *testing.T, in *instance) {
			p := in.person()
			in.logout(p.token).expect(t, 204)
			for _, method := range []string{"GET", "DELETE"} {
				in.call(method, in.public+"/sessions", nil).refused(t, 401, "session_inactive")
				in.call(method, in.public+"/sessions", nil, "X-Session-Token", p.token).refused(t, 401, "session_inactive")
			}
			in.call("DELETE", in.public+"/sessions/nope", nil).refused(t, 401, "session_inactive")
		}},
		{"sessions 4.1, W13: every page follows the one before, and nothing is lost", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			var want []string
			for range 5 {
				_, id := in.login(p.email)
				want = append([]string{id}, want...)
			}
			var got []string
			for path := "/sessions?page_size=2"; path != ""; {
				a := b.ask(path).expect(t, 200)
				got, path = append(got, a.ids(t)...), a.next(t)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if first, second := b.ask("/sessions?per_page=2").ids(t), b.ask("/sessions?per_page=2&page=2").ids(t); !slices.Equal(slices.Concat(first, second), want[:4]) {
				t.Errorf("pages 1 and 2: %v, %v", first, second)
			}
			b.ask("/sessions?page_token=made-up").refused(t, 400, "page_token_invalid")
			b.ask("/sessions?page_size=x").refused(t, 400, "page_size_invalid")
		}},
		{"sessions 4: a page token of another list is none", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			in.login(p.email)
			in.login(p.email)
			token := in.call("GET", in.admin+"/admin/identities/"+p.id+"/sessions?page_size=1", nil).expect(t, 200).next(t)
			b.ask("/sessions?"+token[len("/admin/identities/"+p.id+"/sessions?"):]).refused(t, 400, "page_token_invalid")
		}},
		{"sessions 4, W12: ending all others counts what was ended", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			one, _ := in.login(p.email)
			in.login(p.email)
			stranger := in.person()
			for _, want := range []int{2, 0} {
				b.call("DELETE", in.public+"/sessions", nil).expect(t, 200).has(t, "", "count").is(t, "count", want)
			}
			in.whoami(one).refused(t, 401, "session_inactive")
			in.whoami(stranger.token).expect(t, 200)
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 4: ending one other", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			token, id := in.login(p.email)
			for range 2 {
				b.call("DELETE", in.public+"/sessions/"+id, nil).expect(t, 204).emptyJSON(t)
			}
			in.whoami(token).refused(t, 401, "session_inactive")
		}},
		{"sessions 4: somebody else's, an unknown one and none at all", func(t *testing.T, in *instance) {
			b, _ := in.visitor()
			stranger := in.person()
			b.call("DELETE", in.public+"/sessions/"+stranger.session, nil).expect(t, 204)
			in.whoami(stranger.token).expect(t, 200)
			b.call("DELETE", in.public+"/sessions/"+uuid.NewString(), nil).expect(t, 204).emptyJSON(t)
			b.call("DELETE", in.public+"/sessions/nope", nil).refused(t, 400, "bad_uuid")
		}},
		{"sessions 4, D16: the current one", func(t *testing.T, in *instance) {
			b, p := in.visitor()
			b.call("DELETE", in.public+"/sessions/"+p.session, nil).refused(t, 400, "session_is_current").is(t, "error.message", "cannot revoke current session")
			b.ask("/sessions/whoami").expect(t, 200)
		}},
		{"sessions 4: other methods", func(t *testing.T, in *instance) {
			for path, methods := range map[string][]string{"/sessions": {"POST", "PUT", "PATCH", "OPTIONS"}, "/sessions/" + uuid.NewString(): {"GET", "PATCH", "POST"}} {
				for _, method := range methods {
					in.call(method, in.public+path, nil).refused(t, 405, "method_not_allowed")
				}
			}
			in.call("PATCH", in.public+"/sessions/"+uuid.NewString()+"/extend", nil).refused(t, 404, "route_not_found")
		}},
	})
}
