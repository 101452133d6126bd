package main

import (
	"testing"

	"exeunt/internal/testkit"
)

func TestContractWhatASubmissionLeavesBehind(t *testing.T) {
	t.Parallel()
	contract(t, "", []row{
		{"flows 3: settings that fail after they succeeded show the form", func(t *testing.T, in *instance) {
			p := in.person()
			f := in.begin("settings", "", as(p.token)...)
			saved := object{"method": "profile", "traits": object{"email": p.email, "name": object{"first": "Ada"}}}
			for _, wrong := range []any{object{"method": "profile", "traits": object{}}, object{"method": "password", "password": "short"}, object{"method": "nope"}, "not JSON"} {
				in.settle(f, &p.token, saved).expect(t, 200).is(t, "state", "success")
				in.call("POST", in.act(f), wrong, as(p.token)...).expect(t, 400).is(t, "state", "show_form")
				in.call("GET", in.public+"/self-service/settings/flows?id="+f.text(t, "id"), nil, as(p.token)...).expect(t, 200).is(t, "state", "show_form")
			}
			in.settle(f, &p.token, saved).expect(t, 200).is(t, "state", "success")
		}},
		{"flows 4.4: what is wrong stands alone, and what the form is for comes back with the next step", func(t *testing.T, in *instance) {
			f, traits := in.begin("registration", ""), object{"email": testkit.Email()}
			step := func(body object) answer {
				body["traits"] = traits
				return in.call("POST", in.act(f), body).expect(t, 400)
			}
			for _, c := range []struct {
				body object
				want string
			}{
				{object{"method": "profile"}, "1040009"},
				{object{"method": "password", "password": "short"}, "password=4000032"},
				{object{"method": "nope"}, "4010003"},
				{object{"method": "profile", "screen": "previous"}, ""},
				{object{"method": "profile"}, "1040009"},
			} {
				if got := step(c.body).messages(t); got != c.want {
					t.Errorf("%v: %s", c.body, got)
				}
				if got := in.again("registration", f).messages(t); got != c.want {
					t.Errorf("%v, fetched later: %s", c.body, got)
				}
			}
		}},
		{"flows 1.7: a transient_payload that is no object", func(t *testing.T, in *instance) {
			p := in.person()
			login, up, settings := in.begin("login", ""), in.begin("registration", ""), in.begin("settings", "", as(p.token)...)
			b, known := in.browser(), in.person()
			f := b.ask("/self-service/login/browser").expect(t, 200)
			typedIn := func(payload any) object {
				return object{"method": "password", "identifier": known.email, "password": passphrase, "csrf_token": f.csrf(t), "transient_payload": payload}
			}
			for _, payload := range []any{"x", "", 5, true, []int{1}} {
				for _, c := range []struct {
					flow   answer
					body   object
					header []string
				}{
					{login, object{"method": "password", "identifier": p.email, "password": passphrase}, nil},
					{up, object{"method": "password", "password": passphrase, "traits": object{"email": testkit.Email()}}, nil},
					{up, object{"method": "profile", "traits": object{"email": testkit.Email()}}, nil},
					{settings, object{"method": "profile", "traits": object{"email": p.email}}, as(p.token)},
				} {
					c.body["transient_payload"] = payload
					if got := in.call("POST", in.act(c.flow), c.body, c.header...).expect(t, 400).messages(t); got != "4000001" {
						t.Errorf("%v: %s", c.body, got)
					}
				}
				if got := b.send(in.act(f), typedIn(payload)).expect(t, 400).sets(t).messages(t); got != "4000001" {
					t.Errorf("in a browser, %v: %s", payload, got)
				}
			}
			foreign := typedIn("x")
			foreign["csrf_token"] = "x"
			b.send(in.act(f), foreign).refused(t, 403, "security_csrf_violation")
			b.send(in.act(f), typedIn(object{"a": object{}})).expect(t, 200)
			in.signIn(login, p.email, passphrase).expect(t, 200)
			in.call("POST", in.act(login), object{"method": "password", "identifier": p.email, "password": passphrase, "transient_payload": nil}).expect(t, 200)
		}},
		{"flows 1.7: half a character", func(t *testing.T, in *instance) {
			signUp := func(first string) answer {
				body := `{"method":"password","password":"` + passphrase + `","traits":{"email":"` + testkit.Email() + `","name":{"first":"` + first + `"}}}`
				return in.call("POST", in.act(in.begin("registration", "")), body)
			}
			for _, half := range []string{`\ud800x`, `x\udfff`, `\ude00\ud83d`, `\\\ud800`} {
				if got := signUp(half).expect(t, 400).messages(t); got != "4000001" {
					t.Errorf("%s: %s", half, got)
				}
				in.call("POST", in.admin+"/admin/identities", `{"traits":{"email":"`+testkit.Email()+`","name":{"first":"`+half+`"}}}`).refused(t, 400, "json_malformed")
				in.call("PATCH", in.admin+"/admin/identities/"+in.person().id, `[{"op":"add","path":"/metadata_public","value":"`+half+`"}]`).refused(t, 400, "json_malformed")
			}
			for whole, want := range map[string]string{`\ud83d\ude00`: "😀", `\\ud800`: `\ud800`, "😀": "😀", `\ufffd`: "\ufffd"} {
				signUp(whole).expect(t, 200).is(t, "identity.traits.name.first", want)
			}
		}},
		{"flows 1.7: a trait under two names", func(t *testing.T, in *instance) {
			p, q := in.person(), testkit.Email()
			f := in.begin("settings", "", as(p.token)...)
			twice := object{"traits": object{"email": p.email}, "traits.email": q}
			for _, c := range []struct {
				flow   answer
				method string
				header []string
			}{{f, "profile", as(p.token)}, {in.begin("registration", ""), "password", nil}, {in.begin("registration", ""), "profile", nil}} {
				twice["method"], twice["password"] = c.method, passphrase
				if got := in.call("POST", in.act(c.flow), twice, c.header...).expect(t, 400).messages(t); got != "traits=4000001" {
					t.Errorf("%s: %s", c.method, got)
				}
			}
			in.call("GET", in.admin+"/admin/identities/"+p.id, nil).expect(t, 200).is(t, "traits.email", p.email)
			mixed := object{"method": "profile", "traits": object{"email": p.email, "name": object{"first": "Ada"}}, "traits.name.last": "Heron"}
			in.settle(f, &p.token, mixed).expect(t, 200).is(t, "identity.traits.name.first", "Ada").is(t, "identity.traits.name.last", "Heron")
		}},
	})
}

// again fetches a flow of a native client once more.
func (in *instance) again(kind string, f answer) answer {
	in.t.Helper()
	return in.call("GET", in.public+"/self-service/"+kind+"/flows?id="+f.text(in.t, "id"), nil).expect(in.t, 200)
}
