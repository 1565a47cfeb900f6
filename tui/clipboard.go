package tui

import tea "charm.land/bubbletea/v2"

func (a *App) copy(what, text string) {
	a.start(tea.SetClipboard(text))
	a.say(noteInfo, "copied "+what)
}
