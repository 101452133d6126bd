package server

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"exeunt/internal/flow"
	"exeunt/internal/session"
)

func TestFailedAttemptsAreBounded(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := newAttempts(3, errAttempts, func() time.Time { return now })
	fail := func(keys ...string) error { _, err := a.begin(keys...); return err }

	for range 3 {
		if err := fail("client 1", "identifier a"); err != nil {
			t.Fatalf("refused too early: %v", err)
		}
	}
	if err := fail("client 1", "identifier b"); !errors.Is(err, errAttempts) {
		t.Error("a client that has failed too often is let through")
	}
	if err := fail("client 2", "identifier a"); !errors.Is(err, errAttempts) {
		t.Error("an account that was tried too often is let through from another client")
	}
	if err := fail("client 2", "identifier b"); err != nil {
		t.Errorf("somebody else pays: %v", err)
	}
	now = now.Add(20 * time.Second)
	if err := fail("client 1", "identifier c"); err != nil {
		t.Errorf("time does not fill the bucket: %v", err)
	}
	if err := fail("client 1", "identifier c"); !errors.Is(err, errAttempts) {
		t.Error("time fills the bucket too fast")
	}
}

func TestAnAttemptIsCountedAgainstTheFlowAndTheClient(t *testing.T) {
	keys := func(ip string) []string {
		return attemptKeys(&flow.Flow{}, flow.Input{Device: session.Device{IP: ip}})
	}
	if all := keys("192.0.2.1"); len(all) != 2 || all[0] != "client 192.0.2.1" || !strings.HasPrefix(all[1], "flow ") {
		t.Errorf("%q", all)
	}
	for _, ip := range []string{"127.0.0.1", "10.1.2.3", "::1", "fd00::1", ""} {
		if len(keys(ip)) != 1 {
			t.Errorf("everybody behind %q is one client", ip)
		}
	}
}

func TestASuccessCostsNothing(t *testing.T) {
	a := newAttempts(2, errAttempts, time.Now)
	for range 50 {
		giveBack, err := a.begin("client 1")
		if err != nil {
			t.Fatal(err)
		}
		giveBack()
	}
	if n := len(a.young) + len(a.old); n != 0 {
		t.Errorf("%d buckets are kept of nothing", n)
	}
}

func TestManyClientsDoNotFillTheMemory(t *testing.T) {
	a := newAttempts(2, errAttempts, time.Now)
	a.keptYoung = 10
	for i := range 1000 {
		if _, err := a.begin(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(a.young) + len(a.old); n > 20 {
		t.Errorf("%d buckets are kept", n)
	}
}

func TestAnIPv6ClientIsItsNetwork(t *testing.T) {
	key := func(ip string) string { return clientKeys(netip.MustParseAddr(ip))[0] }
	if key("2001:db8::1") != key("2001:db8::ffff") || key("2001:db8::1") == key("2001:db8:0:1::1") {
		t.Error("a /64 is not one client")
	}
	if key("192.0.2.1") == key("192.0.2.2") {
		t.Error("two IPv4 addresses are one client")
	}
}
