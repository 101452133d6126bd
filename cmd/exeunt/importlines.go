package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"exeunt/internal/wire"
)

func importIdentitiesCommand(f *adminFlags) *cobra.Command {
	var from int
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Create an identity of each line of a file", Args: cobra.ExactArgs(1),
		Long: "Reads a file, or - for standard input, of JSON lines. Each is an identity as the admin API takes it:\n\n" +
			`  {"schema_id":"default","traits":{"email":"ada@example.org"},"credentials":{"password":{"config":{"hashed_password":"$argon2id$…"}}}}` + "\n\n" +
			"Lines that make no identity are told, each with its number and the reason; the rest is imported.",
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := openInput(cmd, args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			c, err := f.client()
			if err != nil {
				return err
			}
			l := &lineImport{client: c, json: f.json, out: cmd.OutOrStdout(), show: &progress{to: cmd.ErrOrStderr(), total: map[string]int{}}}
			return l.run(cmd.Context(), in, from)
		},
	}
	cmd.Flags().IntVar(&from, "from-line", 1, "line to begin with, to go on after an import that was stopped")
	return cmd
}

const (
	maxImportLine = 1 << 20 // bytes
	importLines   = 50      // in one request: as many passwords are hashed well before anybody loses patience
	importBytes   = 4 << 20
)

var errTooLongLine = fmt.Errorf("it is longer than %d bytes", maxImportLine)

// numbered is a line of the file.
type numbered struct {
	n   int
	doc json.RawMessage
}

// lineImport is an import under way.
type lineImport struct {
	client *adminClient
	json   bool
	out    io.Writer
	show   *progress

	batch []numbered
	bytes int

	read, imported, broken, done int // done is the last line of which all is known up to there
}

func (l *lineImport) run(ctx context.Context, in io.Reader, from int) error {
	err := l.lines(ctx, bufio.NewReaderSize(in, 64<<10), from)
	l.show.end()
	if err != nil {
		return fmt.Errorf("%w. %d identities are imported; go on with --from-line %d", err, l.imported, max(l.done+1, from))
	}
	if l.json {
		err = json.NewEncoder(l.out).Encode(map[string]int{"lines": l.read, "imported": l.imported, "broken": l.broken})
	} else {
		_, err = fmt.Fprintf(l.out, "%d lines: %d imported, %d not\n", l.read, l.imported, l.broken)
	}
	if err == nil && l.broken > 0 {
		err = errRows
	}
	return err
}

func (l *lineImport) lines(ctx context.Context, in *bufio.Reader, from int) error {
	for n := 1; ; n++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return l.send(ctx)
		}
		if err != nil && !errors.Is(err, errTooLongLine) {
			return err
		}
		if n < from || err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		l.read++
		if err != nil {
			l.refused(n, err.Error())
			continue
		}
		if err := l.add(ctx, n, line); err != nil {
			return err
		}
	}
}

// readLine returns the next line, or errTooLongLine in the place of one, or io.EOF.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for long := false; ; {
		part, err := in.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxImportLine; !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case long:
			return nil, errTooLongLine
		case err != nil && len(line) == 0:
			return nil, io.EOF
		}
		return line, nil
	}
}

// add keeps a line until there are enough for a request. What is in a line is never shown: it may be a password.
func (l *lineImport) add(ctx context.Context, n int, line []byte) error {
	line = bytes.TrimSpace(line)
	if line[0] != '{' || !json.Valid(line) {
		l.refused(n, "it is no JSON object")
		return nil
	}
	l.batch, l.bytes = append(l.batch, numbered{n, line}), l.bytes+len(line)
	if len(l.batch) == importLines || l.bytes > importBytes {
		return l.send(ctx)
	}
	return nil
}

func (l *lineImport) refused(n int, reason string) {
	l.broken++
	if l.json {
		_ = json.NewEncoder(l.out).Encode(map[string]any{"line": n, "problem": reason}) // whoever reads it is gone
		return
	}
	fmt.Fprintf(l.out, "line %d: %s\n", n, plain(reason))
}

func (l *lineImport) send(ctx context.Context) error {
	if len(l.batch) == 0 {
		return nil
	}
	if err := l.create(ctx, l.batch); err != nil {
		return err
	}
	l.done = l.batch[len(l.batch)-1].n
	l.batch, l.bytes = nil, 0
	l.show.update("identities", l.imported)
	return nil
}

// create creates identities. A line that makes the server refuse all of them is looked for by halves.
func (l *lineImport) create(ctx context.Context, lines []numbered) error {
	type entry struct {
		Create json.RawMessage `json:"create"`
	}
	body := map[string][]entry{}
	for _, line := range lines {
		body["identities"] = append(body["identities"], entry{line.doc})
	}
	var results wire.BatchResults
	err := l.client.call(ctx, http.MethodPatch, "/admin/identities", body, &results)
	var r *refusal
	switch {
	case errors.As(err, &r) && (r.status == http.StatusBadRequest || r.status == http.StatusConflict || r.status == http.StatusRequestEntityTooLarge):
		if len(lines) == 1 {
			l.refused(lines[0].n, r.reason)
			return nil
		}
		if err := l.create(ctx, lines[:len(lines)/2]); err != nil {
			return err
		}
		return l.create(ctx, lines[len(lines)/2:])
	case err != nil:
		return err
	case len(results.Identities) != len(lines):
		return fmt.Errorf("%s is no admin API of exeunt: it answers for %d identities of %d", l.client.base, len(results.Identities), len(lines))
	}
	for i, result := range results.Identities {
		if result == nil || result.Error != nil {
			l.refused(lines[i].n, reasonOf(result))
			continue
		}
		l.imported++
	}
	return nil
}

func reasonOf(result *wire.BatchResult) string {
	if result == nil || result.Error.Reason == "" {
		return "the server did not create it"
	}
	return result.Error.Reason
}
