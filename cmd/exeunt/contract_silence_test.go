package main

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"exeunt/internal/testkit"
)

// TestNothingSecretIsLeftBehind walks through the product, with mistakes that people make, and then looks for tokens and
// passwords in everything that the server has written.
func TestNothingSecretIsLeftBehind(t *testing.T) {
	t.Parallel()
	const path = "a-path-that-nobody-else-knows"
	onEachEngine(t, "log: {level: trace, checks: true}\n"+hooked("http://127.0.0.1:9/"+path, "")+factors, func(t *testing.T, in *instance) {
		secrets := []string{hookSecret, path, passphrase, "wrong but close to it", "typed into the wrong field", "sent as a trait by mistake", "an imported one in clear", "set by the administrator", "sent in the query by mistake"}
		p, q := in.person(), in.person()
		secrets = append(secrets, p.token, q.token)
		login := in.begin("login", "?session_token="+p.token+"&password=x")
		in.signIn(login, p.email, "wrong but close to it").expect(t, 400)
		in.call("POST", login.text(t, "ui.action"), object{"method": "password", "identifier": p.email, "Password": passphrase, "password_confirmation": "typed into the wrong field", "csrf_token": p.token}).expect(t, 400)
		in.call("POST", login.text(t, "ui.action")+"&password="+url.QueryEscape("sent in the query by mistake"), object{"method": "password", "identifier": p.email}).expect(t, 400)
		in.call("POST", login.text(t, "ui.action"), "{\"password\":\""+passphrase+"\"", "X-Session-Token", p.token).expect(t, 400)
		registration := in.begin("registration", "")
		in.signUp(registration, passphrase, object{"email": "not an address"}).expect(t, 400)
		in.signUp(registration, passphrase, object{"email": testkit.Email(), "password": "sent as a trait by mistake"}).expect(t, 400)
		in.call("POST", registration.text(t, "ui.action"), object{"method": "profile", "traits": object{"email": testkit.Email()}, "password": passphrase}).expect(t, 400)
		in.call("POST", registration.text(t, "ui.action"), object{"method": "password", "transient_payload": object{"p": passphrase}}).expect(t, 400)
		in.create(object{"traits": object{"email": testkit.Email()}, "credentials": clear("an imported one in clear")}).expect(t, 201)
		in.call("PATCH", in.admin+"/admin/identities/"+q.id, []object{{"op": "replace", "path": "/credentials/password/config", "value": object{"password": "set by the administrator"}}}).expect(t, 200)
		in.call("POST", in.admin+"/admin/identities", object{"traits": object{"email": "x"}, "credentials": clear(passphrase)}).expect(t, 400)
		refresh := in.begin("login", "?refresh=true", "X-Session-Token", p.token)
		in.signIn(refresh, p.email, passphrase, "Authorization", "Bearer "+p.token).expect(t, 200)
		in.call("GET", in.public+"/sessions/whoami?token="+p.token, nil, "X-Session-Token", p.token).expect(t, 200)
		in.call("GET", in.public+"/nope/"+p.token, nil, "Cookie", "ory_kratos_session="+p.token).expect(t, 404)
		in.call("GET", in.admin+"/admin/sessions/"+p.token, nil).expect(t, 400)
		in.call("GET", in.admin+"/admin/sessions?page_token="+p.token, nil).expect(t, 400)
		in.extend(p.session).expect(t, 204)
		in.logout(p.token).expect(t, 204)
		in.logout(p.token).expect(t, 204)
		in.logout(p.token+"x").expect(t, 403)
		secrets = append(append(append(secrets, in.browse()...), in.secure()...), in.unlock())
		until(t, func() bool {
			return strings.HasPrefix(in.deliveries("?state=waiting").text(t, "0.problem"), "the connection failed")
		})
		metrics := in.call("GET", in.admin+"/metrics/prometheus", nil).expect(t, 200).body

		places := map[string]string{"the log": in.output.String(), "the metrics": metrics,
			"the events": in.past("?page_size=1000").expect(t, 200).body, "the deliveries": in.deliveries("?page_size=1000").expect(t, 200).body}
		if path, ok := strings.CutPrefix(in.dsn, "sqlite://"); ok {
			for name, text := range files(t, filepath.Dir(path)) {
				places[name] = text
			}
		} else {
			places["the database"] = dump(t, in.dsn)
		}
		for place, text := range places {
			if len(text) < 100 {
				t.Errorf("%s holds next to nothing; was it read at all?", place)
			}
			for i, secret := range secrets {
				bare, _, _ := strings.Cut(regexp.MustCompile("^ory_(st|sc|pat)_").ReplaceAllString(secret, ""), ".")
				for _, form := range []string{secret, url.QueryEscape(secret), bare} {
					if at := strings.Index(text, form); at >= 0 {
						t.Errorf("%s holds secret %d: …%q…", place, i, text[max(0, at-80):min(len(text), at+20)])
						break
					}
				}
			}
		}
	})
}

// browse walks through the product in browsers, with mistakes, and returns the cookies and tokens that they held.
func (in *instance) browse() (secrets []string) {
	in.t.Helper()
	t := in.t
	b, p := in.visitor()
	stranger, _ := in.visitor()
	keep := func(values ...string) { secrets = append(secrets, values...) }
	keep(b.cookie(), b.held(in.csrfName()), stranger.cookie(), stranger.held(in.csrfName()))
	for _, name := range []string{"return_to", "x"} {
		b.page("/self-service/login/browser?" + name + "=https://app.example/?t=" + b.cookie())
		in.call("GET", in.public+"/self-service/login/browser?"+name+"="+b.cookie(), nil, "Accept", asJSON)
	}
	f := b.ask("/self-service/login/browser?refresh=true").expect(t, 200)
	keep(f.csrf(t))
	for _, body := range []object{{"method": "password", "identifier": p.email, "password": passphrase}, {"method": "password", "csrf_token": f.csrf(t), "x": b.cookie()}, typed(f, p.email, "wrong but close to it", t)} {
		stranger.send(in.act(f), body).expect(t, 403)
		b.send(in.act(f), body)
	}
	b.send(in.act(f), typed(f, p.email, passphrase, t)).expect(t, 200)
	form := b.page("/ui/").expect(t, 200)
	keep(tokenOnPage(form))
	b.post("/ui/", url.Values{"csrf_token": {tokenOnPage(form)}}).expect(t, 200)
	b.page("/nope/"+b.cookie()).expect(t, 404)
	b.page("/ui/error?id=" + b.cookie())
	address, token := b.leaving("")
	other, alien := stranger.leaving("")
	keep(token, alien)
	b.page(other).to(t, 303)
	b.page("/self-service/login/browser?return_to=" + url.QueryEscape(address))
	in.call("GET", in.public+"/self-service/registration/browser?return_to="+url.QueryEscape(address), nil, "Accept", asJSON)
	in.call("GET", in.public+"/self-service/registration/browser?t="+token, nil, "Accept", asJSON).expect(t, 200)
	b.page(address, "Referer", address, "User-Agent", "x").to(t, 303)
	b.page(address).to(t, 303)
	keep(b.held(in.csrfName()))
	stranger.send("/self-service/logout", object{"token": alien}).expect(t, 204)
	return secrets
}

// secure sets up and uses second factors, changes passwords and exchanges codes, and returns what nobody else may know.
func (in *instance) secure() (secrets []string) {
	in.t.Helper()
	t := in.t
	p := in.person()
	f := in.begin("settings", "", as(p.token)...).expect(t, 200)
	secrets = append(secrets, f.secret(t), "a password in the settings", "one more in the settings")
	in.settle(f, &p.token, object{"method": "totp", "totp_code": "123 456", "password": "a password in the settings"}).expect(t, 400)
	in.settle(f, &p.token, object{"method": "password", "password": "a password in the settings"}).expect(t, 200)
	in.settle(f, &p.token, object{"method": "profile", "password": "one more in the settings", "traits": object{"email": "wrong"}}).expect(t, 400)
	old := p.token
	app := in.enrol(&p)
	list := in.lookups(&p)
	secrets = append(append(secrets, app.secret, old, p.token), list...)
	login := in.begin("login", "?return_session_token_exchange_code=true")
	secrets = append(secrets, login.text(t, "session_token_exchange_code"))
	a := in.signIn(login, p.email, "a password in the settings").expect(t, 200)
	to, err := url.Parse(a.text(t, "continue_with.0.redirect_browser_to"))
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, to.Query().Get("code"))
	exchanged := in.call("GET", in.public+"/sessions/token-exchange?init_code="+login.text(t, "session_token_exchange_code")+"&return_to_code="+to.Query().Get("code"), nil).expect(t, 200)
	token := exchanged.text(t, "session_token")
	in.stepUp(token, object{"method": "lookup_secret", "lookup_secret": "wrong" + list[1]}).expect(t, 400)
	return append(secrets, token, in.stepUp(token, object{"method": "lookup_secret", "lookup_secret": list[0]}).expect(t, 200).text(t, "session_token"))
}

// unlock uses a key of the admin API, with mistakes, and returns it.
func (in *instance) unlock() string {
	in.t.Helper()
	t := in.t
	key, id := in.key("silent", "", "all")
	in.call("GET", in.public+"/admin/sessions?access_token="+key, nil, withKey(key)...).expect(t, 200)
	in.call("GET", in.public+"/admin/sessions?access_token="+key, nil).expect(t, 401)
	in.call("GET", in.public+"/admin/sessions", nil, withKey(key+"x")...).expect(t, 401)
	in.call("GET", in.public+"/admin/keys/"+key, nil, withKey(key)...).expect(t, 405)
	in.call("DELETE", in.admin+"/admin/keys/"+key, nil, withKey(key)...).expect(t, 404)
	in.call("POST", in.admin+"/admin/keys", object{"name": key, "scopes": []string{key}}, withKey(key)...).expect(t, 400)
	in.set(object{"selfservice": object{"default_browser_return_url": "https://x:" + key + "@x.example/"}, key: key}, withKey(key)...).expect(t, 400)
	in.call("GET", in.public+"/sessions/whoami", nil, withKey(key)...).expect(t, 401)
	in.call("DELETE", in.admin+"/admin/keys/"+id, nil, withKey(key)...).expect(t, 204)
	return key
}

// files reads all files of a folder.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 100 { // locks are empty
			all[e.Name()] = string(b)
		}
	}
	if len(all) == 0 {
		t.Error("no database file was found")
	}
	return all
}

// dump writes out all rows of all tables.
func dump(t *testing.T, dsn string) string {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out strings.Builder
	for _, table := range column(t, db, `SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'`) {
		for _, text := range column(t, db, `SELECT CAST(t AS TEXT) FROM `+table+` t`) {
			out.WriteString(table + " " + text + "\n")
		}
	}
	return out.String()
}

func column(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
