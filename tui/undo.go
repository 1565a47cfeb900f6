package tui

import (
	"context"
	"fmt"
)

// undosMax is how many ways back are kept.
const undosMax = 50

// undo is a way back and the screen that may want to load again after it.
type undo struct {
	Undo
	of *frame
}

func (a *App) pushUndo(f *frame, u Undo) {
	a.undos = append(a.undos, undo{u, f})
	if len(a.undos) > undosMax {
		a.undos = a.undos[1:]
	}
}

func (a *App) whyNoUndo() string {
	if len(a.undos) == 0 {
		return "nothing to undo: nothing that can be taken back was written in this session"
	}
	return ""
}

// openUndo shows what the newest undo would write, and asks.
func (a *App) openUndo() {
	u := a.undos[len(a.undos)-1]
	a.confirm(a.top(), Question{Title: "Undo: " + u.What + "?", Lines: u.Lines, Verb: "undo", Yes: func() { a.undo(u) }})
}

// undo runs it. Whatever comes of it, it is not offered again, except when it
// certainly did not reach the server.
func (a *App) undo(u undo) {
	host := a.stack[0] // outlives every other screen, so the answer is always heard
	a.undos = a.undos[:len(a.undos)-1]
	if u.Screen != nil {
		a.push(u.Screen())
		return
	}
	Write(host, new(Job), "undo "+u.What, 0, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, u.Run(ctx)
	}, func(_ struct{}, err error) {
		if err != nil {
			if a.opts.Explain(err).Kind == "unreachable" {
				a.undos = append(a.undos, u)
			}
			a.fail(fmt.Errorf("undo %s: %w", u.What, err))
			return
		}
		a.say(noteInfo, "undone: "+u.What)
		if u.Then != nil && !u.of.gone {
			u.Then()
		}
	})
}
