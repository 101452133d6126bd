package config

import "testing"

func TestASiteIsWhatSomebodyOwns(t *testing.T) {
	for host, want := range map[string]string{
		"auth.example.com": "example.com", "example.com": "example.com", "a.b.Example.com": "example.com", "app.example.co.uk": "example.co.uk", "localhost": "localhost",
		"app.localhost": "app.localhost", "127.0.0.1": "127.0.0.1", "": "",
	} {
		if got := Site(host); got != want {
			t.Errorf("the site of %q is %q, want %q", host, got, want)
		}
	}
}
