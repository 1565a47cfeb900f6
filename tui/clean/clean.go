// Package clean is the one place where a string that came from outside is made
// safe for a terminal, a log or a file name. It imports nothing of gatehouse, so
// that every other package may use it.
//
// What it takes away is what a reader cannot see or a terminal would obey: control
// bytes of both sets (C0 and C1, so also every CSI, OSC and DCS sequence, which
// begin with one), bidirectional controls, zero-width and other invisible
// characters, unassigned and private ones, and broken UTF-8. Each leaves a visible
// sign in its place (␛, ␊, …, � for what has no picture of its own), so that
// "ann" and "ann with something hidden in it" never look alike.
//
// What it keeps is writing: every script with its combining marks, Arabic and
// Hebrew in the order the terminal gives them, and the zero-width non-joiner
// between Arabic letters, where Persian needs it. Emoji are taken apart where
// terminals disagree about their width: the family 👨‍👩‍👧 is shown as the people it
// is made of, a skin tone or a text/emoji selector is dropped. Of what is left
// every terminal, and every function that measures it, finds the same width.
//
// A string that is clean already is returned as it is, without copying, and a
// string of a megabyte costs no more than the part that is asked for.
package clean

import (
	"strings"
	"unicode/utf8"
)

const (
	// DefaultMax is the width in cells that Line cuts at when it is given none.
	DefaultMax = 4096
	// DefaultTextMax is what Text cuts at when it is given none.
	DefaultTextMax = 1 << 18
)

// ellipsis ends what was cut.
const ellipsis = "…"

// Line makes s safe to print inside one line of a terminal or a log, at most max
// cells wide; max < 1 means DefaultMax. What is longer is cut and ends with "…".
// Line ends become ␊.
func Line(s string, max int) string {
	if max < 1 {
		max = DefaultMax
	}
	n := plain(s, max+1)
	if n == len(s) && n <= max {
		return s
	}
	if n > max {
		return cutPlain(s, max)
	}
	c := cleaner{max: max}
	return c.clean(s, n)
}

// Text makes s safe to print over several lines, at most max cells in all; max < 1
// means DefaultTextMax. Line feeds stay, CR LF counts as one, a tab reaches to the
// next multiple of eight.
func Text(s string, max int) string {
	if max < 1 {
		max = DefaultTextMax
	}
	n := plain(s, max+1)
	if n == len(s) && n <= max {
		return s
	}
	c := cleaner{max: max, lines: true}
	return c.clean(s, 0)
}

// plain counts the printable ASCII bytes at the start of s, as far as limit.
func plain(s string, limit int) int {
	limit = min(limit, len(s))
	for i := range limit {
		if c := s[i]; c < 0x20 || c > 0x7e {
			return i
		}
	}
	return limit
}

// cutPlain cuts a string whose first max+1 bytes are printable ASCII.
func cutPlain(s string, max int) string { return s[:max-1] + ellipsis }

// FileName makes s usable as the name of one file on every common system, never a
// path: letters, digits and a few signs stay, everything else becomes "-". It is at
// most 100 bytes long, never empty, never hidden and never a device of Windows.
func FileName(s string) string {
	var b strings.Builder
	dash := false
	for _, r := range Line(s, 200) {
		if !inFileName(r) {
			dash = b.Len() > 0
			continue
		}
		if dash {
			b.WriteByte('-')
			dash = false
		}
		b.WriteRune(r)
	}
	name := strings.TrimLeft(b.String(), ".-")
	name = strings.TrimRight(cutBytes(name, 100), ".-")
	if name == "" {
		return "unnamed"
	}
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	if devices[stem] {
		return "_" + name
	}
	return name
}

// cutBytes cuts at a rune boundary.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// devices are names that Windows does not give to files, whatever their ending.
var devices = map[string]bool{
	"CON": true, "PRN": true, "AUX": true, "NUL": true,
	"COM1": true, "COM2": true, "COM3": true, "COM4": true, "COM5": true, "COM6": true, "COM7": true, "COM8": true, "COM9": true,
	"LPT1": true, "LPT2": true, "LPT3": true, "LPT4": true, "LPT5": true, "LPT6": true, "LPT7": true, "LPT8": true, "LPT9": true,
}
