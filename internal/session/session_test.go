package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"exeunt/internal/identity"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestASessionCounts(t *testing.T) {
	active, inactive := &identity.Identity{State: identity.Active}, &identity.Identity{State: identity.Inactive}
	for sentence, c := range map[string]struct {
		session *Session
		want    bool
	}{
		"while it is neither ended nor expired":      {&Session{ExpiresAt: now.Add(1), Identity: active}, true},
		"when its identity is not loaded":            {&Session{ExpiresAt: now.Add(1)}, true},
		"not in the moment in which it expires":      {&Session{ExpiresAt: now, Identity: active}, false},
		"not after it has expired":                   {&Session{ExpiresAt: now.Add(-1), Identity: active}, false},
		"not after it was ended":                     {&Session{ExpiresAt: now.Add(1), Identity: active, End: &End{At: now}}, false},
		"not even when its end lies ahead":           {&Session{ExpiresAt: now.Add(1), Identity: active, End: &End{At: now.Add(time.Hour)}}, false},
		"not while its identity is inactive":         {&Session{ExpiresAt: now.Add(1), Identity: inactive}, false},
		"not when all of this is the case":           {&Session{ExpiresAt: now.Add(-1), Identity: inactive, End: &End{}}, false},
		"not when it was never given an expiry time": {&Session{Identity: active}, false},
	} {
		if got := c.session.Valid(now); got != c.want {
			t.Errorf("a session counts %s: got %v", sentence, got)
		}
	}
}

func TestAnEndedSessionNeverCountsAgain(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		at := func(name string) time.Time { return now.Add(time.Duration(rapid.Int64().Draw(r, name))) }
		s := Session{ExpiresAt: at("expiry"), End: &End{At: at("end")}, Identity: &identity.Identity{State: identity.Active}}
		if s.Valid(at("moment")) {
			r.Fatal("it counts")
		}
	})
}

func TestTheLevelFollowsFromTheProofs(t *testing.T) {
	one, two := MethodUse{AAL: identity.AAL1}, MethodUse{AAL: identity.AAL2}
	for want, all := range map[identity.AAL][][]MethodUse{
		identity.AAL0: {nil},
		identity.AAL1: {{one}, {one, one}, {two}, {two, two}},
		identity.AAL2: {{one, two}, {two, one, one}},
	} {
		for _, methods := range all {
			if got := Level(methods); got != want {
				t.Errorf("Level(%v) = %v, want %v", methods, got, want)
			}
		}
	}
}

func TestWhoamiAsksForTheLevelThatTheRulesSay(t *testing.T) {
	s := &Session{AAL: identity.AAL1, Identity: &identity.Identity{AvailableAAL: identity.AAL2}}
	if (&Manager{Rules: Rules{RequiredAAL: HighestAvailable}}).Satisfied(s) {
		t.Error("one factor is enough for somebody who has two")
	}
	if !(&Manager{Rules: Rules{RequiredAAL: OneFactor}}).Satisfied(s) {
		t.Error("one factor is not enough although the rules say so")
	}
}

func TestATokenNeverShowsItself(t *testing.T) {
	token := NewSecret(InHeader)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("token", "plain", token, "inside", struct{ T Secret }{token})
	encoded, err := json.Marshal(map[string]any{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"%v": fmt.Sprintf("%v", token), "%+v": fmt.Sprintf("%+v", struct{ T Secret }{token}), "%#v": fmt.Sprintf("%#v", token),
		"String": token.String(), "%q": fmt.Sprintf("%q", token), "%x": fmt.Sprintf("%x", token), "slog": log.String(), "json": string(encoded),
	} {
		if strings.Contains(text, token.Reveal()) || strings.Contains(text, fmt.Sprintf("%x", token.Reveal())) {
			t.Errorf("%s shows the token", how)
		}
	}
}

func TestTokensHaveTheirFormAndAreAllDifferent(t *testing.T) {
	seen := map[TokenHash]bool{}
	for range 1000 {
		token := NewSecret(InHeader)
		if text := token.Reveal(); len(text) != 39 || !strings.HasPrefix(text, "ory_st_") || seen[token.Hash()] {
			t.Fatalf("the form of a token is wrong, or it was made before")
		}
		seen[token.Hash()] = true
	}
}

func TestWhatCanBeAToken(t *testing.T) {
	for text, ok := range map[string]bool{
		"ory_st_abc": true, "anything opaque": true, "ünïcode": true, strings.Repeat("x", MaxToken): true,
		"": false, strings.Repeat("x", MaxToken+1): false, "a\x00b": false, "a\nb": false, "a\x7fb": false, "a\xffb": false,
	} {
		_, err := ParseSecret(text)
		if (err == nil) != ok || (err != nil && !errors.Is(err, ErrBadToken)) {
			t.Errorf("ParseSecret(%.20q): %v", text, err)
		}
	}
}

func TestASessionKeepsHowItIsShownUntilItChanges(t *testing.T) {
	s := &Session{}
	if s.Shown() != nil {
		t.Error("it is known how a new session is shown")
	}
	var all sync.WaitGroup
	for _, made := range []string{"one", "other"} {
		all.Go(func() {
			s.Keep(Shown{Body: made})
			if found := s.Shown(); found != nil && found.Body != "one" && found.Body != "other" {
				t.Errorf("it is shown as %q", found.Body)
			}
		})
	}
	all.Wait()
	if first := s.Shown().Body; first != "one" && first != "other" {
		t.Errorf("it is shown as %q", first)
	}
	if s.Seen(time.Now(), time.Now()).Shown() != nil {
		t.Error("a changed session is shown as the one before")
	}
}

func TestKeepingHowASessionIsShownChangesNothingOfWhatItIsWorth(t *testing.T) {
	now := time.Now()
	for _, i := range []*identity.Identity{
		nil,
		{State: identity.Active, AvailableAAL: identity.AAL1}, {State: identity.Active, AvailableAAL: identity.AAL2},
		{State: identity.Inactive, AvailableAAL: identity.AAL1},
	} {
		for _, level := range []identity.AAL{identity.AAL1, identity.AAL2} {
			m := &Manager{Rules: Rules{RequiredAAL: HighestAvailable}}
			s := &Session{ExpiresAt: now.Add(time.Hour), Identity: i, AAL: level}
			valid, satisfied := s.Valid(now), m.Satisfied(s)
			if want := i == nil || i.State == identity.Active; valid != want {
				t.Errorf("%+v: valid %v", i, valid)
			}
			if want := level == identity.AAL2 || i != nil && i.AvailableAAL == identity.AAL1; satisfied != want {
				t.Errorf("%+v with level %d: satisfied %v", i, level, satisfied)
			}
			s.Keep(Shown{})
			if s.Valid(now) != valid || m.Satisfied(s) != satisfied {
				t.Errorf("%+v with level %d: after it was shown, valid %v, satisfied %v", i, level, s.Valid(now), m.Satisfied(s))
			}
			if s.Valid(now.Add(time.Hour)) {
				t.Errorf("%+v: it does not expire once it was shown", i)
			}
		}
	}
}

func TestASessionBeginsALineOfMemory(t *testing.T) {
	if n := unsafe.Sizeof(Session{}); n%64 != 0 {
		t.Errorf("%d bytes are no multiple of a line's 64", n)
	}
	if n := unsafe.Offsetof(Session{}.DeadlineAt); n != 2*64 {
		t.Errorf("what every check looks at takes %d bytes, for the 128 of two lines", n)
	}
}
