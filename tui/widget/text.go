package widget

import "gatehouse/tui/theme"

// Text is text that scrolls and wraps.
type Text struct {
	text string
}

// Set replaces the text (as the server sent it) and keeps the scroll position.
func (t *Text) Set(text string) { t.text = text }

// Scroll moves by n lines.
func (t *Text) Scroll(n int) {}

// View draws the visible part.
func (t *Text) View(th *theme.Theme, w, h int) string { return "" }
