package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files anew")

const docsFile = "../../docs/configuration.md"

func TestTheDocumentationHoldsTheTableOfKeys(t *testing.T) {
	raw, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- keys: begin (made from the table in internal/config) -->\n", "<!-- keys: end -->"
	intro, rest, found := strings.Cut(string(raw), begin)
	_, outro, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has lost the marks around its tables", docsFile)
	}
	want := intro + begin + markdown(Keys()) + end + outro
	if *update {
		if err := os.WriteFile(docsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Errorf("the tables are out of date; renew them with -update:\n%s", diff)
	}
}

// markdown is one table for each section of the supported keys, and one for each other class.
func markdown(keys []Key) string {
	var b strings.Builder
	section := ""
	for _, k := range keys {
		if now := sectionOf(k); now != section {
			section = now
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", section, heading(k.Class))
		}
		if k.Class == Supported {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Path, cell(k.Kind), code(k.Default), cell(k.Doc))
		} else {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Path, cell(k.Kind), cell(k.Doc))
		}
	}
	return b.String() + "\n"
}

func sectionOf(k Key) string {
	switch k.Class {
	case Inert:
		return "Kratos keys without effect"
	case Refused:
		return "Kratos keys that are refused"
	}
	parts := strings.Split(k.Path, ".")
	switch {
	case len(parts) == 1:
		return "General"
	case parts[0] == "serve" || parts[0] == "selfservice" && len(parts) > 2:
		return "`" + strings.Join(parts[:min(3, len(parts)-1)], ".") + "`"
	case parts[0] == "feature_flags":
		return "`feature_flags`"
	}
	return "`" + parts[0] + "`"
}

func heading(c Class) string {
	switch c {
	case Inert:
		return "They are checked, and the server says at the start which of them were set.\n\n| Key | Value | Why |\n|---|---|---|"
	case Refused:
		return "A switch may be off, a list or a map may be empty; anything else keeps the server from starting.\n\n| Key | Value | Why |\n|---|---|---|"
	}
	return "| Key | Value | Default | What it does |\n|---|---|---|---|"
}

func code(s string) string {
	if s == "" {
		return "–"
	}
	return "`" + s + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func TestKeysAreWellFormed(t *testing.T) {
	variables := map[string]string{}
	for _, k := range Keys() {
		if k.Kind == "" || k.Doc == "" {
			t.Errorf("%s: no kind or no sentence", k.Path)
		}
		if other := variables[envName(k.Path)]; other != "" {
			t.Errorf("%s and %s have the same environment variable", k.Path, other)
		}
		variables[envName(k.Path)] = k.Path
	}
}
