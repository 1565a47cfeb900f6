package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
)

type noteKind uint8

const (
	noteNone noteKind = iota
	noteInfo
	noteBad
)

const (
	noteFor  = 4 * time.Second // how long an info stays; what is bad stays until a key
	noteMax  = 600             // cells of a message that are kept
	notesMax = 300             // messages that are kept for :messages
)

// note is the toast.
type note struct {
	kind noteKind
	text string
	id   int
}

// message is a toast of before.
type message struct {
	id   int
	at   time.Time
	kind noteKind
	text string
}

// noteEnd says that the time of a toast is over.
type noteEnd struct{ id int }

func (a *App) say(kind noteKind, text string) {
	if text == "" {
		return
	}
	text = clean.Line(text, noteMax)
	id := 1
	if n := len(a.messages); n > 0 {
		id = a.messages[n-1].id + 1
	}
	a.messages = append(a.messages, message{id, a.now(), kind, text})
	if len(a.messages) > notesMax {
		a.messages = a.messages[len(a.messages)-notesMax:]
	}
	a.note = note{kind, text, id}
	if kind == noteInfo {
		a.start(tea.Tick(noteFor, func(time.Time) tea.Msg { return noteEnd{id} }))
	}
}

func (a *App) clearNote() { a.note = note{} }

func (a *App) endNote(end noteEnd) {
	if a.note.id == end.id {
		a.clearNote()
	}
}

// fail says an error in words. One that the person wanted is said quietly.
func (a *App) fail(err error) {
	if err == nil {
		return
	}
	f := a.opts.Explain(err)
	if f.canceled() {
		a.say(noteInfo, "stopped")
		return
	}
	if n := len(a.messages); n > 0 && a.top().tries > 0 && a.messages[n-1].text == clean.Line(f.String(), noteMax) {
		return // it was said when it began, and nobody asked again
	}
	a.say(noteBad, f.String())
}
