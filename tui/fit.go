package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/widget"
)

// fit makes exactly h lines of at most w cells out of what a screen drew.
func fit(content string, w, h int) []string {
	lines := make([]string, h)
	for i := range lines {
		line, rest, more := strings.Cut(content, "\n")
		lines[i] = cut(line, w)
		if content = rest; !more {
			break
		}
	}
	return lines
}

// cut shortens a styled line to w cells.
func cut(line string, w int) string {
	if len(line) <= w || widget.Width(line) <= w { // a cell takes at least one byte
		return line
	}
	return ansi.Truncate(line, max(0, w), "")
}

// ends puts left and right at the two ends of a line of w cells; where both do not
// fit, right goes.
func ends(left, right string, w int) string {
	left = cut(left, w)
	gap := w - widget.Width(left) - widget.Width(right)
	if right == "" || gap < 2 {
		return left
	}
	return left + strings.Repeat(" ", gap) + right
}
