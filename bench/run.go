package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"exeunt/internal/session"
)

// run prepares both engines, measures, and prints the table.
func run(s settings) error {
	dir, err := os.MkdirTemp("", "exeunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%d rounds of %v with %d connections; server on core %s, load on core %s; medians\n\n", s.rounds, s.duration, s.connections, serverCore, loadCore)
	lite, err := prepareSQLite(s, dir)
	if err != nil {
		return err
	}
	pg, err := preparePostgres(s)
	if err != nil {
		return err
	}
	if err := keepLoadAway(); err != nil {
		return err
	}
	head()
	for _, p := range []place{lite, pg} {
		if err := measure(s, dir, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// measure runs all measurements of one engine.
func measure(s settings, dir string, p place) error {
	server, err := ours(s, dir, p.dsn)
	if err != nil {
		return err
	}
	defer server.Kill()
	address := strings.TrimPrefix(server.Public, "http://")
	known, rest := p.tokens[:1000], p.tokens[1000:]
	body, err := show(server.Public, known[0])
	if err != nil {
		return err
	}
	if err := s.compare("whoami", p.name, p.reading, p.floors, body, address, func() func() (exchange, bool) {
		return cycle(known)
	}); err != nil {
		return err
	}
	return s.compare("native logout", p.name, p.writing, p.floors, 0, address, func() func() (exchange, bool) {
		n := min(s.logouts(), len(rest))
		some := rest[:n]
		rest = rest[n:]
		return logouts(some)
	})
}

// compare measures a floor and our server in turns and prints both.
func (s settings) compare(path, engine, kind, where string, size int, address string, next func() func() (exchange, bool)) error {
	at, stop, err := floor(kind, size, where)
	if err != nil {
		return err
	}
	defer stop()
	var floors, mine []measurement
	for range s.rounds {
		m, err := load(at, s.connections, s.duration, rows(size))
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		floors = append(floors, m)
		if m, err = load(address, s.connections, s.duration, next()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		mine = append(mine, m)
	}
	row(path, engine, kind, median(mine), median(floors))
	return nil
}

// show checks a token once and returns the length of the answer.
func show(public string, token session.Secret) (int, error) {
	req, err := http.NewRequest(http.MethodGet, public+"/sessions/whoami", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("X-Session-Token", token.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("whoami answered %d: %s", resp.StatusCode, b)
	}
	return len(b), err
}

// cycle checks the same tokens over and over. Answers differ in length by the digits of their times, so that is left open.
func cycle(tokens []session.Secret) func() (exchange, bool) {
	requests := make([]exchange, len(tokens))
	for i, t := range tokens {
		requests[i] = exchange{request: []byte("GET /sessions/whoami HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Session-Token: " + t.Reveal() + "\r\n\r\n"), status: 200, length: -1}
	}
	return turns(requests, false)
}

// logouts ends each session once.
func logouts(tokens []session.Secret) func() (exchange, bool) {
	requests := make([]exchange, len(tokens))
	for i, t := range tokens {
		body := `{"session_token":"` + t.Reveal() + `"}`
		requests[i] = exchange{status: 204, request: fmt.Appendf(nil, "DELETE /self-service/logout/api HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)}
	}
	return turns(requests, true)
}

// rows asks a floor for one row after the other.
func rows(size int) func() (exchange, bool) {
	requests := make([]exchange, floorRows)
	for i := range requests {
		requests[i] = exchange{request: []byte("GET /" + floorKey(i) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), status: 200, length: size}
		if size == 0 {
			requests[i].status = 204
		}
	}
	return turns(requests, false)
}

func turns(requests []exchange, once bool) func() (exchange, bool) {
	var n atomic.Int64
	return func() (exchange, bool) {
		i := int(n.Add(1) - 1)
		if once && i >= len(requests) {
			return exchange{}, false
		}
		return requests[i%len(requests)], true
	}
}
