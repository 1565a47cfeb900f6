package access

import "strings"

// Nearest is the one of names that was probably meant by name, or "" when none is
// close: equal but for case, or at most a third of its letters away (and at least
// one change is always allowed).
func Nearest(name string, names []string) string {
	best, bestCost := "", max(1, len([]rune(name))/3)+1
	for _, n := range names {
		if n == name {
			continue
		}
		if strings.EqualFold(n, name) {
			return n
		}
		if c := distance(name, n); c < bestCost {
			best, bestCost = n, c
		}
	}
	return best
}

// distance is the number of single-letter changes (insert, delete, replace) that
// turn a into b.
func distance(a, b string) int {
	ra, rb := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(rb)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range ra {
		diag := row[0]
		row[0] = i + 1
		for j, y := range rb {
			cost := diag
			if x != y {
				cost = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], cost
		}
	}
	return row[len(rb)]
}
