package tui

func (a *App) confirm(f *frame, q Question) {
	if q.Yes != nil {
		q.Yes()
	}
}
