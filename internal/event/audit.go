package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Audit writes every event to a file, a line each, in the order of the log. Beside it stands how far it has come, so that it
// goes on there after a restart; when the process was killed in between, the last lines may come again, with the same ids. A
// file that was moved away is begun anew. The first file of all begins with the oldest event that is kept.
type Audit struct {
	Log    *Log
	Path   string
	Line   func(Event) ([]byte, error) // ends with a newline
	Logger *slog.Logger
}

// retryAudit is when writing is tried again after it has failed.
const retryAudit = 10 * time.Second

// Run writes until ctx ends. What cannot be written is told, and tried again; nothing is left out.
func (a *Audit) Run(ctx context.Context) {
	for {
		err := a.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		a.Logger.Error("the audit log is behind; it will be written when it can be", "file", a.Path, "error", err)
		select {
		case <-time.After(retryAudit):
		case <-ctx.Done():
			return
		}
	}
}

func (a *Audit) follow(ctx context.Context) error {
	after, err := a.position()
	if err != nil {
		return err
	}
	err = a.Log.Follow(ctx, after, Filter{}, a.write)
	if errors.Is(err, ErrAhead) {
		end, failed := a.Log.End(ctx)
		if failed != nil {
			return failed
		}
		a.Logger.Warn("the database is an older copy; the audit log goes on with what happens from now on", "file", a.Path)
		return a.Log.Follow(ctx, end, Filter{}, a.write)
	}
	return err
}

func (a *Audit) marker() string { return a.Path + ".position" }

// position is the last event that was written.
func (a *Audit) position() (int64, error) {
	b, err := os.ReadFile(a.marker())
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s does not hold how far the audit log has come; write the number of the last event into it, or 0", a.marker())
	}
	return n, nil
}

// write appends events, and notes after they are safe on disk how far it has come.
func (a *Audit) write(p Page) error {
	var lines []byte
	for _, e := range p.Events {
		line, err := a.Line(e)
		if err != nil {
			return err
		}
		lines = append(lines, line...)
	}
	if err := a.append(lines); err != nil {
		return err
	}
	return a.mark(p.Through)
}

// mark notes how far it has come, so that a crash leaves the note of before or this one.
func (a *Audit) mark(position int64) error {
	next := a.marker() + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.FormatInt(position, 10) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(next, a.marker())
}

// append opens the file each time: it may have been moved away meanwhile. A line that a crash has cut off gets an end.
func (a *Audit) append(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(a.Path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(a.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if cut(f) {
		lines = append([]byte("\n"), lines...)
	}
	_, err = f.Write(lines)
	return errors.Join(err, f.Sync(), f.Close())
}

// cut reports whether a file ends in the middle of a line.
func cut(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err == nil && last[0] != '\n'
}
