package browser

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"exeunt/internal/testkit"
)

// The lives of sessions in the test of sliding, and how often its people click.
const (
	lifespan    = 20 * time.Second
	longestLife = 70 * time.Second
	pace        = 3 * time.Second
	resting     = 25 * time.Second // after which the one who rests clicks no more
	slack       = 10 * time.Second // for a machine that has much to do: between two clicks less than a lifespan may pass
)

// walker is somebody who clicks and clicks, in a browser of their own.
type walker struct {
	*tab
	server   *testkit.Process
	email    string
	session  known
	pages    []string // what they look at, in turn
	visits   int
	lastSeen time.Time // still signed in
	expires  float64   // as the browser's own cookie says
}

// click looks at the next page. It reports whether the visitor is signed in still.
func (w *walker) click() bool {
	w.t.Helper()
	asked := time.Now()
	w.open(w.pages[w.visits%len(w.pages)])
	w.visits++
	w.until("the page says who is signed in, or the login is there", `document.body && (document.querySelector("#who, main[data-session]") || location.pathname === "/ui/login")`)
	if !evaluate[bool](w.tab, `document.querySelector("#who, main[data-session]") !== null`) {
		return false
	}
	w.lastSeen = asked
	cookie, now, last := w.held(w.server.Public, sessionCookie), time.Now(), w.session.Issued.Add(longestLife)
	if cookie.Expires == 0 && now.After(last) {
		return true // the time of both has run out since the page was drawn
	}
	wanted := now.Add(lifespan)
	if last.Before(wanted) {
		wanted = last
	}
	until := time.UnixMicro(int64(cookie.Expires * 1e6))
	if off := until.Sub(wanted); off > 2*time.Second || off < -slack {
		w.t.Errorf("%s: the browser keeps its cookie until %v, which is %v off", w.email, until, off)
	}
	if cookie.Expires < w.expires {
		w.t.Errorf("%s: the cookie ends earlier than before", w.email)
	}
	w.expires = cookie.Expires
	return true
}

// Two people on each engine: one who clicks in an application for as long as a session may live, and one who rests.
func TestASessionThatIsUsedSlides(t *testing.T) {
	t.Parallel()
	var busy, idle []*walker
	for _, engine := range testkit.Engines(t) {
		s := newShop(t)
		p := alone(t, engine.DSN(t), "lifespan: 20s, sliding: true, max_lifespan: 70s", "", s.address)
		s.auth = p.Public
		first := chromium(t)
		busy = append(busy, &walker{tab: first, server: p, email: "busy@example.org", pages: []string{s.address}})
		idle = append(idle, &walker{tab: first.somebodyElse(), server: p, email: "resting@example.org", pages: []string{p.Public + "/ui/", p.Public + "/ui/sessions"}})
	}
	for _, w := range slices.Concat(busy, idle) { // when every browser has started: no session ages while one does
		w.register(w.server.Public, w.email)
		w.session = sessionOf(w.tab, w.server)
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	out, closed := map[*walker]time.Time{}, map[*walker]time.Time{}
	for len(out) < len(busy) || len(closed) < len(idle) {
		for _, w := range busy {
			if out[w].IsZero() && !w.click() {
				out[w] = time.Now()
			}
		}
		for _, w := range idle {
			switch {
			case time.Since(w.session.Issued) < resting:
				if !w.click() {
					t.Fatalf("%s is out while clicking, after %v", w.email, time.Since(w.session.Issued))
				}
			case closed[w].IsZero() && strings.Contains(w.text(), "Your session has expired. Please sign in again."):
				closed[w] = time.Now()
			}
			if time.Since(w.session.Issued) > longestLife+slack && closed[w].IsZero() {
				t.Fatalf("the page of %s does not say that the session has expired:\n%s", w.email, w.look())
			}
		}
		<-tick.C
	}
	for _, w := range busy {
		if life := out[w].Sub(w.session.Issued); life < longestLife || life > longestLife+pace+slack || w.visits < 10 {
			t.Errorf("%s was out after %v and %d clicks", w.email, life, w.visits)
		}
		if seen := w.lastSeen.Sub(w.session.Issued); seen < longestLife-pace-slack {
			t.Errorf("%s was signed in for %v only", w.email, seen)
		}
		if k := lookUp(t, w.server, w.session.ID); k.Active || k.Expires.Sub(w.session.Issued) != longestLife {
			t.Errorf("%s: %+v", w.email, k)
		}
	}
	for _, w := range idle {
		if rest := closed[w].Sub(w.lastSeen); rest < lifespan || rest > lifespan+pace+slack {
			t.Errorf("%s was out after %v of rest", w.email, rest)
		}
		if w.click() {
			t.Errorf("%s is signed in again", w.email)
		}
	}
}

func TestAnExtensionReachesTheBrowser(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			s := newShop(t)
			p := alone(t, engine.DSN(t), "lifespan: 10m, extend_debounce: 0s", "", s.address)
			s.auth = p.Public
			b := chromium(t)
			const email = "extended@example.org"
			b.register(p.Public, email)
			id := sessionOf(b, p).ID
			for what, look := range map[string]func(){
				"an application that asks whoami": func() { b.open(s.address); b.until("the shop knows its visitor", inShop(email)) },
				"a script that asks whoami": func() {
					b.open(p.Public + "/ui/signed-out")
					evaluate[int](b, `fetch("/sessions/whoami").then(r => r.status)`)
				},
				"a built-in page": func() { b.open(p.Public + "/ui/") },
			} {
				first := b.held(p.Public, sessionCookie)
				look()
				if b.cookie(p.Public, sessionCookie) != first.Value {
					t.Errorf("%s has another cookie although nothing was extended", what)
				}
				extendBy(t, p, id, 2*time.Second)
				look()
				now := b.held(p.Public, sessionCookie)
				if moved := now.Expires - first.Expires; moved < 1 {
					t.Errorf("%s moves the cookie by %v seconds", what, moved)
				}
				for _, cookie := range []string{first.Value, now.Value} {
					if got := whoami(t, p, cookie); got != http.StatusOK {
						t.Errorf("%s: a cookie of the session is answered with %d", what, got)
					}
				}
			}
			last := b.cookie(p.Public, sessionCookie)
			administer(t, p, http.MethodDelete, "/admin/sessions/"+id, nil)
			if got := whoami(t, p, last); got != http.StatusUnauthorized {
				t.Errorf("after its end, it is answered with %d", got)
			}
		})
	}
}

// extendBy extends a session until it lives for longer by so much.
func extendBy(t *testing.T, p *testkit.Process, id string, longer time.Duration) {
	t.Helper()
	before := lookUp(t, p, id).Expires
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for lookUp(t, p, id).Expires.Sub(before) < longer {
		<-tick.C
		administer(t, p, http.MethodPatch, "/admin/sessions/"+id+"/extend", nil)
	}
}

func TestKeepMeSignedIn(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			p := alone(t, engine.DSN(t), "lifespan: 1h, remember_me: {lifespan: 720h}", "")
			b := chromium(t)
			const email = "kept@example.org"
			b.register(p.Public, email)
			for _, kept := range []bool{false, true} {
				other := b.somebodyElse()
				other.open(p.Public + "/self-service/login/browser")
				if evaluate[bool](other, `document.querySelector("[name=remember]").checked`) {
					t.Error("the box is ticked before anybody has ticked it")
				}
				if kept {
					other.do("ticking the box", chromedp.Click(chromedp.CSS(`label[for="`+evaluate[string](other, `document.querySelector("[name=remember]").id`)+`"]`)))
				}
				other.fillLogin(email)
				other.until("the home page is there", `location.pathname === "/ui/" && `+signedInAs(email))
				cookie := other.held(p.Public, sessionCookie)
				if cookie.Session == kept {
					t.Errorf("ticked %v: the cookie goes with the browser: %v", kept, cookie.Session)
				}
				if left := time.Until(time.UnixMicro(int64(cookie.Expires * 1e6))); kept && (left < 719*time.Hour || left > 721*time.Hour) {
					t.Errorf("the cookie lasts for %v", left)
				}
			}
		})
	}
}
