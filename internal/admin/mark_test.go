package admin

import (
	"slices"
	"testing"
)

func TestAMarkIsAListOfScopesAndNothingElse(t *testing.T) {
	for document, want := range map[string][]Scope{
		`{"exeunt_console":["all"]}`:                            {All},
		`{"x":1,"exeunt_console":["sessions:read","settings"]}`: {SessionsRead, Settings},
		`{"exeunt_console":["settings","settings"]}`:            {Settings},
		`{"exeunt_console":["all"],"exeunt_console":[]}`:        nil,
		`{"exeunt_console":[]}`:                                 nil,
		`{"exeunt_console":null}`:                               nil,
		`{"exeunt_console":true}`:                               nil,
		`{"exeunt_console":"all"}`:                              nil,
		`{"exeunt_console":{"all":true}}`:                       nil,
		`{"exeunt_console":["all","everything"]}`:               nil,
		`{"exeunt_console":["All"]}`:                            nil,
		`{"exeunt_console":[null]}`:                             nil,
		`{"exeunt_console":[["all"]]}`:                          nil,
		`{"EXEUNT_CONSOLE":["all"]}`:                            nil,
		`{"a":{"exeunt_console":["all"]}}`:                      nil,
		`[{"exeunt_console":["all"]}]`:                          nil,
		`["exeunt_console"]`:                                    nil, `"all"`: nil, `null`: nil, `1`: nil, ``: nil,
	} {
		if got := Marked([]byte(document)); !slices.Equal(got, want) {
			t.Errorf("%s marks with %q, want %q", document, got, want)
		}
	}
}
