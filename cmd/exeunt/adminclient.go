package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
	"exeunt/internal/wire"
)

// keyVariable holds the key with which a command asks a server: on the command line everybody on the machine could read it.
const keyVariable = "EXEUNT_ADMIN_KEY"

// plainVariable lets the key travel over http to other machines.
const plainVariable = "EXEUNT_ADMIN_PLAIN_HTTP"

// readable reports whether what is sent to an address can be read by others than this machine.
func readable(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback())
}

// adminFlags are the flags of all commands that ask a running server.
type adminFlags struct {
	files    []string
	endpoint string
	json     bool
}

func (f *adminFlags) on(cmd *cobra.Command) {
	fileFlag(cmd, &f.files)
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "address of the running server's admin API; without it, serve.admin of the configuration")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON, one document in each line")
}

// client asks the server at --endpoint, or at the address that the configuration names.
func (f *adminFlags) client() (*adminClient, error) {
	if f.endpoint != "" {
		u, err := url.Parse(f.endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, errors.New("--endpoint: write the address of the admin API, such as http://127.0.0.1:4434")
		}
		return newAdminClient(f.endpoint), nil
	}
	c, err := load(f.files, false)
	if err != nil {
		return nil, err
	}
	address, err := adminAddress(c.Config)
	if err != nil {
		return nil, err
	}
	return newAdminClient(address), nil
}

// adminAddress is where the admin listener of a configuration is reached from this machine.
func adminAddress(c *config.Config) (string, error) {
	host := c.Serve.Admin.Host
	if c.Serve.Admin.Port == 0 {
		return "", errors.New("serve.admin.port does not say where it listens: name its admin address with --endpoint")
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(c.Serve.Admin.Port)), nil
}

// adminClient asks the admin API of a running server.
type adminClient struct {
	base, key string
	client    *http.Client
	otherwise string // what else there is to do than to have a key
}

// adminPatience is how long a request may take: that of a batch of identities with passwords to hash is the longest.
const adminPatience = 2 * time.Minute

func newAdminClient(address string) *adminClient {
	base := strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/admin")
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the key is for nobody else
	return &adminClient{base: base, key: os.Getenv(keyVariable), client: &http.Client{Timeout: adminPatience, CheckRedirect: refuse}}
}

// call asks the server and reads its answer.
func (c *adminClient) call(ctx context.Context, method, path string, body, into any) error {
	_, err := c.page(ctx, method, path, body, into)
	return err
}

// page is call for lists. It returns the path of the page after this one, or "".
func (c *adminClient) page(ctx context.Context, method, path string, body, into any) (next string, err error) {
	resp, err := c.ask(ctx, c.client, method, path, body, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAdminAnswer))
	switch {
	case err != nil:
		return "", err
	case into == nil || len(answer) == 0:
		return "", nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return "", fmt.Errorf("%s is no admin API of exeunt: its answer to %s cannot be read", c.base, path)
	}
	return nextPage(resp.Header), nil
}

const maxAdminAnswer = 64 << 20 // bytes: a thousand identities with all that they have

var nextLink = regexp.MustCompile(`<([^>]*)>;\s*rel="next"`)

// nextPage reads the Link header (RFC 8288).
func nextPage(h http.Header) string {
	for _, line := range h["Link"] {
		if m := nextLink.FindStringSubmatch(line); m != nil {
			if u, err := url.Parse(m[1]); err == nil {
				return u.RequestURI()
			}
		}
	}
	return ""
}

// refusal is what a server has against a request.
type refusal struct {
	status int
	reason string
	base   string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the running server at %s refuses: %s", r.base, r.reason)
}

// ask sends a request. Its error is a refusal when the server has answered.
func (c *adminClient) ask(ctx context.Context, client *http.Client, method, path string, body any, header http.Header) (*http.Response, error) {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	if c.key != "" && os.Getenv(plainVariable) == "" && readable(req.URL) {
		return nil, fmt.Errorf("the key would travel to %s where others can read it: use https, or set %s=yes where nobody else is on the way", req.URL.Host, plainVariable)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address is said here
		}
		return nil, fmt.Errorf("asking the running server at %s: %w. Name its admin address with --endpoint%s", c.base, err, c.alternative(", or stop it and try again"))
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer resp.Body.Close()
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // the status says enough
		return nil, c.refused(resp.StatusCode, answer)
	}
	return resp, nil
}

func (c *adminClient) alternative(text string) string {
	if c.otherwise == "" {
		return ""
	}
	return text
}

// refused says what a server has against it.
func (c *adminClient) refused(status int, answer []byte) error {
	var envelope struct{ Error wire.Error }
	_ = json.Unmarshal(answer, &envelope) // what is not JSON is no server of ours
	reason := envelope.Error.Reason
	if reason == "" {
		reason = fmt.Sprintf("it answers %d", status)
	}
	if status == http.StatusUnauthorized {
		reason += " Put a key that allows this into " + keyVariable + c.alternative(", "+c.otherwise)
	}
	return &refusal{status, reason, c.base}
}
