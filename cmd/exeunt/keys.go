package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/admin"
	"exeunt/internal/wire"
)

// keyholder is where keys are kept: the store itself, or a server that has it.
type keyholder interface {
	list(ctx context.Context) ([]wire.Key, error)
	create(ctx context.Context, k wire.NewKey) (wire.Key, error)
	revoke(ctx context.Context, id string) error
	close() error
}

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "Make, list and revoke keys of the admin API",
		Long: "Keys let back ends call the admin API: Authorization: Bearer ory_pat_… Once there is one, every call needs one, and the admin\n" +
			"API also answers below /admin on the public address.\n\n" +
			"The command works on the database itself. A SQLite database that a server is using cannot be opened beside it: the command\n" +
			"then asks that server, at serve.admin or --endpoint, with the key in EXEUNT_ADMIN_KEY once there is one. Whoever has lost all\n" +
			"keys stops the server and makes one.",
	}
	o := &keyOptions{}
	for _, sub := range []*cobra.Command{createKeyCommand(o), listKeysCommand(o), revokeKeyCommand(o)} {
		fileFlag(sub, &o.files)
		sub.Flags().StringVar(&o.endpoint, "endpoint", "", "address of a running server's admin API, to ask it instead of opening the database")
		sub.Flags().BoolVar(&o.json, "json", false, "print JSON")
		cmd.AddCommand(sub)
	}
	return cmd
}

// keyOptions are the flags of all these commands.
type keyOptions struct {
	files    []string
	endpoint string
	json     bool
}

// with runs do on the keys.
func (o *keyOptions) with(ctx context.Context, do func(keyholder) error) error {
	held, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer held.close()
	return do(held)
}

func createKeyCommand(o *keyOptions) *cobra.Command {
	var scopes []string
	var expires string
	cmd := &cobra.Command{
		Use: "create NAME --scope SCOPE…", Short: "Make a key and show its secret, once", Args: cobra.ExactArgs(1),
		Example: "  exeunt keys create backend --scope sessions:write --expires 2160h\n  export EXEUNT_ADMIN_KEY=$(exeunt keys create operator --scope all)",
		RunE: func(cmd *cobra.Command, args []string) error {
			asked, err := newKey(args[0], scopes, expires, time.Now())
			if err != nil {
				return err
			}
			return o.with(cmd.Context(), func(held keyholder) error {
				made, err := held.create(cmd.Context(), asked)
				if err != nil {
					return err
				}
				return o.tellMade(made, cmd.OutOrStdout(), cmd.ErrOrStderr())
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", nil, "what the key allows: sessions:read, sessions:write, identities:read, identities:write, settings or all; may be repeated")
	cmd.Flags().StringVar(&expires, "expires", "", "when the key ends: a duration from now (720h) or a date (2027-01-31, or with a time as in RFC 3339); never without it")
	_ = cmd.MarkFlagRequired("scope") // it was defined a moment ago
	return cmd
}

// newKey checks what was asked for before anything is opened.
func newKey(name string, scopes []string, expires string, now time.Time) (wire.NewKey, error) {
	if _, err := admin.ParseScopes(scopes); err != nil {
		return wire.NewKey{}, said(err)
	}
	asked := wire.NewKey{Name: name, Scopes: scopes}
	if expires == "" {
		return asked, nil
	}
	at, err := readExpiry(expires, now)
	asked.ExpiresAt = &at
	return asked, err
}

func readExpiry(text string, now time.Time) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.ParseInLocation(time.DateOnly, text, time.Local)
	}
	if err != nil {
		var span time.Duration
		span, err = time.ParseDuration(text)
		at = now.Add(span)
	}
	switch {
	case err != nil:
		return at, fmt.Errorf("--expires: %q is neither a duration nor a date; write one such as 720h, 2027-01-31 or 2027-01-31T18:00:00Z", text)
	case !at.After(now):
		return at, fmt.Errorf("--expires: %q is not in the future", text)
	}
	return at, nil
}

// tellMade prints the secret alone where a script reads, and the rest where a person does.
func (o *keyOptions) tellMade(made wire.Key, out, notes io.Writer) error {
	if o.json {
		return json.NewEncoder(out).Encode(made)
	}
	until := "never expires"
	if made.ExpiresAt != nil {
		until = "expires at " + made.ExpiresAt.Local().Format(time.RFC3339)
	}
	fmt.Fprintf(notes, "The key %s (%s) %s. Its secret is shown this once:\n", made.Name, scopeText(made.Scopes), until)
	_, err := fmt.Fprintln(out, made.Secret)
	return err
}

func scopeText(scopes []admin.Scope) string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

func listKeysCommand(o *keyOptions) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List all keys, without their secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd.Context(), func(held keyholder) error {
				all, err := held.list(cmd.Context())
				if err != nil {
					return err
				}
				if o.json {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
				}
				return tableOfKeys(cmd.OutOrStdout(), all, time.Now())
			})
		},
	}
}

func tableOfKeys(out io.Writer, all []wire.Key, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tSCOPES\tCREATED\tEXPIRES\tLAST USED\tID")
	for _, k := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Name, stateOf(k), scopeText(k.Scopes), momentText(&k.CreatedAt), momentText(k.ExpiresAt), momentText(k.LastUsedAt), k.ID)
	}
	return w.Flush()
}

func stateOf(k wire.Key) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case !k.Active:
		return "expired"
	}
	return "active"
}

func momentText(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func revokeKeyCommand(o *keyOptions) *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME|ID", Short: "End a key for good, on all nodes at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(cmd.Context(), func(held keyholder) error {
				all, err := held.list(cmd.Context())
				if err != nil {
					return err
				}
				k, err := named(all, args[0])
				if err != nil {
					return err
				}
				if err := held.revoke(cmd.Context(), k.ID); err != nil {
					return err
				}
				if o.json {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"id": k.ID, "name": k.Name})
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "The key %s is revoked.\n", k.Name)
				return err
			})
		},
	}
}

// named finds a key by its id, or by its name among those that were not revoked.
func named(all []wire.Key, name string) (wire.Key, error) {
	for _, k := range all {
		if k.ID == name || k.Name == name && k.RevokedAt == nil {
			return k, nil
		}
	}
	return wire.Key{}, fmt.Errorf("there is no key %q; see `exeunt keys list`", name)
}
