package tui_test

import (
	"context"
	"errors"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

// TestShellSurvivesEverySize sweeps what the shell itself can show: a question, a long
// message, the request log, the screens to pick and to type on.
func TestShellSurvivesEverySize(t *testing.T) {
	tuitest.Sweep(t, func() tea.Model {
		root := &page{title: "home with a very long title 漢字漢字漢字漢字漢字漢字漢字"}
		long := "漢字 a message that takes several lines in any window that is not very wide, and goes on"
		root.view = func(w, h int) string {
			return "a line that is far too long for most windows " + long + long + long + "\n\n\nx"
		}
		root.actions = []tui.Action{
			act("a", "ask", func() {
				root.Confirm(tui.Question{Title: long, Lines: []string{long, "2", "3", "4", "5", "6", "7", "8", "9"}, Danger: true, Typed: "prod"})
			}),
			act("b", "fail", func() { root.Fail(errors.New(long + long)) }),
			act("c", "pick", func() {
				root.Push(tui.NewPick(tui.PickSpec{Title: "pick", Lead: long, Many: true, Choices: []widget.Choice{{ID: "1", Label: long, Note: long}, {ID: "2", Label: "x", Why: long}}}))
			}),
			act("d", "form", func() {
				root.Push(tui.NewForm(tui.FormSpec{Title: "form", Lead: long, Fields: []tui.FormField{
					{Name: "a", Label: long, Help: long, Required: true, Complete: func(string) []widget.Completion { return []widget.Completion{{Value: long, Note: long}} }},
					{Name: "b", Choices: []string{"one", "two", long}}, {Name: "c", Secret: true, Value: "x"}}}))
			}),
			act("e", "fields", func() {
				root.Push(tui.NewFields("fields", widget.Section{Title: long, Note: long, Fields: []widget.Field{{Label: long, Value: long + "\n" + long, Note: long}}}))
			}),
		}
		o := console(root)
		o.Production, o.ReadOnly, o.Context = true, true, "production-of-a-long-name"
		o.Health = []tui.Probe{{Name: "kratos", Check: func(context.Context) tui.Health { return tui.Health{State: tui.StateUp, Version: "1.3.1"} }}}
		o.Requests = func() []tui.Request { return make([]tui.Request, 5) }
		return tui.New(context.Background(), o)
	}, nil, []string{"a"}, []string{"b"}, []string{"c"}, []string{"d", "x"}, []string{"e"}, []string{":", "l", "o", "g", "enter"})
}
