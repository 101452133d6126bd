package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"exeunt/internal/testkit"
)

// attacker guesses the password of one person from many addresses, through many connections.
type attacker struct {
	public string
	client *http.Client

	checked, refused, other atomic.Int64
}

func (a *attacker) request(method, address, body, from string) (int, []byte, error) {
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", from)
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// guesses makes some of them, one after the other. Some share a flow, as that costs the attacker less.
func (a *attacker) guesses(email string, from, to int) error {
	action := ""
	for n := from; n < to; n++ {
		address := fmt.Sprintf("203.%d.%d.%d", n/62500%250, n/250%250, n%250)
		if n%2 == 1 {
			address = fmt.Sprintf("2001:db8:%x:%x::1", n/100, n)
		}
		if (n-from)%20 == 0 {
			_, b, err := a.request("GET", a.public+"/self-service/login/api", "", address)
			var f struct{ UI struct{ Action string } }
			if err = firstOf(err, json.Unmarshal(b, &f)); err != nil {
				return err
			}
			action = a.public + f.UI.Action[max(strings.Index(f.UI.Action, "/self-service/"), 0):]
		}
		status, b, err := a.request("POST", action, fmt.Sprintf(`{"method":"password","identifier":%q,"password":"guess %d"}`, email, n), address)
		switch {
		case err != nil:
			return err
		case status == 429:
			a.refused.Add(1)
		case status == 400 && bytes.Contains(b, []byte("4000006")):
			a.checked.Add(1)
		default:
			a.other.Add(1)
		}
	}
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// attack makes so many guesses from everywhere at once, and returns when they are done.
func attack(t *testing.T, publics []string, email string, guesses int) *attacker {
	t.Helper()
	const hands = 16
	transport := &http.Transport{MaxIdleConnsPerHost: hands}
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	total := &attacker{client: &http.Client{Transport: transport}}
	for hand := range hands {
		all.Go(func() {
			a := &attacker{public: publics[hand%len(publics)], client: total.client}
			if err := a.guesses(email, hand*guesses/hands, (hand+1)*guesses/hands); err != nil {
				t.Error(err)
			}
			total.checked.Add(a.checked.Load())
			total.refused.Add(a.refused.Load())
			total.other.Add(a.other.Load())
		})
	}
	all.Wait()
	return total
}

// failedSignIns is what the server has counted itself.
func (in *instance) failedSignIns() int {
	in.t.Helper()
	text := in.call("GET", in.admin+"/admin/metrics/prometheus", nil).expect(in.t, 200).body
	_, after, _ := strings.Cut(text, "\nexeunt_failed_submissions_total{flow=\"login\"} ")
	line, _, _ := strings.Cut(after, "\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		in.t.Fatalf("reading the metric: %v", err)
	}
	return n
}

// enterFrom signs a browser in from an address.
func (b *browser) enterFrom(email, address string) answer {
	b.t.Helper()
	f := b.ask("/self-service/login/browser?refresh=true", "X-Forwarded-For", address).expect(b.t, 200)
	return b.send(b.act(f), object{"method": "password", "identifier": email, "password": passphrase, "csrf_token": f.csrf(b.t)}, "X-Forwarded-For", address)
}

func TestTenThousandGuessesAreWorthFewAndTheirVictimSignsIn(t *testing.T) {
	t.Parallel()
	onEachEngine(t, bounded, func(t *testing.T, in *instance) {
		const home = "198.51.100.7"
		in.register("ada@example.org")
		b := in.browser()
		b.enterFrom("ada@example.org", "198.51.100.99").expect(t, 200)
		in.guess("ada@example.org", passphrase, home).expect(t, 200) // her phone
		before := in.failedSignIns()
		done := make(chan *attacker)
		go func() { done <- attack(t, []string{in.public}, "ada@example.org", 10_000) }()
		signedIn, over := 0, false
		var a *attacker
		for !over {
			select {
			case a = <-done:
				over = true // and once more after it
			default:
			}
			b.enterFrom("ada@example.org", fmt.Sprintf("192.0.2.%d", signedIn%250)).expect(t, 200)
			in.guess("ada@example.org", passphrase, home).expect(t, 200)
			signedIn += 2
		}
		t.Logf("of 10,000 guesses %d were checked and %d refused; meanwhile the person signed in %d times", a.checked.Load(), a.refused.Load(), signedIn)
		if n := in.failedSignIns() - before; n >= 100 || a.checked.Load() != int64(n) || a.checked.Load()+a.refused.Load() != 10_000 || signedIn < 10 {
			t.Errorf("%d were checked as the server says; %d otherwise", n, a.other.Load())
		}
	})
}

func TestGuessesOfNobodysPasswordAreRefusedLikewise(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), bounded)
	in.register("ada@example.org")
	for _, email := range []string{"ada@example.org", "nobody@example.org"} {
		var seen []int
		for n := range 14 {
			seen = append(seen, in.guess(email, "wrong", fmt.Sprintf("203.0.113.%d", n)).status)
		}
		if fmt.Sprint(seen[:8]) != "[400 400 400 400 400 400 400 400]" || !slices.Contains(seen, 429) {
			t.Errorf("%s: %v", email, seen)
		}
	}
}

func TestNodesCountGuessesTogetherAndARestartForgetsNone(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			dsn := engine.DSN(t)
			one := start(t, dsn, bounded)
			one.register("ada@example.org")
			publics := []string{one.public}
			if engine.Name == testkit.PostgreSQL {
				publics = append(publics, start(t, dsn, bounded).public)
			}
			// One after the other, from node to node: what each knows is what all know. A few more pass as time does: after
			// a second, after two more, after four.
			checked := 0
			for n := range 20 {
				on := *one
				on.public = publics[n%len(publics)]
				if on.guess("ada@example.org", "wrong", fmt.Sprintf("203.0.113.%d", n)).status == 400 {
					checked++
				}
			}
			if checked < 8 || checked > 13 {
				t.Errorf("%d guesses were checked", checked)
			}
			if err := one.stop(); err != nil {
				t.Fatal(err)
			}
			again := start(t, dsn, bounded)
			for n := range 12 {
				if again.guess("ada@example.org", "wrong", fmt.Sprintf("203.0.114.%d", n)).status == 400 {
					checked++
				}
			}
			if checked > 14 {
				t.Errorf("%d guesses were checked in all", checked)
			}
		})
	}
}

func TestSecondFactorsAreGuessedAsRarelyAndTheirOwnerGetsIn(t *testing.T) {
	t.Parallel()
	onEachEngine(t, bounded+factors, func(t *testing.T, in *instance) {
		const home, abroad = "198.51.100.7", "203.0.113.7"
		p := person{email: testkit.Email()}
		p.id = in.register(p.email)
		p.token = in.guess(p.email, passphrase, home).expect(t, 200).text(t, "session_token")
		f := in.begin("settings", "", as(p.token)...).expect(t, 200)
		app := &codes{secret: f.secret(t)}
		in.call("POST", in.act(f), object{"method": "totp", "totp_code": app.next(t)}, append(as(p.token), "X-Forwarded-For", home)...).expect(t, 200)
		stepUp := func(code, client string) answer {
			token := in.guess(p.email, passphrase, client).expect(t, 200).text(t, "session_token")
			f := in.begin("login", "?aal=aal2", append(as(token), "X-Forwarded-For", client)...).expect(t, 200)
			return in.call("POST", in.act(f), object{"method": "totp", "totp_code": code}, append(as(token), "X-Forwarded-For", client)...)
		}
		var seen []int
		for range 10 {
			seen = append(seen, stepUp("000000", abroad).status)
		}
		if fmt.Sprint(seen[:5]) != "[400 400 400 400 400]" || !slices.Contains(seen, 429) {
			t.Errorf("%v", seen)
		}
		stepUp(app.next(t), home).expect(t, 200)
	})
}

// The mark that a browser keeps is for whom it was given, names nobody and cannot be made.
func TestABrowserIsKnownToWhomItHasSignedIn(t *testing.T) {
	t.Parallel()
	in := start(t, testkit.File(t), bounded)
	for _, email := range []string{"ada@example.org", "bo@example.org"} {
		in.register(email)
	}
	b := in.browser()
	first := b.enterFrom("ada@example.org", "198.51.100.1").expect(t, 200)
	if line := strings.Join(first.header.Values("Set-Cookie"), "\n"); !strings.Contains(line, "exeunt_known=") || strings.Contains(line, "ada@") || strings.Contains(line, "ada%40") {
		t.Errorf("%s", line)
	}
	for n := range 30 {
		in.guess("ada@example.org", "wrong", fmt.Sprintf("203.0.113.%d", n))
		in.guess("bo@example.org", "wrong", fmt.Sprintf("203.0.114.%d", n))
	}
	address, _ := b.leaving("")
	b.page(address).to(t, 303)
	wrong := func(b *browser, email string) []int { return b.wrong(email, "198.51.100.2") }
	if seen := wrong(b, "ada@example.org"); slices.Contains(seen, 429) {
		t.Errorf("her own browser: %v", seen)
	}
	for name, seen := range map[string][]int{"somebody else in her browser": wrong(b, "bo@example.org"), "another browser": wrong(in.browser(), "ada@example.org")} {
		if !slices.Contains(seen, 429) {
			t.Errorf("%s: %v", name, seen)
		}
	}
	b.enterFrom("ada@example.org", "198.51.100.2").expect(t, 200)
}

// wrong submits six wrong passwords, and returns the statuses of the answers.
func (b *browser) wrong(email, address string) (seen []int) {
	b.t.Helper()
	for range 6 {
		f := b.ask("/self-service/login/browser?refresh=true", "X-Forwarded-For", address).expect(b.t, 200)
		body := object{"method": "password", "identifier": email, "password": "wrong", "csrf_token": f.csrf(b.t)}
		seen = append(seen, b.send(b.act(f), body, "X-Forwarded-For", address).status)
	}
	return seen
}

// Whoever had the password once, in however many browsers, is a stranger to whoever has another one now.
func TestABrowserIsNotKnownByAPasswordThatWasChanged(t *testing.T) {
	t.Parallel()
	const ada = "ada@example.org"
	onEachEngine(t, bounded, func(t *testing.T, in *instance) {
		in.register(ada)
		had, hers := in.browser(), in.browser()
		had.enterFrom(ada, "198.51.100.1").expect(t, 200)
		hers.enterFrom(ada, "198.51.100.2").expect(t, 200)
		address, _ := had.leaving("")
		had.page(address).to(t, 303)
		f := hers.settings("")
		hers.send(hers.act(f), object{"method": "password", "password": "another " + passphrase, "csrf_token": f.csrf(t)}).expect(t, 200)
		for n := range 30 {
			in.guess(ada, "wrong", fmt.Sprintf("203.0.113.%d", n))
		}
		if seen := had.wrong(ada, "198.51.100.3"); !slices.Contains(seen, 429) {
			t.Errorf("with the former password: %v", seen)
		}
		if seen := hers.wrong(ada, "198.51.100.4"); slices.Contains(seen, 429) {
			t.Errorf("where it was changed: %v", seen)
		}
	})
}
