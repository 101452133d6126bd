package server

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"exeunt/internal/wire"
)

// reply answers with JSON.
func reply(w http.ResponseWriter, status int, v any) error {
	body, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	replyBytes(w, status, body)
	return nil
}

// replyBytes answers with JSON that is encoded already.
func replyBytes(w http.ResponseWriter, status int, body []byte) {
	beginJSON(w, status, len(body))
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// beginJSON begins an answer of so many bytes.
func beginJSON(w http.ResponseWriter, status, size int) {
	h := w.Header()
	h["Content-Type"] = jsonUTF8
	if size > measured {
		h["Content-Length"] = []string{strconv.Itoa(size)}
	}
	w.WriteHeader(status)
}

// measured is how many bytes of a body net/http counts by itself, at the least. It needs no header field for that, and one
// more than eight makes a slower map of them.
const measured = 2000

// done answers that something was done, without a body.
func done(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// doneAsJSON is done for the endpoints that end a session: they name a type although nothing follows, as clients have come to
// expect of them.
func doneAsJSON(w http.ResponseWriter) error {
	w.Header()["Content-Type"] = jsonUTF8
	return done(w)
}

func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
