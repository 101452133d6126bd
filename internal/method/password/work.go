package password

import (
	"encoding/gob"
	"errors"
	"io"
)

// task is what a worker is asked: to hash a password as Params say, or to try it on a hash.
type task struct {
	Password string
	Hash     string // "" to make one
	Params   Params
}

// outcome is what became of a task.
type outcome struct {
	Hash    string // the one that was made
	Match   bool   // the password fits
	Problem string // why none was made, or ""
}

// do carries a task out.
func (t task) do() (o outcome) {
	if t.Hash == "" {
		hash, err := t.Params.make(t.Password)
		if err != nil {
			return outcome{Problem: err.Error()}
		}
		return outcome{Hash: hash}
	}
	d, err := parse(t.Hash)
	return outcome{Match: err == nil && affordable(d.costs) == nil && d.try(t.Password)}
}

// Work carries out tasks of [Workers], one after the other. When their input ends, in the middle of one or not, gone is
// called: nobody waits any more. It returns when it cannot understand, or is not understood.
func Work(tasks io.Reader, outcomes io.Writer, gone func()) error {
	given, lost := make(chan task), make(chan error)
	go func() {
		for hear := gob.NewDecoder(tasks); ; {
			var t task
			switch err := hear.Decode(&t); {
			case errors.Is(err, io.EOF):
				gone()
				return
			case err != nil:
				lost <- err
				return
			}
			given <- t
		}
	}()
	for tell := gob.NewEncoder(outcomes); ; {
		select {
		case t := <-given:
			if err := tell.Encode(t.do()); err != nil {
				return err
			}
		case err := <-lost:
			return err
		}
	}
}
