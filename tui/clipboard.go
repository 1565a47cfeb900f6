package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
)

// copyMax is what common terminals take in one OSC 52 sequence (xterm: 100,000
// bytes of base64).
const copyMax = 74_994

// copy puts text on the clipboard of the person's own terminal. Whether the terminal
// allows it cannot be known: it does not answer.
func (a *App) copy(what, text string) {
	if len(text) > copyMax {
		a.say(noteBad, fmt.Sprintf("%s is too much for the clipboard of a terminal (%s bytes, it takes %s): export it to a file", what, Count(len(text)), Count(copyMax)))
		return
	}
	a.start(tea.SetClipboard(text))
	a.say(noteInfo, "copied "+what)
}
