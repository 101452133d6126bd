package courier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// sendTimeout is the time for one attempt, from the look-up of the name to the end of the answer.
const sendTimeout = 10 * time.Second

// send makes one attempt. What goes wrong is told in words that hold nothing of the address and nothing of the answer.
func (h *Hook) send(ctx context.Context, id string, body []byte, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is not a URL")
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "exeunt")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", signature(h.key, id, at, body))
	resp, err := h.client.Do(req)
	if err != nil {
		return explain(err, limit)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %d", resp.StatusCode)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody) // read so that the connection can be used again; the status has said it all
	return nil
}

// signature is that of the Standard Webhooks specification, for a symmetric key.
func signature(key []byte, id, at string, body []byte) string {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%s.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// explain says what went wrong with a request. The library's own words may hold the address, or parts of an answer.
func explain(err error, limit time.Duration) error {
	var lookup *net.DNSError
	var certificate *tls.CertificateVerificationError
	var number syscall.Errno
	var network net.Error
	switch {
	case errors.Is(err, errNotPublic):
		return errNotPublic
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return errors.New("its host has no address")
	case errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("no answer within %v", limit)
	case errors.As(err, &lookup):
		return errors.New("its host could not be looked up")
	case errors.As(err, &certificate):
		return errors.New("its certificate is not trusted")
	case errors.As(err, &number):
		return fmt.Errorf("the connection failed: %s", number.Error())
	}
	return errors.New("the connection broke, or the answer is not HTTP")
}

const (
	firstPause = time.Second
	mostPause  = 5 * time.Minute
)

// pause is how long to wait after so many failed attempts: twice as long each time, at random so that those who failed
// together do not come back together.
func pause(attempts int) time.Duration {
	d := mostPause
	if n := max(attempts, 1); n < 16 {
		d = min(2*firstPause<<(n-1), mostPause)
	}
	return d/2 + rand.N(d/2)
}
