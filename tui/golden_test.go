package tui_test

import (
	"testing"

	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

// TestGolden keeps the look of the shell: a list with all that it can say at once, at
// the size of an old terminal and of a new one.
func TestGolden(t *testing.T) {
	for name, size := range map[string][2]int{"list-80x24": {80, 24}, "list-200x30": {200, 30}} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(12_000)
			c.page = 6000
			c.all[2].Name = "أحمد العلي"
			c.all[3].Name = "evil\x1b[2J"
			c.all[4].Name = "👨\u200d👩\u200d👧 漢字"
			spec := c.spec()
			spec.Columns = append(spec.Columns, tui.Column[person]{Title: "STATE", Width: 11,
				Cell: func(p person) string { return theme.MarkAllowed + " active" }, Tone: func(person) theme.Tone { return theme.Good }})
			spec.Detail = func(p person) []widget.Section {
				return []widget.Section{{Title: p.Name, Note: "identity", Fields: []widget.Field{{Label: "e-mail", Value: p.Mail, Note: "✓ verified"}, {Label: "password", Value: "x", Secret: true}}}}
			}
			s := open(t, console(tui.NewList(spec)), tuitest.Size(size[0], size[1]))
			s.Want("people   12,000")
			s.Press("down", "space", "space", "s")
			s.Want("NAME ↑", "2 marked")
			s.Golden(name)
		})
	}
}
