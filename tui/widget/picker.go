package widget

import (
	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/theme"
)

// Choice is one thing that can be picked.
type Choice struct {
	ID    string
	Label string
	Note  string // dim, behind the label
	// Picked is whether it starts picked (only where many may be).
	Picked bool
	// Why it cannot be picked; empty means that it can.
	Why string
}

// Picker picks one or many of a list that is filtered by typing.
type Picker struct {
	// Many lets several be picked with space... (tab picks while typing).
	Many bool
}

// Set replaces the choices; what was picked stays picked by ID.
func (p *Picker) Set(choices []Choice) {}

// Picked is what is picked, in the order of the list; without Many the one under the cursor.
func (p *Picker) Picked() []Choice { return nil }

// Update handles a key or pasted text; Accepted means enter.
func (p *Picker) Update(msg tea.Msg) Event { return Ignored }

// View draws the filter line and the choices.
func (p *Picker) View(th *theme.Theme, w, h int) string { return "" }
