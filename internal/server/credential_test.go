package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"exeunt/internal/session"
)

// directory stands in for the store: some tokens are live, and every look-up is remembered.
type directory struct {
	live  []string
	asked []string
	down  bool
}

var errDown = errors.New("the store is down")

func (d *directory) find(_ *session.Manager, _ context.Context, token session.Secret, _ time.Time) (*session.Session, error) {
	d.asked = append(d.asked, token.Reveal())
	switch {
	case d.down:
		return nil, errDown
	case slices.Contains(d.live, token.Reveal()):
		return &session.Session{}, nil
	}
	return nil, session.ErrNone
}

func cookieServer() *Server {
	return &Server{Sessions: &session.Manager{}, Session: SessionCookie{Name: "now", Former: []string{"then"}, Attributes: Attributes{Path: "/"}},
		sessionCookies: []string{"now", "then"}}
}

func cookieToken(letter string) string { return "ory_sc_" + strings.Repeat(letter, 32) }

func TestTheCredentialOfARequestIsChosenOnce(t *testing.T) {
	a, b, c := cookieToken("a"), cookieToken("b"), cookieToken("c")
	long := strings.Repeat("x", session.MaxToken+1)
	for name, row := range map[string]struct {
		header, cookie, authorization string
		want                          string // the token that is taken, if it is live
		asked                         int
		swept                         bool
	}{
		"X-Session-Token":                            {header: "h", want: "h", asked: 1},
		"an unknown X-Session-Token is final":        {header: "x", cookie: "now=" + a, authorization: "Bearer h", asked: 1},
		"an impossible X-Session-Token is final":     {header: "a\x01", cookie: "now=" + a, authorization: "Bearer h"},
		"X-Session-Token before a cookie":            {header: "h", cookie: "now=" + a, want: "h", asked: 1},
		"X-Session-Token before a bearer token":      {header: "h", authorization: "Bearer h2", want: "h", asked: 1},
		"a cookie before a bearer token":             {cookie: "now=" + a, authorization: "Bearer h", want: a, asked: 1},
		"a bearer token, in any case of its scheme":  {authorization: "bEaReR h", want: "h", asked: 1},
		"a cookie's token is none in a header":       {header: a},
		"a cookie's token is none as a bearer token": {authorization: "Bearer " + a},
		"a header's token is none in a cookie":       {cookie: "now=h", swept: true},
		"junk in the cookie leaves the bearer token": {cookie: "now=junk", authorization: "Bearer h", want: "h", asked: 1, swept: true},
		"a dead cookie does not":                     {cookie: "now=" + c, authorization: "Bearer h", asked: 1, swept: true},
		"a live cookie behind a dead one":            {cookie: "now=" + c + "; now=" + b, want: b, asked: 2},
		"a live cookie behind junk":                  {cookie: "now=junk; now=" + b, want: b, asked: 1},
		"the first of two live ones":                 {cookie: "now=" + b + "; now=" + a, want: b, asked: 1},
		"a quoted value":                             {cookie: `now="` + a + `"`, want: a, asked: 1},
		"a former name":                              {cookie: "then=" + a, want: a, asked: 1, swept: true},
		"the name of now before a former one":        {cookie: "then=" + a + "; now=" + b, want: b, asked: 1},
		"a value without a name":                     {cookie: a},
		"another name":                               {cookie: "Now=" + a},
		"four dead ones are removed":                 {cookie: strings.Repeat("now="+c+"; ", 4), asked: 4, swept: true},
		"nothing":                                    {},
		"a scheme alone":                             {authorization: "Bearer"},
		"a scheme and two spaces":                    {authorization: "Bearer  h"},
		"another scheme":                             {authorization: "Basic h"},
		"a token that is too long":                   {authorization: "Bearer " + long},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			for key, value := range map[string]string{"X-Session-Token": row.header, "Cookie": row.cookie, "Authorization": row.authorization} {
				if value != "" {
					r.Header[key] = []string{value}
				}
			}
			d, w := &directory{live: []string{a, b, "h", "h2"}}, httptest.NewRecorder()
			got, err := cookieServer().identify(w, r, d.find)
			if row.want == "" && !errors.Is(err, session.ErrNone) || row.want != "" && (err != nil || got.token.Reveal() != row.want) {
				t.Errorf("took %q, %v", got.token.Reveal(), err)
			}
			if len(d.asked) != row.asked {
				t.Errorf("%d look-ups, want %d", len(d.asked), row.asked)
			}
			if gone := strings.Contains(strings.Join(w.Header()["Set-Cookie"], "\n"), "=; Path=/; Expires=Thu, 01 Jan 1970"); gone != row.swept {
				t.Errorf("removed: %v, want %v: %q", gone, row.swept, w.Header()["Set-Cookie"])
			}
		})
	}
}

func TestTooManySessionCookiesAreNoSignOut(t *testing.T) {
	dead := strings.Repeat("now="+cookieToken("c")+"; ", maxTried)
	for cookie, want := range map[string]error{dead: session.ErrNone, dead + "now=" + cookieToken("a"): errManyCookies, dead[:len(dead)-2] + "x; now=" + cookieToken("a"): nil} {
		r, w, d := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder(), &directory{live: []string{cookieToken("a")}}
		r.Header.Set("Cookie", cookie)
		if _, err := cookieServer().identify(w, r, d.find); !errors.Is(err, want) || len(d.asked) != maxTried {
			t.Errorf("%d cookies: %v after %d look-ups, want %v", strings.Count(cookie, "="), err, len(d.asked), want)
		}
		if swept := w.Header()["Set-Cookie"] != nil; swept != errors.Is(want, session.ErrNone) {
			t.Errorf("%d cookies: removed %v", strings.Count(cookie, "="), swept)
		}
	}
}

func TestAStoreThatIsDownRemovesNoCookie(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "now="+cookieToken("a"))
	w := httptest.NewRecorder()
	if _, err := cookieServer().identify(w, r, (&directory{down: true}).find); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
	if w.Header()["Set-Cookie"] != nil {
		t.Errorf("a cookie is removed although nobody knows whether it is dead: %q", w.Header()["Set-Cookie"])
	}
}

func TestASessionFoundUnderAFormerNameMovesToTheNewOne(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "then="+cookieToken("a"))
	w := httptest.NewRecorder()
	if _, err := cookieServer().identify(w, r, (&directory{live: []string{cookieToken("a")}}).find); err != nil {
		t.Fatal(err)
	}
	set := w.Header()["Set-Cookie"]
	if len(set) != 2 || !strings.HasPrefix(set[0], "then=; ") || !strings.HasPrefix(set[1], "now="+cookieToken("a")) {
		t.Errorf("got %q", set)
	}
}

func FuzzCookies(f *testing.F) {
	f.Add("now="+cookieToken("a"), "", "")
	f.Add(`now="`+cookieToken("b")+`"; then=x`, "ory_st_x", "Bearer ory_st_y")
	f.Add("now=\xff; =; ;;now", "", "bearer x")
	f.Add(strings.Repeat("now="+cookieToken("c")+";", 20), "\xff", "Bearer \x00")
	f.Fuzz(func(t *testing.T, cookie, header, bearer string) {
		r := &http.Request{Header: http.Header{"Cookie": {cookie}, "X-Session-Token": {header}, "Authorization": {bearer}}}
		d, w := &directory{live: []string{cookieToken("a"), cookieToken("b")}}, httptest.NewRecorder()
		got, err := cookieServer().identify(w, r, d.find)
		if err == nil && (got.session == nil || !slices.Contains(d.live, got.token.Reveal()) || got.cookie != strings.Contains(cookie, got.token.Reveal())) {
			t.Errorf("took %q from %q", got.token.Reveal(), cookie)
		}
		if len(d.asked) > maxTried || header != "" && len(d.asked) > 1 {
			t.Errorf("%d look-ups", len(d.asked))
		}
		for _, token := range d.asked {
			if len(token) > session.MaxToken || strings.ContainsAny(token, "\x00\r\n") || header != "" && token != header {
				t.Errorf("%q is looked up", token)
			}
		}
		for _, line := range w.Header()["Set-Cookie"] {
			if strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("Set-Cookie %q", line)
			}
		}
	})
}
