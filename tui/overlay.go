package tui

import (
	tea "charm.land/bubbletea/v2"
)

// overlay is what lies over the screen and gets all input: a question, the palette,
// the help. There is at most one.
type overlay interface {
	// update handles a key, pasted text or the mouse. To close itself it calls
	// App.closeOver before it does anything else that might open another one.
	update(a *App, msg tea.Msg)
	// lines draws at most h lines of at most w cells.
	lines(a *App, w, h int) []string
	// atTop is whether the lines lie at the top of the body, else at its bottom.
	atTop() bool
	// hints are the keys for the footer.
	hints() []hint
	// quitting is whether this asks about quitting, so that ctrl+c answers yes.
	quitting() bool
}

// hint is one key in the footer.
type hint struct{ key, name string }

// closeOver takes the overlay away and shows the question that waited for it.
func (a *App) closeOver() {
	a.over = nil
	if len(a.asked) > 0 {
		next := a.asked[0]
		a.asked = a.asked[1:]
		a.ask(next)
	}
}
