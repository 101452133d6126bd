package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/kratos"
)

// shadowFlags are what the operator asks for.
type shadowFlags struct {
	kratos, exeunt, requests string
	ignore                   []string
	json                     bool
}

func shadowCommand() *cobra.Command {
	var f shadowFlags
	cmd := &cobra.Command{
		Use: "shadow", Short: "Ask a Kratos and an exeunt the same, and report where the answers differ", Args: cobra.NoArgs,
		Long: "Sends each request to both servers and compares statuses and JSON. Requests are lines of JSON, from a file or stdin:\n\n" +
			`  {"path": "/sessions/whoami", "headers": {"X-Session-Token": "ory_st_…"}}` + "\n" +
			`  {"path": "/sessions", "headers": {"Cookie": "ory_kratos_session=…"}}` + "\n\n" +
			"Only requests that read are sent: GET for /sessions/whoami, /sessions, /schemas, /health and /.well-known. Deliberate\n" +
			"differences are counted by their names and not reported, see docs/kratos.md. What may be a token is never shown.\n\n" +
			"The exit status is 0 when the servers answer alike, 3 when they differ or a line is no request, and 1 when nothing could be asked.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return shadow(cmd.Context(), f, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.kratos, "kratos", "", "public base URL of the Kratos")
	flags.StringVar(&f.exeunt, "exeunt", "http://127.0.0.1:4433", "public base URL of exeunt")
	flags.StringVar(&f.requests, "requests", "-", "file of requests, one JSON object in each line; - is stdin")
	flags.StringArrayVar(&f.ignore, "ignore", nil, "path in answers to leave out, as identity.updated_at; may be repeated")
	flags.BoolVar(&f.json, "json", false, "report as JSON lines")
	return cmd
}

// shadowRequest is a line of the input.
type shadowRequest struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
}

// sentHeaders are the headers that are passed on: those that say who asks, and for what.
var sentHeaders = []string{"Accept", "Authorization", "Cookie", "X-Session-Token"}

// readingPaths are what may be asked, with all below those that end with a slash.
var readingPaths = []string{"/sessions", "/sessions/whoami", "/schemas", "/schemas/", "/health/", "/.well-known/"}

func (r *shadowRequest) check() error {
	u, err := url.Parse(r.Path)
	switch {
	case r.Method != "" && r.Method != http.MethodGet:
		return errors.New("only GET is sent, as nothing may change")
	case err != nil || u.IsAbs() || u.Host != "" || path.Clean(u.Path) != u.Path || u.RawPath != "":
		return errors.New("the path is none; it looks like /sessions/whoami")
	case !slices.ContainsFunc(readingPaths, func(p string) bool { return u.Path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(u.Path, p) }):
		return errors.New("this path is not among those that only read: " + strings.Join(readingPaths, " "))
	}
	return nil
}

// shadowReport is what is reported of a line.
type shadowReport struct {
	Line        int                 `json:"line"`
	Path        string              `json:"path,omitempty"`
	Problem     string              `json:"problem,omitempty"`
	Differences []kratos.Difference `json:"differences,omitempty"`
}

// shadowing compares two servers.
type shadowing struct {
	shadowFlags
	client *http.Client
	out    io.Writer

	asked, different, bad int
	known                 map[string]int
}

var errDifferent = errors.New("the servers do not answer alike, or lines are no requests; see above")

const maxLine = 64 << 10 // bytes of a request

func shadow(ctx context.Context, f shadowFlags, stdin io.Reader, out io.Writer) error {
	for flag, base := range map[string]*string{"--kratos": &f.kratos, "--exeunt": &f.exeunt} {
		u, err := url.Parse(*base)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("%s: write the public base URL, such as https://auth.example.com", flag)
		}
		*base = strings.TrimSuffix(*base, "/")
	}
	if f.requests != "-" {
		file, err := os.Open(f.requests)
		if err != nil {
			return fmt.Errorf("--requests: %w", err)
		}
		defer file.Close()
		stdin = file
	}
	s := &shadowing{shadowFlags: f, out: out, known: map[string]int{}, client: &http.Client{Timeout: 10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if err := s.line(ctx, n, strings.TrimSpace(lines.Text())); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading requests: %w", err)
	}
	return s.end()
}

// line compares the answers to one request. Its error ends the whole comparison.
func (s *shadowing) line(ctx context.Context, n int, text string) error {
	if text == "" {
		return nil
	}
	var r shadowRequest
	if json.Unmarshal([]byte(text), &r) != nil { // the error would show what is in the line
		s.bad++
		return s.report(shadowReport{Line: n, Problem: "this is no request; it looks like {\"path\": \"/sessions/whoami\", \"headers\": {\"X-Session-Token\": \"…\"}}"})
	}
	if err := r.check(); err != nil {
		s.bad++
		return s.report(shadowReport{Line: n, Problem: err.Error()})
	}
	there, err := s.ask(ctx, s.kratos, r)
	here, err2 := s.ask(ctx, s.exeunt, r)
	if err = errors.Join(err, err2); err != nil {
		return err
	}
	s.asked++
	report := shadowReport{Line: n, Path: kratos.Masked(r.Path)}
	plain, _, _ := strings.Cut(r.Path, "?")
	for _, d := range kratos.Compare(plain, there, here) {
		switch {
		case d.Known != "":
			s.known[d.Known]++
		case !slices.Contains(s.ignore, d.Path):
			report.Differences = append(report.Differences, d)
		}
	}
	if len(report.Differences) == 0 {
		return nil
	}
	s.different++
	return s.report(report)
}

// ask sends a request. exeunt is told that nobody uses the session for it; to a Kratos that says nothing.
func (s *shadowing) ask(ctx context.Context, base string, r shadowRequest) (a kratos.Answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+r.Path, nil)
	if err != nil {
		return a, fmt.Errorf("asking %s: the path cannot be sent", base)
	}
	for name, value := range r.Headers {
		if name = http.CanonicalHeaderKey(name); slices.Contains(sentHeaders, name) {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("X-Session-Activity", "none")
	resp, err := s.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its text would show the path with its query
		}
		return a, fmt.Errorf("asking %s: %w", base, err)
	}
	defer resp.Body.Close()
	a.Status = resp.StatusCode
	if a.Body, err = io.ReadAll(io.LimitReader(resp.Body, 4<<20)); err != nil {
		err = fmt.Errorf("reading the answer of %s: %w", base, err)
	}
	return a, err
}

func (s *shadowing) report(r shadowReport) error {
	if s.json {
		return json.NewEncoder(s.out).Encode(r)
	}
	if r.Problem != "" {
		_, err := fmt.Fprintf(s.out, "line %d: %s\n", r.Line, r.Problem)
		return err
	}
	for _, d := range r.Differences {
		if _, err := fmt.Fprintf(s.out, "line %d: GET %s: %s is %s at Kratos and %s at exeunt\n", r.Line, r.Path, d.Path, d.Kratos, d.Exeunt); err != nil {
			return err
		}
	}
	return nil
}

func (s *shadowing) end() error {
	var err error
	if s.json {
		err = json.NewEncoder(s.out).Encode(map[string]any{"asked": s.asked, "different": s.different, "not_requests": s.bad, "known": s.known})
	} else {
		fmt.Fprintf(s.out, "%d requests, %d answered differently; %d lines are no requests\n", s.asked, s.different, s.bad)
		for _, name := range slices.Sorted(maps.Keys(s.known)) {
			if _, err = fmt.Fprintf(s.out, "  known: %-15s %d times: %s\n", name, s.known[name], kratos.Known[name]); err != nil {
				break
			}
		}
	}
	if err == nil && s.different+s.bad > 0 {
		err = errDifferent
	}
	return err
}
