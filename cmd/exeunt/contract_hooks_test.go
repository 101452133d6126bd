package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

const hookSecret = "the secret of a hook, for tests only"

// hooked is the configuration of a hook that is on this machine.
func hooked(url, more string) string {
	return fmt.Sprintf("session: {hooks: [{url: %q, secret: %q, allow_private_addresses: true%s}]}\n", url, hookSecret, more)
}

// deliveries lists what was sent to hooks, or is to be.
func (in *instance) deliveries(query string) answer {
	in.t.Helper()
	return in.call("GET", in.admin+"/admin/hooks/deliveries"+query, nil)
}

// onEachWithHook is onEachEngine with a receiver, which each engine's server tells of what happens.
func onEachWithHook(t *testing.T, more string, test func(t *testing.T, in *instance, r *testkit.Receiver)) {
	t.Helper()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			r := testkit.NewReceiver(t, []byte(hookSecret))
			test(t, start(t, engine.DSN(t), hooked(r.URL, more)), r)
		})
	}
}

func TestContractHooks(t *testing.T) {
	t.Parallel()
	onEachWithHook(t, "", func(t *testing.T, in *instance, r *testkit.Receiver) {
		p := in.person()
		in.logout(p.token).expect(t, 204)
		token, id := in.login(p.email)
		in.call("DELETE", in.admin+"/admin/sessions/"+id, nil).expect(t, 204)
		got := r.Await("two ends", func(all []testkit.Arrival) bool { return len(all) >= 2 })
		in.whoami(token).expect(t, 401)
		for _, a := range got {
			listed := in.past("?kind=session_ended&session_id=" + a.Event.SessionID)
			if want := strings.TrimSuffix(strings.TrimPrefix(listed.body, "["), "]\n") + "\n"; a.Body != want || a.ID != listed.text(t, "0.id") || !a.Signed {
				t.Errorf("arrived %s under %s, signed %v; listed is %s", a.Body, a.ID, a.Signed, listed.body)
			}
		}
		until(t, func() bool { return len(in.deliveries("?state=delivered").expect(t, 200).list(t)) == 2 })
		a := in.deliveries("?page_size=1").expect(t, 200)
		a.has(t, "0", "attempts changed_at event hook id last_attempt_at next_attempt_at problem state")
		a.has(t, "0.event", "actor at id identity_id kind reason session_id")
		a.is(t, "0.state", "delivered").is(t, "0.attempts", 1).is(t, "0.problem", "").is(t, "0.next_attempt_at", nil).is(t, "0.event.kind", "session_ended")
		second := in.call("GET", in.admin+a.next(t), nil).expect(t, 200)
		if len(second.list(t)) != 1 || second.text(t, "0.id") == a.text(t, "0.id") || second.next(t) != "" {
			t.Errorf("the second page: %s", second.body)
		}
		in.call("POST", in.admin+"/admin/hooks/deliveries/"+a.text(t, "0.id")+"/retry", nil).refused(t, 409, "delivery_delivered")
		in.call("POST", in.admin+"/admin/hooks/deliveries/nope/retry", nil).refused(t, 404, "delivery_not_found")
		for query, id := range map[string]string{"state=died": "delivery_state_invalid", "state=%00": "delivery_state_invalid", "page_token=x": "page_token_invalid", "page_size=x": "page_size_invalid"} {
			in.deliveries("?"+query).refused(t, 400, id)
		}
		for _, state := range []string{"waiting", "dead"} {
			if a := in.deliveries("?state="+state).expect(t, 200); a.body != "[]\n" {
				t.Errorf("%s: %s", state, a.body)
			}
		}
		metrics := in.call("GET", in.admin+"/admin/metrics/prometheus", nil).expect(t, 200).body
		for _, line := range []string{`exeunt_hook_deliveries_total{outcome="delivered"} 2`, "exeunt_hook_deliveries_waiting 0", "exeunt_hook_deliveries_dead 0"} {
			if !strings.Contains(metrics, line+"\n") {
				t.Errorf("the metrics do not show %s", line)
			}
		}
	})
}

func TestWhatAHookRefusedCanBeSentAgain(t *testing.T) {
	t.Parallel()
	onEachWithHook(t, ", give_up_after: 1s", func(t *testing.T, in *instance, r *testkit.Receiver) {
		var well atomic.Bool
		r.Answer(func(_ int, _ testkit.Arrival, w http.ResponseWriter, _ *http.Request) {
			if !well.Load() {
				http.Error(w, "what "+hookSecret+" said", 500)
			}
		})
		p := in.person()
		in.logout(p.token).expect(t, 204)
		until(t, func() bool { return len(in.deliveries("?state=waiting").list(t)) == 1 })
		until(t, func() bool { return len(in.deliveries("?state=dead").list(t)) == 1 })
		dead := in.deliveries("?state=dead")
		dead.is(t, "0.problem", "it answered 500").is(t, "0.event.session_id", p.session).is(t, "0.next_attempt_at", nil)
		if n, _ := dead.json(t, "0.attempts").(float64); n < 2 {
			t.Errorf("given up after %v attempts", n)
		}
		retry := in.admin + "/hooks/deliveries/" + dead.text(t, "0.id") + "/retry"
		well.Store(true)
		in.call("POST", retry, nil).expect(t, 204).empty(t)
		in.past("?kind=delivery_retried").is(t, "0.reason", dead.text(t, "0.id")).is(t, "0.actor", "admin")
		until(t, func() bool { return len(in.deliveries("?state=delivered").list(t)) == 1 })
		got := r.Arrivals()
		for _, a := range got {
			if a.ID != got[0].ID || !a.Signed {
				t.Errorf("arrived %+v", a)
			}
		}
		if log := in.output.String(); strings.Contains(log, hookSecret) || !strings.Contains(log, "given up") || strings.Contains(log, "/hook\"") {
			t.Errorf("the log says\n%s", log)
		}
	})
}

// TestAServerThatStopsHasSettledWhatItWasSending restarts the server while its hook takes its time.
func TestAServerThatStopsHasSettledWhatItWasSending(t *testing.T) {
	t.Parallel()
	for _, engine := range testkit.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			r := testkit.NewReceiver(t, []byte(hookSecret))
			dsn := engine.DSN(t)
			in := start(t, dsn, hooked(r.URL, ""))
			asked, goOn := make(chan struct{}, 10), make(chan struct{})
			r.Answer(func(int, testkit.Arrival, http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-goOn })
			p := in.person()
			in.logout(p.token).expect(t, 204)
			<-asked
			stopped := make(chan error, 1)
			go func() { stopped <- in.stop() }()
			until(t, func() bool { _, err := in.client.Get(in.public + "/health/alive"); return err != nil })
			close(goOn)
			if err := <-stopped; err != nil {
				t.Error(err)
			}
			again := start(t, dsn, hooked(r.URL, ""))
			if a := again.deliveries("").expect(t, 200); len(a.list(t)) != 1 || a.text(t, "0.state") != "delivered" || a.json(t, "0.attempts") != 1.0 {
				t.Error(a.body)
			}
			begun := time.Now()
			again.logout(again.person().token).expect(t, 204)
			r.Await("the next end", func(all []testkit.Arrival) bool { return len(all) == 2 })
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
