package password

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPolicy(t *testing.T) {
	strict := &Policy{MinLength: 8, SimilarityCheck: true}
	email := []string{"foo@example.com"}
	for name, c := range map[string]struct {
		policy      *Policy
		password    string
		identifiers []string
		want        *Violation
	}{
		"good":                             {strict, "correct horse", email, nil},
		"too short":                        {strict, "short", email, &Violation{Kind: TooShort, Limit: 8, Actual: 5}},
		"exactly long enough":              {strict, "x7#kq9!z", email, nil},
		"length counts bytes":              {strict, "äöüß", email, nil},
		"empty":                            {strict, "", email, &Violation{Kind: TooShort, Limit: 8}},
		"longest":                          {strict, strings.Repeat("x", 1024), email, nil},
		"too long":                         {strict, strings.Repeat("x", 1025), email, &Violation{Kind: TooLong, Limit: 1024, Actual: 1025}},
		"longest for bcrypt":               {&Policy{MaxLength: 72}, strings.Repeat("x", 72), email, nil},
		"too long for bcrypt":              {&Policy{MaxLength: 72}, strings.Repeat("x", 73), email, &Violation{Kind: TooLong, Limit: 72, Actual: 73}},
		"the identifier itself":            {strict, "foo@example.com", email, &Violation{Kind: Similar}},
		"in other case":                    {strict, "FOO@Example.COM", email, &Violation{Kind: Similar}},
		"four edits away":                  {strict, "1foo@exampl2.com34", email, &Violation{Kind: Similar}},
		"made mostly of the identifier":    {strict, "example1234", email, &Violation{Kind: Similar}},
		"exactly half of the identifier":   {strict, "example1234567", email, nil},
		"the second identifier":            {strict, "alexandra1", []string{"foo@example.com", "alexandra"}, &Violation{Kind: Similar}},
		"a short identifier inside":        {strict, "my foo lives here", []string{"foo"}, nil},
		"an empty identifier":              {&Policy{SimilarityCheck: true}, "abc", []string{""}, nil},
		"no identifiers":                   {strict, "foo@example.com", nil, nil},
		"similarity is not checked":        {&Policy{MinLength: 8}, "foo@example.com", email, nil},
		"letters outside ASCII are letter": {strict, "Ägypten-Özil", []string{"ägypten-özil"}, &Violation{Kind: Similar}},
		"length comes before similarity":   {strict, "foo", []string{"foo"}, &Violation{Kind: TooShort, Limit: 8, Actual: 3}},
	} {
		err := c.policy.Check(t.Context(), c.password, c.identifiers)
		var got *Violation
		errors.As(err, &got)
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		if err != nil && c.password != "" && strings.Contains(err.Error(), c.password) {
			t.Errorf("%s: the error holds the password", name)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b             string
		distance, common int
	}{
		{"", "", 0, 0}, {"", "abc", 3, 0}, {"abc", "", 3, 0}, {"abc", "abc", 0, 3}, {"kitten", "sitting", 3, 3},
		{"flaw", "lawn", 2, 3}, {"abcdef", "xxabcyy", 5, 3}, {"aaa", "aa", 1, 2}, {"saturday", "sunday", 3, 3},
	} {
		a, b := letters(c.a), letters(c.b)
		if d, n := distance(a, b), commonLength(a, b); d != c.distance || n != c.common {
			t.Errorf("%q, %q: distance %d, common %d", c.a, c.b, d, n)
		}
	}
}

func TestLongIdentifiersAreCheap(t *testing.T) {
	p := &Policy{SimilarityCheck: true}
	if err := p.Check(t.Context(), strings.Repeat("x", 1024), []string{strings.Repeat("y", 10<<20)}); err != nil {
		t.Error(err)
	}
}
