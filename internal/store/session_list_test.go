package store

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"exeunt/internal/identity"
	"exeunt/internal/session"
	"exeunt/internal/testkit"
)

func TestListSessions(t *testing.T) {
	onEach(t, func(f fixture) {
		i, other := f.someone(), f.someone()
		asleep := f.someone()
		sleeping := f.signIn(asleep)
		f.raw(`UPDATE identities SET state = 'inactive' WHERE id = $1`, asleep.ID.String())
		var live, ended, expired []client
		for n := range 4 {
			live = append(live, f.signInAt(i, now.Add(time.Duration(n%2)*time.Microsecond)))
			ended = append(ended, f.signIn(i))
			f.logout(ended[n], now)
			expired = append(expired, f.signInAt(i, now.Add(-testkit.Lifespan)))
		}
		foreign := f.signIn(other)
		gone := f.someone()
		f.signIn(gone)
		f.ok(f.DeleteIdentity(f.ctx, gone.ID, now))

		for sentence, c := range map[string]struct {
			filter session.Filter
			want   []client
		}{
			"everything that is not deleted":    {session.Filter{}, slices.Concat(live, ended, expired, []client{sleeping, foreign})},
			"active ones":                       {session.Filter{Active: new(true)}, slices.Concat(live, []client{foreign})},
			"inactive ones":                     {session.Filter{Active: new(false)}, slices.Concat(ended, expired, []client{sleeping})},
			"those of an identity":              {session.Filter{Identity: &i.ID}, slices.Concat(live, ended, expired)},
			"active ones of an identity":        {session.Filter{Identity: &i.ID, Active: new(true)}, live},
			"inactive ones of an identity":      {session.Filter{Identity: &i.ID, Active: new(false)}, slices.Concat(ended, expired)},
			"all but one of an identity":        {session.Filter{Identity: &i.ID, Active: new(true), Except: live[0].ID}, live[1:]},
			"none of an inactive identity":      {session.Filter{Identity: &asleep.ID, Active: new(true)}, nil},
			"those of an inactive identity":     {session.Filter{Identity: &asleep.ID}, []client{sleeping}},
			"those of a deleted identity":       {session.Filter{Identity: &gone.ID}, nil},
			"those of an identity nobody knows": {session.Filter{Identity: new(identity.NewID())}, nil},
		} {
			f.run(sentence, func(f fixture) {
				c.filter.Now = now
				want := newest(c.want)
				if got := f.list(c.filter); !slices.Equal(got, want) {
					f.t.Errorf("got %v, want %v", got, want)
				}
				if n := f.count(c.filter); n != len(want) {
					f.t.Errorf("counted %d, want %d", n, len(want))
				}
				for size := 1; size <= len(want)+1; size += 3 {
					if got := f.pages(c.filter, size); !slices.Equal(got, want) {
						f.t.Errorf("in pages of %d: got %v, want %v", size, got, want)
					}
				}
				offset := c.filter
				offset.Offset = len(want) / 2
				if got := f.list(offset); !slices.Equal(got, want[len(want)/2:]) {
					f.t.Errorf("after an offset of %d: %v", offset.Offset, got)
				}
			})
		}
		f.run("a count takes no notice of limit and position", func(f fixture) {
			want := f.count(session.Filter{})
			got := f.count(session.Filter{AfterCreated: now, AfterID: live[0].ID, Offset: 3, Limit: 1})
			if got != want {
				f.t.Errorf("counted %d of %d", got, want)
			}
		})
		f.run("pages stay whole when a session on them ends or goes", func(f fixture) {
			filter := session.Filter{Identity: &i.ID}
			want := f.list(filter)
			first, err := f.ListSessions(f.ctx, session.Filter{Identity: &i.ID, Limit: 5})
			f.ok(err)
			f.end(session.Scope{IDs: []session.ID{first[0].ID, first[4].ID}, Delete: true}, now)
			filter.AfterCreated, filter.AfterID = first[4].CreatedAt, first[4].ID
			if got := f.list(filter); !slices.Equal(got, want[5:]) {
				f.t.Errorf("got %v, want %v", got, want[5:])
			}
		})
	})
}

// newest sorts as a list does: the newest first, the same time by id.
func newest(all []client) (ids []session.ID) {
	all = slices.SortedFunc(slices.Values(all), func(a, b client) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids
}

// pages reads a list page by page.
func (f fixture) pages(filter session.Filter, size int) (ids []session.ID) {
	f.t.Helper()
	filter.Limit = size
	for {
		page, err := f.ListSessions(f.ctx, filter)
		f.ok(err)
		if len(page) == 0 {
			return ids
		}
		for _, s := range page {
			ids = append(ids, s.ID)
		}
		last := page[len(page)-1]
		filter.AfterCreated, filter.AfterID = last.CreatedAt, last.ID
	}
}
