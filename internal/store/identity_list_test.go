package store

import (
	"slices"
	"testing"

	"exeunt/internal/identity"
	"exeunt/internal/testkit"
)

func TestListIdentities(t *testing.T) {
	onEach(t, func(f fixture) {
		const house = "0b0f7a4e-6f0e-4e6b-9a8e-111111111111"
		byName := map[string]identity.ID{}
		for _, name := range []string{"ann@example.com", "anna@example.com", "bob@example.com", "ärger@example.com", "ä", "äz", "z%", "z_x", "𝔘𝔫𝔦", "𝔘"} {
			i := testkit.Identity(name)
			if name < "b" {
				i.OrganizationID = house
			}
			f.ok(f.InsertIdentity(f.ctx, i))
			byName[name] = i.ID
		}
		two := testkit.Identity("ann@two.example")
		two.Credentials[identity.Code] = identity.Credential{Type: identity.Code, Identifiers: []string{"ann@two.example", "annabel"}}
		f.ok(f.InsertIdentity(f.ctx, two))
		byName["two"] = two.ID
		all := identity.Filter{}
		for sentence, c := range map[string]struct {
			filter identity.Filter
			want   []string
		}{
			"an exact identifier":                       {identity.Filter{Identifier: "ann@example.com"}, []string{"ann@example.com"}},
			"an identifier of two types counts once":    {identity.Filter{Identifier: "ann@two.example"}, []string{"two"}},
			"part of an identifier is not exact":        {identity.Filter{Identifier: "ann"}, nil},
			"an identifier that cannot exist":           {identity.Filter{Identifier: "a\x00"}, nil},
			"a prefix":                                  {identity.Filter{IdentifierPrefix: "ann"}, []string{"ann@example.com", "anna@example.com", "two"}},
			"a prefix beyond ASCII":                     {identity.Filter{IdentifierPrefix: "ä"}, []string{"ärger@example.com", "ä", "äz"}},
			"a prefix beyond the basic plane":           {identity.Filter{IdentifierPrefix: "𝔘"}, []string{"𝔘𝔫𝔦", "𝔘"}},
			"a prefix is no pattern":                    {identity.Filter{IdentifierPrefix: "z%"}, []string{"z%"}},
			"a prefix with an underscore is no pattern": {identity.Filter{IdentifierPrefix: "z_"}, []string{"z_x"}},
			"a prefix that nobody has":                  {identity.Filter{IdentifierPrefix: "ann@example.com.de"}, nil},
			"a prefix that cannot exist":                {identity.Filter{IdentifierPrefix: "a\x00"}, nil},
			"an organization":                           {identity.Filter{Organization: house}, []string{"ann@example.com", "anna@example.com"}},
			"an organization that cannot exist":         {identity.Filter{Organization: "\xff"}, nil},
			"ids, known and unknown, twice":             {identity.Filter{IDs: []identity.ID{byName["ä"], identity.NewID(), byName["z%"], byName["ä"]}}, []string{"ä", "z%"}},
			"ids that are all unknown":                  {identity.Filter{IDs: []identity.ID{identity.NewID()}}, nil},
		} {
			f.run(sentence, func(f fixture) {
				want := identityIDs(byName, c.want)
				c.filter.Limit = 100
				if got := f.identities(c.filter); !slices.Equal(got, want) {
					f.t.Errorf("got %v, want %v", got, want)
				}
				n, err := f.CountIdentities(f.ctx, c.filter)
				f.ok(err)
				if n != len(want) {
					f.t.Errorf("counted %d, want %d", n, len(want))
				}
			})
		}
		f.run("pages of every size show everybody once, in the order of ids", func(f fixture) {
			var names []string
			for name := range byName {
				names = append(names, name)
			}
			want := identityIDs(byName, names)
			for size := 1; size <= len(want)+1; size++ {
				var got []string
				for page := all; ; page.After = got[len(got)-1] {
					page.Limit = size
					ids := f.identities(page)
					got = append(got, ids...)
					if len(ids) == 0 {
						break
					}
				}
				if !slices.Equal(got, want) {
					f.t.Errorf("pages of %d: got %v, want %v", size, got, want)
				}
				if got := f.identities(identity.Filter{Offset: size, Limit: 100}); !slices.Equal(got, want[min(size, len(want)):]) {
					f.t.Errorf("after an offset of %d: %v", size, got)
				}
			}
		})
		f.run("a count takes no notice of limit and position", func(f fixture) {
			n, err := f.CountIdentities(f.ctx, identity.Filter{After: "f", Limit: 1, Offset: 3})
			f.ok(err)
			if n != len(byName) {
				f.t.Errorf("counted %d of %d", n, len(byName))
			}
		})
	})
}

func (f fixture) identities(filter identity.Filter) (ids []string) {
	f.t.Helper()
	all, err := f.ListIdentities(f.ctx, filter)
	f.ok(err)
	for _, i := range all {
		ids = append(ids, i.ID.String())
	}
	return ids
}

func identityIDs(byName map[string]identity.ID, names []string) (ids []string) {
	for _, name := range names {
		ids = append(ids, byName[name].String())
	}
	slices.Sort(ids)
	return ids
}
