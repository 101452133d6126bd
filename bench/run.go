package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
)

// result is what was found of one path on one engine.
type result struct {
	Path, Store, Floor string
	Goal               float64 `json:",omitempty"`
	Ours, Beside       figures
	Ratio              float64
}

// run prepares both engines, measures, and prints the tables.
func run(s settings) error {
	dir, err := os.MkdirTemp("", "exeunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.announce()
	all, err := s.places(dir, s.sessions())
	if err != nil {
		return err
	}
	if err := keepLoadAway(); err != nil {
		return err
	}
	var results []result
	head()
	for _, p := range all {
		found, err := s.compareAll(dir, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		results = append(results, found...)
	}
	if s.only == "" {
		fmt.Println()
		if err := s.latencies(dir, all, results); err != nil {
			return err
		}
	}
	return s.keep(results)
}

// announce says what is measured, and on what machine.
func (s settings) announce() {
	average, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("%d rounds of %v with %d connections; server on core %s, load on core %s; medians; load average %s\n\n",
		s.rounds, s.duration, s.connections, serverCore, loadCore, bytes.TrimSpace(average))
}

// perMeasurement is how many sessions one measurement may use up.
func (s settings) perMeasurement() int { return int(s.duration.Seconds()*20000) + 2000 }

// reused is how many clients of each kind take part over and over; all others do so once in each scenario.
const reused = 1000

// sessions is how many are needed, for both kinds of clients.
func (s settings) sessions() int { return 2 * (reused + (s.rounds+1)*s.perMeasurement()) }

// from is the first client of a measurement that uses clients up. There is one more for what is measured at the end.
func (s settings) from(round int) int { return reused + round*s.perMeasurement() }

// compareAll runs all scenarios on one engine.
func (s settings) compareAll(dir string, p place) (results []result, err error) {
	server, err := s.prepared(dir, p.quiet())
	if err != nil {
		return nil, err
	}
	defer server.stop()
	for _, x := range scenarios {
		if !s.wants(x.name, p.name) {
			continue
		}
		r, err := s.compare(p, x, server)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.name, err)
		}
		r.row()
		results = append(results, r)
	}
	return results, nil
}

// compare measures a floor and our server in turns.
func (s settings) compare(p place, x scenario, server *process) (r result, err error) {
	r = result{Path: x.name, Store: p.name, Floor: p.check, Goal: x.goal.on(p)}
	if x.write {
		r.Floor = p.write
	}
	recorded, err := record(x.address(server), x.operation(s.first(x, s.rounds)))
	if err != nil {
		return r, err
	}
	recorded.Kind, recorded.Where, recorded.Rows = r.Floor, p.floors, s.sessions()
	beside, err := recorded.start()
	if err != nil {
		return r, err
	}
	defer beside.stop()
	var floors, mine []measurement
	for round := range s.rounds {
		first := s.first(x, round)
		m, err := beside.measure(func() (measurement, error) {
			return load(beside.address, s.connections, s.duration, recorded.asked(x.operations(first, 1<<40)))
		})
		if err != nil {
			return r, fmt.Errorf("%s: %w", r.Floor, err)
		}
		floors = append(floors, m)
		if m, err = s.measure(x, round, server); err != nil {
			return r, err
		}
		mine = append(mine, m)
	}
	r.Ours, r.Beside = median(mine).figures(), median(floors).figures()
	r.Ratio = ratio(mine, floors)
	return r, nil
}

// measure measures one round of a scenario.
func (s settings) measure(x scenario, round int, server *process) (measurement, error) {
	first, address := s.first(x, round), x.address(server)
	if x.before != nil {
		earlier := scenario{once: true, operation: x.before}
		if _, err := load(address, s.connections, time.Minute, earlier.operations(first, s.most(x))); err != nil {
			return measurement{}, err
		}
	}
	return server.measure(func() (measurement, error) {
		return load(address, s.connections, s.duration, x.operations(first, s.most(x)))
	})
}

// address is where a server is asked.
func (x scenario) address(server *process) string {
	if x.admin {
		return server.admin
	}
	return server.address
}

// most is how many clients one measurement of a scenario may use up.
func (s settings) most(x scenario) int {
	if x.before != nil {
		return s.perMeasurement() / 2
	}
	return s.perMeasurement()
}

// first is the first client of a round of a scenario.
func (s settings) first(x scenario, round int) int {
	if !x.once {
		return 0
	}
	return s.from(round)
}

// record performs an operation and returns a floor that gives its last answer.
func record(address string, x exchange) (floor, error) {
	c, err := dial(address, time.Now().Add(30*time.Second))
	if err != nil {
		return floor{}, err
	}
	defer c.conn.Close()
	for {
		if _, err := c.conn.Write(x.request); err != nil {
			return floor{}, err
		}
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return floor{}, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return floor{}, err
		}
		if resp.StatusCode != x.status {
			return floor{}, fmt.Errorf("wrong answer: status %d, expected %d: %s", resp.StatusCode, x.status, body)
		}
		if x.next == nil {
			resp.Header.Del("Date") // net/http sets it
			return floor{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
		}
		if x, err = x.next(body); err != nil {
			return floor{}, err
		}
	}
}

// asked turns operations into those for the floor: the first request of each, with the recorded answer.
func (f floor) asked(next source) source {
	return func() (exchange, bool) {
		x, ok := next()
		x.next, x.status, x.length = nil, f.Status, len(f.Body)
		return x, ok
	}
}

// enlist makes those who sign in.
func enlist(server *process) error {
	for n := range people {
		email, password := person(n)
		body, err := json.Marshal(map[string]any{
			"schema_id": "default", "traits": map[string]string{"email": email},
			"credentials": map[string]any{"password": map[string]any{"config": map[string]string{"password": password}}},
		})
		if err != nil {
			return err
		}
		resp, err := http.Post("http://"+server.admin+"/admin/identities", "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		said, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		if !slices.Contains([]int{http.StatusCreated, http.StatusConflict}, resp.StatusCode) {
			return fmt.Errorf("creating an identity: %d: %s", resp.StatusCode, said)
		}
	}
	return nil
}
