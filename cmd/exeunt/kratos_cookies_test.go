package main

import (
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// withCookie asks whoami as a browser does.
func (in *instance) withCookie(value string) answer {
	in.t.Helper()
	return in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(value))
}

// The two ways in which a token works at a Kratos work here, and no third; signing out by any of them ends all.
func TestCookiesOfKratos(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			x := newTakeover(t, engine)
			people := x.Fill(0, 12, bcryptHash, time.Now())
			x.Exec(`UPDATE sessions SET expires_at = $1 WHERE id = $2`, testkit.Stamp(time.Now().Add(-time.Second)), people[11].Session)
			x.summary(0)
			in := start(t, x.target, kratosSecrets)

			t.Run("a forged or foreign cookie is nobody's, and is removed", func(t *testing.T) {
				in, token := in.on(t), people[0].Token
				held := map[any]any{"session_token": token, "nonce": "YsSWazfo", "expires_at": "2026-11-21T22:09:00.754738087Z"}
				for what, value := range map[string]string{
					"sealed with another secret": sealed(t, "ory_kratos_session", "not-the-secret-of-that-kratos", held),
					"sealed under another name":  sealed(t, "ory_kratos_continuity", kratosSecret, held),
					"cut off":                    kratosCookie(t, token)[:300],
					"the token itself":           token,
					"as a cookie's token":        "ory_sc_" + token[7:],
					"of a newer Kratos":          "v1." + kratosCookie(t, token),
					"of a session that expired":  kratosCookie(t, people[11].Token),
					"of no session":              kratosCookie(t, "ory_st_"+strings.Repeat("x", 32)),
					"with a token of our cookie": sealed(t, "ory_kratos_session", kratosSecret, map[any]any{"session_token": in.withCookie(kratosCookie(t, people[1].Token)).replaced(t), "nonce": strings.Repeat("n", 80)}),
				} {
					if a := in.withCookie(value); a.status != 401 || !strings.Contains(strings.Join(a.header["Set-Cookie"], "\n"), "Max-Age=0") {
						t.Errorf("%s: %d %v", what, a.status, a.header["Set-Cookie"])
					}
				}
				in.whoami(token).expect(t, 200)
			})
			t.Run("what is in a cookie is no token for a header", func(t *testing.T) {
				in, p := in.on(t), people[1]
				own := in.withCookie(kratosCookie(t, p.Token)).expect(t, 200).replaced(t)
				token, _, _ := strings.Cut(own, ".")
				for _, value := range []string{own, token, kratosCookie(t, p.Token)} {
					in.whoami(value).refused(t, 401, "session_inactive")
					in.call("GET", in.public+"/sessions/whoami", nil, "Authorization", "Bearer "+value).refused(t, 401, "session_inactive")
				}
			})
			t.Run("the old cookie goes on to work beside the new one, for a back end that never passes it on", func(t *testing.T) {
				in, p := in.on(t), people[2]
				first := in.withCookie(kratosCookie(t, p.Token)).expect(t, 200).replaced(t)
				second := in.withCookie(kratosCookie(t, p.Token)).expect(t, 200).is(t, "id", p.Session).replaced(t)
				if first != second {
					t.Error("the same old cookie is replaced by another one each time")
				}
				in.withCookie(first).expect(t, 200).is(t, "id", p.Session).sets(t)
				in.call("GET", in.public+"/sessions/whoami", nil, "Authorization", "Bearer "+p.Token).expect(t, 200)
			})
			for n, signOut := range []func(in *instance, p testkit.KratosPerson, own string){
				func(in *instance, p testkit.KratosPerson, _ string) { in.logout(p.Token).expect(in.t, 204) },
				func(in *instance, p testkit.KratosPerson, own string) { in.leave(own) },
				func(in *instance, p testkit.KratosPerson, _ string) { in.leave(kratosCookie(in.t, p.Token)) },
				func(in *instance, p testkit.KratosPerson, _ string) {
					in.call("DELETE", in.admin+"/admin/sessions/"+p.Session, nil).expect(in.t, 204)
				},
			} {
				for _, seen := range []bool{false, true} {
					name := []string{"by the token", "by the new cookie", "by the old cookie", "by an administrator"}[n]
					p := people[3+2*n+map[bool]int{true: 1}[seen]]
					if p == people[11] || !seen && n == 1 {
						continue // it has expired; there is no new cookie yet
					}
					t.Run("signing out "+name+" ends all", func(t *testing.T) {
						in, own := in.on(t), ""
						if seen {
							own = in.withCookie(kratosCookie(t, p.Token)).expect(t, 200).replaced(t)
							in.whoami(p.Token).expect(t, 200)
						}
						signOut(in, p, own)
						in.whoami(p.Token).expect(t, 401)
						in.withCookie(kratosCookie(t, p.Token)).expect(t, 401)
						if seen {
							in.withCookie(own).expect(t, 401)
						}
						in.logout(p.Token).expect(t, 204) // and whoever is signed out is told so
					})
				}
			}
		})
	}
}

// leave signs a browser out by its cookie.
func (in *instance) leave(cookie string) {
	in.t.Helper()
	begun := in.call("GET", in.public+"/self-service/logout/browser", nil, "Cookie", carrying(cookie), "Accept", asJSON).expect(in.t, 200)
	in.call("GET", begun.text(in.t, "logout_url"), nil, "Cookie", carrying(cookie), "Accept", asJSON).expect(in.t, 204)
}

// Between two imports both sides go on. What has ended on either side has ended.
func TestImportingAgainFromKratos(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			x := newTakeover(t, engine)
			now := time.Now()
			people := x.Fill(0, 12, bcryptHash, now)
			x.summary(0)
			in := start(t, x.target, kratosSecrets)
			admin := func(method, path string, body any) answer { return in.call(method, in.admin+"/admin"+path, body) }
			const leftHere, leftThere, goneThere, cleaned, extended, changedHere, changedThere, changedBoth, removedHere, disabledThere, usedHere, untouched = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

			// Here:
			in.logout(people[leftHere].Token).expect(t, 204)
			for _, n := range []int{changedHere, changedBoth} {
				admin("PATCH", "/identities/"+people[n].Identity, `[{"op": "replace", "path": "/metadata_public", "value": {"here": true}}]`).expect(t, 200)
			}
			admin("DELETE", "/identities/"+people[removedHere].Identity, nil).expect(t, 204)
			own := in.withCookie(kratosCookie(t, people[usedHere].Token)).expect(t, 200).replaced(t)
			if err := in.stop(); err != nil {
				t.Fatal(err)
			}
			// There:
			later := testkit.Stamp(now.Add(50 * time.Hour))
			x.Exec(`UPDATE sessions SET active = false WHERE id = $1`, people[leftThere].Session)
			x.Exec(`DELETE FROM sessions WHERE id = $1`, people[goneThere].Session)
			x.Exec(`UPDATE sessions SET expires_at = $1 WHERE id = $2`, testkit.Stamp(now.Add(-time.Minute)), people[cleaned].Session)
			for _, n := range []int{extended, leftHere, usedHere} {
				x.Exec(`UPDATE sessions SET expires_at = $1 WHERE id = $2`, later, people[n].Session)
			}
			for _, n := range []int{changedThere, changedBoth, removedHere} {
				x.Exec(`UPDATE identities SET metadata_public = '{"there": true}' WHERE id = $1`, people[n].Identity)
			}
			x.Exec(`UPDATE identities SET state = 'inactive' WHERE id = $1`, people[disabledThere].Identity)
			x.Fill(12, 13, bcryptHash, now)

			told, sum := x.summary(3)
			reasons := map[string]string{}
			for _, p := range told {
				reasons[p.ID] = p.Reason
			}
			if len(told) != 2 || !strings.Contains(reasons[people[changedBoth].Identity], "on both sides") || !strings.Contains(reasons[people[removedHere].Identity], "was removed in exeunt") {
				t.Errorf("told %v", told)
			}
			if sum.Identities.Added != 1 || sum.Identities.Updated != 2 || sum.Identities.Refused != 2 || sum.Sessions.Ended != 2 || sum.Sessions.Added != 1 || sum.Sessions.Updated != 2 {
				t.Errorf("%+v", sum)
			}

			again := start(t, x.target, kratosSecrets)
			for n, status := range map[int]int{leftHere: 401, leftThere: 401, goneThere: 401, cleaned: 200, extended: 200, changedHere: 200, changedThere: 200,
				changedBoth: 200, removedHere: 401, disabledThere: 401, usedHere: 200, untouched: 200} {
				p := people[n]
				if a, b := again.whoami(p.Token), again.withCookie(kratosCookie(t, p.Token)); a.status != status || b.status != status {
					t.Errorf("person %d: whoami answers %d and %d, want %d", n, a.status, b.status, status)
				}
			}
			again.withCookie(own).expect(t, 200)
			if until := again.whoami(people[extended].Token).text(t, "expires_at"); until < now.Add(49*time.Hour).UTC().Format(time.RFC3339) {
				t.Errorf("a session that was extended there expires at %s", until)
			}
			for n, want := range map[int]string{changedHere: "here", changedThere: "there", changedBoth: "here"} {
				again.whoami(people[n].Token).is(t, "identity.metadata_public."+want, true)
			}
			again.call("GET", again.admin+"/admin/identities/"+people[removedHere].Identity, nil).expect(t, 404)
			a := again.call("GET", again.admin+"/admin/sessions/"+people[leftThere].Session, nil)
			if a.status != 200 || a.json(t, "active") != false {
				t.Errorf("a session that was revoked there: %d %s", a.status, a.body)
			}
		})
	}
}

// However often secrets are rotated, and whoever looks without using it, a session that was taken over keeps all its tokens.
func TestACookieOfKratosOutlivesTheSecretsOfItsHeir(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			x := newTakeover(t, engine)
			p := x.Fill(0, 1, bcryptHash, time.Now())[0]
			x.summary(0)
			cookie, heirs := kratosCookie(t, p.Token), []string{}
			in := start(t, x.target, kratosSecrets)
			looked := in.call("GET", in.public+"/sessions/whoami", nil, "Cookie", carrying(cookie), "X-Session-Activity", "none").expect(t, 200)
			if set := looked.header.Values("Set-Cookie"); len(set) > 0 {
				t.Errorf("looking has set %q", set)
			}
			for n := range 3 {
				if n > 0 {
					in = start(t, x.target, strings.Replace(kratosSecrets, "[", "[another-secret-for-tests-"+strings.Repeat("x", n)+", ", 1))
				}
				a := in.withCookie(cookie).expect(t, 200)
				if n == 0 {
					heirs = append(heirs, a.replaced(t))
				}
				in.whoami(p.Token).expect(t, 200)
				for _, heir := range heirs {
					in.withCookie(heir).expect(t, 200)
				}
				if n == 2 {
					in.logout(p.Token).expect(t, 204)
					for _, value := range append(heirs, cookie) {
						in.withCookie(value).expect(t, 401)
					}
				}
				if err := in.stop(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
