package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// PickSpec is a screen on which one or many things are picked from a list that is
// loaded first: roles to grant, a group to join.
type PickSpec struct {
	Title string
	// Lead is one line above the list that says what picking does.
	Lead string
	// Many lets several be picked.
	Many bool
	// Choices are those that are known already; Load reads them, off the loop. Either
	// is enough.
	Choices []widget.Choice
	Load    func(context.Context) ([]widget.Choice, error)
	// Done gets what was picked, after the screen was closed; it is not called when
	// the person went back.
	Done func([]widget.Choice)
	// Verb is what Enter does: "grant".
	Verb string
	// Empty says what it means that there is nothing to pick.
	Empty string
}

// NewPick makes the screen; push it.
func NewPick(spec PickSpec) Screen {
	if spec.Verb == "" {
		spec.Verb = "pick"
	}
	return &pickScreen{spec: spec, picker: widget.Picker{Many: spec.Many}}
}

type pickScreen struct {
	Host
	spec   PickSpec
	picker widget.Picker
	load   Job
}

func (p *pickScreen) Title() string { return p.spec.Title }
func (p *pickScreen) Typing() bool  { return true }
func (p *pickScreen) Close()        {}
func (p *pickScreen) Escape() bool  { return p.picker.Escape() }

func (p *pickScreen) Init(h Host) tea.Cmd {
	p.Host = h
	p.picker.Set(p.spec.Choices)
	p.reload()
	return nil
}

func (p *pickScreen) reload() {
	if p.spec.Load == nil {
		return
	}
	Go(p, &p.load, 0, p.spec.Load, func(choices []widget.Choice, err error) {
		if err == nil {
			p.picker.Set(choices)
		}
	})
}

func (p *pickScreen) Actions() []Action {
	acts := []Action{{Name: p.spec.Verb, Keys: []string{"enter"}, Footer: 1, Why: p.whyNot, Run: Do(p.accept),
		Help: "Take what is picked, or the line under the cursor."}}
	if p.spec.Many {
		acts = append(acts, Action{Name: "pick", Keys: []string{"tab"}, Footer: 2, Run: Do(p.toggle), Help: "Pick the line under the cursor, or take it back."})
	}
	move := func(name string, run func(), keys ...string) Action {
		return Action{Name: name, Keys: keys, Group: groupMove, Help: "Move the cursor.", Run: Do(run)}
	}
	return append(acts,
		Action{Name: "reload", Keys: []string{"ctrl+r"}, Help: "Read the choices again.", Run: Do(p.reload)},
		move("up", func() { p.picker.Move(-1) }, "up"), move("down", func() { p.picker.Move(1) }, "down"),
		move("page up", func() { p.picker.Page(-1) }, "pgup"), move("page down", func() { p.picker.Page(1) }, "pgdown"))
}

func (p *pickScreen) whyNot() string {
	if len(p.picker.Picked()) > 0 {
		return ""
	}
	if c, ok := p.picker.Current(); ok && c.Why != "" {
		return c.Why
	}
	if p.load.Busy() {
		return "what can be picked is still being read"
	}
	return "nothing is picked"
}

func (p *pickScreen) toggle() {
	if why := p.picker.Toggle(); why != "" {
		p.Toast(why)
	}
}

func (p *pickScreen) accept() {
	picked := p.picker.Picked()
	p.Pop()
	p.spec.Done(picked)
}

func (p *pickScreen) Update(msg tea.Msg) tea.Cmd {
	if n := Wheel(msg); n != 0 {
		p.picker.Move(n)
	}
	if click, ok := msg.(tea.MouseClickMsg); ok {
		if p.picker.At(click.Y-p.leadLines()) && p.spec.Many {
			p.toggle()
		}
		return nil
	}
	p.picker.Update(msg)
	return nil
}

func (p *pickScreen) leadLines() int {
	if p.spec.Lead == "" {
		return 0
	}
	return 2
}

func (p *pickScreen) View(w, h int) string {
	th := p.Env().Theme
	var lines []string
	if p.spec.Lead != "" {
		lines = append(lines, th.Strong.Render(clean.Line(p.spec.Lead, w)), "")
	}
	words := ""
	switch err := p.load.Err(); {
	case p.picker.Len() > 0:
		lines = append(lines, p.picker.View(th, w, h-len(lines)))
	case p.load.Busy():
		words = "reading…"
	case err != nil:
		words = "✗ " + p.Env().Explain(err).String() + "\n^r tries again"
	case p.spec.Empty != "":
		words = p.spec.Empty
	default:
		words = "There is nothing to pick."
	}
	if words != "" {
		lines = append(lines, widget.Wrap(words, w)...)
	}
	return strings.Join(lines, "\n")
}
