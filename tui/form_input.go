package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// formInput is one input of a form. A line of typing cannot hold every text: line
// breaks, tabs and what is very long would be changed or cut without a word. Such a
// text is held beside the line, shown by its beginning, and changed in an editor.
type formInput struct {
	*widget.Input
	held   *string // the text that the line cannot hold; nil when it holds it
	first  string  // what it began with
	hidden bool    // it is a secret, such as a pasted token
}

func newFormInput(field FormField) *formInput {
	in := &formInput{Input: widget.NewInput("")}
	in.Complete, in.Placeholder = field.Complete, field.Placeholder
	in.Secret(field.Secret)
	in.hidden = field.Secret
	in.set(field.Value)
	in.first = field.Value
	in.Blur()
	return in
}

// text is the value as it was given or typed, unchanged.
func (in *formInput) text() string {
	if in.held != nil {
		return *in.held
	}
	return in.Value()
}

// set replaces the value.
func (in *formInput) set(text string) {
	in.held = nil
	in.SetValue(text)
	if in.Value() != text {
		in.held = &text
		in.SetValue("")
	}
}

// update takes a key or pasted text.
func (in *formInput) update(msg tea.Msg) widget.Event {
	if paste, ok := msg.(tea.PasteMsg); ok {
		if text := strings.TrimSpace(paste.Content); in.text() == "" {
			in.set(text)
			return widget.Edited
		}
	}
	if in.held == nil {
		return in.Update(msg)
	}
	key, ok := msg.(tea.KeyPressMsg)
	switch {
	case !ok:
	case key.String() == "enter":
		return widget.Accepted
	case key.String() == "ctrl+u": // as in a line
		in.set("")
		return widget.Edited
	}
	return widget.Ignored
}

// view draws it w cells wide.
func (in *formInput) view(th *theme.Theme, w int, focused bool) string {
	if in.held == nil {
		return in.View(th, w)
	}
	if w <= 0 {
		return ""
	}
	note := fmt.Sprintf(" %s characters: ^e edits", Count(len([]rune(*in.held))))
	shown := *in.held
	if in.hidden {
		note, shown = "", widget.Mask
	}
	text := clean.Line(shown, max(1, w-widget.Width(note)))
	style := th.Plain
	if focused {
		style = th.Selected
	}
	return style.Render(text) + th.Dim.Render(clean.Line(note, max(1, w-widget.Width(text))))
}
