package opl

import (
	"slices"
	"strings"
)

// didYouMean ends a sentence with the name that was probably meant, if one is close.
func didYouMean(name string, names []string) string {
	if n := Nearest(name, names); n != "" {
		return "; did you mean " + quoted(n) + "?"
	}
	return ""
}

// maxNear bounds the names that are compared letter by letter, in bytes.
const maxNear = 64

// Nearest is the one of names that was probably meant by name, or "" when none is
// close: one that is equal but for case, else the one that is the fewest single-letter
// changes away and not more than a third of its letters (one is always allowed).
func Nearest(name string, names []string) string {
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

// changes is the number of single-letter changes (insert, delete, replace, swap two
// neighbours) that turn a into b.
func changes(a, b []rune) int {
	var before []int // the row two above
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j, y := range b {
			cost := 1
			if x == y {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && x == b[j-1] && a[i-1] == y {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
