package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"exeunt/internal/config"
	"exeunt/internal/identity"
	"exeunt/internal/kratos"
	"exeunt/internal/method/otp"
	"exeunt/internal/method/password"
	"exeunt/internal/store"
	"exeunt/internal/vault"
)

func importCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "import", Short: "Take over from another server"}
	cmd.AddCommand(importKratosCommand())
	return cmd
}

// importFlags are what the operator asks for.
type importFlags struct {
	from, file string
	files      []string
	dry, json  bool
	kratos.Options
}

func importKratosCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: "kratos", Short: "Take over identities and live sessions from a Kratos database", Args: cobra.NoArgs,
		Long: "Reads the database of a Kratos (PostgreSQL, or a SQLite file) and stores its identities, with their credentials and addresses,\n" +
			"and its live sessions, so that whoever is signed in there is signed in here. Nothing is ever written to that database, and\n" +
			"Kratos may go on serving. It may be stopped at any moment and run again, as often as you like: what is there is passed over,\n" +
			"what has changed in Kratos is brought up to date, what was revoked there is ended here, and what has ended or changed\n" +
			"here stays as it is. See docs/kratos.md.\n\n" +
			"Rows that cannot be taken over are told, each with its table, id and the reason; the rest is imported. The exit status is\n" +
			"0 when everything was taken over, 3 when rows were told, and 1 when the import could not go on.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return importKratos(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fileFlag(cmd, &f.files)
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "address of the Kratos database; without it, the dsn of --kratos-config")
	flags.StringVar(&f.file, "kratos-config", "", "configuration file of that Kratos: tells what of exeunt's own does not fit it")
	flags.BoolVar(&f.dry, "dry-run", false, "read and judge everything, and write nothing anywhere")
	flags.BoolVar(&f.json, "json", false, "tell rows and the summary as JSON lines")
	flags.StringVar(&f.Network, "network", "", "id of the network to take over, where the database holds several")
	flags.StringVar(&f.UnknownSchema, "accept-unknown-schema", "", "version of a Kratos schema to read although it is newer than what is known")
	return cmd
}

// errRows means that everything was done that could be, and that rows were told.
var errRows = errors.New("rows were left out, or not taken over whole; they are listed above")

func importKratos(ctx context.Context, f importFlags, stdout, stderr io.Writer) error {
	l, err := load(f.files, false)
	if err != nil {
		return err
	}
	c := l.Config
	if f.file != "" {
		other, err := config.ReadKratos(f.file)
		if err != nil {
			return err
		}
		if f.from == "" {
			f.from = other.DSN
		}
		for _, note := range misfits(c, other) {
			fmt.Fprintln(stderr, "note:", note)
		}
	}
	if f.from == "" {
		return errors.New("say with --from where the Kratos database is, or with --kratos-config which file names it as dsn")
	}
	if kratos.Is(ctx, dsn(c)) {
		return errors.New("the dsn of exeunt's configuration leads to a Kratos database: exeunt needs one of its own. Set another dsn")
	}
	source, err := kratos.Open(ctx, f.from, f.Options)
	if err != nil {
		return err
	}
	defer source.Close()
	m := &kratos.Import{Source: source}
	if m.Translator, err = translator(ctx, c); err != nil {
		return err
	}
	if !f.dry {
		s, err := store.Open(ctx, dsn(c), store.Options{})
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Migrate(ctx); err != nil {
			return err
		}
		m.Target = s
	}
	return runImport(ctx, m, f, stdout, stderr)
}

// misfits says what of our configuration keeps the cookies or the people of a Kratos from being known.
func misfits(c *config.Config, other *config.Kratos) (all []string) {
	known := c.Secrets.Cookie
	if len(known) == 0 {
		known = c.Secrets.Default
	}
	if len(other.CookieSecrets) == 0 {
		all = append(all, "the Kratos file has neither secrets.cookie nor secrets.default: unless they are set in its environment, its cookies die with its process and cannot be taken over")
	}
	for i, secret := range other.CookieSecrets {
		if !slices.Contains(known, secret) {
			all = append(all, fmt.Sprintf("secret %d of the Kratos file is not in exeunt's secrets.cookie: cookies that were sealed with it will not be known. Add it at the end of the list", i+1))
		}
	}
	if name := other.CookieName; name != c.Session.Cookie.Name && !slices.Contains(c.Session.Cookie.PreviousNames, name) {
		all = append(all, fmt.Sprintf("Kratos calls its session cookie %s: set session.cookie.name to that, or add it to session.cookie.previous_names", name))
	}
	for _, id := range other.Schemas {
		if !slices.ContainsFunc(c.Identity.Schemas, func(s config.Schema) bool { return s.ID == id }) && (len(c.Identity.Schemas) > 0 || id != "default") {
			all = append(all, fmt.Sprintf("the identity schema %q of the Kratos file is not among exeunt's identity.schemas: its people cannot be taken over", id))
		}
	}
	return all
}

func translator(ctx context.Context, c *config.Config) (*kratos.Translator, error) {
	schemas, err := loadSchemas(ctx, c)
	if err != nil {
		return nil, err
	}
	signing, err := secrets(c)
	if err != nil {
		return nil, err
	}
	closed := newVault(c, signing)
	return &kratos.Translator{
		Schemas: schemas, CheckHash: password.CheckImported, SecondFactor: secondFactor(closed),
		Idle: sessionRules(c.Session).Unused(), Remember: c.Session.RememberMe > 0,
	}, nil
}

func secondFactor(v *vault.Vault) func(identity.CredentialType, identity.ID, []byte) ([]byte, []kratos.UsedCode, error) {
	return func(t identity.CredentialType, id identity.ID, config []byte) (made []byte, codes []kratos.UsedCode, err error) {
		made, used, err := otp.TakeOver(v, t, id, config)
		for _, u := range used {
			codes = append(codes, kratos.UsedCode(u))
		}
		return made, codes, err
	}
}

// elsewhere opens the cookies of a Kratos with the secrets that it has, too.
func elsewhere(c *config.Config) *kratos.Cookies {
	if generated(c) {
		return nil
	}
	list := c.Secrets.Cookie
	if len(list) == 0 {
		list = c.Secrets.Default
	}
	return kratos.NewCookies(keys(list))
}

func runImport(ctx context.Context, m *kratos.Import, f importFlags, stdout, stderr io.Writer) error {
	identities, sessions, err := m.Source.Count(ctx)
	if err != nil {
		return err
	}
	show := &progress{to: stderr, total: map[string]int{"identities": identities, "sessions": sessions}}
	out := json.NewEncoder(stdout)
	m.Progress = show.update
	m.Problem = func(p kratos.Problem) {
		if f.json {
			_ = out.Encode(p) // whoever reads it is gone
			return
		}
		fmt.Fprintf(stdout, "%s\t%s\t%s\n", p.Table, p.ID, p.Reason)
	}
	sum, err := m.Run(ctx)
	show.end()
	if err != nil {
		return fmt.Errorf("%w. What is stored so far stays; run the import again to go on", err)
	}
	if f.json {
		err = out.Encode(struct {
			kratos.Summary
			DryRun bool `json:"dry_run"`
		}{sum, f.dry})
	} else {
		err = summarize(stdout, sum, f.dry)
	}
	if err == nil && sum.Problems > 0 {
		err = errRows
	}
	return err
}

func summarize(w io.Writer, sum kratos.Summary, dry bool) error {
	if dry {
		_, err := fmt.Fprintf(w, "Dry run, nothing was written.\nidentities  %d read, %d can be taken over, %d cannot\nsessions    %d read, %d can be taken over, %d cannot, %d have expired\nrows told   %d\n",
			sum.Identities.Read, sum.Identities.Added, sum.Identities.Refused, sum.Sessions.Read, sum.Sessions.Added, sum.Sessions.Refused, sum.Sessions.Skipped, sum.Problems)
		return err
	}
	_, err := fmt.Fprintf(w, "identities  %s\nsessions    %s, %d have ended, %d ended now\nrows told   %d\n",
		counted(sum.Identities), counted(sum.Sessions), sum.Sessions.Skipped, sum.Sessions.Ended, sum.Problems)
	return err
}

func counted(c kratos.Counts) string {
	return fmt.Sprintf("%d read: %d new, %d updated, %d as before, %d left out", c.Read, c.Added, c.Updated, c.Unchanged, c.Refused)
}

// progress shows how far a long piece of work has come, every second at most.
type progress struct {
	to    io.Writer
	total map[string]int
	what  string
	last  time.Time
}

func (p *progress) update(what string, done int) {
	if now := time.Now(); what != p.what || now.Sub(p.last) >= time.Second || done == p.total[what] {
		fmt.Fprintf(p.to, "\r%-12s %d of %d  ", what, done, max(p.total[what], done))
		p.last, p.what = now, what
	}
}

func (p *progress) end() {
	if p.what != "" {
		fmt.Fprintln(p.to)
	}
}
