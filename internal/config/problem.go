package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong in the configuration.
type Problem struct {
	File string // the file, or the environment variable
	Line int    // 0 for environment variables and for files that cannot be read
	Path string // the key; empty when the file as a whole is wrong
	Text string // what is wrong and what would be right, naming the key

	Stored []string // the keys with a part in it that the store sets
}

// String is the problem on one line, its place first.
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Text
	case p.Line == 0:
		return p.File + ": " + p.Text
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ": " + p.Text
}

// Problems is the error of [Load]: everything that is wrong, ordered by file and line.
type Problems struct {
	List []Problem
}

// Error is all problems, one on each line.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Explained is the problems with, for each that a setting of the store has a part in, how to take that back: nobody who reads
// the files would find it.
func (p *Problems) Explained() *Problems {
	all := &Problems{List: slices.Clone(p.List)}
	for i := range all.List {
		if one := &all.List[i]; len(one.Stored) > 0 {
			one.Text += ". The store sets " + strings.Join(one.Stored, " and ") + ", over files and environment; to take that back: exeunt config reset " + strings.Join(one.Stored, " ")
		}
	}
	return all
}

func (p *Problems) add(problem Problem) { p.List = append(p.List, problem) }

func (p *Problems) sort() {
	slices.SortStableFunc(p.List, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}

// site is a value together with the key it stands for, so that what reads it can complain at the right place.
type site struct {
	l     *loader
	key   string // the key of the table
	path  string // the key, or a place inside its value: identity.schemas[1].url
	value *value
	rule  []string // the keys that a rule is about; nil where it is this one alone
}

// wrong reports a problem with the value.
func (s site) wrong(format string, args ...any) {
	s.l.unsound[s.key] = true
	text := fmt.Sprintf(format, args...)
	if s.value.at.line > 0 || s.path != s.key || s.value.at.file == "" {
		text = printable(s.path) + ": " + text
	}
	s.l.problems.add(Problem{File: s.value.at.file, Line: s.value.at.line, Path: s.path, Text: text, Stored: s.stored()})
}

// stored are the keys of a site that the store sets.
func (s site) stored() (paths []string) {
	keys := s.rule
	if keys == nil {
		keys = []string{s.key}
	}
	for _, key := range keys {
		if v := s.l.given[key]; v != nil && v.fromStore() {
			paths = append(paths, key)
		}
	}
	return paths
}

func (s site) item(i int) site {
	s.path += "[" + strconv.Itoa(i) + "]"
	s.value = s.value.items[i]
	return s
}

func (s site) field(f field) site {
	s.path = joined(s.path, f.name)
	s.value = f.value
	return s
}

var userinfo = regexp.MustCompile(`//[^/?#]*@`)

// quoted shows a value in a problem: on one line, not too long, and without the password of a URL.
func quoted(s string) string {
	s = userinfo.ReplaceAllString(s, "//[hidden]@")
	return strconv.Quote(shortened(s))
}

// printable shows a path, which may hold anything that a file can hold as a key.
func printable(path string) string {
	q := strconv.Quote(shortened(path))
	if bare := q[1 : len(q)-1]; !strings.Contains(bare, `\`) && !strings.ContainsAny(bare, " :") {
		return bare
	}
	return q
}

func shortened(s string) string {
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}
