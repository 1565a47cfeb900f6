package screens

import (
	"fmt"
	"strings"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/tui"
)

// Actions are what can be done about the answer.
func (s *Why) Actions() []tui.Action {
	switch {
	case s.line.typing():
		return []tui.Action{{Name: "ask", Keys: []string{"enter"}, Footer: 1, Help: "Ask the server, and explain the answer.", Run: tui.Do(s.submit)}}
	case s.suppose.input.Focused():
		return []tui.Action{{Name: "suppose", Keys: []string{"enter"}, Footer: 1, Help: "Take this change as made, and see the answer. An empty line ends the typing.", Run: tui.Do(s.enterSupposed)}}
	}
	acts := s.fixActions()
	acts = append(acts, s.supposeActions()...)
	acts = append(acts,
		tui.Action{Name: s.fullName(), Keys: []string{"f"}, Footer: 4, Help: "Show every step, also those without effect, or only what the answer rests on.", Why: s.needAnswer, Run: tui.Do(s.toggleFull)},
		tui.Action{Name: "ask again", Keys: []string{"r", "ctrl+r"}, Footer: 6, Help: "Ask the server again, and explain again.", Run: tui.Do(s.ask)},
		tui.Action{Name: s.live.name(), Keys: []string{"L"}, Help: "Ask again every few seconds and show when the answer changes.", Why: s.needAnswer, Run: s.toggleLive},
		tui.Action{Name: "edit question", Keys: []string{"e"}, Footer: 7, Help: "Type another question, starting from this one.", Run: tui.Do(s.edit)},
		tui.Action{Name: "copy", Keys: []string{"y"}, Footer: 8, Help: "Copy the answer in words.", Why: s.needAnswer, Run: tui.Do(s.copyAnswer)},
		tui.Action{Name: "copy all", Keys: []string{"Y"}, Help: "Copy the answer with what it rests on and with the fixes, as text for a ticket.", Why: s.needAnswer, Run: tui.Do(s.copyAll)},
		tui.Action{Name: "save", Keys: []string{"s"}, Help: "Write the whole explanation into a file, as why --json prints it.", Why: s.needAnswer, Run: tui.Do(s.export)})
	acts = append(acts, s.jumpActions()...)
	if s.fixes {
		return append(acts,
			tui.Action{Name: "up", Keys: []string{"up", "k"}, Help: "One fix up.", Run: tui.Do(func() { s.fix = max(0, s.fix-1) })},
			tui.Action{Name: "down", Keys: []string{"down", "j"}, Help: "One fix down.", Run: tui.Do(func() { s.fix = min(len(s.answer.trace.Fixes)-1, s.fix+1) })})
	}
	return append(acts, tui.TreeActions(&s.tree, nil)...)
}

// fixActions are those of the fixes of the answer as it is.
func (s *Why) fixActions() []tui.Action {
	if s.suppose.on() {
		return nil
	}
	acts := []tui.Action{
		{Name: "apply fix", Keys: []string{"enter"}, Footer: 1, Mutates: true, Help: "Write the fix under the cursor, after showing it, and ask again.", Why: s.whyNoFix, Run: tui.Do(s.apply)},
		{Name: "tree or fixes", Keys: []string{"tab"}, Footer: 2, Help: "Jump between the tree and the fixes.", Why: s.whyNoFixes, Run: tui.Do(func() { s.fixes = !s.fixes })},
	}
	for i := range s.answer.trace.Fixes {
		acts = append(acts, tui.Action{Name: fmt.Sprintf("apply fix %d", i+1), Keys: []string{fmt.Sprint(i + 1)}, Mutates: true, Help: "Write that fix, after showing it, and ask again.",
			Why: s.whyNoFix, Run: tui.Do(func() { s.fix, s.fixes = i, true; s.apply() })})
	}
	return acts
}

// jumpActions lead from the step under the cursor to where it can be looked at.
func (s *Why) jumpActions() []tui.Action {
	var acts []tui.Action
	if s.spec.Tuples != nil {
		acts = append(acts, tui.Action{Name: "open tuples", Keys: []string{"o"}, Footer: 5, Help: "Show the relation tuples of the step under the cursor.", Why: s.whyNoTuples, Run: tui.Do(s.openTuples)})
	}
	if s.spec.Person != nil {
		acts = append(acts, tui.Action{Name: "person", Keys: []string{"i"}, Help: "Show the person whom the question is about.", Why: s.whyNoPerson, Run: tui.Do(func() { s.host.Push(s.spec.Person(s.q.Subject)) })})
	}
	if s.spec.Rule != nil || s.spec.Source != nil {
		acts = append(acts, tui.Action{Name: "rule", Keys: []string{"m"}, Help: "Show the rule of the model that the step under the cursor comes from.", Why: s.whyNoRule, Run: tui.Do(s.openRule)})
	}
	return append(acts, s.reverseActions()...)
}

// reverseActions ask the question the other way round.
func (s *Why) reverseActions() []tui.Action {
	var acts []tui.Action
	if s.spec.WhoCan != nil {
		acts = append(acts, tui.Action{Name: "who can", Keys: []string{"W"}, Help: "Show everybody who can do this.", Why: s.needAnswer, Run: tui.Do(func() { s.host.Push(s.spec.WhoCan(leftOf(s.q))) })})
	}
	if s.spec.WhatCan != nil {
		acts = append(acts, tui.Action{Name: "what can", Keys: []string{"R"}, Help: "Show everything that this subject can do.", Why: s.needAnswer, Run: tui.Do(func() { s.host.Push(s.spec.WhatCan(s.q.Subject)) })})
	}
	if s.spec.Matrix != nil {
		acts = append(acts, tui.Action{Name: "matrix", Keys: []string{"M"}, Help: "Show who can do what with this object.", Why: s.needAnswer, Run: tui.Do(func() { s.host.Push(s.spec.Matrix(s.q.Namespace, s.q.Object)) })})
	}
	return acts
}

func (s *Why) toggleFull() {
	s.full = !s.full
	s.draw()
}

func (s *Why) fullName() string {
	if s.full {
		return "only what counts"
	}
	return "full tree"
}

func (s *Why) needAnswer() string {
	if !s.asked {
		return "there is no answer yet"
	}
	return ""
}

// step is the step under the cursor, or nil.
func (s *Why) step() *access.Step {
	n := s.tree.Current()
	if n == nil {
		return nil
	}
	step, _ := n.Data.(*access.Step)
	return step
}

// object is the object that the step under the cursor is about.
func (s *Why) object() (tuple.Query, bool) {
	step := s.step()
	if step == nil {
		return tuple.Query{}, false
	}
	label := strings.TrimSuffix(step.Label, " →") // "Doc:a#parents →"
	if step.Kind == access.KindInvert || step.Kind == access.KindUnion || step.Kind == access.KindIntersection {
		if step.Rule == nil || !strings.Contains(label, "#") {
			return tuple.Query{}, false
		}
	}
	q, err := tuple.ParseQuery(label)
	return tuple.Query{Namespace: q.Namespace, Object: q.Object}, err == nil && q.Namespace != nil && q.Object != nil
}

func (s *Why) whyNoTuples() string {
	if _, ok := s.object(); !ok {
		return "this step is about no object"
	}
	return ""
}

func (s *Why) openTuples() {
	if q, ok := s.object(); ok {
		s.host.Push(s.spec.Tuples(q))
	}
}

func (s *Why) whyNoPerson() string {
	if !s.hasQuestion() || s.q.Subject.Set != nil && s.q.Subject.Set.Relation != "" {
		return "the question is about a group, not about a person"
	}
	return ""
}

func (s *Why) whyNoRule() string {
	if step := s.step(); step == nil || step.Rule == nil || step.Rule.Line < 1 {
		return "no rule of the model stands behind this step"
	}
	return ""
}

func (s *Why) openRule() {
	r := *s.step().Rule
	if s.spec.Rule != nil {
		s.host.Push(s.spec.Rule(r))
		return
	}
	s.host.Push(newRuleText(r, s.spec.Source(r.File)))
}

func (s *Why) copyAnswer() {
	t := s.shown().trace
	s.host.Copy("the answer", t.Question+": "+t.Summary)
}

func (s *Why) copyAll() {
	t := s.shown().trace
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %s\n%s\n", t.Verdict.Mark(), t.Verdict, t.Question, t.Summary)
	if t.Hint != "" {
		b.WriteString(t.Hint + "\n")
	}
	b.WriteByte('\n')
	if t.Proof != nil {
		stepText(&b, t.Proof, "")
	}
	for i, f := range t.Fixes {
		fmt.Fprintf(&b, "fix %d  %s\n", i+1, f.Summary)
	}
	s.host.Copy("the explanation", b.String())
}

// stepText writes a step and what is below it as indented lines.
func stepText(b *strings.Builder, s *access.Step, indent string) {
	b.WriteString(indent + s.Verdict.Mark() + " " + s.Label)
	for _, note := range []string{s.Reason, s.Tuple} {
		if note != "" && note != s.Label {
			b.WriteString("  " + note)
		}
	}
	b.WriteByte('\n')
	for _, c := range s.Children {
		stepText(b, c, indent+"  ")
	}
}

func (s *Why) export() {
	if s.suppose.answered {
		tui.SaveJSON(s.host, &s.file, "what-if", "the explanation", s.suppose.result)
		return
	}
	tui.SaveJSON(s.host, &s.file, "why", "the explanation", s.answer.trace)
}
