package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const mostKeys = 100 // in a set

// parseKeys reads a key set, or tells everything that is wrong with it.
func parseKeys(raw []byte) ([]*key, []error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, []error{errors.New(`is not a key set; want JSON such as {"keys":[…]}`)}
	}
	if len(set.Keys) == 0 || len(set.Keys) > mostKeys {
		return nil, []error{fmt.Errorf("holds %d keys; want 1 to %d", len(set.Keys), mostKeys)}
	}
	var keys []*key
	var problems []error
	for i, one := range set.Keys {
		k, err := parseKey(one)
		if err == nil {
			err = taken(keys, &k)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("key %d%s: %w", i+1, named(k.id), err))
		}
		keys = append(keys, &k)
	}
	if len(problems) == 0 && !slices.ContainsFunc(keys, func(k *key) bool { return k.signer != nil }) {
		problems = append(problems, errors.New("holds public keys alone, and nothing can be signed with those; add a private key"))
	}
	return keys, problems
}

// named is the id of a key, for an error.
func named(id string) string {
	if id == "" || len(id) > longestKID {
		return ""
	}
	return " (kid " + strconv.Quote(id) + ")"
}

// taken refuses the id of another key of the same set.
func taken(keys []*key, k *key) error {
	for i, other := range keys {
		if other.id == k.id {
			return fmt.Errorf("the kid is that of key %d; give each key an id of its own", i+1)
		}
	}
	return nil
}

// newest is the key to sign with at a moment: of those whose time is now, the one that began last, and of several the
// first. It is nil if there is none.
func newest(keys []*key, now time.Time) *key {
	var found *key
	for _, k := range keys {
		if k.counts(now) && (found == nil || k.begins.After(found.begins)) {
			found = k
		}
	}
	return found
}

// document is the published key set, with what it was made of.
type document struct {
	body  []byte
	from  []*set
	until time.Time // when a key leaves it; zero for never
}

// KeySet is the published key set at a moment: the public keys of all templates, those that are yet to come and those
// whose tokens may still be alive among them. It is encoded once for each change.
func (t *Tokenizer) KeySet(now time.Time) []byte {
	d := t.published.Load()
	if d == nil || !d.stands(t.sources, now) {
		d = t.publish(now)
		t.published.Store(d)
	}
	return d.body
}

func (d *document) stands(sources []*source, now time.Time) bool {
	for i, s := range sources {
		if s.current.Load() != d.from[i] {
			return false
		}
	}
	return d.until.IsZero() || now.Before(d.until)
}

func (t *Tokenizer) publish(now time.Time) *document {
	d := &document{}
	shown, seen := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}, map[string]bool{}
	for _, s := range t.sources {
		current := s.current.Load()
		d.from = append(d.from, current)
		for _, k := range current.keys {
			leaves := k.ends.Add(t.longest)
			if seen[k.id] || !k.ends.IsZero() && !leaves.After(now) {
				continue
			}
			seen[k.id] = true
			shown.Keys = append(shown.Keys, k.public)
			if !k.ends.IsZero() && (d.until.IsZero() || leaves.Before(d.until)) {
				d.until = leaves
			}
		}
	}
	body, _ := json.Marshal(shown) // public keys of these kinds cannot fail
	d.body = append(body, '\n')
	return d
}
