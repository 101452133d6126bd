package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"exeunt/internal/wire"
)

func sessionsCommand() *cobra.Command {
	f := &adminFlags{}
	return group(f, "sessions", "List, show, extend and end sessions", listSessionsCommand(f), showSessionCommand(f), revokeSessionsCommand(f), extendSessionsCommand(f))
}

func listSessionsCommand(f *adminFlags) *cobra.Command {
	var identity, active string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List sessions, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, query := "/admin/sessions", url.Values{"expand": {"identity", "devices"}}
			if identity != "" {
				path = "/admin/identities/" + url.PathEscape(identity) + "/sessions"
				query = url.Values{}
			}
			if active != "" {
				if _, err := strconv.ParseBool(active); err != nil {
					return errors.New("--active: write true for live sessions, false for those that are over, or nothing for both")
				}
				query.Set("active", active)
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			p := f.printer(cmd.OutOrStdout(), "ID", "STATE", "IDENTITY", "AAL", "AUTHENTICATED", "EXPIRES", "ADDRESS", "BROWSER")
			more, err := c.each(cmd.Context(), path, query, limit, func(doc json.RawMessage) error {
				return p.row(doc, func() ([]string, error) { return sessionColumns(doc) })
			})
			return ended(cmd, p, more, err)
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "id of the identity whose sessions to list")
	cmd.Flags().StringVar(&active, "active", "", "true for live sessions alone, false for those that are over")
	limitFlag(cmd, &limit)
	return cmd
}

func limitFlag(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", 100, "how many at most; 0 for all")
}

// ended ends a list, and says when there is more.
func ended(cmd *cobra.Command, p *printer, more bool, err error) error {
	if err := errors.Join(p.end(), err); err != nil {
		return err
	}
	if more {
		fmt.Fprintln(cmd.ErrOrStderr(), "There are more; --limit 0 lists all.")
	}
	return nil
}

func sessionColumns(doc json.RawMessage) ([]string, error) {
	var s wire.Session
	if err := json.Unmarshal(doc, &s); err != nil {
		return nil, err
	}
	who, address, browser := "", "", ""
	if s.Identity != nil {
		who = brief(nameOf(s.Identity), 32)
	}
	if n := len(s.Devices); n > 0 {
		address, browser = s.Devices[n-1].IP, brief(s.Devices[n-1].UserAgent, 40)
	}
	return []string{s.ID, sessionState(s), who, s.AAL, shortMoment(s.AuthenticatedAt), shortMoment(s.ExpiresAt), address, browser}, nil
}

func sessionState(s wire.Session) string {
	switch {
	case s.Active:
		return "active"
	case s.EndReason != "":
		return s.EndReason
	case s.EndedAt != nil:
		return "ended"
	}
	return "over" // expired, or its identity is disabled
}

func showSessionCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a session, and how it ended", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			var doc json.RawMessage
			if err := c.call(cmd.Context(), http.MethodGet, "/admin/sessions/"+url.PathEscape(args[0])+"?expand=identity&expand=devices", nil, &doc); err != nil {
				return err
			}
			p := f.printer(cmd.OutOrStdout())
			if f.json {
				return p.document(doc)
			}
			var s wire.Session
			if err := json.Unmarshal(doc, &s); err != nil {
				return err
			}
			describeSession(p, s)
			return p.end()
		},
	}
}

func describeSession(p *printer, s wire.Session) {
	p.say("session\t%s\nstate\t%s\nlevel\t%s", plain(s.ID), plain(sessionState(s)), plain(s.AAL))
	if s.Identity != nil {
		p.say("identity\t%s %s, %s", plain(s.Identity.ID), brief(nameOf(s.Identity), 80), plain(s.Identity.State))
	}
	p.say("issued\t%s\nauthenticated\t%s\nexpires\t%s\nlast seen\t%s", shortMoment(s.IssuedAt), shortMoment(s.AuthenticatedAt), shortMoment(s.ExpiresAt), momentText(s.LastSeenAt))
	if s.EndedAt != nil {
		p.say("ended\t%s by %s: %s", momentText(s.EndedAt), brief(s.EndedBy, 80), plain(s.EndReason))
	}
	for _, m := range s.Methods {
		p.say("method\t%s (%s) at %s", plain(m.Method), plain(m.AAL), shortMoment(m.CompletedAt))
	}
	for _, d := range s.Devices {
		p.say("device\t%s %s", plain(d.IP), brief(d.UserAgent, 120))
	}
}

func revokeSessionsCommand(f *adminFlags) *cobra.Command {
	var identities []string
	var all, yes bool
	cmd := &cobra.Command{
		Use: "revoke ID…", Short: "End sessions for good, on all nodes at once",
		Long: "Ends the sessions that are named, all of --identity, or --all there are. More than one is asked for first, unless --yes is given.",
		RunE: func(cmd *cobra.Command, args []string) error {
			what, err := revoked(args, identities, all)
			if err != nil {
				return err
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			p := f.printer(cmd.OutOrStdout())
			if what == "" {
				return revokeOne(cmd.Context(), c, p, args[0])
			}
			if err := sure(cmd, yes, what); err != nil {
				return err
			}
			return revokeMany(cmd, c, p, args, identities, all)
		},
	}
	cmd.Flags().StringSliceVar(&identities, "identity", nil, "id of an identity whose sessions are to end; may be repeated")
	cmd.Flags().BoolVar(&all, "all", false, "end every session there is: everybody signs in again")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// revoked says what is about to end, or "" for a single session.
func revoked(ids, identities []string, all bool) (string, error) {
	kinds := 0
	for _, named := range []bool{len(ids) > 0, len(identities) > 0, all} {
		if named {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return "", errors.New("say which sessions are to end: their ids, or --identity, or --all, and only one of these")
	case slices.Contains(identities, "*"):
		return "", errors.New("--identity: * is no id; for all sessions there is --all")
	case all:
		return "All sessions of everybody will end.", nil
	case len(identities) > 0:
		return fmt.Sprintf("All sessions of %d identities will end.", len(identities)), nil
	case len(ids) > 1:
		return fmt.Sprintf("%d sessions will end.", len(ids)), nil
	}
	return "", nil
}

func revokeOne(ctx context.Context, c *adminClient, p *printer, id string) error {
	if err := c.call(ctx, http.MethodDelete, "/admin/sessions/"+url.PathEscape(id), nil, nil); err != nil {
		return err
	}
	if p.json {
		return p.document(map[string]string{"id": id, "state": "ended"})
	}
	p.say("The session has ended.")
	return p.end()
}

// endSessions is a bulk request of the admin API.
type endSessions struct {
	Action     string   `json:"action"`
	Identities []string `json:"identities,omitempty"`
	Sessions   []string `json:"sessions,omitempty"`
}

const bulkIDs = 500 // that fit into one request

func revokeMany(cmd *cobra.Command, c *adminClient, p *printer, ids, identities []string, all bool) error {
	var requests []endSessions
	for chunk := range slices.Chunk(ids, bulkIDs) {
		requests = append(requests, endSessions{Action: "disable", Sessions: chunk})
	}
	for chunk := range slices.Chunk(identities, bulkIDs) {
		requests = append(requests, endSessions{Action: "disable", Identities: chunk})
	}
	if all {
		requests = append(requests, endSessions{Action: "disable", Identities: []string{"*"}})
	}
	show := &progress{to: cmd.ErrOrStderr(), total: map[string]int{}}
	count := 0
	for _, request := range requests {
		for more := true; more; {
			var done wire.Processed
			if err := c.call(cmd.Context(), http.MethodPost, "/admin/sessions", request, &done); err != nil {
				show.end()
				return fmt.Errorf("%w. Of the sessions, %d have ended", err, count)
			}
			count, more = count+done.Processed, done.More
			if more {
				show.update("ended", count)
			}
		}
	}
	show.end()
	if p.json {
		return p.document(map[string]int{"ended": count})
	}
	p.say("%d sessions have ended.", count)
	return p.end()
}

func extendSessionsCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "extend ID…", Short: "Give sessions a full lifespan from now", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			p := f.printer(cmd.OutOrStdout())
			err = several(cmd, args, func(id string) error { return extendOne(cmd.Context(), c, p, id) })
			return errors.Join(p.end(), err)
		},
	}
}

func extendOne(ctx context.Context, c *adminClient, p *printer, id string) error {
	path := "/admin/sessions/" + url.PathEscape(id)
	if err := c.call(ctx, http.MethodPatch, path+"/extend", nil, nil); err != nil {
		return err
	}
	var doc json.RawMessage
	if err := c.call(ctx, http.MethodGet, path, nil, &doc); err != nil {
		return err
	}
	if p.json {
		return p.document(doc)
	}
	var s wire.Session
	if err := json.Unmarshal(doc, &s); err != nil {
		return err
	}
	p.say("%s expires at %s.", plain(s.ID), shortMoment(s.ExpiresAt))
	return nil
}
