package screens

import (
	tea "charm.land/bubbletea/v2"

	"gatehouse/clients/decisions"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// Decision shows one decision with every step on the way. It does not change any more.
type Decision struct {
	spec   DecisionsSpec
	d      decisions.Decision
	host   tui.Host
	detail widget.Detail
}

// NewDecision makes the screen.
func NewDecision(spec DecisionsSpec, d decisions.Decision) *Decision {
	return &Decision{spec: spec, d: d}
}

// Title is the crumb.
func (s *Decision) Title() string { return s.d.Request.Method + " " + s.d.Request.Path }

// Init lays the decision out.
func (s *Decision) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.detail.Set(decisionSections(s.d)...)
	s.detail.ShowCursor()
	return nil
}

// Typing is never true here.
func (s *Decision) Typing() bool { return false }

// Close has nothing to do.
func (s *Decision) Close() {}

// Update takes the mouse.
func (s *Decision) Update(msg tea.Msg) tea.Cmd { tui.DetailMouse(&s.detail, msg, 0); return nil }

// View draws it.
func (s *Decision) View(w, h int) string { return s.detail.View(s.host.Env().Theme, w, h) }

// Actions are the ways on, and the keys of the details.
func (s *Decision) Actions() []tui.Action {
	var out []tui.Action
	for i, j := range s.spec.jumps() {
		out = append(out, tui.Action{Name: j.name, Keys: []string{j.key}, Footer: 1 + i, Help: j.help,
			Why: func() string { return j.why(s.d) },
			Run: tui.Do(func() { s.host.Push(j.open(s.d)) })})
	}
	return append(out, tui.DetailActions(s.host, &s.detail)...)
}
