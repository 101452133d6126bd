package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// operated is what the commands over the admin API have in common.
const operated = "The command asks a running server, at serve.admin of the configuration or at --endpoint, with the key in EXEUNT_ADMIN_KEY\n" +
	"once there is one. With --json it prints one JSON document in each line, as the admin API has it. The exit status is 0 when all was done,\n" +
	"3 when a part of it was not, which is told on standard error, and 1 when nothing could be done."

// errParts means that everything was done that could be, and that some was told.
var errParts = errors.New("not everything was done; see above")

// group is a command that has others below it; each gets the flags that they share.
func group(f *adminFlags, use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: short + ".\n\n" + operated}
	for _, sub := range subs {
		f.on(sub)
		sub.Long = strings.TrimPrefix(sub.Long+"\n\n"+operated, "\n\n")
		cmd.AddCommand(sub)
	}
	return cmd
}

// plain is a text of somebody else's for a terminal, which would obey control characters in it.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text)
}

// brief is plain, and no longer than a column.
func brief(text string, most int) string {
	if runes := []rune(plain(text)); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return plain(text)
}

// printer writes rows: tables for people, lines of JSON for programs.
type printer struct {
	json  bool
	out   io.Writer
	table *tabwriter.Writer
}

func (f *adminFlags) printer(out io.Writer, columns ...string) *printer {
	p := &printer{json: f.json, out: out, table: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	if !p.json && len(columns) > 0 {
		fmt.Fprintln(p.table, strings.Join(columns, "\t"))
	}
	return p
}

// row writes what the server has said, or the columns that a person wants to see of it.
func (p *printer) row(doc json.RawMessage, columns func() ([]string, error)) error {
	if p.json {
		return p.document(doc)
	}
	texts, err := columns()
	if err != nil {
		return fmt.Errorf("reading an answer of the server: %w", err)
	}
	for i, t := range texts {
		texts[i] = plain(t)
	}
	_, err = fmt.Fprintln(p.table, strings.Join(texts, "\t"))
	return err
}

// document writes a document in one line.
func (p *printer) document(doc any) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}

// say tells a person what was done.
func (p *printer) say(format string, args ...any) {
	if !p.json {
		fmt.Fprintf(p.table, format+"\n", args...)
	}
}

func (p *printer) end() error { return p.table.Flush() }

const largestPage = 500 // of every list of the admin API

// each reads a list page by page and hands over its entries until there are limit of them; 0 means all. It reports
// whether there were more.
func (c *adminClient) each(ctx context.Context, path string, query url.Values, limit int, hand func(json.RawMessage) error) (more bool, err error) {
	query.Set("page_size", strconv.Itoa(largestPage))
	if limit > 0 && limit < largestPage {
		query.Set("page_size", strconv.Itoa(limit))
	}
	for next, n := path+"?"+query.Encode(), 0; next != ""; {
		var docs []json.RawMessage
		if next, err = c.page(ctx, "GET", next, nil, &docs); err != nil {
			return false, err
		}
		for i, doc := range docs {
			if err := hand(doc); err != nil {
				return false, err
			}
			if n++; n == limit {
				return next != "" || i < len(docs)-1, nil
			}
		}
	}
	return false, nil
}

// sure asks before something that cannot be taken back, unless yes was given.
func sure(cmd *cobra.Command, yes bool, what string) error {
	if yes {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s This cannot be taken back. Go on? [y/N] ", what)
	answered := make(chan string, 1)
	go func() { // a read of a terminal ends with a line alone; who interrupts writes none
		line, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // what could not be read is no yes
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answered:
		if answer == "y" || answer == "yes" {
			return nil
		}
		return errors.New("nothing was done: answer y, or give --yes")
	case <-cmd.Context().Done():
		return errors.New("nothing was done")
	}
}

// several does something for each of some ids, tells what failed, and goes on. A failure that the next one would have as
// well ends it.
func several(cmd *cobra.Command, ids []string, do func(id string) error) error {
	failed := 0
	for _, id := range ids {
		err := do(id)
		var r *refusal
		if errors.As(err, &r) && (r.status == 400 || r.status == 404 || r.status == 409) && len(ids) > 1 {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", plain(id), plain(r.reason))
			failed++
			continue
		}
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return errParts
	}
	return nil
}

func shortMoment(t time.Time) string { return momentText(&t) }
