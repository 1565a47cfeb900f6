package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// asked is a question and who asked it.
type asked struct {
	Question
	of   *frame
	quit bool
}

// grace is how long a question that opened by itself takes no answer: whoever is
// typing at that moment did not mean it.
const grace = 400 * time.Millisecond

// confirm shows a question, or keeps it until what is open has closed.
func (a *App) confirm(f *frame, q Question) { a.ask(asked{Question: q, of: f}) }

func (a *App) ask(q asked) {
	if a.over != nil {
		a.asked = append(a.asked, q)
		return
	}
	if q.Danger && a.env.Production && q.Typed == "" {
		q.Typed = a.env.Context
	}
	if q.Verb == "" {
		q.Verb = "yes"
	}
	d := &dialog{asked: q, key: "y"}
	if a.opener == "y" { // never the key that opened it
		d.key = "Y"
	}
	if a.opener == "" {
		d.deaf = time.Now().Add(grace)
	}
	if q.Typed != "" {
		d.input = widget.NewInput(fmt.Sprintf("type %s to %s: ", clean.Line(q.Typed, 60), q.Verb))
	}
	a.over = d
}

// dialog is a question on the screen.
type dialog struct {
	asked
	key   string // the key that means yes
	input *widget.Input
	deaf  time.Time
	text  []string // Lines, wrapped to width
	width int
	top   int // first of text that is shown
	room  int // how many were shown
}

func (d *dialog) atTop() bool    { return false }
func (d *dialog) quitting() bool { return d.quit }

func (d *dialog) hints() []hint {
	yes := hint{d.key, d.Verb}
	if d.input != nil {
		yes.key = "enter"
	}
	return []hint{{KeyName(yes.key), yes.name}, {"esc", "cancel"}}
}

func (d *dialog) update(a *App, msg tea.Msg) {
	if time.Now().Before(d.deaf) {
		return
	}
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		d.press(a, msg)
	case tea.PasteMsg:
		if d.input != nil {
			d.input.Update(msg)
		}
	case tea.MouseWheelMsg:
		d.scroll(Wheel(msg))
	}
}

func (d *dialog) press(a *App, msg tea.KeyPressMsg) {
	switch key := msg.String(); {
	case key == "esc", d.input == nil && (key == "n" || key == "q"):
		d.answer(a, false)
	case key == "up":
		d.scroll(-1)
	case key == "down":
		d.scroll(1)
	case key == "pgup":
		d.scroll(-d.room)
	case key == "pgdown":
		d.scroll(d.room)
	case d.input == nil && key == d.key:
		d.answer(a, true)
	case d.input == nil && key == "enter":
		a.say(noteInfo, fmt.Sprintf("%s to %s, esc to cancel", d.key, d.Verb))
	case d.input != nil && d.input.Update(msg) == widget.Accepted:
		if d.input.Value() == d.Typed {
			d.answer(a, true)
		} else {
			a.say(noteBad, fmt.Sprintf("that is not %s: nothing was done", clean.Line(d.Typed, 60)))
		}
	}
}

func (d *dialog) answer(a *App, yes bool) {
	a.closeOver()
	switch {
	case d.of.gone: // the screen that asked is not there any more
	case yes && d.Yes != nil:
		d.Yes()
	case !yes && d.No != nil:
		d.No()
	}
}

func (d *dialog) scroll(n int) { d.top = max(0, min(d.top+n, len(d.text)-d.room)) }

// wrap breaks what will be written into lines of w cells. Nothing of it is ever cut
// off: who agrees must have been able to read all of it.
func (d *dialog) wrap(w int) {
	if d.width == w {
		return
	}
	d.width, d.text = w, nil
	for _, line := range d.Lines {
		for i, part := range widget.Wrap(clean.Line(line, lineMax), max(1, w-4)) {
			indent := "  "
			if i > 0 {
				indent = "    "
			}
			d.text = append(d.text, indent+part)
		}
	}
}

// lineMax is far beyond what one line of a question can need.
const lineMax = 1 << 16

func (d *dialog) lines(a *App, w, h int) []string {
	th := a.env.Theme
	title := th.Strong
	if d.Danger {
		title = th.Bad
	}
	out := []string{widget.Rule(th, w), title.Render(clean.Line(d.Title, w))}
	foot := 0
	if d.Danger {
		foot++
	}
	if d.input != nil {
		foot++
	}
	d.wrap(w)
	d.room = max(0, min(len(d.text), h-len(out)-foot))
	if d.room < len(d.text) && d.room > 0 {
		d.room--
	}
	d.scroll(0)
	out = append(out, d.text[d.top:d.top+d.room]...)
	if hidden := len(d.text) - d.room; hidden > 0 {
		out = append(out, th.Dim.Render(clean.Line(fmt.Sprintf("  and %d more: ↑ ↓ show them", hidden), w)))
	}
	if d.Danger {
		out = append(out, th.Bad.Render(clean.Line("This cannot be undone.", w)))
	}
	if d.input != nil {
		out = append(out, d.input.View(th, w))
	}
	return out
}
