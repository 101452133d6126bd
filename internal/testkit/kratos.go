package testkit

import (
	"context"
	"crypto/md5"
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// KratosDB is a database with the tables of a Kratos, as far as they are read, and one network.
type KratosDB struct {
	DSN     string
	Network string

	t  testing.TB
	db *sql.DB
}

// KratosTypes are the ids of credential types, which are the same in every installation.
var KratosTypes = map[string]string{
	"password": "78c1b41d-8341-4507-aa60-aff1d4369670", "oidc": "6fa5e2e0-bfce-4631-b62b-cf2b0252b289", "totp": "5e29b036-aa47-457f-9fe6-aa8b854a752b",
	"lookup_secret": "567a0730-7f48-4dd7-a13d-df87a51c245f", "webauthn": "6b213fa0-e6ad-46cb-8878-b088d2ce2e3c", "code": "14f3b7e2-8725-4068-be39-8a796485fd97",
	"passkey": "8d0ca544-9bf6-45d3-bd75-0bbb3aeba3c7", "saml": "7bddcf6c-f50e-4a18-9b0f-429114c33419", "deviceauthn": "26433aa2-c33a-4870-85dc-230af354e0bf",
}

// kratosTables are the tables, with PostgreSQL's types; SQLite declares others and keeps texts.
const kratosTables = `
CREATE TABLE schema_migration (version varchar(48) NOT NULL UNIQUE, version_self int NOT NULL DEFAULT 0);
CREATE TABLE networks (id uuid PRIMARY KEY, created_at timestamp NOT NULL, updated_at timestamp NOT NULL);
CREATE TABLE identities (id uuid PRIMARY KEY, schema_id varchar(2048) NOT NULL, traits jsonb NOT NULL, created_at timestamp NOT NULL, updated_at timestamp NOT NULL,
  nid uuid, state varchar(255) NOT NULL DEFAULT 'active', state_changed_at timestamp, metadata_public jsonb, metadata_admin jsonb, available_aal varchar(4),
  organization_id uuid, external_id varchar(64));
CREATE INDEX identities_nid ON identities (nid, id);
CREATE TABLE identity_credential_types (id uuid PRIMARY KEY, name varchar(32) NOT NULL);
CREATE TABLE identity_credentials (id uuid PRIMARY KEY, config jsonb NOT NULL, identity_credential_type_id uuid NOT NULL, identity_id uuid NOT NULL,
  created_at timestamp NOT NULL, updated_at timestamp NOT NULL, nid uuid, version integer NOT NULL DEFAULT 0);
CREATE INDEX identity_credentials_identity ON identity_credentials (identity_id);
CREATE TABLE identity_credential_identifiers (id uuid PRIMARY KEY, identifier varchar(255) NOT NULL, identity_credential_id uuid NOT NULL,
  created_at timestamp NOT NULL, updated_at timestamp NOT NULL, nid uuid, identity_credential_type_id uuid NOT NULL, identity_id uuid);
CREATE INDEX identity_credential_identifiers_credential ON identity_credential_identifiers (identity_credential_id);
CREATE TABLE identity_verifiable_addresses (id uuid PRIMARY KEY, status varchar(16) NOT NULL, via varchar(16) NOT NULL, verified boolean NOT NULL,
  value varchar(400) NOT NULL, verified_at timestamp, identity_id uuid NOT NULL, created_at timestamp NOT NULL, updated_at timestamp NOT NULL, nid uuid);
CREATE INDEX identity_verifiable_addresses_identity ON identity_verifiable_addresses (identity_id);
CREATE TABLE identity_recovery_addresses (id uuid PRIMARY KEY, via varchar(16) NOT NULL, value varchar(400) NOT NULL, identity_id uuid NOT NULL,
  created_at timestamp NOT NULL, updated_at timestamp NOT NULL, nid uuid, break_glass_for_organization uuid);
CREATE INDEX identity_recovery_addresses_identity ON identity_recovery_addresses (identity_id);
CREATE TABLE sessions (id uuid PRIMARY KEY, issued_at timestamp NOT NULL, expires_at timestamp NOT NULL, authenticated_at timestamp NOT NULL,
  identity_id uuid NOT NULL, created_at timestamp NOT NULL, updated_at timestamp NOT NULL, token varchar(39) UNIQUE, active boolean DEFAULT false,
  nid uuid, logout_token varchar(39) UNIQUE, aal varchar(4) NOT NULL DEFAULT 'aal1', authentication_methods jsonb);
CREATE TABLE session_devices (id uuid PRIMARY KEY, ip_address varchar(50), user_agent varchar(512), location varchar(512), nid uuid NOT NULL,
  session_id uuid NOT NULL, created_at timestamp NOT NULL, updated_at timestamp NOT NULL, identity_id uuid);
CREATE INDEX session_devices_session ON session_devices (session_id);
CREATE TABLE continuity_containers (id uuid PRIMARY KEY, payload jsonb);`

var liteTypes = strings.NewReplacer(" uuid", " char(36)", " timestamp", " DATETIME", " boolean DEFAULT false", " NUMERIC DEFAULT 'false'", " boolean", " bool", " jsonb", " JSONB")

// Kratos makes the database of a Kratos on an engine, at the newest schema that is known.
func Kratos(t testing.TB, engine string) *KratosDB {
	t.Helper()
	k := &KratosDB{t: t, Network: uuid.NewString()}
	ddl, driver, address := kratosTables, "pgx", ""
	if engine == SQLite {
		path := filepath.Join(t.TempDir(), "kratos.sqlite")
		k.DSN, ddl, driver, address = "sqlite://"+path+"?_fk=true", liteTypes.Replace(kratosTables), "sqlite", "file:"+path+"?_pragma=synchronous(0)"
	} else {
		k.DSN = Postgres(t)
		address = k.DSN
	}
	var err error
	if k.db, err = sql.Open(driver, address); err != nil {
		t.Fatal(err)
	}
	k.db.SetMaxOpenConns(1)
	t.Cleanup(func() { k.db.Close() })
	for statement := range strings.SplitSeq(strings.Trim(strings.TrimSpace(ddl), ";"), ";") {
		k.Exec(statement)
	}
	k.Exec(`INSERT INTO schema_migration (version) VALUES ('20150100000001000000'), ('20251105000000000004'), ('20260703000000000000')`)
	k.Insert("networks", "id, created_at, updated_at", []any{k.Network, Stamp(Now), Stamp(Now)})
	for name, id := range KratosTypes {
		k.Insert("identity_credential_types", "id, name", []any{id, name})
	}
	return k
}

// Exec runs a statement.
func (k *KratosDB) Exec(statement string, args ...any) {
	k.t.Helper()
	if _, err := k.db.ExecContext(context.Background(), statement, args...); err != nil {
		k.t.Fatalf("%s: %v", statement, err)
	}
}

// Insert inserts rows, a few hundred with each statement.
func (k *KratosDB) Insert(table, columns string, rows ...[]any) {
	k.t.Helper()
	width := strings.Count(columns, ",") + 1
	for len(rows) > 0 {
		n := min(len(rows), 400)
		var values []string
		var args []any
		for _, r := range rows[:n] {
			marks := make([]string, width)
			for i := range marks {
				marks[i] = fmt.Sprintf("$%d", len(args)+i+1)
			}
			values, args = append(values, "("+strings.Join(marks, ", ")+")"), append(args, r...)
		}
		k.Exec("INSERT INTO "+table+" ("+columns+") VALUES "+strings.Join(values, ", "), args...)
		rows = rows[n:]
	}
}

// Dump returns everything in the tables, to compare.
func (k *KratosDB) Dump() string {
	k.t.Helper()
	var b strings.Builder
	for _, table := range []string{"schema_migration", "networks", "identities", "identity_credentials", "identity_credential_identifiers",
		"identity_verifiable_addresses", "identity_recovery_addresses", "sessions", "session_devices"} {
		rows, err := k.db.Query("SELECT * FROM " + table + " ORDER BY 1")
		if err != nil {
			k.t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				k.t.Fatal(err)
			}
			for _, v := range values {
				fmt.Fprintf(&b, "%v|", *v.(*any))
			}
			b.WriteByte('\n')
		}
		rows.Close()
	}
	return b.String()
}

// Stamp writes a time as Kratos has it in SQLite, which PostgreSQL reads too.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999999-07:00") }

// KratosPerson is somebody with a password and, mostly, a session.
type KratosPerson struct {
	Identity, Credential, Session string
	Email, Token                  string
}

// KratosOne is the nth person, always the same one for a database.
func (k *KratosDB) KratosOne(n int) KratosPerson {
	id := func(what string) string {
		return uuid.NewSHA1(uuid.MustParse(k.Network), fmt.Append(nil, what, n)).String()
	}
	sum := md5.Sum(fmt.Append(nil, k.Network, n)) // of no importance: it only has to look like a token
	return KratosPerson{id("identity"), id("credential"), id("session"), fmt.Sprintf("p%d@example.org", n), "ory_st_" + hex.EncodeToString(sum[:])}
}

// Fill stores people from one number up to another, each with a password, both addresses, a placeholder and a live session
// with a device.
func (k *KratosDB) Fill(from, to int, hash string, now time.Time) []KratosPerson {
	k.t.Helper()
	var all []KratosPerson
	tables := map[string][][]any{}
	at, soon := Stamp(now.Add(-time.Hour)), Stamp(now.Add(20*time.Hour))
	for n := from; n < to; n++ {
		p := k.KratosOne(n)
		all = append(all, p)
		add := func(table string, row ...any) { tables[table] = append(tables[table], row) }
		add("identities (id, nid, schema_id, traits, state, available_aal, created_at, updated_at)", p.Identity, k.Network, "default", `{"email": "`+p.Email+`"}`, "active", "aal1", at, at)
		add("identity_credentials (id, nid, identity_id, identity_credential_type_id, config, version, created_at, updated_at)", p.Credential, k.Network, p.Identity, KratosTypes["password"], `{"hashed_password": "`+hash+`"}`, 1, at, at)
		add("identity_credential_identifiers (id, nid, identity_credential_id, identity_credential_type_id, identity_id, identifier, created_at, updated_at)", uuid.NewString(), k.Network, p.Credential, KratosTypes["password"], p.Identity, p.Email, at, at)
		add("identity_verifiable_addresses (id, nid, identity_id, via, value, verified, status, verified_at, created_at, updated_at)", uuid.NewString(), k.Network, p.Identity, "email", p.Email, true, "completed", at, at, at)
		add("identity_recovery_addresses (id, nid, identity_id, via, value, created_at, updated_at)", uuid.NewString(), k.Network, p.Identity, "email", p.Email, at, at)
		add("sessions (id, nid, identity_id, token, logout_token, active, issued_at, expires_at, authenticated_at, aal, authentication_methods, created_at, updated_at)",
			p.Session, k.Network, p.Identity, p.Token, "ory_lo_"+p.Token[7:], true, at, soon, at, "aal1", `[{"method": "password", "aal": "aal1", "completed_at": "`+now.Add(-time.Hour).UTC().Format(time.RFC3339Nano)+`"}]`, at, at)
		add("session_devices (id, nid, session_id, identity_id, ip_address, user_agent, location, created_at, updated_at)", uuid.NewString(), k.Network, p.Session, p.Identity, "192.0.2.7:52646", "browser/1", "Ghent, BE", at, at)
	}
	k.Exec("BEGIN")
	for name, rows := range tables {
		table, columns, _ := strings.Cut(name, " (")
		k.Insert(table, strings.TrimSuffix(columns, ")"), rows...)
	}
	k.Exec("COMMIT")
	return all
}
