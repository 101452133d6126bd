package exeunt

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport says which of our packages each package may import. A new package starts with its row here.
var mayImport = map[string][]string{
	"internal/fault":           {},
	"internal/config":          {},
	"internal/token":           {"fault"},
	"internal/identity":        {"fault"},
	"internal/session":         {"fault", "identity"},
	"internal/admin":           {"fault", "identity", "session"},
	"internal/event":           {"fault"},
	"internal/courier":         {"fault", "event"},
	"internal/flow":            {"fault", "identity", "session"},
	"internal/vault":           {},
	"internal/turn":            {},
	"internal/tries":           {"fault", "identity", "flow"},
	"internal/method/password": {"fault", "identity", "session", "flow"},
	"internal/method/profile":  {"fault", "identity", "session", "flow"},
	"internal/method/otp":      {"fault", "identity", "session", "flow", "vault"},
	"internal/kratos":          {"identity", "session"},
	"internal/store":           {"fault", "identity", "session", "admin", "flow", "event", "courier", "tries", "turn", "kratos"},
	"internal/wire":            {"fault", "identity", "session", "admin", "flow", "event", "courier"},
	"internal/tracing":         {"fault"},
	"internal/tunnel":          {"wire"},
	"internal/doctor":          {"config", "session"},
	"internal/metrics":         {"session", "flow", "courier"},
	"internal/server":          {"fault", "identity", "session", "admin", "flow", "event", "courier", "token", "tries", "wire", "ui", "vault", "turn"},
	"internal/testkit":         {"fault", "identity", "session", "flow"},
	"internal/ui":              {"wire"},
	"cmd/exeunt":               {"*"},
	"bench":                    {"session", "store", "testkit"},
	"crash":                    {},
	"proof":                    {},
	"proof/check":              {},
	"proof/drive":              {},
	"proof/history":            {},
	"proof/rig":                {"testkit"},
	"":                         {}, // tests alone
}

// onlyIn says which packages may import something from outside that belongs to one place.
var onlyIn = map[string][]string{
	"database/sql":                 {"internal/store", "internal/kratos", "internal/testkit", "bench"},
	"modernc.org/sqlite":           {"internal/store", "internal/kratos", "bench"},
	"github.com/jackc/pgx":         {"internal/store", "internal/kratos", "internal/testkit", "bench", "proof/rig"},
	"net/http":                     {"internal/server", "internal/wire", "internal/metrics", "internal/method/password", "internal/courier", "internal/tracing", "internal/tunnel", "internal/doctor", "internal/testkit", "cmd/exeunt", "bench", "proof/drive", "proof/rig"},
	"github.com/prometheus":        {"internal/metrics"},
	"go.opentelemetry.io":          {"internal/tracing"},
	"github.com/go-jose":           {"internal/token"},
	"github.com/google/go-jsonnet": {"internal/token"},
	"github.com/gorilla":           {"internal/kratos"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "exeunt"), "/")
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s has no row in mayImport", name)
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, "exeunt/internal/"); ok && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
				t.Errorf("%s must not import %s", name, imported)
			}
			for outside, places := range onlyIn {
				if (imported == outside || strings.HasPrefix(imported, outside+"/")) && !slices.Contains(places, name) {
					t.Errorf("%s must not import %s: only %s may", name, imported, strings.Join(places, ", "))
				}
			}
		}
	}
}
