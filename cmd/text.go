package cmd

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapeJSON rewrites encoded JSON so that it is safe on a terminal and still the
// same value: what a terminal could take for a command, or use to reorder text,
// becomes a \u escape. encoding/json escapes only the controls below U+0020.
func escapeJSON(b []byte) []byte {
	if !needsEscape(b) {
		return b
	}
	out := make([]byte, 0, len(b)+16)
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case !unsafeRune(r):
			out = append(out, b[i:i+n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += n
	}
	return out
}

func needsEscape(b []byte) bool {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			if b[i] == 0x7f {
				return true
			}
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

// unsafeRune is a rune above the C0 controls that must not reach a terminal as it
// is: DEL and the C1 controls, which some terminals obey, and the invisible format
// characters, which hide or reorder text. The joiners that emoji and Indic or
// Arabic script need stay.
func unsafeRune(r rune) bool {
	switch r {
	case 0x200c, 0x200d: // zero-width non-joiner and joiner
		return false
	}
	return r == 0x7f || r >= 0x80 && r < 0xa0 || unicode.Is(unicode.Cf, r) || r == 0x2028 || r == 0x2029
}

// one is the word for one of something, many for any other number.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		s = "-" + s
	}
	return s
}

// cleanLine makes one line that is safe on a terminal of any string.
func cleanLine(s string) string {
	if !needsClean(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case r < 0x20, unsafeRune(r):
			return '\ufffd'
		}
		return r
	}, s)
}

func needsClean(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return true
		}
	}
	return false
}
