package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"exeunt/internal/wire"
)

func identitiesCommand() *cobra.Command {
	f := &adminFlags{}
	return group(f, "identities", "List, read, create, import, disable and delete identities", listIdentitiesCommand(f), getIdentityCommand(f), createIdentityCommand(f),
		importIdentitiesCommand(f), disableIdentitiesCommand(f), deleteIdentitiesCommand(f))
}

func listIdentitiesCommand(f *adminFlags) *cobra.Command {
	var identifier, prefix string
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List identities", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if identifier != "" {
				query.Set("credentials_identifier", identifier)
			}
			if prefix != "" {
				query.Set("preview_credentials_identifier_similar", prefix)
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			p := f.printer(cmd.OutOrStdout(), "ID", "STATE", "SCHEMA", "NAME", "CREATED")
			more, err := c.each(cmd.Context(), "/admin/identities", query, limit, func(doc json.RawMessage) error {
				return p.row(doc, func() ([]string, error) {
					var i wire.Identity
					err := json.Unmarshal(doc, &i)
					return []string{i.ID, i.State, i.SchemaID, brief(nameOf(&i), 60), shortMoment(i.CreatedAt)}, err
				})
			})
			return ended(cmd, p, more, err)
		},
	}
	cmd.Flags().StringVar(&identifier, "identifier", "", "what the person signs in with, as an e-mail address")
	cmd.Flags().StringVar(&prefix, "prefix", "", "how that begins")
	limitFlag(cmd, &limit)
	return cmd
}

// nameOf is what people know an identity by: an address, or any other short text of its traits.
func nameOf(i *wire.Identity) string {
	var traits map[string]any
	_ = json.Unmarshal(i.Traits, &traits) // traits of another shape name nobody
	for _, key := range []string{"email", "username", "phone", "name"} {
		if text, ok := traits[key].(string); ok {
			return text
		}
	}
	if len(i.Verifiable) > 0 {
		return i.Verifiable[0].Value
	}
	return ""
}

func getIdentityCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "get ID|IDENTIFIER", Short: "Print an identity as JSON, by its id or by what the person signs in with", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			doc, err := findIdentity(cmd, c, args[0])
			if err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), doc)
		},
	}
}

func findIdentity(cmd *cobra.Command, c *adminClient, name string) (doc json.RawMessage, err error) {
	if uuid.Validate(name) == nil {
		return doc, c.call(cmd.Context(), http.MethodGet, "/admin/identities/"+url.PathEscape(name), nil, &doc)
	}
	var found []json.RawMessage
	err = c.call(cmd.Context(), http.MethodGet, "/admin/identities?credentials_identifier="+url.QueryEscape(name), nil, &found)
	if err == nil && len(found) != 1 {
		return nil, fmt.Errorf("%d identities sign in with %s", len(found), plain(name))
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// show prints a document: in one line for programs, indented for people.
func (f *adminFlags) show(out io.Writer, doc json.RawMessage) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if !f.json {
		e.SetIndent("", "  ")
	}
	return e.Encode(doc)
}

func createIdentityCommand(f *adminFlags) *cobra.Command {
	var schema, traits string
	cmd := &cobra.Command{
		Use: "create [FILE]", Short: "Create an identity", Args: cobra.MaximumNArgs(1),
		Long: "Creates an identity from a JSON document as the admin API takes it, in a file or, as -, on standard input; or from --traits. A\n" +
			"password belongs into a document: on the command line everybody on the machine could read it.",
		Example: "  exeunt identities create --traits '{\"email\":\"ada@example.org\"}'\n  exeunt identities create person.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := newIdentity(cmd, args, schema, traits)
			if err != nil {
				return err
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			var doc json.RawMessage
			if err := c.call(cmd.Context(), http.MethodPost, "/admin/identities", body, &doc); err != nil {
				return err
			}
			return f.show(cmd.OutOrStdout(), doc)
		},
	}
	cmd.Flags().StringVar(&schema, "schema", "", "id of the schema, with --traits; the default one without it")
	cmd.Flags().StringVar(&traits, "traits", "", "the traits as JSON")
	return cmd
}

func newIdentity(cmd *cobra.Command, args []string, schema, traits string) (json.RawMessage, error) {
	switch {
	case (len(args) == 0) == (traits == ""):
		return nil, errors.New("say who it is: a file with a JSON document, or --traits")
	case traits != "":
		if !json.Valid([]byte(traits)) {
			return nil, errors.New(`--traits: this is no JSON; it looks like {"email": "ada@example.org"}`)
		}
		body := map[string]any{"traits": json.RawMessage(traits)}
		if schema != "" {
			body["schema_id"] = schema
		}
		return json.Marshal(body)
	case schema != "":
		return nil, errors.New("--schema goes with --traits; a document has its schema_id itself")
	}
	in, err := openInput(cmd, args[0])
	if err != nil {
		return nil, err
	}
	defer in.Close()
	doc, err := io.ReadAll(io.LimitReader(in, maxImportLine+1))
	switch {
	case err != nil:
		return nil, err
	case len(doc) > maxImportLine:
		return nil, errTooLongLine
	case !json.Valid(doc):
		return nil, errors.New("the document is no JSON") // what is in it is not shown: it may be a password
	}
	return doc, nil
}

// openInput opens a file that a command names, or standard input for -.
func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	return os.Open(name)
}

func disableIdentitiesCommand(f *adminFlags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "disable ID…", Short: "Disable identities, and with them their sessions", Args: cobra.MinimumNArgs(1),
		Long: "Sets the state of identities to inactive: nobody signs in as them, and their sessions end. More than one is asked for first,\nunless --yes is given.",
		RunE: func(cmd *cobra.Command, args []string) error {
			ask := ""
			if len(args) > 1 {
				ask = fmt.Sprintf("%d identities will be disabled, and their sessions end.", len(args))
			}
			return changeIdentities(cmd, f, args, ask, yes, func(c *adminClient, id string) error {
				patch := []map[string]string{{"op": "replace", "path": "/state", "value": "inactive"}}
				return c.call(cmd.Context(), http.MethodPatch, "/admin/identities/"+url.PathEscape(id), patch, nil)
			}, "disabled")
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func deleteIdentitiesCommand(f *adminFlags) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete ID…", Short: "Delete identities, with all that belongs to them", Args: cobra.MinimumNArgs(1),
		Long: "Deletes identities, their credentials and sessions. It asks first, unless --yes is given.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeIdentities(cmd, f, args, fmt.Sprintf("%d identities will be deleted, with their credentials and sessions.", len(args)), yes, func(c *adminClient, id string) error {
				return c.call(cmd.Context(), http.MethodDelete, "/admin/identities/"+url.PathEscape(id), nil, nil)
			}, "deleted")
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// changeIdentities does something to each identity, after asking.
func changeIdentities(cmd *cobra.Command, f *adminFlags, ids []string, ask string, yes bool, do func(*adminClient, string) error, done string) error {
	if i := slices.IndexFunc(ids, func(id string) bool { return uuid.Validate(id) != nil }); i >= 0 {
		return fmt.Errorf("%q is no id of an identity; `exeunt identities get` finds it", ids[i])
	}
	c, err := f.client()
	if err != nil {
		return err
	}
	if ask != "" {
		if err := sure(cmd, yes, ask); err != nil {
			return err
		}
	}
	p := f.printer(cmd.OutOrStdout())
	err = several(cmd, ids, func(id string) error {
		if err := do(c, id); err != nil {
			return err
		}
		if f.json {
			return p.document(map[string]string{"id": strings.ToLower(id), "state": done})
		}
		p.say("%s is %s.", id, done)
		return nil
	})
	return errors.Join(p.end(), err)
}
