package tui

import (
	"context"

	"gatehouse/tui/widget"
)

// FormSpec is a screen with fields to fill in. Esc asks before it throws input
// away; while it writes the keys are off; when the server refuses, the input stays
// and its complaints (Failure.Fields) stand beside the fields.
type FormSpec struct {
	Title string
	// Lead is one line above the fields.
	Lead   string
	Fields []FormField
	// Review says exactly what would be written, for the question before it; an
	// error is shown instead ("relation is empty"). nil asks nothing.
	Review func(values map[string]string) (Question, error)
	// Submit writes, off the loop. What names the write in messages.
	What   string
	Submit func(ctx context.Context, values map[string]string) error
	// Done runs on the loop after success; the form has closed itself by then.
	Done func(values map[string]string)
}

// FormField is one input of a form.
type FormField struct {
	// Name is its key in the values and in Failure.Fields.
	Name  string
	Label string
	// Help stands under the field while it has the focus.
	Help  string
	Value string
	// Secret hides what is typed.
	Secret bool
	// Choices makes it a choice between fixed values.
	Choices []string
	// Complete gives completions; it must not do I/O.
	Complete func(text string) []widget.Completion
	// Check refuses a value as it is typed; empty means fine.
	Check func(value string) string
	// Required refuses an empty value.
	Required bool
}

// NewForm makes the screen; push it.
func NewForm(spec FormSpec) Screen { return nil }
