package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
	"exeunt/internal/doctor"
	"exeunt/internal/wire"
)

// doctorFlags are what the operator wants to know.
type doctorFlags struct {
	files                          []string
	server, admin, cookie, request string
	origins, returns               []string
	embedded, json                 bool
}

func doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check a running installation from outside, and say why whoami answers 401", Args: cobra.NoArgs,
		Long: "Asks a running server as its clients do: whether it and its database are reached, its clock, its base URL, its cookies as\n" +
			"browsers judge them, return addresses (--return-to), pages of other origins (--origin), and whether the admin API is open. Without\n" +
			"--server it examines the server of the configuration.\n\n" +
			"With --request it reads the headers of somebody's request, as a browser's developer tools or curl -v show them, or the browser's\n" +
			"\"copy as cURL\", and says why whoami refuses it. With a key in EXEUNT_ADMIN_KEY it looks the session up. Tokens are never shown.\n\n" +
			"The exit status is 0 when no problem was found, 3 when there are some, and 1 when nothing could be examined.",
		Example: "  exeunt doctor --server https://auth.example.com --origin https://app.example.com --return-to https://app.example.com/\n  exeunt doctor --server https://auth.example.com --request headers.txt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := f.doctor()
			if err != nil {
				return err
			}
			return f.examine(cmd, d)
		},
	}
	fileFlag(cmd, &f.files)
	flags := cmd.Flags()
	flags.StringVar(&f.server, "server", "", "public base URL, as browsers use it")
	flags.StringVar(&f.admin, "admin", "", "address of the admin API")
	flags.StringVar(&f.cookie, "cookie", "", "name of the session cookie; without it, that of the configuration")
	flags.StringVar(&f.request, "request", "", "file with the headers of a request to explain; - is stdin")
	flags.StringArrayVar(&f.origins, "origin", nil, "origin of pages that call the API by script; may be repeated")
	flags.StringArrayVar(&f.returns, "return-to", nil, "address that an application sends people back to; may be repeated")
	flags.BoolVar(&f.embedded, "embedded", false, "the application is shown in frames of other sites")
	flags.BoolVar(&f.json, "json", false, "print JSON, one finding in each line")
	return cmd
}

// errFindings means that the doctor has found problems.
var errFindings = errors.New("there are problems; see above")

// doctor makes one of the flags, and of the configuration for what they leave out.
func (f *doctorFlags) doctor() (*doctor.Doctor, error) {
	c, err := load(f.files, false)
	if err != nil {
		return nil, err
	}
	d := &doctor.Doctor{Cookie: f.cookie, Embedded: f.embedded, Returns: f.returns, Now: time.Now, Client: &http.Client{Timeout: 15 * time.Second,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: 256 << 10, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if d.Cookie == "" {
		d.Cookie = c.Session.Cookie.Name
	}
	if d.Server, d.Admin, err = f.addresses(c.Config); err != nil {
		return nil, err
	}
	for _, origin := range f.origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return nil, errors.New("--origin: write an origin, such as https://app.example.com")
		}
		d.Origins = append(d.Origins, canonical(&url.URL{Scheme: u.Scheme, Host: u.Host}))
	}
	if os.Getenv(keyVariable) != "" {
		d.Lookup = lookup(d)
	}
	return d, nil
}

// addresses are where to ask. A server that is named is examined alone, unless its admin listener is named too.
func (f *doctorFlags) addresses(c *config.Config) (server, admin string, err error) {
	server, admin = f.server, f.admin
	if server == "" {
		server = c.Serve.Public.BaseURL
		if admin == "" {
			admin, _ = adminAddress(c) // without a port it cannot be asked
		}
	}
	for flag, address := range map[string]*string{"--server": &server, "--admin": &admin} {
		u, err := url.Parse(*address)
		if flag == "--admin" && *address == "" {
			continue
		}
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", "", fmt.Errorf("%s: write a base URL, such as https://auth.example.com", flag)
		}
		*address = canonical(u)
	}
	return server, strings.TrimSuffix(admin, "/admin"), nil
}

// canonical is a base URL as browsers write it, without a slash at the end.
func canonical(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; strings.HasSuffix(host, usual) {
		host = strings.TrimSuffix(host, usual)
	}
	return u.Scheme + "://" + host + strings.TrimRight(u.Path, "/")
}

// lookup asks the admin API whose a token is: on its own listener, or in public where the doctor knows no other.
func lookup(d *doctor.Doctor) func(context.Context, string) (doctor.Traced, error) {
	address := d.Admin
	if address == "" {
		address = d.Server
	}
	client := newAdminClient(address)
	return func(ctx context.Context, token string) (doctor.Traced, error) {
		var s wire.TracedSession
		err := client.call(ctx, http.MethodPost, "/admin/sessions/lookup", map[string]string{"session_token": token}, &s)
		var r *refusal
		if errors.As(err, &r) && r.status == http.StatusNotFound {
			return doctor.Traced{}, doctor.ErrNoSession
		}
		t := doctor.Traced{ID: s.ID, State: sessionState(s.Session), ExpiresAt: s.ExpiresAt, EndedBy: s.EndedBy, Reason: s.EndReason, Replaced: s.Replaced}
		if s.EndedAt != nil {
			t.EndedAt = *s.EndedAt
		}
		if s.Identity != nil {
			t.IdentityID = s.Identity.ID
		}
		return t, err
	}
}

func (f *doctorFlags) examine(cmd *cobra.Command, d *doctor.Doctor) error {
	var asked *doctor.Request
	if f.request != "" {
		in, err := openInput(cmd, f.request)
		if err != nil {
			return err
		}
		defer in.Close()
		if asked, err = doctor.ReadRequest(in); err != nil {
			return fmt.Errorf("--request: %w", err)
		}
	}
	all := d.Examine(cmd.Context())
	if asked != nil {
		all = append(all, d.Explain(cmd.Context(), asked)...)
	}
	problems := 0
	for _, finding := range all {
		if finding.Level == doctor.Problem {
			problems++
		}
		if err := f.tell(cmd.OutOrStdout(), finding); err != nil {
			return err
		}
	}
	if problems > 0 {
		return errFindings
	}
	return nil
}

func (f *doctorFlags) tell(out io.Writer, finding doctor.Finding) error {
	if f.json {
		return (&printer{out: out}).document(finding)
	}
	_, err := fmt.Fprintf(out, "%-8s %s: %s\n", finding.Level, finding.Check, plain(finding.Says))
	if err == nil && finding.Do != "" && finding.Level != doctor.Good {
		_, err = fmt.Fprintf(out, "         %s\n", plain(finding.Do))
	}
	return err
}
