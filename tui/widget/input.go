package widget

import (
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/theme"
)

// Completion is one suggestion of an Input.
type Completion struct {
	// Value is what the whole input becomes.
	Value string
	// Label is what is shown; empty means Value.
	Label string
	// Note is dim, behind it: "relation of Doc", "12 tuples".
	Note string
}

// Event is what a key did to an Input.
type Event uint8

// The closed list of events.
const (
	Ignored  Event = iota // the key means nothing to an input: the caller may use it
	Edited                // the text or the cursor changed, or the dropdown moved
	Accepted              // enter: Value is the answer
)

// Input is one line of typing with a dropdown of completions and a history.
type Input struct {
	// Prompt stands before the text: "> ".
	Prompt string
	// Placeholder is shown, dim, while there is no text.
	Placeholder string
	// Complete gives the suggestions for what is typed; it must not do I/O. When
	// what it knows has grown (a job came back), call Refresh.
	Complete func(text string) []Completion

	model textinput.Model
}

// NewInput makes an input that has the focus.
func NewInput(prompt string) *Input { return &Input{Prompt: prompt, model: textinput.New()} }

// Value is the text.
func (i *Input) Value() string { return i.model.Value() }

// SetValue replaces the text and puts the cursor at its end.
func (i *Input) SetValue(s string) { i.model.SetValue(s) }

// Focus and Blur switch typing on and off.
func (i *Input) Focus() { i.model.Focus() }

// Blur switches typing off and closes the dropdown.
func (i *Input) Blur() { i.model.Blur() }

// Focused is true while keys are text.
func (i *Input) Focused() bool { return i.model.Focused() }

// Secret hides what is typed.
func (i *Input) Secret(on bool) {}

// History gives the inputs of before, oldest first; up and down walk through them.
func (i *Input) History(lines []string) {}

// Remember adds an input to the history.
func (i *Input) Remember(line string) {}

// Refresh asks Complete again.
func (i *Input) Refresh() {}

// Escape closes the dropdown; false when there was none.
func (i *Input) Escape() bool { return false }

// Update handles a key or pasted text.
func (i *Input) Update(msg tea.Msg) Event { return Ignored }

// View draws the input line, exactly w cells wide.
func (i *Input) View(th *theme.Theme, w int) string { return "" }

// Dropdown draws the completions, at most h lines; no lines when there are none.
func (i *Input) Dropdown(th *theme.Theme, w, h int) []string { return nil }
