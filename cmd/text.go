package cmd

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse/tui/clean"
)

// cleanLine makes one line that is safe on a terminal of any string. It is for
// people: JSON, YAML and the lines that import reads back stay exact and are
// escaped instead.
func cleanLine(s string) string { return clean.Line(s, clean.DefaultMax) }

// unsafeRune is a rune above the C0 controls that must not reach a terminal as it
// is: what it could obey, and what cannot be seen and so makes two names look alike.
func unsafeRune(r rune) bool { return r >= 0x7f && !clean.Visible(r) }

// unsafeText reports whether a string holds anything but what can be seen in one line.
func unsafeText(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return !clean.Visible(r) })
}

// escapeJSON rewrites encoded JSON so that it is safe on a terminal and still the
// same value: what must not reach a terminal becomes a \u escape. encoding/json
// itself escapes only the controls below U+0020, which cannot stand outside strings
// anyway.
func escapeJSON(b []byte) []byte {
	return escapeRunes(b, func(out []byte, r rune) []byte {
		if r > 0xffff {
			r -= 0x10000
			return fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		}
		return fmt.Appendf(out, `\u%04x`, r)
	})
}

// escapeYAML does the same for YAML, whose escapes are only read in double quotes.
func escapeYAML(b []byte) []byte {
	return escapeRunes(b, func(out []byte, r rune) []byte {
		if r > 0xffff {
			return fmt.Appendf(out, `\U%08x`, r)
		}
		return fmt.Appendf(out, `\u%04x`, r)
	})
}

func escapeRunes(b []byte, escape func([]byte, rune) []byte) []byte {
	if !needsEscape(b) {
		return b
	}
	out := make([]byte, 0, len(b)+16)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if unsafeRune(r) {
			out = escape(out, r)
		} else {
			out = append(out, b[i:i+n]...)
		}
		i += n
	}
	return out
}

func needsEscape(b []byte) bool {
	for i := 0; i < len(b); {
		if b[i] < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if unsafeRune(r) {
			return true
		}
		i += n
	}
	return false
}

// plural counts things in words.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
