package password

import "strings"

// Passwords closer to an identifier than this many edits are refused.
const minDistance = 5

// similar reports whether the password is an identifier with a few changes, or holds so much of one that it makes up
// more than half of the password. Case does not count, and an empty identifier resembles nothing.
func similar(identifier, password string) bool {
	if identifier == "" {
		return false
	}
	a, b := letters(identifier), letters(password)
	return distance(a, b) < minDistance || 2*commonLength(a, b) > len(b)
}

// letters are what is compared: in lower case, and cut, because the work grows with the product of the two lengths.
func letters(s string) []rune {
	return []rune(strings.ToLower(s[:min(len(s), maxPassword)]))
}

// distance is the number of insertions, deletions and replacements that make b of a (Levenshtein).
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// commonLength is the length of the longest text that stands in both.
func commonLength(a, b []rune) int {
	longest := 0
	row := make([]int, len(b)+1)
	for i := range a {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] != b[j] {
				row[j+1] = 0
				continue
			}
			row[j+1] = row[j] + 1
			longest = max(longest, row[j+1])
		}
	}
	return longest
}
