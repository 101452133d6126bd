// Package doctor looks at a running installation from outside, as its clients do, and says what is wrong with it. It
// changes nothing but for the forms that it begins, and never shows a token.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Level is how bad a finding is.
type Level string

// The levels of findings.
const (
	Good    Level = "good"
	Note    Level = "note"    // it may be meant so
	Problem Level = "problem" // something does not work, or is not safe
)

// Finding is what one check has found.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	Cause string `json:"cause,omitempty"` // names what is wrong, for programs; it does not change
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"`
}

// ErrNoSession is answered by Lookup for a token that stands for no session that is known.
var ErrNoSession = errors.New("no session is known by this token")

// Traced is the session of a token.
type Traced struct {
	ID, State  string
	IdentityID string
	EndedAt    time.Time
	EndedBy    string
	Reason     string
	ExpiresAt  time.Time
	Replaced   bool // it has another token by now
}

// Doctor examines one installation.
type Doctor struct {
	Server   string   // the public base URL, as browsers use it, without a slash at the end
	Admin    string   // the admin listener; "" to leave it alone
	Cookie   string   // the name of the session cookie
	Origins  []string // of pages that call the API by script
	Returns  []string // addresses that applications send people back to
	Embedded bool     // pages of other sites show the application in a frame

	Client *http.Client // follows no redirect, and keeps no cookie
	Now    func() time.Time

	// Lookup finds the session of a token by the admin API; nil without a key.
	Lookup func(ctx context.Context, token string) (Traced, error)

	found []Finding
	base  string // as the server has it
	jar   []*http.Cookie
	same  http.SameSite // of the session cookie, as far as can be seen
}

// Examine makes all checks. What follows from a failure is not looked at.
func (d *Doctor) Examine(ctx context.Context) []Finding {
	if d.reachable(ctx) {
		d.store(ctx)
		if d.flow(ctx) {
			d.cookies(ctx)
			d.returns(ctx)
		}
		for _, origin := range d.Origins {
			d.origin(ctx, origin)
		}
		d.embedding()
		d.publicAdmin(ctx)
	}
	d.adminListener(ctx)
	return d.found
}

func (d *Doctor) good(check, says string, args ...any) {
	d.found = append(d.found, Finding{Check: check, Level: Good, Says: fmt.Sprintf(says, args...)})
}

func (d *Doctor) note(check, cause, do, says string, args ...any) {
	d.found = append(d.found, Finding{check, Note, cause, fmt.Sprintf(says, args...), do})
}

func (d *Doctor) problem(check, cause, do, says string, args ...any) {
	d.found = append(d.found, Finding{check, Problem, cause, fmt.Sprintf(says, args...), do})
}

// answer is what a server says.
type answer struct {
	status int
	header http.Header
	body   []byte
	asked  time.Time // the middle between asking and the answer
}

const maxAnswer = 4 << 20 // bytes

// ask sends a request; header is name, value, name, value …
func (d *Doctor) ask(ctx context.Context, method, address string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Session-Activity", "none") // looking is no use of a session
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	before := d.Now()
	resp, err := d.Client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its text repeats the address
		}
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp.StatusCode, resp.Header, body, before.Add(d.Now().Sub(before) / 2)}, err
}

// text reads a text out of a JSON body by its path; "" for none.
func (a answer) text(path ...string) string {
	var v any
	if json.Unmarshal(a.body, &v) != nil {
		return ""
	}
	for _, key := range path {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	text, _ := v.(string)
	return text
}

// reachable asks whether anybody answers, and whether that is an exeunt.
func (d *Doctor) reachable(ctx context.Context) bool {
	const check = "server"
	a, err := d.ask(ctx, http.MethodGet, d.Server+"/health/alive")
	switch {
	case err != nil:
		d.problem(check, "unreachable", "Start the server, or the proxy before it; check name, port and certificate.", "%s does not answer: %v", d.Server, err)
		return false
	case a.status/100 == 3:
		d.problem(check, "redirected", "Examine that address, if it is the public base URL.", "%s leads elsewhere: %s", d.Server, where(a.header.Get("Location")))
		return false
	case a.status == http.StatusBadGateway || a.status == http.StatusGatewayTimeout:
		d.problem(check, "proxy_alone", "Start exeunt, and let the proxy pass on to serve.public.", "The proxy at %s answers %d: it does not reach exeunt", d.Server, a.status)
		return false
	case a.status != http.StatusOK || a.text("status") != "ok":
		d.problem(check, "not_exeunt", "Name the public base URL of exeunt, with its path if it has one.", "%s answers %d to /health/alive: this is no public API of exeunt", d.Server, a.status)
		return false
	}
	d.good(check, "%s answers", d.Server)
	d.clock(a)
	return true
}

// skew is how far clocks may be apart: a Date header counts whole seconds, and an answer takes its time.
const skew = 5 * time.Second

func (d *Doctor) clock(a answer) {
	const check = "clock"
	date, err := http.ParseTime(a.header.Get("Date"))
	if err != nil {
		d.note(check, "no_date", "Let the proxy pass on the header Date.", "The answer has no date, so clocks cannot be compared")
		return
	}
	off := date.Add(time.Second / 2).Sub(a.asked)
	if off.Abs() > skew {
		d.problem(check, "clock_skew", "Have both machines keep the time with NTP. Sessions and codes end too early or too late by that much.",
			"The server's clock is %s %s that of this machine", off.Abs().Round(time.Second), map[bool]string{true: "ahead of", false: "behind"}[off > 0])
		return
	}
	d.good(check, "the server's clock agrees with this machine's")
}

func (d *Doctor) store(ctx context.Context) {
	const check = "store"
	a, err := d.ask(ctx, http.MethodGet, d.Server+"/health/ready")
	switch {
	case err != nil:
		d.problem(check, "unreachable", "", "/health/ready does not answer: %v", err)
	case a.status == http.StatusServiceUnavailable && a.text("errors", "database") != "":
		d.problem(check, "store_unreachable", "Start the database, and check the dsn and the network between them; the server's log has the reason.", "The server does not reach its database")
	case a.status != http.StatusOK:
		d.problem(check, "not_ready", "The server's log has the reason.", "/health/ready answers %d", a.status)
	default:
		d.good(check, "the server reaches its database")
	}
}

// where is an address without its query, which may hold what is nobody else's.
func where(address string) string {
	plain, _, _ := strings.Cut(address, "?")
	return plain
}
