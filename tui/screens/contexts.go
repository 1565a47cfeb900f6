package screens

import (
	"cmp"
	"context"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
)

// ContextRow is a context of the configuration as it can be chosen.
type ContextRow struct {
	Name        string
	Description string
	BackEnds    string // "kratos keto keycloak"
	InUse       bool
	Production  bool
	ReadOnly    bool
}

// mark is what to know before one goes there.
func (r ContextRow) mark() string {
	switch {
	case r.InUse:
		return "● here"
	case r.Production && r.ReadOnly:
		return "production, read-only"
	case r.Production:
		return "production"
	case r.ReadOnly:
		return "read-only"
	}
	return ""
}

// contexts is the list of contexts. Enter leaves this console for the one chosen.
type contexts struct {
	*tui.List[ContextRow]
	choose func(name string)
	host   tui.Host
}

// NewContexts lists the contexts of the configuration. choose is called with another
// one than that in use when the person takes it and nothing keeps the console from
// being left; it ends right after.
func NewContexts(all []ContextRow, choose func(name string)) tui.Screen {
	s := &contexts{choose: choose}
	s.List = tui.NewList(tui.Spec[ContextRow]{
		Title: "contexts",
		ID:    func(r ContextRow) string { return r.Name },
		Columns: []tui.Column[ContextRow]{
			{Title: "CONTEXT", Width: 20, Flex: 1, Cell: func(r ContextRow) string { return r.Name }, Less: func(a, b ContextRow) int { return cmp.Compare(a.Name, b.Name) }},
			{Title: "", Width: 21, Cell: ContextRow.mark},
			{Title: "BACK ENDS", Width: 20, Drop: 1, Cell: func(r ContextRow) string { return r.BackEnds }},
			{Title: "WHAT IT IS", Width: 30, Flex: 2, Drop: 2, Cell: func(r ContextRow) string { return r.Description }},
		},
		Fetch: func(context.Context, string) (tui.Page[ContextRow], error) {
			return tui.Page[ContextRow]{Items: all, Total: len(all)}, nil
		},
		Actions: s.actions,
		Empty:   "There is no configuration with contexts. Make one with: gatehouse config init",
	})
	return s
}

// Init implements tui.Screen.
func (s *contexts) Init(h tui.Host) tea.Cmd {
	s.host = h
	return s.List.Init(h)
}

func (s *contexts) actions(l *tui.List[ContextRow]) []tui.Action {
	return []tui.Action{{Name: "switch", Keys: []string{"enter"}, Footer: 1, Help: "Leave this console for that of the chosen context.",
		Why: func() string {
			r, ok := l.Current()
			switch {
			case !ok:
				return "there is no context here"
			case r.InUse:
				return "this is the context in use"
			}
			return ""
		},
		Run: tui.Do(func() {
			if r, ok := l.Current(); ok {
				s.host.Env().Quit(func() { s.choose(r.Name) })
			}
		})}}
}
