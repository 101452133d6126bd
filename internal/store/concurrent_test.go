package store

import (
	"errors"
	"sync"
)

// together runs n calls at the same time and returns their errors.
func together(n int, call func(n int) error) []error {
	errs := make([]error, n)
	var start, end sync.WaitGroup
	start.Add(1)
	for i := range n {
		end.Go(func() {
			start.Wait()
			errs[i] = call(i)
		})
	}
	start.Done()
	end.Wait()
	return errs
}

// tally counts who succeeded; everybody else must have failed in the way that is lost.
func tally(f fixture, errs []error, lost error) (won int) {
	f.t.Helper()
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, lost):
			f.t.Errorf("got %v, want %v", err, lost)
		}
	}
	return won
}
