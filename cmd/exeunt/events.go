package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/wire"
)

func eventsCommand() *cobra.Command {
	f := &adminFlags{}
	return group(f, "events", "See what happened", tailEventsCommand(f))
}

// tailFlags are which events are wanted.
type tailFlags struct {
	kind, session, identity string
	last                    int
	follow                  bool
}

func tailEventsCommand(f *adminFlags) *cobra.Command {
	var o tailFlags
	cmd := &cobra.Command{
		Use: "tail", Short: "Show the last events, and with -f those to come", Args: cobra.NoArgs,
		Long: "Shows the last events, the oldest of them first. With --kind, --session or --identity the log\n" +
			"is read from its beginning for that, unless -n is 0.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.last < 0 {
				return errors.New("-n: write how many events, or 0")
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			t := &tail{client: c, tailFlags: o, p: f.printer(cmd.OutOrStdout()), notes: cmd.ErrOrStderr()}
			return t.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with what happens from now on, until interrupted")
	cmd.Flags().IntVarP(&o.last, "last", "n", 20, "how many events that have happened")
	cmd.Flags().StringVar(&o.kind, "kind", "", "kind of the events, as session_ended")
	cmd.Flags().StringVar(&o.session, "session", "", "id of the session they are about")
	cmd.Flags().StringVar(&o.identity, "identity", "", "id of the identity they are about")
	return cmd
}

// tail shows events.
type tail struct {
	tailFlags
	client *adminClient
	p      *printer
	notes  io.Writer
	seen   string // the token of the place up to which events were read
}

func (t *tail) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"kind": t.kind, "session_id": t.session, "identity_id": t.identity} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func (t *tail) run(ctx context.Context) error {
	if t.last > 0 {
		all, err := t.latest(ctx)
		if err != nil {
			return err
		}
		for _, doc := range all {
			if err := t.show(doc); err != nil {
				return err
			}
		}
	}
	if !t.follow {
		return nil
	}
	return t.followAll(ctx)
}

const eventPage = 1000

// latest reads the log to its end, with a filter from its beginning, and keeps the last events.
func (t *tail) latest(ctx context.Context) (all []json.RawMessage, err error) {
	q := t.query()
	if len(q) == 0 { // those that a filter chooses may be anywhere
		q.Set("last", strconv.Itoa(t.last))
	}
	q.Set("page_size", strconv.Itoa(eventPage))
	show, read := &progress{to: t.notes, total: map[string]int{}}, 0
	for path := "/admin/events?" + q.Encode(); ; {
		var docs []json.RawMessage
		next, err := t.client.page(ctx, http.MethodGet, path, nil, &docs)
		if err != nil {
			return nil, err
		}
		all = append(all, docs...)
		all = all[max(len(all)-t.last, 0):]
		t.seen = tokenOf(next)
		if len(docs) == 0 || next == "" {
			show.end()
			return all, nil
		}
		if read += len(docs); read > eventPage {
			show.update("events", read)
		}
		path = next
	}
}

func tokenOf(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return ""
	}
	return u.Query().Get("page_token")
}

// errShow means that an event could not be shown: to ask again would not help.
var errShow = errors.New("showing an event")

func (t *tail) show(doc json.RawMessage) error {
	if err := t.write(doc); err != nil {
		return fmt.Errorf("%w: %w", errShow, err)
	}
	return nil
}

// write writes one event, at once.
func (t *tail) write(doc json.RawMessage) error {
	if t.p.json {
		return t.p.document(doc)
	}
	var e wire.Event
	if err := json.Unmarshal(doc, &e); err != nil {
		return err
	}
	line := e.At.Local().Format(time.DateTime) + "  " + e.Kind
	for _, part := range [][2]string{{"reason", e.Reason}, {"by", e.Actor}, {"session", e.SessionID}, {"identity", e.IdentityID}} {
		if part[1] != "" {
			line += "  " + part[0] + " " + part[1]
		}
	}
	_, err := fmt.Fprintln(t.p.out, plain(line))
	return err
}

const reconnect = time.Second

// followAll follows until ctx ends. A connection that is lost is made again, and nothing is missed or told twice.
func (t *tail) followAll(ctx context.Context) error {
	for first := true; ; first = false {
		err := t.stream(ctx)
		var r *refusal
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errShow), errors.As(err, &r) && r.status < 500 && r.status != http.StatusTooManyRequests, err != nil && first && t.seen == "":
			return err
		case err != nil:
			fmt.Fprintln(t.notes, "note:", plain(err.Error())+"; trying again")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reconnect):
		}
	}
}

// stream reads server-sent events of one connection (HTML Standard, section 9.2).
func (t *tail) stream(ctx context.Context) error {
	h := http.Header{"Accept": {"text/event-stream"}}
	if t.seen != "" {
		h.Set("Last-Event-ID", t.seen)
	}
	endless := *t.client.client
	endless.Timeout = 0
	resp, err := t.client.ask(ctx, &endless, http.MethodGet, "/admin/events?"+t.query().Encode(), nil, h)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	id, data := "", ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimPrefix(value, " "); {
		case field == "id" && lines.Text() != "":
			id = value
		case field == "data":
			data += value
		case lines.Text() == "":
			if data != "" {
				if err := t.show(json.RawMessage(data)); err != nil {
					return err
				}
			}
			if id != "" {
				t.seen = id
			}
			data = ""
		}
	}
	return lines.Err()
}
