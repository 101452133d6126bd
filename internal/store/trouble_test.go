package store

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestTroubleOfTheDatabaseIsToldFromThatOfARequest(t *testing.T) {
	for _, c := range []struct {
		severity, code string
		trouble        bool
	}{
		{"ERROR", "53100", true},  // the disk is full
		{"FATAL", "XX000", true},  // so full that no connection can begin
		{"FATAL", "57P01", true},  // an administrator ends the connection
		{"PANIC", "XX000", true},  // the server goes down
		{"ERROR", "XX000", false}, // a defect, which must not be hidden
		{"ERROR", "23505", false}, // a value is taken
		{"ERROR", "42601", false}, // the statement is wrong
	} {
		err := fmt.Errorf("checking: %w", &pgconn.PgError{Severity: "in any language", SeverityUnlocalized: c.severity, Code: c.code})
		if unreachable(err) != c.trouble {
			t.Errorf("%s %s: trouble of the database is %v, want %v", c.severity, c.code, !c.trouble, c.trouble)
		}
	}
}
