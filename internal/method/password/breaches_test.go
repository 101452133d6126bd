package password

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The SHA-1 of "password1" is E38AD 214943DAAD1D64C102FAEC29DE4AFE9DA3D.
const (
	breachedPassword = "password1"
	breachedPrefix   = "E38AD"
	breachedSuffix   = "214943DAAD1D64C102FAEC29DE4AFE9DA3D"
)

// breachService answers one after the other, the last again and again, and counts the questions.
func breachService(t *testing.T, answers ...http.HandlerFunc) (b *Breaches, asked *int) {
	asked = new(int)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/range/"+breachedPrefix || r.Header.Get("Add-Padding") != "true" {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		*asked++
		answers[min(*asked, len(answers))-1](w, r)
	}))
	t.Cleanup(server.Close)
	return &Breaches{Host: strings.TrimPrefix(server.URL, "https://"), Client: server.Client()}, asked
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func fails(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "down", http.StatusServiceUnavailable)
}

func TestBreaches(t *testing.T) {
	const others = "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0\r\n"
	for name, c := range map[string]struct {
		answer string
		max    int
		count  int // 0: the password is good
	}{
		"seen":                    {others + breachedSuffix + ":42\r\n", 0, 42},
		"seen, in lower case":     {strings.ToLower(breachedSuffix) + ":42", 0, 42},
		"seen as often as is ok":  {breachedSuffix + ":42", 42, 0},
		"seen more than is ok":    {breachedSuffix + ":43", 42, 43},
		"never seen":              {others, 0, 0},
		"a padding line":          {breachedSuffix + ":0", 0, 0},
		"an empty answer":         {"", 0, 0},
		"a part of the hash only": {breachedSuffix[1:] + ":42", 0, 0},
	} {
		b, _ := breachService(t, says(c.answer))
		b.Max = c.max
		err := (&Policy{Breaches: b}).Check(t.Context(), breachedPassword, nil)
		var v *Violation
		if errors.As(err, &v); (err == nil) != (c.count == 0) || err != nil && (v == nil || v.Kind != Breached || v.Breaches != c.count) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBreachServiceInTrouble(t *testing.T) {
	drops := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		asked   int
		down    bool
	}{
		"down":                     {[]http.HandlerFunc{fails}, 3, true},
		"up again":                 {[]http.HandlerFunc{fails, fails, says("")}, 3, false},
		"drops the connection":     {[]http.HandlerFunc{drops}, 3, true},
		"a count that is none":     {[]http.HandlerFunc{says(breachedSuffix + ":many")}, 3, true},
		"a line that never ends":   {[]http.HandlerFunc{says(strings.Repeat("x", 2*maxBreachBody))}, 3, true},
		"answers at the first try": {[]http.HandlerFunc{says(""), fails}, 1, false},
	} {
		b, asked := breachService(t, c.answers...)
		err := b.check(t.Context(), breachedPassword)
		if errors.Is(err, ErrUpstream) != c.down || *asked != c.asked {
			t.Errorf("%s: %v, asked %d times", name, err, *asked)
		}
		if err != nil && strings.Contains(err.Error(), breachedPrefix) {
			t.Errorf("%s: the error holds a part of the hash: %v", name, err)
		}
		b.IgnoreNetworkErrors = true
		if err := b.check(t.Context(), breachedPassword); err != nil {
			t.Errorf("%s, ignored: %v", name, err)
		}
	}
}

// silence never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSilentBreachServiceIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Breaches{Host: "breaches.example", Client: &http.Client{Transport: silence{}}}
		start := time.Now()
		err := b.check(t.Context(), breachedPassword)
		if took := time.Since(start); !errors.Is(err, ErrUpstream) || took != 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		b.IgnoreNetworkErrors = true
		if err := b.check(ctx, breachedPassword); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("when the caller gives up: %v", err)
		}
	})
}
