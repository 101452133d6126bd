package store

import (
	"sync"
	"sync/atomic"
)

// words numbers texts that come again and again, such as names of methods and what browsers say of themselves, so that each
// is kept once. There is room for so many only; whatever comes later has no number. It is safe for concurrent use.
type words struct {
	list atomic.Pointer[[]string] // grows at its end alone

	mu      sync.Mutex
	numbers map[string]int
}

const (
	maxWords = 4096
	maxWord  = 512 // bytes
)

func newWords() *words {
	w := &words{numbers: map[string]int{}}
	w.list.Store(new([]string))
	return w
}

// number is that of a word, from zero; false for one that has none.
func (w *words) number(word string) (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, ok := w.numbers[word]; ok {
		return n, true
	}
	list := *w.list.Load()
	if len(list) == maxWords || len(word) > maxWord {
		return 0, false
	}
	list = append(list, word) // those who read the list before do not look behind its end
	w.numbers[word] = len(list) - 1
	w.list.Store(&list)
	return len(list) - 1, true
}

// word is the one with a number that was given out.
func (w *words) word(number int) string { return (*w.list.Load())[number] }
