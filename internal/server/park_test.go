package server

import (
	"net/http/httptest"
	"strings"
	"testing"

	"exeunt/internal/flow"
	"exeunt/internal/session"
	"exeunt/internal/vault"
)

// TestNoCookieIsTooLargeForABrowser: browsers drop what has more than 4096 bytes, name and value together (RFC 6265bis).
func TestNoCookieIsTooLargeForABrowser(t *testing.T) {
	s := &Server{Sessions: &session.Manager{}, Vault: vault.New([][]byte{[]byte("key")})}
	for _, size := range []int{0, 1000, 2600, 2700, 2800, 3000, 10_000} {
		w := httptest.NewRecorder()
		p := &post{Server: s, w: w, flow: &flow.Flow{}, caller: caller{session: &session.Session{}}, values: map[string]any{"traits": strings.Repeat("x", size)}}
		p.park()
		line := w.Header().Get("Set-Cookie")
		value, _, _ := strings.Cut(line, ";")
		if len(value) > 4096 || (line == "") != (size > 2750) {
			t.Errorf("%d bytes make a cookie of %d", size, len(value))
		}
	}
}
