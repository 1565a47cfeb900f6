package screens

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// PolicyTree is the decision of a client's authorization services as a tree: the
// permissions that are about the question, their policies with the logic as it really
// is, and the parts of aggregate ones. The cursor begins on the first that denies.
type PolicyTree struct {
	host  tui.Host
	trace login.Trace
	tree  widget.Tree
	file  tui.Job
	room  int
}

// NewPolicyTree makes the screen out of an explanation whose Proof is not nil.
func NewPolicyTree(t login.Trace) *PolicyTree { return &PolicyTree{trace: t} }

// Title is the crumb.
func (s *PolicyTree) Title() string { return "policies" }

// Init opens the whole tree.
func (s *PolicyTree) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.tree.Set((&whyDraw{open: -1}).node(s.trace.Proof, "p", 0))
	for i := range s.tree.Len() {
		if step := s.step(); step != nil && strings.Contains(step.Reason, "the first that denies") {
			break
		}
		if i == s.tree.Len()-1 {
			s.tree.Move(-i)
			break
		}
		s.tree.Move(1)
	}
	return nil
}

// step is what is under the cursor.
func (s *PolicyTree) step() *access.Step {
	if n := s.tree.Current(); n != nil {
		step, _ := n.Data.(*access.Step)
		return step
	}
	return nil
}

// Typing is never true here.
func (s *PolicyTree) Typing() bool { return false }

// Close has nothing to do.
func (s *PolicyTree) Close() {}

// Update takes the mouse.
func (s *PolicyTree) Update(msg tea.Msg) tea.Cmd { tui.TreeMouse(&s.tree, msg, s.room); return nil }

// Actions are the keys of the tree, and taking it along.
func (s *PolicyTree) Actions() []tui.Action {
	return append([]tui.Action{
		{Name: "copy", Keys: []string{"y"}, Footer: 1, Help: "Copy the tree as text.", Run: tui.Do(func() {
			var b strings.Builder
			stepText(&b, s.trace.Proof, "")
			s.host.Copy("the tree", b.String())
		})},
		{Name: "save", Keys: []string{"s"}, Footer: 2, Help: "Write the whole explanation into a file, as why keycloak --json prints it.",
			Run: tui.Do(func() { tui.SaveJSON(s.host, &s.file, "policies", "the explanation", s.trace) })},
	}, tui.TreeActions(&s.tree, nil)...)
}

// View is the verdict, the tree, and what is under the cursor in full.
func (s *PolicyTree) View(w, h int) string {
	th := s.host.Env().Theme
	lines := []string{th.Tone(whyTone(s.trace.Proof.Verdict)).Render(verdictWords(s.trace.Proof.Verdict)) + "  " + clean.Line(s.trace.Question, max(1, w-12))}
	for _, l := range wrapWords(s.trace.Summary, w-2, 2) {
		lines = append(lines, th.Strong.Render(l))
	}
	lines = append(lines, "")
	s.room = len(lines)
	var foot []string
	if step := s.step(); step != nil {
		foot = append(foot, "", th.Strong.Render(clean.Line(string(step.Kind)+" "+step.Label, w)))
		for _, l := range wrapWords(step.Reason, w-2, 3) {
			foot = append(foot, "  "+l)
		}
	}
	if room := h - len(lines); len(foot) > room/2 {
		foot = nil
	}
	if room := h - len(lines) - len(foot); room > 0 {
		lines = append(lines, strings.Split(s.tree.View(th, w, room), "\n")...)
	}
	return strings.Join(fitLines(append(lines, foot...), h), "\n")
}
