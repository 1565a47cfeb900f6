package tui

import (
	"context"

	"gatehouse/tui/widget"
)

// PickSpec is a screen on which one or many things are picked from a list that is
// loaded first: roles to grant, a group to join.
type PickSpec struct {
	Title string
	// Lead is one line above the list that says what picking does.
	Lead string
	// Many lets several be picked.
	Many bool
	// Load reads the choices, off the loop.
	Load func(context.Context) ([]widget.Choice, error)
	// Done gets what was picked, after the screen was closed; it is not called when
	// the person went back.
	Done func([]widget.Choice)
	// Verb is what Enter does: "grant".
	Verb string
	// Empty says what it means that there is nothing to pick.
	Empty string
}

// NewPick makes the screen; push it.
func NewPick(spec PickSpec) Screen { return nil }
