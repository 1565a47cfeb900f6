package widget

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// inputLimit is how many characters an input takes; a pasted book is cut.
const inputLimit = 4096

// Event is what a key did to an Input.
type Event uint8

// The closed list of events.
const (
	Ignored  Event = iota // the key means nothing to an input: the caller may use it
	Edited                // the text or the cursor changed, or the dropdown moved
	Accepted              // enter: Value is the answer
)

// Input is one line of typing with a dropdown of completions and a history. Editing
// is that of bubbles/textinput; drawing is our own, because that one panics where
// there is no room and asks for a ticking cursor.
type Input struct {
	// Prompt stands before the text: "> ".
	Prompt string
	// Placeholder is shown, dim, while there is no text.
	Placeholder string
	// Complete gives the suggestions for what is typed; it must not do I/O. When
	// what it knows has grown (a job came back), call Refresh.
	Complete func(text string) []Completion
	// Eager shows the suggestions before anything is typed.
	Eager bool

	model  textinput.Model
	secret bool
	drop   dropdown
	past   history
}

// NewInput makes an input that has the focus.
func NewInput(prompt string) *Input {
	i := &Input{Prompt: prompt, model: textinput.New()}
	i.model.CharLimit = inputLimit
	i.model.SetVirtualCursor(false) // the cursor is drawn in View and never blinks
	i.model.KeyMap.Paste.SetEnabled(false)
	i.model.Focus()
	return i
}

// Value is the text.
func (i *Input) Value() string { return i.model.Value() }

// SetValue replaces the text, puts the cursor at its end and closes the dropdown.
func (i *Input) SetValue(s string) {
	i.model.SetValue(s)
	i.model.CursorEnd()
	i.drop.close()
}

// Focus switches typing on.
func (i *Input) Focus() {
	i.model.Focus()
	if i.Eager {
		i.Refresh()
	}
}

// Blur switches typing off and closes the dropdown.
func (i *Input) Blur() {
	i.model.Blur()
	i.drop.close()
}

// Focused is true while keys are text.
func (i *Input) Focused() bool { return i.model.Focused() }

// Secret hides what is typed, or shows it again.
func (i *Input) Secret(on bool) { i.secret = on }

// History gives the inputs of before, oldest first; up and down walk through them.
func (i *Input) History(lines []string) { i.past = newHistory(lines) }

// Remember adds an input to the history.
func (i *Input) Remember(line string) { i.past.add(line) }

// Refresh asks Complete again.
func (i *Input) Refresh() {
	if i.Complete == nil || !i.Focused() || (i.Value() == "" && !i.Eager) {
		i.drop.close()
		return
	}
	list := i.Complete(i.Value())
	if len(list) == 1 && list[0].Value == i.Value() && !i.Eager {
		list = nil // it says what is there already, and would keep tab to itself
	}
	i.drop.set(list)
}

// Escape closes the dropdown; false when there was none.
func (i *Input) Escape() bool {
	open := len(i.drop.list) > 0
	i.drop.close()
	return open
}

// Busy is true while the dropdown is open and takes tab and the arrows.
func (i *Input) Busy() bool { return len(i.drop.list) > 0 }

// Chosen is the completion that was picked in the dropdown but not taken yet.
func (i *Input) Chosen() (Completion, bool) { return i.drop.chosen() }

// Update handles a key or pasted text. Enter takes the completion that was walked
// to, if any, else it accepts the text; tab takes the first or the one walked to.
func (i *Input) Update(msg tea.Msg) Event {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		return i.edit(tea.PasteMsg{Content: strings.TrimSpace(msg.Content)})
	case tea.KeyPressMsg:
		switch msg.String() {
		case "enter":
			if c, ok := i.drop.chosen(); ok {
				i.take(c)
				return Edited
			}
			i.drop.close()
			return Accepted
		case "tab":
			return i.tab()
		case "down":
			return i.walk(1)
		case "up":
			return i.walk(-1)
		}
		return i.edit(msg)
	}
	return Ignored
}

func (i *Input) edit(msg tea.Msg) Event {
	if !i.Focused() {
		return Ignored
	}
	text, at := i.Value(), i.model.Position()
	i.model, _ = i.model.Update(msg)
	if i.Value() != text {
		i.past.leave()
		i.Refresh()
		return Edited
	}
	if i.model.Position() != at {
		return Edited
	}
	return Ignored
}

func (i *Input) take(c Completion) {
	i.model.SetValue(c.Value)
	i.model.CursorEnd()
	i.Refresh()
}

func (i *Input) tab() Event {
	c, ok := i.drop.chosen()
	if !ok && len(i.drop.list) > 0 {
		c, ok = i.drop.list[0], true
	}
	if !ok {
		return Ignored
	}
	i.take(c)
	return Edited
}

// walk moves in the dropdown while it is open, else in the history.
func (i *Input) walk(d int) Event {
	if i.drop.move(d) {
		return Edited
	}
	line, ok := i.past.walk(d, i.Value())
	if !ok {
		return Ignored
	}
	i.SetValue(line)
	return Edited
}

// View draws the input line, exactly w cells wide. The cursor is a reversed cell, so
// it is seen without colour.
func (i *Input) View(th *theme.Theme, w int) string {
	if w <= 0 {
		return ""
	}
	prompt := clean.Line(i.Prompt, w)
	if i.Prompt == "" {
		prompt = ""
	}
	room := w - Width(prompt)
	if room <= 0 {
		return Pad(prompt, w)
	}
	prompt = th.Accent.Render(prompt)
	if !i.Focused() {
		text := i.shownText(i.Value())
		if text == "" {
			return prompt + th.Dim.Render(Pad(clean.Line(i.Placeholder, room), room))
		}
		return prompt + Pad(clean.Line(text, room), room)
	}
	return prompt + i.typed(th, room)
}

func (i *Input) shownText(s string) string {
	if i.secret {
		return strings.Repeat("•", len([]rune(s)))
	}
	return s
}

// typed draws the text around the cursor in room cells.
func (i *Input) typed(th *theme.Theme, room int) string {
	runes := []rune(i.shownText(i.Value()))
	at := min(i.model.Position(), len(runes))
	if len(runes) == 0 {
		rest := ""
		if i.Placeholder != "" && room > 1 {
			rest = clean.Line(i.Placeholder, room-1)
		}
		return cursorCell(" ") + th.Dim.Render(Pad(rest, room-1))
	}
	before, under, after := clean.Line(string(runes[:at]), 0), " ", ""
	if at < len(runes) {
		under = clean.Line(string(runes[at]), 0)
		after = clean.Line(string(runes[at+1:]), 0)
	}
	uw := max(1, Width(under))
	if over := Width(before) + uw - room; over > 0 {
		before = ansi.TruncateLeft(before, over+1, "…")
		if uw+Width(before) > room {
			before = ""
		}
	}
	left := room - Width(before) - uw
	if left < 0 {
		return Pad("", room)
	}
	return before + cursorCell(under) + Pad(after, left)
}

func cursorCell(s string) string { return "\x1b[7m" + s + "\x1b[m" }
