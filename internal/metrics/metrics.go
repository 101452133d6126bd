// Package metrics counts what happens, for Prometheus. Every counter of a hot path is looked up once, at the start.
package metrics

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"exeunt/internal/courier"
	"exeunt/internal/flow"
	"exeunt/internal/session"
)

// Metrics are the counters of one process. It is safe for concurrent use, and implements the meters that other packages
// ask for.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec

	started, extended prometheus.Counter
	valid, invalid    prometheus.Counter
	ended             map[session.Reason]prometheus.Counter
	failed            map[flow.Kind]prometheus.Counter
	collected         *prometheus.CounterVec
	store             map[string]prometheus.Observer
	hooks             map[courier.Outcome]prometheus.Counter
}

var (
	requestBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	storeBuckets   = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}
)

// New makes the counters, with those of the Go runtime and the process.
func New() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), ended: map[session.Reason]prometheus.Counter{},
		failed: map[flow.Kind]prometheus.Counter{}, store: map[string]prometheus.Observer{}, hooks: map[courier.Outcome]prometheus.Counter{}}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.started = m.counter("exeunt_sessions_started_total", "Sessions started.")
	m.extended = m.counter("exeunt_sessions_extended_total", "Sessions extended.")
	checks := m.counters("exeunt_session_checks_total", "Session checks by result.", "result")
	m.valid, m.invalid = checks.WithLabelValues("valid"), checks.WithLabelValues("invalid")
	ended := m.counters("exeunt_sessions_ended_total", "Sessions ended on purpose, by reason.", "reason")
	for _, r := range session.Reasons {
		m.ended[r] = ended.WithLabelValues(string(r))
	}
	failed := m.counters("exeunt_failed_submissions_total", "Submissions of flows that were refused: failed sign-ins and registrations.", "flow")
	for _, k := range []flow.Kind{flow.Login, flow.Registration, flow.Settings} {
		m.failed[k] = failed.WithLabelValues(string(k))
	}
	attempted := m.counters("exeunt_hook_deliveries_total", "Attempts to deliver an event to a web hook, by outcome.", "outcome")
	for _, o := range courier.Outcomes {
		m.hooks[o] = attempted.WithLabelValues(string(o))
	}
	took := m.histogram("exeunt_store_seconds", "Time that store operations took.", storeBuckets, "operation")
	for _, op := range []string{"check", "read", "write"} {
		m.store[op] = took.WithLabelValues(op)
	}
	m.collected = m.counters("exeunt_collected_rows_total", "Rows that the collector has ended (sessions_ended), put off (sessions_put_off) or removed.", "what")
	for _, what := range []string{"sessions_ended", "sessions"} { // shown before there are any
		m.collected.WithLabelValues(what)
	}
	m.requests = m.counters("exeunt_http_requests_total", "Requests answered.", "listener", "method", "route", "code")
	m.latency = m.histogram("exeunt_http_request_seconds", "Time until requests were answered.", requestBuckets, "listener", "method", "route")
	return m
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// Gauge adds a figure that is read when somebody asks for it.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Handler shows all figures in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// SessionStarted counts a session.
func (m *Metrics) SessionStarted() { m.started.Inc() }

// SessionExtended counts an extension.
func (m *Metrics) SessionExtended() { m.extended.Inc() }

// SessionsEnded counts sessions that were ended on purpose.
func (m *Metrics) SessionsEnded(reason session.Reason, n int) {
	if c, ok := m.ended[reason]; ok {
		c.Add(float64(n))
	}
}

// SessionChecked counts a session check.
func (m *Metrics) SessionChecked(valid bool) {
	if valid {
		m.valid.Inc()
		return
	}
	m.invalid.Inc()
}

// Collected counts rows that the collector has gone through.
func (m *Metrics) Collected(what string, n int64) { m.collected.WithLabelValues(what).Add(float64(n)) }

// SubmissionFailed counts a submission that was refused.
func (m *Metrics) SubmissionFailed(kind flow.Kind) { m.failed[kind].Inc() }

// HookAttempted counts an attempt to deliver something to a web hook.
func (m *Metrics) HookAttempted(o courier.Outcome) { m.hooks[o].Inc() }

// StoreTook records how long a store operation took.
func (m *Metrics) StoreTook(operation string, d time.Duration) {
	if o, ok := m.store[operation]; ok {
		o.Observe(d.Seconds())
	}
}

// Route prepares the counting of one route; what it returns counts a request. A route that nobody asks for is not shown and
// takes no memory. Status codes are few, so each finds its counter without a look-up by label after the first time.
func (m *Metrics) Route(listener, method, route string) func(status int, took time.Duration) {
	asked := sync.OnceValue(func() *routeCounters {
		return &routeCounters{latency: m.latency.WithLabelValues(listener, method, route)}
	})
	return func(status int, took time.Duration) {
		of := asked()
		of.latency.Observe(took.Seconds())
		known := &of.byStatus[status]
		c := known.Load()
		if c == nil {
			found := m.requests.WithLabelValues(listener, method, route, strconv.Itoa(status)) // the same one for all who ask
			c = &found
			known.Store(c)
		}
		(*c).Inc()
	}
}

// routeCounters are those of one route.
type routeCounters struct {
	latency  prometheus.Observer
	byStatus [600]atomic.Pointer[prometheus.Counter] // HTTP knows no statuses above
}
