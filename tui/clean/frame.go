package clean

import "strings"

// Frame is the last guard before the terminal. It takes a whole frame as the shell
// composed it, with its own styles and line feeds in it, and lets through nothing
// else that a terminal would obey: only SGR sequences (ESC [ … m) and line feeds
// stay, every other control byte and every bidirectional control becomes visible.
// A frame in which nothing is wrong, which is every frame of a correct program, is
// returned as it is after one pass.
func Frame(s string) string {
	i := frameFault(s, 0)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	start := 0
	for ; i >= 0; i = frameFault(s, start) {
		b.WriteString(s[start:i])
		switch c := s[i]; {
		case c < 0x20:
			b.WriteRune(rune(0x2400) + rune(c))
			start = i + 1
		case c == 0x7f:
			b.WriteString("␡")
			start = i + 1
		case c == 0xc2 || c == 0xd8:
			b.WriteString(unseen)
			start = i + 2
		default:
			b.WriteString(unseen)
			start = i + 3
		}
	}
	b.WriteString(s[start:])
	return b.String()
}

// frameFault finds the first byte from i on that must not reach a terminal, or -1.
func frameFault(s string, i int) int {
	for i < len(s) {
		c := s[i]
		switch {
		case c >= 0x20 && c < 0x7f || c == '\n':
			i++
		case c == 0x1b:
			n := sgr(s[i:])
			if n == 0 {
				return i
			}
			i += n
		case c < 0x20 || c == 0x7f:
			return i
		case c == 0xc2 && i+1 < len(s) && s[i+1] >= 0x80 && s[i+1] <= 0x9f: // C1
			return i
		case c == 0xd8 && i+1 < len(s) && s[i+1] == 0x9c: // Arabic letter mark
			return i
		case c == 0xe2 && i+2 < len(s) && bidi(s[i+1], s[i+2]):
			return i
		default:
			i++
		}
	}
	return -1
}

// bidi recognizes, after 0xE2, the controls U+200E, U+200F, U+202A to U+202E and
// U+2066 to U+2069.
func bidi(b, c byte) bool {
	return b == 0x80 && (c == 0x8e || c == 0x8f || c >= 0xaa && c <= 0xae) || b == 0x81 && c >= 0xa6 && c <= 0xa9
}

// sgr gives the length of the SGR sequence at the start of s, or 0.
func sgr(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s) && i < 64; i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c >= '0' && c <= '9' || c == ';' || c == ':':
		default:
			return 0
		}
	}
	return 0
}
