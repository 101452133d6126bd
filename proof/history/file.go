package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
)

// Writer appends to a history, for any number of writers at once.
type Writer struct {
	mu   sync.Mutex
	file *os.File
	buf  *bufio.Writer
	ops  int
	err  error
}

// New makes a new file.
func New(path string) (*Writer, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making the history: %w", err)
	}
	return &Writer{file: f, buf: bufio.NewWriterSize(f, 1<<20)}, nil
}

// Add writes one entry. An operation gets its number here, and stamp is called when its place is certain: what is written
// later was over later.
func (w *Writer) Add(e Entry, stamp func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if stamp != nil {
		stamp()
	}
	if e.Op != nil {
		w.ops++
		e.Op.N = w.ops
	}
	line, err := json.Marshal(e)
	if err == nil {
		_, err = w.buf.Write(append(line, '\n'))
	}
	if w.err == nil {
		w.err = err
	}
}

// Ops is how many operations there are so far.
func (w *Writer) Ops() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ops
}

// Close ends the history. The error is the first that any writing met.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, err := range []error{w.buf.Flush(), w.file.Close()} {
		if w.err == nil {
			w.err = err
		}
	}
	return w.err
}

// Source is a history that can be read several times. The entries belong to the reader.
type Source interface {
	All() iter.Seq2[Entry, error]
}

// File is a history in a file.
type File string

// All reads the file line by line.
func (f File) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		in, err := os.Open(string(f))
		if err != nil {
			yield(Entry{}, err)
			return
		}
		defer in.Close()
		read(string(f), in, yield)
	}
}

const longest = 1 << 20 // bytes of one line

func read(name string, in io.Reader, yield func(Entry, error) bool) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longest)
	for n := 1; lines.Scan(); n++ {
		var e Entry
		err := json.Unmarshal(lines.Bytes(), &e)
		if err != nil {
			err = fmt.Errorf("%s:%d: this is no entry of a history: %w", name, n, err)
		}
		if !yield(e, err) || err != nil {
			return
		}
	}
	if err := lines.Err(); err != nil {
		yield(Entry{}, fmt.Errorf("%s: %w", name, err))
	}
}

// Entries is a history in memory.
type Entries []Entry

// All goes through the entries.
func (all Entries) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}
