package tui

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"
)

// frame is one screen on the stack and the Host that it sees.
type frame struct {
	app    *App
	screen Screen
	ctx    context.Context
	cancel context.CancelFunc
	jobs   []*Job
	gone   bool
	tries  int // how often it was read again by itself
}

var _ Host = (*frame)(nil)

func (f *frame) own() *frame              { return f }
func (f *frame) Context() context.Context { return f.ctx }
func (f *frame) Env() *Env                { return &f.app.env }
func (f *frame) Push(s Screen)            { f.app.push(s) }
func (f *frame) Toast(text string)        { f.app.say(noteInfo, text) }
func (f *frame) Fail(err error)           { f.app.fail(err) }
func (f *frame) Confirm(q Question)       { f.app.confirm(f, q) }

// Pop closes the screen and everything above it. The bottom screen stays.
func (f *frame) Pop() {
	if at := slices.Index(f.app.stack, f); at > 0 {
		f.app.cut(at)
	}
}

func (f *frame) Copy(what, text string) { f.app.copy(what, text) }

func (f *frame) Undo(u Undo) { f.app.pushUndo(f, u) }

// track remembers a job, so that Esc can stop it and closing cancels it.
func (f *frame) track(j *Job) {
	if !slices.Contains(f.jobs, j) {
		f.jobs = append(f.jobs, j)
	}
}

// busy is the longest-running job of the screen, or nil.
func (f *frame) busy() *Job {
	var oldest *Job
	for _, j := range f.jobs {
		if j.busy && (oldest == nil || j.began.Before(oldest.began)) {
			oldest = j
		}
	}
	return oldest
}

// stop cancels what the screen is reading; false when it was reading nothing.
func (f *frame) stop() bool {
	any := false
	for _, j := range f.jobs {
		if j.busy && !j.write {
			j.Stop()
			any = true
		}
	}
	return any
}

// close ends the screen.
func (f *frame) close() {
	f.gone = true
	f.cancel()
	f.screen.Close()
}

// update gives the screen a message and routes what its command says back to it.
func (f *frame) update(msg tea.Msg) { f.app.startFor(f, f.screen.Update(msg)) }
