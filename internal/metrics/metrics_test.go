package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"exeunt/internal/courier"
	"exeunt/internal/flow"
	"exeunt/internal/session"
)

func TestWhatHappensIsShown(t *testing.T) {
	m := New()
	m.SessionStarted()
	m.SessionExtended()
	m.SessionsEnded(session.Logout, 2)
	m.SessionsEnded("nothing we know", 1)
	m.SessionChecked(true)
	m.SessionChecked(false)
	m.SubmissionFailed(flow.Login)
	m.HookAttempted(courier.Arrived)
	m.StoreTook("check", time.Millisecond)
	m.StoreTook("nothing we know", time.Millisecond)
	m.Gauge("exeunt_test", "A figure.", func() float64 { return 42 })
	counted := m.Route("public", "GET", "/sessions/whoami")
	counted(200, time.Millisecond)
	counted(200, time.Millisecond)
	counted(401, time.Millisecond)

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for _, line := range []string{
		"exeunt_sessions_started_total 1",
		"exeunt_sessions_extended_total 1",
		`exeunt_sessions_ended_total{reason="logout"} 2`,
		`exeunt_sessions_ended_total{reason="identity_deleted"} 0`,
		`exeunt_session_checks_total{result="valid"} 1`,
		`exeunt_session_checks_total{result="invalid"} 1`,
		`exeunt_failed_submissions_total{flow="login"} 1`,
		`exeunt_hook_deliveries_total{outcome="delivered"} 1`,
		`exeunt_hook_deliveries_total{outcome="dead"} 0`,
		`exeunt_store_seconds_count{operation="check"} 1`,
		`exeunt_http_requests_total{code="200",listener="public",method="GET",route="/sessions/whoami"} 2`,
		`exeunt_http_requests_total{code="401",listener="public",method="GET",route="/sessions/whoami"} 1`,
		`exeunt_http_request_seconds_count{listener="public",method="GET",route="/sessions/whoami"} 3`,
		"exeunt_test 42",
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("not shown: %s", line)
		}
	}
	if strings.Contains(w.Body.String(), "nothing we know") {
		t.Error("a label comes from outside the closed set")
	}
}
