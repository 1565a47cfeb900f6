package opl

import (
	"slices"
	"strings"
)

// didYouMean ends a sentence with the name that was probably meant, if one is close.
func didYouMean(name string, names []string) string {
	if n := nearest(name, names); n != "" {
		return "; did you mean " + quoted(n) + "?"
	}
	return ""
}

// maxNear bounds the names that are compared letter by letter, in bytes.
const maxNear = 64

// nearest is the one of names that is equal but for case, or fewest single-letter
// changes away and not more than a third of its letters (one is always allowed).
func nearest(name string, names []string) string {
	if len(name) > maxNear {
		return ""
	}
	names = slices.Sorted(slices.Values(names))
	best, bestCost := "", max(1, len(name)/3)+1
	for _, n := range names {
		switch {
		case n == name || len(n) > maxNear:
		case strings.EqualFold(n, name):
			return n
		default:
			if c := changes([]rune(strings.ToLower(name)), []rune(strings.ToLower(n))); c < bestCost {
				best, bestCost = n, c
			}
		}
	}
	return best
}

// changes is the Levenshtein distance.
func changes(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		before := row[0]
		row[0] = i + 1
		for j, y := range b {
			c := before
			if x != y {
				c = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], c
		}
	}
	return row[len(b)]
}
