package screens

import (
	"fmt"
	"path"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// ruleName is the place of a rule without its folders.
func ruleName(r access.Rule) string { return fmt.Sprintf("%s:%d", path.Base(r.File), r.Line) }

// lintFinding is one finding with what to do about it.
type lintFinding struct {
	of     *Lints
	f      lint.Finding
	host   tui.Host
	detail widget.Detail
}

// Title is the crumb.
func (s *lintFinding) Title() string { return string(s.f.Code) }

// Init lays it out.
func (s *lintFinding) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.detail.Set(lintSections(s.f)...)
	return nil
}

// Typing is never true here.
func (s *lintFinding) Typing() bool { return false }

// Close has nothing to do.
func (s *lintFinding) Close() {}

// Update takes the mouse.
func (s *lintFinding) Update(msg tea.Msg) tea.Cmd { tui.DetailMouse(&s.detail, msg, 0); return nil }

// View draws it.
func (s *lintFinding) View(w, h int) string { return s.detail.View(s.host.Env().Theme, w, h) }

// Actions are going there, the fix, and the keys of the details.
func (s *lintFinding) Actions() []tui.Action {
	return append([]tui.Action{
		{Name: "go there", Keys: []string{"enter", "o"}, Footer: 1, Help: "Open the tuple or the rule that it is about.", Why: func() string { return s.of.whyNoPlace(s.f) },
			Run: tui.Do(func() { s.of.goThere(s.host, s.f) })},
		{Name: "rule", Keys: []string{"m"}, Footer: 3, Help: "Open the rule of the model that it rests on.", Why: s.whyNoRule, Run: tui.Do(func() { s.host.Push(s.of.spec.Rule(*s.f.Rule)) })},
		{Name: "apply fix", Keys: []string{"a"}, Footer: 2, Mutates: true, Help: "Write what puts it right, after showing it.", Why: func() string { return s.of.whyNoFix(s.f) },
			Run: tui.Do(s.apply)},
	}, tui.DetailActions(s.host, &s.detail)...)
}

func (s *lintFinding) whyNoRule() string {
	if s.f.Rule == nil || s.of.spec.Rule == nil {
		return "it rests on no rule of the model"
	}
	return ""
}

// apply asks; after a yes the list is shown, which looks again.
func (s *lintFinding) apply() {
	q := s.of.fix(s.f)
	yes := q.Yes
	q.Yes = func() { s.host.Pop(); yes() }
	s.host.Confirm(q)
}

// lintSections lay a finding out: what is wrong first, the machinery last.
func lintSections(f lint.Finding) []widget.Section {
	out := []widget.Section{
		{Title: f.Severity.Mark() + " " + string(f.Severity), Note: lintWhere(f), Fields: []widget.Field{
			{Label: "what is wrong", Value: f.Summary, Tone: severityTone(f.Severity)},
			{Label: "what it means", Value: f.Meaning},
			{Label: "what to do", Value: f.Todo},
		}},
	}
	if len(f.Fix) > 0 {
		fix := widget.Section{Title: "Fix", Note: "one transaction"}
		for _, w := range f.Fix {
			fix.Fields = append(fix.Fields, widget.Field{Label: string(w.Op), Value: w.Tuple})
		}
		out = append(out, fix)
	}
	about := widget.Section{Title: "Where"}
	if f.Tuple != "" {
		about.Fields = append(about.Fields, widget.Field{Label: "tuple", Value: f.Tuple})
	}
	if f.Rule != nil {
		about.Fields = append(about.Fields, widget.Field{Label: "rule", Value: f.Rule.Text, Note: ruleName(*f.Rule)})
	}
	if f.Tuple == "" && f.Rule == nil {
		about.Fields = append(about.Fields, widget.Field{Label: "place", Value: f.Where})
	}
	about.Fields = append(about.Fields, widget.Field{Label: "code", Value: string(f.Code)})
	return append(out, about)
}
