package tui

type undo struct {
	Undo
	of *frame
}

func (a *App) pushUndo(f *frame, u Undo) { a.undos = append(a.undos, undo{u, f}) }
