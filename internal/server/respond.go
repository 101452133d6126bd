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
	h := w.Header()
	h["Content-Type"] = jsonUTF8
	if len(body) > measured {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// measured is how many bytes of a body net/http counts by itself, at the least. It needs no header field for that, and one
// more than eight makes a slower map of them.
const measured = 2000

// done answers that something was done, without a body.
func done(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
