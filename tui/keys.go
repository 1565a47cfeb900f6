package tui

import (
	tea "charm.land/bubbletea/v2"
)

// everywhere is the heading of the shell's own actions in the help.
const everywhere = "Everywhere"

// globals are the actions of the shell. The reserved ones win over a screen's.
func (a *App) globals() (reserved, rest []Action) {
	reserved = []Action{
		{Name: "go to", Keys: []string{":", "ctrl+p"}, Group: everywhere, Footer: 90, Run: Do(a.openPalette),
			Help: "Go to a place or run any action by name."},
		{Name: "help", Keys: []string{"?", "f1"}, Group: everywhere, Footer: 91, Run: Do(a.openHelp),
			Help: "Show every key that works here; typing searches."},
		{Name: "suspend", Keys: []string{"ctrl+z"}, Group: everywhere, Run: func() tea.Cmd { return tea.Suspend },
			Help: "Go back to the shell; fg returns."},
		{Name: "redraw", Keys: []string{"ctrl+l"}, Group: everywhere, Run: func() tea.Cmd { return tea.ClearScreen },
			Help: "Draw the screen again."},
		{Name: "mouse", Keys: []string{"alt+m"}, Group: everywhere, Run: Do(a.switchMouse),
			Help: "Switch the mouse on or off. While it is on, hold shift to select text."},
		{Name: "quit", Keys: []string{"ctrl+c"}, Group: everywhere, Run: Do(a.quit),
			Help: "Quit from anywhere. Asks only while a write is on its way."},
	}
	rest = []Action{
		{Name: "undo", Keys: []string{"u"}, Group: everywhere, Footer: 80, Mutates: true, Why: a.whyNoUndo, Run: Do(a.openUndo),
			Help: "Take back the last write, after showing what that writes."},
		{Name: "back", Keys: []string{"esc"}, Group: everywhere, Run: Do(a.back),
			Help: "Close what is open, stop what is loading, or go back one screen."},
		{Name: "quit", Keys: []string{"q"}, Group: everywhere, Run: Do(a.quit), Help: "Quit."},
	}
	return reserved, rest
}

// key handles a key press: the overlay first, then the actions, then the screen.
func (a *App) key(msg tea.KeyPressMsg) {
	key := msg.String()
	reserved, rest := a.globals()
	if key == "ctrl+c" || key == "ctrl+z" || key == "ctrl+l" {
		a.dispatch(a.top(), reserved, key)
		return
	}
	a.clearNote()
	if a.over != nil {
		a.over.update(a, msg)
		return
	}
	f := a.top()
	typing := f.screen.Typing()
	if !typing || msg.Key().Text == "" {
		if a.dispatch(f, reserved, key) || a.dispatch(f, f.screen.Actions(), key) || a.dispatch(f, rest, key) {
			return
		}
	}
	f.update(msg)
}

// dispatch runs the first action that the key calls; false when there is none. An
// action that cannot run says why.
func (a *App) dispatch(f *frame, actions []Action, key string) bool {
	for i := range actions {
		if actions[i].matches(key) {
			a.run(f, &actions[i])
			return true
		}
	}
	return false
}

func (a *App) run(f *frame, act *Action) {
	if why := act.refusal(&a.env); why != "" {
		a.say(noteBad, why)
		return
	}
	if act.Run != nil {
		a.startFor(f, act.Run())
	}
}

// back is Esc: it closes the innermost thing that is open.
func (a *App) back() {
	f := a.top()
	if e, ok := f.screen.(Escaper); ok && e.Escape() {
		return
	}
	if f.stop() {
		a.say(noteInfo, "stopped")
		return
	}
	if j := f.busy(); j != nil {
		a.say(noteInfo, "a write is on its way: its answer is the only way to know whether it happened")
		return
	}
	if len(a.stack) == 1 {
		a.say(noteInfo, "this is the first screen; q quits")
		return
	}
	a.leave(f, f.Pop)
}

// leave asks a screen that holds unsaved input before it goes.
func (a *App) leave(f *frame, then func()) {
	if l, ok := f.screen.(Leaver); ok {
		if question := l.Leave(); question != "" {
			a.confirm(f, Question{Title: question, Verb: "leave", Yes: then})
			return
		}
	}
	then()
}

// quit ends the program; while a write is on its way, or input would be lost, it
// asks. ctrl+c answers that question too, so it always gets out.
func (a *App) quit() { a.quitThen(nil) }

// quitThen is quit; then runs when nothing stands in the way any more.
func (a *App) quitThen(then func()) {
	end := func() {
		if then != nil {
			then()
		}
		a.start(tea.Quit)
	}
	if a.over != nil && a.over.quitting() {
		end()
		return
	}
	if a.writes > 0 {
		a.over = nil
		a.ask(asked{of: a.top(), quit: true, Question: Question{Title: "A write is on its way: quit without its answer?", Verb: "quit",
			Lines: []string{"It may have happened or not; nobody will know until it is looked up."}, Yes: end}})
		return
	}
	if a.opener == "ctrl+c" {
		end()
		return
	}
	a.leave(a.top(), end)
}

func (a *App) switchMouse() {
	a.mouse = !a.mouse
	if a.mouse {
		a.say(noteInfo, "mouse on: click and wheel work; hold shift to select text")
	} else {
		a.say(noteInfo, "mouse off")
	}
}
