// Package widget holds the dumb parts of screens: a table, label-and-value
// details, a tree, scrolled text, an input line with completion, a picker and a
// form. They know the theme and nothing else: no back end, no configuration, no
// shell. All are pointers with methods; View takes the theme and the room there is
// and costs time for what is visible only.
//
// Widgets clean what they show (package clean), so a screen hands over strings as
// the server sent them.
package widget

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// Pad makes text, which must be clean and unstyled, exactly w cells wide.
func Pad(text string, w int) string {
	if w <= 0 {
		return ""
	}
	n := Width(text)
	if n > w {
		text = clean.Line(text, w)
		n = Width(text)
	}
	return text + spaces(w-n)
}

// PadLeft is Pad with the text at the right end.
func PadLeft(text string, w int) string {
	if n := Width(text); n < w {
		return spaces(w-n) + text
	}
	return Pad(text, w)
}

// Width is the number of cells that text takes; text may be styled.
func Width(text string) int {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c >= 0x7f {
			return ansi.StringWidth(text)
		}
	}
	return len(text)
}

const blank = "                                                                                "

func spaces(n int) string {
	if n <= 0 {
		return ""
	}
	if n <= len(blank) {
		return blank[:n]
	}
	return strings.Repeat(" ", n)
}

// Rule is a horizontal line of w cells.
func Rule(th *theme.Theme, w int) string {
	return th.Dim.Render(strings.Repeat("─", max(0, w)))
}

// Wrap cleans text and breaks it into lines of at most w cells, at spaces where there
// are any.
func Wrap(text string, w int) []string {
	return strings.Split(ansi.Wrap(clean.Text(text, 0), max(1, w), ""), "\n")
}
