package tui

import (
	tea "charm.land/bubbletea/v2"
)

// rect is a part of the screen in cells.
type rect struct{ x, y, w, h int }

// span is a part of the title line that can be clicked.
type span struct {
	from, to int
	depth    int // the position on the stack it goes to
}

// wheelLines is how far one notch of the wheel scrolls.
const wheelLines = 3

// pointer handles the mouse: crumbs go back, everything in the body belongs to the
// screen, with coordinates that start at its own corner.
func (a *App) pointer(msg tea.MouseMsg) {
	if a.over != nil {
		a.over.update(a, msg)
		return
	}
	m := msg.Mouse()
	if click, ok := msg.(tea.MouseClickMsg); ok && click.Y == 0 {
		for _, s := range a.crumbs {
			if click.X >= s.from && click.X < s.to && s.depth < len(a.stack)-1 {
				a.leave(a.top(), func() { a.cut(s.depth + 1) })
				return
			}
		}
		return
	}
	m.X -= a.body.x
	m.Y -= a.body.y
	if m.X < 0 || m.Y < 0 || m.X >= a.body.w || m.Y >= a.body.h {
		return
	}
	switch msg.(type) {
	case tea.MouseClickMsg:
		a.top().update(tea.MouseClickMsg(m))
	case tea.MouseWheelMsg:
		a.top().update(tea.MouseWheelMsg(m))
	}
}

// Wheel is how many lines a mouse wheel event scrolls: negative for up, 0 for a
// message that is none.
func Wheel(msg tea.Msg) int {
	w, ok := msg.(tea.MouseWheelMsg)
	switch {
	case ok && w.Button == tea.MouseWheelUp:
		return -wheelLines
	case ok && w.Button == tea.MouseWheelDown:
		return wheelLines
	default:
		return 0
	}
}
