package widget

import (
	"gatehouse/tui/theme"
)

// Section is a group of fields under a heading.
type Section struct {
	Title  string // may be empty
	Note   string // dim, beside the title: "3, last 2 h ago"
	Fields []Field
}

// Field is one property of a thing.
type Field struct {
	Label string
	// Value as the server sent it; it may have several lines.
	Value string
	// Note is dim, behind the value.
	Note string
	Tone theme.Tone
	// Secret values are shown, copied and exported masked until revealed.
	Secret bool
	// Key tells the screen what was selected (an id, a tuple); it is not shown.
	Key string
}

// Detail shows sections of fields with a cursor over the fields.
type Detail struct {
	sections []Section
	cursor   int
	top      int
	reveal   map[string]bool
}

// Set replaces the content; the cursor stays on the field with the same label.
func (d *Detail) Set(sections ...Section) { d.sections = sections }

// Move moves the cursor by n fields.
func (d *Detail) Move(n int) { d.cursor += n }

// Current is the field under the cursor.
func (d *Detail) Current() (Field, bool) { return Field{}, false }

// Reveal shows or hides the secret under the cursor and reports whether there was one.
func (d *Detail) Reveal() bool { return false }

// View draws the fields.
func (d *Detail) View(th *theme.Theme, w, h int) string { return "" }

// Scroll moves what is seen by n lines.
func (d *Detail) Scroll(n int) {}
