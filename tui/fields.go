package tui

import (
	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/widget"
)

// NewFields makes a screen of labels and values that are known already; copying,
// revealing secrets and scrolling come with it. A screen that loads what it shows
// holds a widget.Detail itself and takes its keys from DetailActions.
func NewFields(title string, sections ...widget.Section) Screen {
	return &fieldsScreen{title: title, sections: sections}
}

type fieldsScreen struct {
	Host
	title    string
	sections []widget.Section
	detail   widget.Detail
}

func (s *fieldsScreen) Title() string { return s.title }
func (s *fieldsScreen) Typing() bool  { return false }
func (s *fieldsScreen) Close()        {}

func (s *fieldsScreen) Init(h Host) tea.Cmd {
	s.Host = h
	s.detail.Set(s.sections...)
	s.detail.ShowCursor()
	return nil
}

func (s *fieldsScreen) Actions() []Action { return DetailActions(s, &s.detail) }

func (s *fieldsScreen) Update(msg tea.Msg) tea.Cmd {
	DetailMouse(&s.detail, msg, 0)
	return nil
}

func (s *fieldsScreen) View(w, h int) string { return s.detail.View(s.Env().Theme, w, h) }

// DetailActions are the keys of a widget.Detail: moving, copying the value under the
// cursor, revealing a secret.
func DetailActions(h Host, d *widget.Detail) []Action {
	move := func(name, help string, run func(), keys ...string) Action {
		return Action{Name: name, Keys: keys, Group: groupMove, Help: help, Run: Do(run)}
	}
	need := func() string {
		if _, ok := d.Current(); !ok {
			return "no line is selected"
		}
		return ""
	}
	return []Action{
		{Name: "copy", Keys: []string{"y"}, Footer: 40, Group: groupDetail, Why: need, Help: "Copy the value under the cursor. A masked secret is not copied.",
			Run: Do(func() { copyField(h, d) })},
		{Name: "reveal", Keys: []string{"x"}, Group: groupDetail, Help: "Show or hide the secret under the cursor.",
			Why: func() string {
				if f, ok := d.Current(); !ok || !f.Secret {
					return "there is no secret under the cursor"
				}
				return ""
			}, Run: Do(func() { d.Reveal() })},
		move("up", "One field up.", func() { d.Move(-1) }, "up", "k"),
		move("down", "One field down.", func() { d.Move(1) }, "down", "j"),
		move("page up", "One screen up.", func() { d.Page(-1) }, "pgup", "ctrl+u"),
		move("page down", "One screen down.", func() { d.Page(1) }, "pgdown", "ctrl+d"),
		move("first", "To the first field.", func() { d.Move(-1 << 20) }, "home", "g"),
		move("last", "To the last field.", func() { d.Move(1 << 20) }, "end", "G"),
	}
}

func copyField(h Host, d *widget.Detail) {
	f, _ := d.Current()
	if f.Secret && f.Value == widget.Mask {
		h.Toast("that is a secret: x shows it, then y copies it")
		return
	}
	h.Copy(f.Label, f.Value)
}

// DetailMouse lets the mouse move in a widget.Detail that is drawn from line top of
// the screen on.
func DetailMouse(d *widget.Detail, msg tea.Msg, top int) {
	if n := Wheel(msg); n != 0 {
		d.Scroll(n)
	}
	if click, ok := msg.(tea.MouseClickMsg); ok {
		d.At(click.Y - top)
	}
}

// TreeActions are the keys of a widget.Tree. load is called with a node whose
// children are not loaded yet when it is opened; it may be nil.
func TreeActions(t *widget.Tree, load func(*widget.Node)) []Action {
	act := func(name, help string, run func(), keys ...string) Action {
		return Action{Name: name, Keys: keys, Group: groupMove, Help: help, Run: Do(run)}
	}
	lazy := func(open func() *widget.Node) func() {
		return func() {
			if n := open(); n != nil && load != nil {
				load(n)
			}
		}
	}
	return []Action{
		act("up", "One line up.", func() { t.Move(-1) }, "up", "k"),
		act("down", "One line down.", func() { t.Move(1) }, "down", "j"),
		act("fold", "Open or close what is below.", lazy(t.Toggle), "space"),
		act("open branch", "Open what is below, or go into it.", lazy(t.Right), "right", "l"),
		act("close branch", "Close what is below, or go to what is above.", t.Left, "left", "h"),
		act("open all", "Open everything that is loaded.", func() { t.OpenAll(true) }, "+"),
		act("close all", "Close everything.", func() { t.OpenAll(false) }, "-"),
		act("page up", "One screen up.", func() { t.Page(-1) }, "pgup", "ctrl+u"),
		act("page down", "One screen down.", func() { t.Page(1) }, "pgdown", "ctrl+d"),
		act("first", "To the first line.", func() { t.Move(-1 << 20) }, "home", "g"),
		act("last", "To the last line.", func() { t.Move(1 << 20) }, "end", "G"),
	}
}

// TreeMouse lets the mouse move in a widget.Tree that is drawn from line top of the
// screen on.
func TreeMouse(t *widget.Tree, msg tea.Msg, top int) {
	if n := Wheel(msg); n != 0 {
		t.Move(n)
	}
	if click, ok := msg.(tea.MouseClickMsg); ok {
		t.At(click.Y - top)
	}
}
