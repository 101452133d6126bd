package rig

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// replay reads what strace has told into what became of each file.
func replay(trace string, before map[string][]byte) (map[string]*disk, error) {
	f, err := os.Open(trace)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := newTape()
	for name, content := range before {
		t.disks[name] = &disk{synced: content}
	}
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return t.disks, nil
		}
		if err != nil {
			return nil, err
		}
		if err := t.line(strings.TrimSuffix(line, "\n")); err != nil {
			return nil, fmt.Errorf("%w: %.200s", err, line)
		}
	}
}

// tape is what is known at one line of a trace.
type tape struct {
	disks    map[string]*disk
	underway map[string]underway // by the thread that waits for it
}

func newTape() *tape { return &tape{map[string]*disk{}, map[string]underway{}} }

// underway is a call that has begun: a sync of the changes before one, or that change.
type underway struct {
	file   string
	change int
}

// line takes one line: THREAD CALL(FD<FILE>, …) = RESULT, or the two halves of one that others came between.
func (t *tape) line(line string) error {
	thread, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(rest, "<... ") {
		u, waits := t.underway[thread]
		switch {
		case !waits || strings.HasSuffix(rest, "= ?"): // it was killed
		case !strings.Contains(rest, "sync resumed>"):
			t.disks[u.file].done(u.change)
		case strings.HasSuffix(rest, "= 0"):
			t.disks[u.file].sync(u.change)
		}
		delete(t.underway, thread)
		return nil
	}
	call, args, ok := strings.Cut(rest, "(")
	if !ok {
		return nil
	}
	_, args, ok = strings.Cut(args, "<")
	file, args, ok2 := strings.Cut(args, ">")
	d := t.disks[file]
	if !ok || !ok2 || d == nil {
		return nil
	}
	// The call in which a process is killed may be told twice, of its thread and of the process, which strace is detached from.
	begun := strings.HasSuffix(args, "<unfinished ...>") || strings.HasSuffix(args, "<detached ...>") || strings.HasSuffix(args, "= ?")
	switch call {
	case "fsync", "fdatasync":
		if begun {
			t.underway[thread] = underway{file, d.written()}
			return nil
		}
		if strings.HasSuffix(args, "= 0") {
			d.sync(d.written())
		}
		return nil
	case "ftruncate":
		size, err := number(strings.TrimPrefix(args, ", "))
		t.change(thread, file, change{at: size, underway: begun})
		return err
	case "pwrite64":
		data, rest, err := quoted(strings.TrimPrefix(args, ", "))
		if err != nil {
			return err
		}
		_, rest, _ = strings.Cut(strings.TrimPrefix(rest, ", "), ", ") // the length is that of the text
		at, err := number(rest)
		t.change(thread, file, change{at, data, begun})
		return err
	}
	return fmt.Errorf("this is no call that the database was known to make")
}

// change adds a change to a file, which may be under way.
func (t *tape) change(thread, file string, c change) {
	d := t.disks[file]
	if c.underway {
		t.underway[thread] = underway{file, d.first + len(d.pending)}
	}
	d.pending = append(d.pending, c)
}

func number(text string) (int64, error) {
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	return strconv.ParseInt(text[:end], 10, 64)
}

// quoted reads a text as strace writes it, with the escapes of C, and returns what follows.
func quoted(text string) (data []byte, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		return nil, "", errors.New("there is no text")
	}
	data = make([]byte, 0, 4096)
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			if strings.HasPrefix(text[i+1:], "...") {
				return nil, "", errors.New("the text was cut short")
			}
			return data, text[i+1:], nil
		case c != '\\':
			data = append(data, c)
		default:
			b, n := escaped(text[i+1:])
			data, i = append(data, b), i+n
		}
	}
	return nil, "", errors.New("the text does not end")
}

// escaped reads what follows a backslash, and says how long it is.
func escaped(text string) (b byte, n int) {
	const letters, meant = `abtnvfr"\`, "\a\b\t\n\v\f\r\"\\"
	if at := strings.IndexByte(letters, text[0]); at >= 0 {
		return meant[at], 1
	}
	for n < 3 && n < len(text) && text[n] >= '0' && text[n] <= '7' {
		b, n = b<<3|(text[n]-'0'), n+1
	}
	return b, n
}
