package widget

import (
	"strings"

	"gatehouse/tui/theme"
)

// Text is text that scrolls and wraps.
type Text struct {
	text   string
	lines  []string
	width  int
	top    int
	height int
}

// Set replaces the text (as the server sent it) and keeps the scroll position.
func (t *Text) Set(text string) {
	if text != t.text {
		t.text, t.width = text, 0
	}
}

// Scroll moves by n lines.
func (t *Text) Scroll(n int) { t.top += n }

// Page moves by n screens.
func (t *Text) Page(n int) { t.Scroll(n * max(1, t.height-1)) }

// End goes to the last line.
func (t *Text) End() { t.top = len(t.lines) }

// View draws the visible part.
func (t *Text) View(_ *theme.Theme, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	if t.width != w {
		t.width, t.lines = w, Wrap(t.text, w)
	}
	t.height = h
	t.top = max(0, min(t.top, len(t.lines)-h))
	return strings.Join(t.lines[t.top:min(t.top+h, len(t.lines))], "\n")
}
