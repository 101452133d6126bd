package rig

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ask sends JSON, with header lines (name, value, …), and returns the status of the answer.
func ask(t *testing.T, method, address, body string, header ...string) int {
	t.Helper()
	status, _ := exchange(t, method, address, body, header...)
	return status
}

// fetch is ask for what has to succeed, and returns the body.
func fetch(t *testing.T, method, address, body string) string {
	t.Helper()
	status, text := exchange(t, method, address, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s was answered %d: %s", method, address, status, text)
	}
	return text
}

func exchange(t *testing.T, method, address, body string, header ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for n := 0; n < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Do(req)
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
