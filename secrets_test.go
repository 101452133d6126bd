package exeunt

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// secretive are names of what somebody may try to guess byte by byte.
var secretive = regexp.MustCompile(`(?i)(token|secret|password|passwd|mac|hash|code|typed|signature|proof|csrf|digest)$`)

// What has such a name and is none, and what it is.
var harmless = map[string]string{
	"t == Password":      "a kind of credential",
	"t.Secret == string": "a kind of credential",
	"lite.Code == sqlite3.SQLITE_CONSTRAINT_UNIQUE":     "a code of the database",
	"lite.Code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY": "a code of the database",
	"a.Autocomplete == oneTimeCode":                     "an attribute of a form",
	"res.StatusCode == http.StatusOK":                   "a status",
	"r.StatusCode == http.StatusSwitchingProtocols":     "a status",
}

// quick compares take as long as there are equal bytes.
var quick = []string{"bytes.Equal", "bytes.Compare", "strings.Compare", "strings.EqualFold", "reflect.DeepEqual", "slices.Equal", "cmp.Compare"}

// TestSecretsAreComparedInConstantTime goes through every comparison in the packages that know secrets: what has the name of
// one is compared by crypto/subtle or crypto/hmac, or it is compared with nothing at all.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	files, err := filepath.Glob("internal/*/*.go")
	deeper, err2 := filepath.Glob("internal/*/*/*.go")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	constant, met := 0, map[string]bool{}
	for _, file := range append(files, deeper...) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "internal/testkit/") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			var sides []ast.Expr
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					sides = []ast.Expr{n.X, n.Y}
				}
			case *ast.CallExpr:
				switch called := text(n.Fun); {
				case called == "subtle.ConstantTimeCompare" || called == "hmac.Equal":
					constant++
				case slices.Contains(quick, called):
					sides = n.Args
				}
			}
			if len(sides) == 2 && (secretive.MatchString(text(sides[0])) || secretive.MatchString(text(sides[1]))) && !plain(sides[0]) && !plain(sides[1]) {
				said := text(sides[0]) + " == " + text(sides[1])
				met[said] = true
				if harmless[said] == "" {
					t.Errorf("%s: %s takes as long as bytes are equal; use crypto/subtle", set.Position(n.Pos()), said)
				}
			}
			return true
		})
	}
	for said := range harmless {
		if !met[said] {
			t.Errorf("nothing compares %s any more", said)
		}
	}
	if constant < 7 {
		t.Errorf("%d comparisons in constant time were found", constant)
	}
}

// plain reports whether an expression is a constant of the program: nobody can guess anything there.
func plain(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	case *ast.ParenExpr:
		return plain(e.X)
	case *ast.CompositeLit:
		return len(e.Elts) == 0
	}
	return false
}

// text writes an expression as far as its names matter.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return text(e.Fun)
	case *ast.SliceExpr:
		return text(e.X)
	case *ast.IndexExpr:
		return text(e.X)
	case *ast.StarExpr:
		return text(e.X)
	case *ast.ParenExpr:
		return text(e.X)
	}
	return "?"
}
