package browser

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"exeunt/internal/testkit"
)

// smuggled are requests that hold another one where only a part of those who read them sees it. {other} is
// the other one, {length} and {hex} how long it is, and {all} how long it is behind chunks that end at once.
var smuggled = map[string]string{
	"a body of a GET":                 "GET /sessions/whoami HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{other}",
	"a body of a HEAD":                "HEAD /sessions/whoami HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{other}",
	"a body that nobody reads":        "POST /nowhere HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{other}",
	"a body that has to be asked for": "POST /nowhere HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n{other}",
	"CL.TE":                           post("Content-Length: {all}", "Transfer-Encoding: chunked") + "0\r\n\r\n{other}",
	"TE.CL":                           post("Transfer-Encoding: chunked", "Content-Length: 4") + "{hex}\r\n{other}\r\n0\r\n\r\n",
	"CL.TE where TE is folded":        post("Content-Length: {all}", "Transfer-Encoding:\r\n chunked") + "0\r\n\r\n{other}",
	"CL.TE where TE has a space":      post("Content-Length: {all}", "Transfer-Encoding : chunked") + "0\r\n\r\n{other}",
	"CL.TE where TE has a tab":        post("Content-Length: {all}", "Transfer-Encoding:\tchunked") + "0\r\n\r\n{other}",
	"CL.TE where TE has a \\v":        post("Content-Length: {all}", "Transfer-Encoding: \x0bchunked") + "0\r\n\r\n{other}",
	"CL.TE where TE is unknown":       post("Content-Length: {all}", "Transfer-Encoding: xchunked") + "0\r\n\r\n{other}",
	"CL.TE where TE is a list":        post("Content-Length: {all}", "Transfer-Encoding: chunked, identity") + "0\r\n\r\n{other}",
	"CL.TE where TE is quoted":        post("Content-Length: {all}", `Transfer-Encoding: "chunked"`) + "0\r\n\r\n{other}",
	"CL.TE where TE comes twice":      post("Content-Length: {all}", "Transfer-Encoding: identity", "Transfer-Encoding: chunked") + "0\r\n\r\n{other}",
	"CL.TE behind a bare LF":          post("Content-Length: {all}", "X-A: b\nTransfer-Encoding: chunked") + "0\r\n\r\n{other}",
	"CL.TE behind a bare CR":          post("Content-Length: {all}", "X-A: b\rTransfer-Encoding: chunked") + "0\r\n\r\n{other}",
	"CL.TE behind a NUL":              post("Content-Length: {all}", "X-A: b\x00\r\nTransfer-Encoding: chunked") + "0\r\n\r\n{other}",
	"CL.TE in HTTP/1.0":               "POST /nowhere HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\nContent-Length: {all}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{other}",
	"two lengths":                     post("Content-Length: {length}", "Content-Length: 0") + "{other}",
	"two lengths, the other way":      post("Content-Length: 0", "Content-Length: {length}") + "{other}",
	"a list of lengths":               post("Content-Length: 0, {length}") + "{other}",
	"a length with a sign":            post("Content-Length: +0") + "{other}",
	"a length below zero":             post("Content-Length: -1") + "{other}",
	"a length that is no number":      post("Content-Length: 0x0") + "{other}",
	"a length that is folded":         post("Content-Length:\r\n {length}") + "{other}",
	"a length with a space":           post("Content-Length : {length}") + "{other}",
	"a length with a zero byte":       post("Content-Length: {length}\x00") + "{other}",
	"an empty length":                 post("Content-Length:") + "{other}",
	"a header line without a name":    post(": x", "Content-Length: {length}") + "{other}",
	"a header line that is folded":    post("X-A: b\r\n Content-Length: 0", "Content-Length: {length}") + "{other}",
	"an extension with a bare LF":     post("Transfer-Encoding: chunked") + "2;\nxx\r\n{hex}\r\n0\r\n\r\n{other}",
	"an extension with a bare CR":     post("Transfer-Encoding: chunked") + "0;a=\rb\r\n\r\n{other}",
	"an endless extension":            post("Transfer-Encoding: chunked") + "0;" + strings.Repeat("a", 20000) + "\r\n\r\n{other}",
	"a chunk without its end":         post("Transfer-Encoding: chunked") + "1\r\naX0\r\n\r\n{other}",
	"a chunk that ends in a bare LF":  post("Transfer-Encoding: chunked") + "1\r\na\n0\r\n\r\n{other}",
	"a chunk's length with 0x":        post("Transfer-Encoding: chunked") + "0x0\r\n\r\n{other}",
	"a chunk's length below zero":     post("Transfer-Encoding: chunked") + "-1\r\n\r\n{other}",
	"a chunk's length that is huge":   post("Transfer-Encoding: chunked") + "10000000000000000\r\n\r\n{other}",
	"a chunk's length with a space":   post("Transfer-Encoding: chunked") + "0 \r\n\r\n{other}",
	"a trailer":                       post("Transfer-Encoding: chunked", "Trailer: Content-Length") + "0\r\nContent-Length: {length}\r\n\r\n{other}",
	"chunks, and one more request":    post("Transfer-Encoding: chunked") + "0\r\n\r\n{other}",
	"two hosts":                       post("Host: other.test", "Content-Length: 0") + "{other}",
	"another protocol":                post("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Content-Length: 0", "Transfer-Encoding: chunked") + "0\r\n\r\n{other}",
	"a request line with LF":          "GET /nowhere HTTP/1.1\r\nHost: {host}\r\nX-A: b\r\n\rX: y\r\nContent-Length: {length}\r\n\r\n{other}",
}

func post(lines ...string) string {
	return "POST /nowhere HTTP/1.1\r\nHost: {host}\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// inner is the request that nobody may see; the log has its id if the server has.
func inner(host, id string) string {
	return "GET /smuggled HTTP/1.1\r\nHost: " + host + "\r\nX-Request-ID: " + id + "\r\n\r\n"
}

// Whatever two readers may take for two requests is one, or none, to a server that is asked directly: it reads no further on
// a connection that has brought chunks. Behind nginx, which keeps its connections, the server sees no request that nginx has
// not seen.
func TestNoRequestIsSmuggled(t *testing.T) {
	t.Parallel()
	h := newHouse(t, testkit.File(t), pages{})
	directly := func() (net.Conn, error) { return net.Dial("tcp", h.own) }
	behind := func() (net.Conn, error) {
		return tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.port), &tls.Config{ServerName: authHost, InsecureSkipVerify: true}) // the certificate is the test's own
	}
	n := 0
	for name, form := range smuggled {
		n++
		one, two := fmt.Sprintf("directly-%d-smuggled", n), fmt.Sprintf("behind-%d-smuggled", n)
		said := exchange(t, directly, hiding(form, inner(h.own, one), h.own))
		if holds(t, h.server.Log.Name(), one) {
			t.Errorf("directly: %s: the server has seen a second request; the answers were\n%s", name, said)
		}
		said = exchange(t, behind, hiding(form, inner(authHost, two), authHost))
		if holds(t, h.server.Log.Name(), two) && !holds(t, h.seen, two) {
			t.Errorf("behind nginx: %s: the server has seen a request that nginx has not; the answers were\n%s", name, said)
		}
	}
	// Two plain requests are two, so that what the test looks for can be found.
	exchange(t, directly, "GET /nowhere HTTP/1.1\r\nHost: "+h.own+"\r\n\r\n"+inner(h.own, "directly-control"))
	exchange(t, behind, "GET /nowhere HTTP/1.1\r\nHost: "+authHost+"\r\n\r\n"+inner(authHost, "behind-control"))
	for _, id := range []string{"directly-control", "behind-control"} {
		if !holds(t, h.server.Log.Name(), id) {
			t.Errorf("%s is not in the server's log", id)
		}
	}
	if !holds(t, h.seen, "behind-control") {
		t.Error("nginx does not note what it sees")
	}
}

// hiding is a form with another request in it.
func hiding(form, other, host string) string {
	return strings.NewReplacer("{host}", host, "{other}", other, "{length}", fmt.Sprint(len(other)), "{hex}", fmt.Sprintf("%x", len(other)),
		"{all}", fmt.Sprint(len("0\r\n\r\n")+len(other))).Replace(form)
}

// exchange sends a text and returns all that is answered until the other side hangs up.
func exchange(t *testing.T, dial func() (net.Conn, error), text string) string {
	t.Helper()
	conn, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, text) // it may be refused half-way
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	said, err := io.ReadAll(conn)
	if n, ok := err.(net.Error); ok && n.Timeout() {
		t.Errorf("nobody hangs up after\n%.300q", text)
	}
	return string(said)
}

// holds reports whether a file has a text in it.
func holds(t *testing.T, file, text string) bool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), text)
}
