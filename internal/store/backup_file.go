package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// A backup is a text under gzip, whose checksum finds damage: a line that says what it is, then for each table a line that
// names its columns and a line for each row, and a line that says how many rows there were. It is the same for both engines.

// backupHead is the first line of a backup.
type backupHead struct {
	Format  string `json:"format"`
	Schema  int64  `json:"schema"`
	TakenAt int64  `json:"taken_at"` // microseconds since 1970, UTC
}

const backupFormat = "exeunt backup 1"

// backupLine is the line before the rows of a table, or the last one.
type backupLine struct {
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"`
	Rows    *int     `json:"rows,omitempty"` // in the last line: all of them
}

// Failures of restoring that are the file's.
var (
	ErrNoBackup = errors.New("the file is no backup that `exeunt backup` has made")
	ErrDamaged  = errors.New("the backup is damaged or incomplete; nothing was restored")
)

type backupWriter struct {
	zip  *gzip.Writer
	buf  *bufio.Writer
	now  string // the table being written
	rows map[string]int
}

func newBackupWriter(to io.Writer, b Backed) (*backupWriter, error) {
	zip, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := &backupWriter{zip: zip, buf: bufio.NewWriterSize(zip, 1<<16), rows: map[string]int{}}
	return w, w.line(backupHead{Format: backupFormat, Schema: b.Schema, TakenAt: micros(b.TakenAt)})
}

func (w *backupWriter) line(v any) error {
	_, err := w.buf.WriteString(document(v) + "\n")
	return err
}

func (w *backupWriter) table(name string, columns []string) error {
	w.now = name
	return w.line(backupLine{Table: name, Columns: columns})
}

func (w *backupWriter) row(row []byte) error {
	w.rows[w.now]++
	if _, err := w.buf.Write(row); err != nil {
		return err
	}
	return w.buf.WriteByte('\n')
}

func (w *backupWriter) finish() error {
	all := 0
	for _, n := range w.rows {
		all += n
	}
	if err := w.line(backupLine{Rows: &all}); err != nil {
		return err
	}
	return errors.Join(w.buf.Flush(), w.zip.Close())
}

// backupReader reads a backup from its beginning to its end.
type backupReader struct {
	head backupHead
	zip  *gzip.Reader
	buf  *bufio.Reader
	rows int
}

// openBackup reads the first line. The error is ErrNoBackup or ErrDamaged where it is the file's fault.
func openBackup(from io.Reader) (*backupReader, error) {
	zip, err := gzip.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBackup, err)
	}
	b := &backupReader{zip: zip, buf: bufio.NewReaderSize(zip, 1<<16)}
	line, err := b.buf.ReadSlice('\n')
	if err != nil || json.Unmarshal(line, &b.head) != nil || b.head.Format != backupFormat || b.head.Schema < 1 {
		return nil, ErrNoBackup
	}
	return b, nil
}

func (b *backupReader) taken() time.Time { return moment(b.head.TakenAt) }

// next reads one line: of a table, of a row, or the last one, after which there is io.EOF.
func (b *backupReader) next() (row []byte, line backupLine, err error) {
	text, err := b.buf.ReadBytes('\n')
	text = bytes.TrimSuffix(text, []byte("\n"))
	switch {
	case err != nil:
		return nil, line, fmt.Errorf("%w: %w", ErrDamaged, noEnd(err))
	case len(text) > 0 && text[0] == '[':
		b.rows++
		return text, line, nil
	case json.Unmarshal(text, &line) != nil || (line.Rows == nil && !slices.Contains(keptTables, line.Table)):
		return nil, line, fmt.Errorf("%w: a line of it cannot be read", ErrDamaged)
	case line.Rows == nil:
		return nil, line, nil
	case *line.Rows != b.rows:
		return nil, line, fmt.Errorf("%w: it has %d rows, and should have %d", ErrDamaged, b.rows, *line.Rows)
	}
	if _, err := b.buf.ReadByte(); !errors.Is(err, io.EOF) { // only at the end is the checksum looked at
		return nil, line, fmt.Errorf("%w: its end is not where it should be: %w", ErrDamaged, noEnd(err))
	}
	return nil, line, io.EOF
}

// noEnd keeps an end that comes too early from being taken for the end.
func noEnd(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
