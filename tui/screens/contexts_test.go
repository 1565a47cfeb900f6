package screens

import (
	"context"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/tuitest"
)

func TestContexts(t *testing.T) {
	chosen := ""
	kind := theme.Dark
	app := func(name string) *tui.App {
		return tui.New(context.Background(), tui.Options{Theme: &kind, Context: "dev", Root: NewContexts([]ContextRow{
			{Name: "dev", BackEnds: "kratos keto keycloak", InUse: true, Description: "the servers of this machine"},
			{Name: "prod\x1b[31m", BackEnds: "keto", Production: true, ReadOnly: true, Description: name},
		}, func(name string) { chosen = name })})
	}
	s := tuitest.Open(t, app("live\x1b]0;owned\x07"), tuitest.Size(80, 24))
	s.Want("contexts", "dev", "● here", "production, read-only")
	s.Press("enter")
	s.Want("this is the context in use")
	s.Press("down", "enter")
	if err := s.Ended(); err != nil {
		t.Fatal(err)
	}
	if chosen != "prod\x1b[31m" {
		t.Errorf("chose %q", chosen)
	}
	tuitest.Sweep(t, func() tea.Model { return app("x") }, nil, []string{"/", "p"}, []string{"?"})
}
