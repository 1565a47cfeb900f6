package tui

import "time"

type noteKind uint8

const (
	noteNone noteKind = iota
	noteInfo
	noteBad
)

// note is the toast.
type note struct {
	kind noteKind
	text string
	at   time.Time
}

func (a *App) say(kind noteKind, text string) { a.note = note{kind, text, a.now()} }

func (a *App) fail(err error) {
	if err == nil {
		return
	}
	f := a.opts.Explain(err)
	if f.canceled() {
		a.say(noteInfo, "stopped")
		return
	}
	a.say(noteBad, f.String())
}
