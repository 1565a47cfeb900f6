package tui

func (a *App) openHelp() {}
