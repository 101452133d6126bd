package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
)

// floor is what a floor is told: which one it is, where its data is, and what to answer.
type floor struct {
	Kind   string // F1 to F4
	Where  string // the address of the database
	Rows   int    // of its table
	Spread bool   // checks ask for all of them, at random
	Status int
	Header http.Header
	Body   []byte
}

// serveFloor runs the floor that its input describes until it is killed. It prints its address.
func serveFloor(in io.Reader) error {
	var f floor
	if err := json.NewDecoder(in).Decode(&f); err != nil {
		return err
	}
	work, err := f.work()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, f.handler(work))
}

// measured is how many bytes of a body net/http counts by itself, at the least, which costs less than a header field.
const measured = 2000

// handler answers with what was recorded, after work on one of the floor's rows.
func (f floor) handler(work func(ctx context.Context, key string) error) http.Handler {
	if f.Header.Del("Content-Length"); len(f.Body) > measured {
		f.Header.Set("Content-Length", strconv.Itoa(len(f.Body)))
	}
	var turn atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if work != nil {
			if err := work(r.Context(), floorKey(f.row(turn.Add(1)))); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		h := w.Header()
		for name, values := range f.Header {
			h[name] = values
		}
		w.WriteHeader(f.Status)
		_, _ = w.Write(f.Body) // a client that is gone needs no answer
	})
}

// row picks one, each as often as any other, in no order that a table or a cache could like: checks ask for the same
// thousand, as they do of the server, unless they are spread.
func (f floor) row(turn int64) int {
	if f.Spread {
		return rand.IntN(f.Rows)
	}
	if f.Kind == "F2" {
		return int(turn % reused)
	}
	return int(turn * 7919 % int64(f.Rows))
}

// work is what a floor does for each request; nil for nothing.
func (f floor) work() (func(ctx context.Context, key string) error, error) {
	switch f.Kind {
	case "F1":
		return nil, nil
	case "F2":
		return selecting(f.Where)
	case "F3":
		return updatingSQLite(f.Where)
	}
	return updatingPostgres(f.Where)
}

// self is the path of this program, to run floors as processes of their own.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
