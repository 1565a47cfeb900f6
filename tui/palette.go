package tui

func (a *App) openPalette() {}
