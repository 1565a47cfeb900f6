package tuitest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// Rig drives a model without a terminal: Update and View are called by the test, and
// commands run beside it until it takes their messages.
type Rig struct {
	Model tea.Model
	msgs  chan tea.Msg
	ended chan struct{}
}

// NewRig starts a model in a window of a size.
func NewRig(t testing.TB, m tea.Model, w, h int) *Rig {
	r := &Rig{Model: m, msgs: make(chan tea.Msg), ended: make(chan struct{})}
	t.Cleanup(func() { close(r.ended) })
	r.Send(tea.WindowSizeMsg{Width: w, Height: h})
	r.run(m.Init())
	return r
}

// Send gives the model a message.
func (r *Rig) Send(msg tea.Msg) {
	var cmd tea.Cmd
	r.Model, cmd = r.Model.Update(msg)
	r.run(cmd)
}

// Press sends keystrokes by name.
func (r *Rig) Press(keys ...string) {
	for _, k := range keys {
		r.Send(Key(k))
	}
}

func (r *Rig) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		msg := cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for _, c := range batch {
				r.run(c)
			}
			return
		}
		if msg == nil {
			return
		}
		select {
		case r.msgs <- msg:
		case <-r.ended:
		}
	}()
}

// Until takes messages until a text is in the view.
func (r *Rig) Until(t testing.TB, text string) {
	t.Helper()
	end := time.After(15 * time.Second)
	for !strings.Contains(ansi.Strip(r.View()), text) {
		select {
		case msg := <-r.msgs:
			r.Send(msg)
		case <-end:
			t.Fatalf("%q is not in the view:\n%s", text, ansi.Strip(r.View()))
		}
	}
}

// Rest takes messages until none has come for the time given.
func (r *Rig) Rest(quiet time.Duration) {
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		select {
		case msg := <-r.msgs:
			r.Send(msg)
		case <-time.After(quiet):
			return
		}
	}
}

// View is the frame as it would be drawn.
func (r *Rig) View() string { return r.Model.View().Content }

// Fault is what is wrong with the frame of a window of a size: not as many lines as
// the window has, or one wider than it; empty when nothing is.
func (r *Rig) Fault(w, h int) string {
	lines := strings.Split(r.View(), "\n")
	if len(lines) != h {
		return fmt.Sprintf("%d lines in a window of %d", len(lines), h)
	}
	for i, line := range lines {
		if n := ansi.StringWidth(line); n > w {
			return fmt.Sprintf("line %d is %d cells wide in a window of %d: %q", i, n, w, ansi.Strip(line))
		}
	}
	return ""
}

// Next takes one message, if one comes within the time given, without giving it to
// the model; nil when none comes.
func (r *Rig) Next(within time.Duration) tea.Msg {
	select {
	case msg := <-r.msgs:
		return msg
	case <-time.After(within):
		return nil
	}
}

// Await takes messages until something is so.
func (r *Rig) Await(t testing.TB, what string, so func() bool) {
	t.Helper()
	end := time.After(60 * time.Second)
	for !so() {
		select {
		case msg := <-r.msgs:
			r.Send(msg)
		case <-time.After(50 * time.Millisecond):
		case <-end:
			t.Fatalf("it did not become so: %s\n%s", what, ansi.Strip(r.View()))
		}
	}
}

// Idle is whether the screen on top reads nothing.
func (r *Rig) Idle() bool {
	a, ok := r.Model.(interface{ Busy() bool })
	return !ok || !a.Busy()
}
