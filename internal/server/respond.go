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
	h["Content-Length"] = lengthOf(body)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

func lengthOf(body []byte) []string { return []string{strconv.Itoa(len(body))} }

// done answers that something was done, without a body.
func done(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
