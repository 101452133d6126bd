package password

import (
	"bufio"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"exeunt/internal/fault"
)

// ErrUpstream means that the breach service could not be asked.
var ErrUpstream = fault.New(fault.Unavailable, "upstream_error",
	"The service that knows breached passwords cannot be reached at the moment. Please try again later.")

// One question to the breach service takes a second at most, and it is asked three times.
const (
	breachTimeout  = time.Second
	breachAttempts = 3
	maxBreachBody  = 1 << 20
)

// Breaches asks a service how often a password was seen in breaches. The service must speak the range protocol of
// Have I Been Pwned: it learns five hexadecimal digits of the password's SHA-1, and neither the rest nor the password.
type Breaches struct {
	Host                string       // such as api.pwnedpasswords.com, with a port if need be; always asked over https
	Max                 int          // how often a good password may have been seen
	IgnoreNetworkErrors bool         // let passwords pass when the service fails
	Client              *http.Client // nil means http.DefaultClient; time limits are set on every request
}

// check answers nil, a [*Violation], [ErrUpstream], or the error of ctx.
func (b *Breaches) check(ctx context.Context, password string) error {
	sum := fmt.Sprintf("%X", sha1.Sum([]byte(password)))
	var count int
	var err error
	for range breachAttempts {
		if count, err = b.ask(ctx, sum[:5], sum[5:]); err == nil || ctx.Err() != nil {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("asking for breached passwords: %w", ctx.Err())
	case err != nil && b.IgnoreNetworkErrors:
		return nil
	case err != nil:
		return ErrUpstream.Because(err)
	case count > b.Max:
		return &Violation{Kind: Breached, Breaches: count}
	}
	return nil
}

// ask returns how often the service saw the password whose SHA-1 is prefix and suffix.
func (b *Breaches) ask(ctx context.Context, prefix, suffix string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, breachTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+b.Host+"/range/"+prefix, nil)
	if err != nil {
		return 0, withoutURL(err)
	}
	// The service then answers with more lines than it has, so that the size tells a listener nothing.
	req.Header.Set("Add-Padding", "true")
	res, err := b.client().Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the breach service answered %d", res.StatusCode)
	}
	return countIn(io.LimitReader(res.Body, maxBreachBody), suffix)
}

func (b *Breaches) client() *http.Client {
	if b.Client != nil {
		return b.Client
	}
	return http.DefaultClient
}

// withoutURL keeps the digits in the URL out of the log.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return fmt.Errorf("asking the breach service: %w", e.Err)
	}
	return err
}

// countIn finds the line "suffix:count"; a suffix without a line was never seen.
func countIn(r io.Reader, suffix string) (int, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		got, count, _ := strings.Cut(lines.Text(), ":")
		if !strings.EqualFold(got, suffix) {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(count))
		if err != nil {
			return 0, errors.New("the breach service answered a count that is no number")
		}
		return n, nil
	}
	return 0, lines.Err()
}
