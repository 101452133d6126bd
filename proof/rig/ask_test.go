package rig

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// agent asks as one client, which may have a jar of cookies.
type agent struct {
	http.Client
	t *testing.T
}

func newAgent(t *testing.T, jar http.CookieJar) *agent {
	return &agent{http.Client{Timeout: time.Minute, Jar: jar}, t}
}

// ask sends JSON and returns the status of the answer.
func ask(t *testing.T, method, address, body string) int {
	t.Helper()
	return newAgent(t, nil).ask(method, address, body)
}

// fetch is ask for what has to succeed, and returns the body.
func fetch(t *testing.T, method, address, body string) string {
	t.Helper()
	return newAgent(t, nil).fetch(method, address, body)
}

func (a *agent) ask(method, address, body string, header ...string) int {
	a.t.Helper()
	status, _ := a.exchange(method, address, body, header...)
	return status
}

func (a *agent) fetch(method, address, body string, header ...string) string {
	a.t.Helper()
	status, text := a.exchange(method, address, body, header...)
	if status != http.StatusOK {
		a.t.Fatalf("%s %s was answered %d: %s", method, address, status, text)
	}
	return text
}

// exchange sends JSON, with header lines: name, value, and so on.
func (a *agent) exchange(method, address, body string, header ...string) (status int, text string) {
	a.t.Helper()
	t := a.t
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for n := 0; n < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	resp, err := a.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
