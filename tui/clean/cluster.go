package clean

import (
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	unseen = "\uFFFD" // stands for what has no picture of its own

	zwnj = '\u200c'
	zwj  = '\u200d'

	// A character of writing is a base with a few marks. More than that is an
	// attack on the layout ("zalgo"), so what is longer is cut off visibly.
	clusterBytes = 128
	clusterMarks = 8
)

// cleaner builds the clean copy of one string.
type cleaner struct {
	max   int  // cells
	lines bool // line feeds and tabs are layout, not content

	out   []byte
	cells int // written so far
	col   int // the same since the last line feed
	// mark is the length of out when there was still room for the ellipsis, so that
	// cutting never has to measure backwards.
	mark int
}

// clean cleans s, of which the first n bytes are known to be plain. It reads one
// character of the script at a time and stops where the room ends.
func (c *cleaner) clean(s string, n int) string {
	if n > 0 {
		n-- // the last plain byte may be the base of what follows
	}
	c.out = make([]byte, 0, min(len(s), 4*c.max)+8)
	c.plain(s[:n])
	for i := n; i < len(s); {
		size, ok := c.next(s[i:])
		if !ok {
			return string(c.out[:c.mark]) + ellipsis
		}
		i += size
	}
	if len(c.out) == len(s) && string(c.out) == s {
		return s
	}
	return string(c.out)
}

// plain writes bytes that are known to be printable ASCII and to fit.
func (c *cleaner) plain(s string) {
	c.out = append(c.out, s...)
	c.cells += len(s)
	c.col += len(s)
	c.mark = len(c.out)
	if c.cells > c.max-1 && len(s) > 0 {
		c.mark = len(c.out) - 1
	}
}

// next cleans the character at the start of s and tells its length in bytes; false
// when the room has ended.
func (c *cleaner) next(s string) (int, bool) {
	if b := s[0]; b < utf8.RuneSelf {
		if b < 0x20 || b == 0x7f {
			return c.control(s)
		}
		if len(s) == 1 || s[1] < utf8.RuneSelf {
			return 1, c.put(s[:1], 1)
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 {
		return 1, c.put(unseen, 1)
	}
	if simple(r) && (size == len(s) || simpleNext(s[size:])) {
		return size, c.put(s[:size], 1)
	}
	window := s
	if len(window) > clusterBytes {
		window = cutBytes(window, clusterBytes)
	}
	cluster, width := ansi.FirstGraphemeCluster(window, ansi.GraphemeWidth)
	if cluster == "" {
		return size, c.put(unseen, 1)
	}
	return len(cluster), c.cluster(cluster, width, s[len(cluster):])
}

// simple recognizes the letters of the most common alphabets, which are one cell
// wide and stand alone unless a mark follows: names are made of them, and looking up
// the boundaries of a character costs fifty times as much.
func simple(r rune) bool {
	switch {
	case r >= 0x00c0 && r <= 0x024f, // Latin
		r >= 0x0391 && r <= 0x03a1, r >= 0x03a3 && r <= 0x03ce, // Greek
		r >= 0x0400 && r <= 0x0481, // Cyrillic
		r >= 0x05d0 && r <= 0x05ea, // Hebrew
		r >= 0x0620 && r <= 0x064a: // Arabic
		return true
	}
	return false
}

// simpleNext reports whether what follows cannot belong to the letter before it.
func simpleNext(s string) bool {
	if s[0] < utf8.RuneSelf {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s)
	return simple(r)
}

// put writes clean text of a known width; false when there is no room.
func (c *cleaner) put(text string, width int) bool {
	if c.cells+width > c.max {
		return false
	}
	c.out = append(c.out, text...)
	c.cells += width
	c.col += width
	if c.cells < c.max {
		c.mark = len(c.out)
	}
	return true
}

// control writes the picture of a control byte, or obeys it where lines are wanted.
func (c *cleaner) control(s string) (int, bool) {
	b := s[0]
	if c.lines {
		switch {
		case b == '\n':
			return 1, c.newline()
		case b == '\r' && len(s) > 1 && s[1] == '\n':
			return 2, c.newline()
		case b == '\t':
			n := 8 - c.col%8
			return 1, c.put("        "[:n], n)
		}
	}
	if b == 0x7f {
		return 1, c.put("␡", 1)
	}
	return 1, c.put(string(rune(0x2400)+rune(b)), 1)
}

func (c *cleaner) newline() bool {
	ok := c.put("\n", 1)
	c.col = 0
	return ok
}

// cluster writes one character of writing: a base and what belongs to it.
func (c *cleaner) cluster(s string, width int, rest string) bool {
	base, size := utf8.DecodeRuneInString(s)
	if size == len(s) {
		if !Visible(base) {
			return c.put(unseen, 1)
		}
		if width == 0 { // a mark without a base
			return c.put("◌"+s, 1)
		}
		return c.put(s, width)
	}
	agree := width == ansi.StringWidthWc(s)
	buf := make([]byte, 0, clusterBytes)
	if unicode.Is(unicode.M, base) { // a mark without a base
		buf = append(buf, "◌"...)
	}
	marks := 0
	for i, r := range s {
		if r == utf8.RuneError {
			buf = append(buf, unseen...)
			continue
		}
		if unicode.Is(unicode.M, r) {
			marks++
		}
		switch {
		case marks > clusterMarks:
			marks = 0
			buf = append(buf, unseen...)
		case keep(base, r, i > 0, agree, rest):
			buf = utf8.AppendRune(buf, r)
		case silent(base, r):
		default:
			buf = append(buf, unseen...)
		}
	}
	text := string(buf)
	return c.put(text, ansi.StringWidth(text))
}

// keep tells whether a rune of a cluster may stand as it is.
func keep(base, r rune, behind, agree bool, rest string) bool {
	switch {
	case r == zwnj:
		next, _ := utf8.DecodeRuneInString(rest)
		return unicode.Is(unicode.Arabic, base) && unicode.IsLetter(base) && unicode.Is(unicode.Arabic, next) && unicode.IsLetter(next)
	case isSelector(r) || isTag(r) || r == zwj:
		return false
	case behind && isSkinTone(r):
		return agree
	default:
		return Visible(r)
	}
}

// silent tells whether a rune may go without a sign: the inner works of an emoji
// and the selectors that choose between two drawings of the same sign.
func silent(base, r rune) bool {
	switch {
	case isSelector(r):
		return !unicode.IsLetter(base) || unicode.Is(unicode.Han, base)
	case r == zwj, isTag(r), isSkinTone(r):
		return unicode.Is(unicode.So, base)
	default:
		return false
	}
}

func isSelector(r rune) bool {
	return r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef
}
func isTag(r rune) bool      { return r >= 0xe0020 && r <= 0xe007f }
func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

// Visible reports whether a character can be seen and is safe to print: a letter,
// mark, number, sign or space of any script that the Unicode tables of Go know.
func Visible(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 0x20 && r != 0x7f
	}
	return unicode.IsGraphic(r) && !unicode.Is(hidden, r)
}

// hidden are graphic characters, as Unicode counts them, that draw nothing: fillers,
// the grapheme joiner and selectors.
var hidden = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x034f, Hi: 0x034f, Stride: 1}, {Lo: 0x115f, Hi: 0x1160, Stride: 1}, {Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
		{Lo: 0x180b, Hi: 0x180f, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xfe00, Hi: 0xfe0f, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x1d159, Hi: 0x1d159, Stride: 1}, {Lo: 0xe0100, Hi: 0xe01ef, Stride: 1}},
}

// inFileName reports whether a character may stand in a file name.
func inFileName(r rune) bool {
	switch r {
	case '.', '_', '-', '+', '@', ',', '=':
		return true
	case '\uFFFD':
		return false
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}
