package config

import (
	"slices"
	"strings"
)

// nearest is the known name that was probably meant, or "".
func nearest(name string, known []string) string {
	best, distance := "", max(1, min(len(name)/2, 3))+1
	for _, k := range known {
		if d := edits(strings.ToLower(name), k); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// elsewhere is the path of the only key that ends with the name, or "".
func elsewhere(name string) string {
	found := ""
	for _, k := range table {
		if k.Class != Supported || !strings.HasSuffix(k.Path, "."+name) {
			continue
		}
		if found != "" {
			return ""
		}
		found = k.Path
	}
	return found
}

// edits is the number of letters to insert, delete or replace to come from a to b (Levenshtein). Texts much longer
// than any key are simply far away.
func edits(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// names are the keys below a branch, sorted.
func (b *branch) names() []string {
	var names []string
	for name := range b.children {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// some lists a few of the keys below a branch, the supported ones first.
func (b *branch) some() string {
	names := b.names()
	slices.SortStableFunc(names, func(x, y string) int { return b.children[x].rank() - b.children[y].rank() })
	if len(names) > 8 {
		names = append(names[:8:8], "…")
	}
	return strings.Join(names, ", ")
}

// rank is 0 for a branch that leads to a supported key, and 1 otherwise.
func (b *branch) rank() int {
	if b.key != nil {
		return min(int(b.key.Class), 1)
	}
	for _, child := range b.children {
		if child.rank() == 0 {
			return 0
		}
	}
	return 1
}
