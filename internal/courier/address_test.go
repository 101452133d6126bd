package courier_test

import (
	"net/netip"
	"strings"
	"testing"

	"exeunt/internal/courier"
	"exeunt/internal/testkit"
)

func TestOnlyPublicAddressesAreCalled(t *testing.T) {
	for address, want := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "9.255.255.255": true, "11.0.0.0": true, "100.63.255.255": true, "100.128.0.0": true, "126.255.255.255": true, "128.0.0.1": true,
		"169.253.255.255": true, "169.255.0.0": true, "172.15.255.255": true, "172.32.0.0": true, "192.167.255.255": true, "192.169.0.0": true, "198.17.255.255": true, "198.20.0.0": true, "223.255.255.255": true,
		"2606:4700:4700::1111": true, "2a00:1450:4001::1": true, "2001:4860:4860::8888": true, "2400::1": true, "3ffe::1": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.0": false, "10.255.255.255": false, "127.0.0.1": false, "127.255.255.254": false,
		"169.254.169.254": false, "169.254.0.1": false, // metadata of clouds, link-local
		"172.16.0.1": false, "172.31.255.255": false, "192.168.0.1": false, "192.168.255.255": false,
		"100.64.0.1": false, "100.127.255.255": false, // of providers behind one address
		"192.0.0.8": false, "192.0.0.192": false, "192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false, // documentation
		"192.88.99.1": false, "198.18.0.1": false, "198.19.255.255": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::2": false, "fe80::1": false, "fe80::1%eth0": false, "febf::1": false, "fec0::1": false, "fc00::1": false, "fd00:ec2::254": false, "fdff::1": false, "ff02::1": false, "ff0e::1": false,
		"2001:db8::1": false, "3fff::1": false, "2001::1": false, "2001:10::1": false, "2001:20::1": false, "100::1": false, "5f00::1": false, "4000::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:0.0.0.0": false, "::ffff:1.1.1.1": true, // the same as IPv4
		"::127.0.0.1": false, "::10.0.0.1": false, "::ffff:0:127.0.0.1": false, "::1.1.1.1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::10.0.0.1": false, "64:ff9b::169.254.169.254": false, "64:ff9b::8.8.8.8": true, "64:ff9b:1::8.8.8.8": false, // translated
		"2002:7f00:1::": false, "2002:a00:1::1": false, "2002:a9fe:a9fe::1": false, "2002:c0a8:1::1": false, "2002:808:808::1": true, // tunnelled
		"2606:4700::1%eth0": false,
	} {
		if got := courier.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v, want %v", address, got, want)
		}
	}
}

func TestAHookThatCouldNeverBeReachedIsAMistake(t *testing.T) {
	for address, private := range map[string]bool{
		"http://127.0.0.1/": true, "http://localhost:8080/": true, "https://10.0.0.7/x": true, "http://[::1]/": true, "http://[::ffff:10.0.0.1]/": true, "http://169.254.169.254/latest/": true,
		"https://hooks.example.com/": false, "https://1.1.1.1/": false, "https://[2606:4700:4700::1111]/": false,
	} {
		to := courier.Target{URL: address, Key: key}
		if _, err := courier.NewHook(to); (err != nil) != private || private && !strings.Contains(err.Error(), "allow_private_addresses: true") {
			t.Errorf("%s: %v", address, err)
		}
		to.AllowPrivate = true
		if _, err := courier.NewHook(to); err != nil {
			t.Errorf("%s, allowed: %v", address, err)
		}
	}
	for _, address := range []string{"", "nonsense", "http://", "http://%zz/"} {
		if _, err := courier.NewHook(courier.Target{URL: address}); err == nil {
			t.Errorf("%q is a hook", address)
		}
	}
}

// TestANameThatLeadsInsideIsNotFollowed uses a name, as somebody could who owns one and points it where he likes.
func TestANameThatLeadsInsideIsNotFollowed(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		r := testkit.NewReceiver(t, key)
		to := target(strings.Replace(r.URL, "127.0.0.1", "hooks.example", 1))
		to.AllowPrivate = false
		n := prepare(t, opened(t, dsn), to)
		n.Hooks[0].Rename(strings.Replace(r.URL, "127.0.0.1", "localhost", 1))
		n.start()
		n.visit(n.someone())
		n.await("it is refused twice", courier.Waiting, func(w []*courier.Delivery) bool {
			return len(w) == 2 && w[0].Attempts+w[1].Attempts > 2 && w[0].Problem+w[1].Problem == "the address is not public, and allow_private_addresses is not set"
		})
		if got := r.Arrivals(); len(got) != 0 {
			t.Errorf("%d requests arrived", len(got))
		}
		n.stop()
		to.AllowPrivate = true
		again := prepare(t, n.store, to)
		again.Hooks[0].Rename(strings.Replace(r.URL, "127.0.0.1", "localhost", 1))
		again.start()
		again.settled(2) // the same name, once that is allowed
	})
}
