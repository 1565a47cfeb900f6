package config

import (
	"fmt"
	"strings"
)

// Error is one complaint about the configuration. It reads as one line:
// FILE:LINE: what is wrong; what to do.
type Error struct {
	File string // as the person named it; "environment" for a variable
	Line int    // from 1; 0 when it concerns no line
	Key  string // dotted: "contexts.dev.kratos.admin_url", or the name of a variable
	Msg  string // what is wrong
	Hint string // what to do; may be empty
	Err  error  // what is underneath; may be nil
}

// Error is the one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap gives errors.Is the cause, such as fs.ErrNotExist.
func (e *Error) Unwrap() error { return e.Err }

// position is where something stands in the file, both from 1.
type position struct{ line, column int }

// nearest is the candidate that was most probably meant by a mistyped name, or "".
// Distance counts swaps of neighbours as one ("admin_ulr"), and more than a third
// of the name wrong is no near miss.
func nearest(name string, candidates []string) string {
	best, bestDist := "", 1+max(1, len(name)/3)
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance in bytes.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return max(len(a), len(b))
	}
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, one[j]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
