package tries

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"exeunt/internal/fault"
	"exeunt/internal/flow"
	"exeunt/internal/identity"
	"exeunt/internal/session"
)

// shared is what nodes share: counts as the store's conformance suite asks for them.
type shared struct {
	mu       sync.Mutex
	failures map[string]int
	last     map[string]time.Time
	homes    map[identity.ID][]string
	reads    int
	down     error
}

func newShared() *shared {
	return &shared{failures: map[string]int{}, last: map[string]time.Time{}, homes: map[identity.ID][]string{}}
}

func (s *shared) FailedTries(_ context.Context, subject string) (int, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return s.failures[subject], s.last[subject], s.down
}

func (s *shared) AddFailedTry(ctx context.Context, subject string, now time.Time, forget time.Duration) (int, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, time.Time{}, err
	}
	s.failures[subject] = min(allowance{forget: forget}.left(s.failures[subject], now.Sub(s.last[subject]))+1, Most)
	if now.After(s.last[subject]) {
		s.last[subject] = now
	}
	return s.failures[subject], s.last[subject], s.down
}

func (s *shared) KnownAddresses(_ context.Context, id identity.ID) ([]string, error) {
	return s.homes[id], s.down
}

// bench is a guard with a clock that stands still.
type bench struct {
	*Guard
	t   *testing.T
	now time.Time
}

func guard(t *testing.T, s Store) *bench {
	b := &bench{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.Guard = &Guard{Store: s, Key: []byte("a key"), Now: func() time.Time { return b.now }}
	return b
}

var (
	ada   = identity.ID(uuid.MustParse("4be85580-b3cd-4be2-8aa7-c2cb012028de"))
	from  = func(ip string) flow.Input { return flow.Input{Device: session.Device{IP: ip}} }
	theft = flow.Try{Secret: "password", Whose: "ada@example.org", Identity: &identity.Identity{ID: ada}, By: from("203.0.113.1")}
)

// wrong tries a wrong secret; it returns for how long that is refused, if it is.
func (b *bench) wrong(t flow.Try) time.Duration {
	b.t.Helper()
	end, err := b.Begin(b.t.Context(), t)
	if err != nil {
		if !errors.Is(err, ErrTooMany) || fault.From(err).RetryAfter <= 0 {
			b.t.Fatal(err)
		}
		return fault.From(err).RetryAfter
	}
	if err := end(true); err != nil {
		b.t.Fatal(err)
	}
	return 0
}

func TestEachFurtherFailureDoublesTheTimeUntilTheNext(t *testing.T) {
	b := guard(t, newShared())
	for n := range ofPasswords.free {
		if wait := b.wrong(theft); wait != 0 {
			t.Fatalf("the try %d has to wait for %v", n+1, wait)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800} {
		if wait := b.wrong(theft); wait != want*time.Second {
			t.Fatalf("it waits for %v, not %v s", wait, int(want))
		}
		b.now = b.now.Add(want*time.Second - time.Nanosecond)
		if b.wrong(theft) == 0 {
			t.Fatal("the next try is let through too early")
		}
		if b.now = b.now.Add(time.Nanosecond); b.wrong(theft) != 0 {
			t.Fatal("the next try is refused when its time has come")
		}
	}
}

// A day of trying without a pause; NIST SP 800-63B allows no more than 100 failures in a row.
func TestADayOfGuessingIsWorthFewTries(t *testing.T) {
	for secret, most := range map[string]int{"password": 100, "totp": 25} {
		b, try, tried := guard(t, newShared()), theft, 0
		try.Secret = secret
		for end := b.now.Add(24 * time.Hour); b.now.Before(end); {
			wait := b.wrong(try)
			if b.now = b.now.Add(wait); wait == 0 {
				tried++
			}
		}
		if tried > most {
			t.Errorf("%s: %d tries in a day", secret, tried)
		}
	}
}

func TestFailuresAreForgottenWithTime(t *testing.T) {
	b := guard(t, newShared())
	for range ofPasswords.free {
		b.wrong(theft)
	}
	b.now = b.now.Add(time.Duration(ofPasswords.free) * ofPasswords.forget)
	for range ofPasswords.free {
		if b.wrong(theft) != 0 {
			t.Fatal("they are not")
		}
	}
}

func TestASuccessWritesNothingAndSoDoesWhatCouldNotBeFoundOut(t *testing.T) {
	s := newShared()
	b := guard(t, s)
	for range 100 {
		end, err := b.Begin(t.Context(), theft)
		if err := errors.Join(err, end(false)); err != nil || len(s.failures) != 0 {
			t.Fatalf("%v: %v", s.failures, err)
		}
	}
}

func TestStrangersDoNotHoldUpWhoIsKnown(t *testing.T) {
	s := newShared()
	s.homes[ada] = []string{"198.51.100.7", "2001:db8:1:2::9", ""}
	b := guard(t, s)
	for n := range 500 {
		try := theft
		try.By = from(fmt.Sprintf("203.0.%d.%d", n/250, n%250))
		b.wrong(try)
	}
	known := func(i *identity.Identity) string {
		if i.ID == ada {
			return "laptop"
		}
		return ""
	}
	for name, by := range map[string]flow.Input{
		"a browser": {Known: known, Device: session.Device{IP: "203.0.113.50"}}, "an address": from("198.51.100.7"), "a network": from("2001:db8:1:2::1"),
	} {
		try := theft
		try.By = by
		for range ofPasswords.free {
			if b.wrong(try) != 0 {
				t.Errorf("%s that is known is held up", name)
			}
		}
		if b.wrong(try) == 0 {
			t.Errorf("%s that is known may try for ever", name)
		}
	}
	for _, ip := range []string{"203.0.113.51", "2001:db8:1:3::1", ""} {
		try := theft
		try.By = from(ip)
		if b.wrong(try) == 0 {
			t.Errorf("%s is taken for known", ip)
		}
	}
	bo := flow.Try{Secret: "password", Whose: "bo@example.org", By: flow.Input{Known: known, Device: session.Device{IP: "198.51.100.7"}}}
	other := flow.Try{Secret: "totp", Whose: ada.String(), Identity: &identity.Identity{ID: ada}, By: from("203.0.113.1")}
	if b.wrong(bo) != 0 || b.wrong(other) != 0 {
		t.Error("somebody else's password, or another secret, is held up")
	}
}

// Somebody who does not exist is bound as somebody who does: after as many tries, for as long, after as many look-ups.
func TestWhoDoesNotExistIsLimitedAsWhoDoes(t *testing.T) {
	var waits [2][]time.Duration
	var reads [2]int
	for n, i := range []*identity.Identity{{ID: ada}, nil} {
		s := newShared()
		b, try := guard(t, s), theft
		try.Identity = i
		for range 40 {
			waits[n] = append(waits[n], b.wrong(try))
			b.now = b.now.Add(700 * time.Millisecond)
		}
		reads[n] = s.reads
	}
	if fmt.Sprint(waits[0]) != fmt.Sprint(waits[1]) || reads[0] != reads[1] {
		t.Errorf("%v after %d\n%v after %d", waits[0], reads[0], waits[1], reads[1])
	}
}

func TestNodesCountTogetherAndARestartForgetsNothing(t *testing.T) {
	s := newShared()
	one, two := guard(t, s), guard(t, s)
	tried := 0
	for n := range 40 {
		b := []*bench{one, two}[n%2]
		if b.wrong(theft) == 0 {
			tried++
		}
	}
	if restarted := guard(t, s); tried != ofPasswords.free || restarted.wrong(theft) == 0 {
		t.Errorf("%d tries", tried)
	}
}

// A failure that a node has counted whose clock is a day ahead holds nobody up for that day: it counts from when it is seen.
func TestAClockThatWasAheadLocksNobodyOut(t *testing.T) {
	for _, failures := range []int{1, ofPasswords.free, ofPasswords.free + 3, Most} {
		s := newShared()
		b := guard(t, s)
		subject, want := b.subject(theft, ""), ofPasswords.wait(failures)
		s.failures[subject], s.last[subject] = failures, b.now.Add(24*time.Hour)
		if want > 0 && b.wrong(theft) != want {
			t.Errorf("after %d failures the next try does not wait for %v", failures, want)
		}
		b.now = b.now.Add(want)
		if wait := b.wrong(theft); wait != 0 {
			t.Errorf("%v after %d failures were seen, it waits for %v more", want, failures, wait)
		}
		if failures == Most && b.wrong(theft) != want {
			t.Error("the failures after it cost nothing")
		}
	}
}

func TestManyAtOnceDoNotSlipThrough(t *testing.T) {
	b := guard(t, newShared())
	var ends []func(bool) error
	for range 200 {
		if end, err := b.Begin(t.Context(), theft); err == nil {
			ends = append(ends, end)
		}
	}
	if len(ends) != ofPasswords.free {
		t.Errorf("%d are under way", len(ends))
	}
	for _, end := range ends {
		if err := end(true); err != nil {
			t.Fatal(err)
		}
	}
	b.now = b.now.Add(time.Hour / 4)
	if _, err := b.Begin(t.Context(), theft); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Begin(t.Context(), theft); !errors.Is(err, ErrTooMany) {
		t.Errorf("a second one beside it: %v", err)
	}
}

func TestWhoHangsUpHasHadTheirTry(t *testing.T) {
	s := newShared()
	b := guard(t, s)
	ctx, hangUp := context.WithCancel(t.Context())
	end, err := b.Begin(ctx, theft)
	hangUp()
	if err := errors.Join(err, end(true)); err != nil || len(s.failures) != 1 {
		t.Errorf("%d are counted: %v", len(s.failures), err)
	}
}

func TestWhatCannotBeCountedIsNotTold(t *testing.T) {
	s := newShared()
	b := guard(t, s)
	end, err := b.Begin(t.Context(), theft)
	if err != nil {
		t.Fatal(err)
	}
	s.down = fault.ErrUnavailable
	if err := end(true); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("counting: %v", err)
	}
	if _, err := b.Begin(t.Context(), theft); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("beginning: %v", err)
	}
}

func TestNobodysNameIsKept(t *testing.T) {
	s := newShared()
	guard(t, s).wrong(theft)
	elsewhere := guard(t, s)
	elsewhere.Key = []byte("another key")
	elsewhere.wrong(theft)
	if len(s.failures) != 2 {
		t.Error("the name of a subject does not depend on the key")
	}
	for subject := range s.failures {
		if len(subject) != 43 || strings.Contains(subject, "ada") {
			t.Errorf("kept as %s", subject)
		}
	}
}

func TestManySubjectsDoNotFillTheMemory(t *testing.T) {
	b := guard(t, newShared())
	for n := range 3 * maxKept {
		b.of(fmt.Sprint(n))
	}
	if n := len(b.young) + len(b.old); n > 2*maxKept {
		t.Errorf("%d are kept", n)
	}
}

func TestNetworks(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "2001:db8::1": "2001:db8::/64", "fe80::1%eth0": "fe80::/64", "": "", "nowhere": "",
	} {
		if got := network(address); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
