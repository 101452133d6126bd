package server

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestFailedAttemptsAreBounded(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := newAttempts(3, func() time.Time { return now })
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

func TestASuccessCostsNothing(t *testing.T) {
	a := newAttempts(2, time.Now)
	for range 50 {
		giveBack, err := a.begin("client 1")
		if err != nil {
			t.Fatal(err)
		}
		giveBack()
	}
}

func TestManyClientsDoNotFillTheMemory(t *testing.T) {
	a := newAttempts(2, time.Now)
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
	if clientKey("2001:db8::1") != clientKey("2001:db8::ffff") || clientKey("2001:db8::1") == clientKey("2001:db8:0:1::1") {
		t.Error("a /64 is not one client")
	}
	if clientKey("192.0.2.1") == clientKey("192.0.2.2") {
		t.Error("two IPv4 addresses are one client")
	}
}
