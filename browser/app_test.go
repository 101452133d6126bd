package browser

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

// app is an authenticator app (RFC 6238), as far as six digits every thirty seconds go.
type app struct {
	key   []byte
	shown int64 // the last period that a code was made for
}

// newApp takes the key as it is shown to be typed.
func newApp(t *testing.T, text string) *app {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatalf("the key %q: %v", text, err)
	}
	return &app{key: key}
}

// code is one that was not shown before: a code counts once. The server knows that of the next period as well.
func (a *app) code() string {
	a.shown = max(a.shown+1, time.Now().Unix()/30)
	mac := hmac.New(sha1.New, a.key)
	_ = binary.Write(mac, binary.BigEndian, a.shown) // a hash takes anything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}
