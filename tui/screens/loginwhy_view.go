package screens

import (
	"fmt"
	"strings"

	"gatehouse/access/login"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// loginMark is how the result of a check is drawn.
func loginMark(r login.Result) (string, theme.Tone) {
	switch r {
	case login.Pass:
		return theme.MarkAllowed, theme.Good
	case login.Fail:
		return theme.MarkDenied, theme.Bad
	}
	return theme.MarkUnknown, theme.Dim
}

// draw puts the checks into the tree: those that fail first, then those that are not
// known, and those that pass folded, by what they would stop.
func (s *LoginWhy) draw() {
	var failed, unknown, nodes []*widget.Node
	passed := map[login.Stage]*widget.Node{}
	for i, c := range s.trace.Checks {
		n := checkNode(c, fmt.Sprintf("%s %d", c.Code, i))
		switch {
		case s.all:
			nodes = append(nodes, n)
		case c.State == login.Fail:
			failed = append(failed, n)
		case c.State == login.Unknown:
			unknown = append(unknown, n)
		default:
			if passed[c.Stops] == nil {
				passed[c.Stops] = &widget.Node{ID: "pass " + string(c.Stops), Mark: theme.MarkAllowed, Tone: theme.Good}
			}
			passed[c.Stops].Children = append(passed[c.Stops].Children, n)
		}
	}
	nodes = append(append(nodes, failed...), unknown...)
	for _, stage := range []login.Stage{login.StopsLogin, login.StopsRole, login.StopsClaim, login.StopsResource} {
		if n := passed[stage]; n != nil {
			n.Label = fmt.Sprintf("%s about the %s in order", count(len(n.Children), "check"), stage)
			nodes = append(nodes, n)
		}
	}
	if p := s.trace.Proof; p != nil {
		nodes = append(nodes, (&whyDraw{open: -1}).node(p, "policies", 0))
	}
	s.tree.Set(nodes...)
}

// checkNode is one check with all that is known of it beneath.
func checkNode(c login.Check, id string) *widget.Node {
	n := &widget.Node{ID: id, Label: c.Code.Words(), Note: c.Evidence, Data: c}
	n.Mark, n.Tone = loginMark(c.State)
	if c.Needs != "" {
		n.Note = strings.TrimSuffix("our account lacks "+c.Needs+" · "+c.Evidence, " · ")
	}
	add := func(label, text string) {
		for i, l := range widget.Wrap(clean.Line(text, 0), 60) {
			if i > 0 {
				label = ""
			}
			if l != "" {
				n.Children = append(n.Children, &widget.Node{ID: fmt.Sprintf("%s %d", id, len(n.Children)), Label: fmt.Sprintf("%-6s %s", label, l), Tone: theme.Dim})
			}
		}
	}
	add("code", string(c.Code))
	add("why", c.Evidence)
	add("seen", c.Saw)
	add("needs", c.Needs)
	add("do", c.Hint)
	for _, f := range c.Fixes {
		add("fix", f.Summary)
	}
	return n
}

// View is the verdict, the sentence, what was seen and what comes after; the checks
// below, and the fixes at the bottom.
func (s *LoginWhy) View(w, h int) string {
	th := s.host.Env().Theme
	var lines []string
	switch {
	case s.asked:
		lines = s.viewHead(th, w)
	case s.err != nil:
		lines = append([]string{th.Tone(whyTone(s.verdict())).Render(verdictWords(s.verdict())) + "  " + clean.Line(s.a.Question(), max(1, w-20))}, s.viewFailure(th, w)...)
	case s.job.Busy():
		lines = []string{th.Dim.Render(clean.Line("… asking   "+s.a.Question(), w))}
	default:
		for _, l := range []string{"Ask why somebody does not get into an application, or does not get a role.", "e fills the question in: the realm, the user, the client, the role."} {
			lines = append(lines, th.Dim.Render(clean.Line(l, w)))
		}
	}
	if !s.asked {
		return strings.Join(fitLines(lines, h), "\n")
	}
	foot := s.viewFixes(th, w)
	if room := h - len(lines) - 2; len(foot) > max(0, room/2) {
		foot = foot[:max(0, room/2)]
	}
	lines = append(lines, "")
	if room := h - len(lines) - len(foot) - 1; room > 0 && s.tree.Len() > 0 {
		lines = append(lines, strings.Split(s.tree.View(th, w, room), "\n")...)
	}
	for len(foot) > 0 && len(lines) < h-len(foot) {
		lines = append(lines, "")
	}
	lines = append(fitLines(lines, h-len(foot)), foot...)
	return strings.Join(fitLines(lines, h), "\n")
}

func (s *LoginWhy) viewHead(th *theme.Theme, w int) []string {
	t := s.trace
	title, says := verdictWords(s.verdict()), ""
	switch {
	case s.part:
		says = "the rest is still read"
	case s.job.Busy():
		says = "asking again"
	}
	question := clean.Line(t.Question, max(1, w-widget.Width(title)-widget.Width(says)-4))
	lines := []string{th.Tone(whyTone(s.verdict())).Render(title) + "  " + question + "  " + th.Dim.Render(clean.Line(says, max(1, min(len(says)+1, w/2))))}
	if s.err != nil {
		lines = append(lines, s.viewFailure(th, w)...)
		lines = append(lines, th.Dim.Render(clean.Line(fmt.Sprintf("  This was the answer %s:", ago(s.host.Env().Now(), s.at)), w)))
	}
	summary := t.Summary
	if s.part && s.verdict() != t.Verdict {
		summary = "Nothing stands in the way so far; the rest is still read."
	}
	for _, l := range wrapWords(summary, w-2, 3) {
		lines = append(lines, th.Strong.Render(l))
	}
	if t.Saw != "" {
		for _, l := range wrapWords("They saw: "+t.Saw, w-2, 2) {
			lines = append(lines, th.Accent.Render(l))
		}
	}
	var then []string
	for _, c := range t.Then {
		then = append(then, c.Words())
	}
	if len(then) > 0 {
		lines = append(lines, wrapWords("After that they will meet: "+strings.Join(then, "; "), w-2, 2)...)
	}
	for _, l := range wrapWords(t.Hint, w-2, 2) {
		lines = append(lines, th.Dim.Render(l))
	}
	return lines
}

func (s *LoginWhy) viewFailure(th *theme.Theme, w int) []string {
	f := s.host.Env().Explain(s.err)
	var lines []string
	for _, l := range wrapWords(strings.TrimSuffix(f.Why+"; "+f.Hint, "; "), w-2, 2) {
		lines = append(lines, th.Bad.Render(l))
	}
	return lines
}

// viewFixes are the fixes of the first cause, with what each changes besides. They are
// shown once the answer is whole, since another cause may still turn out to come first.
func (s *LoginWhy) viewFixes(th *theme.Theme, w int) []string {
	if s.part {
		return nil
	}
	var out []string
	for i, f := range s.trace.Fixes {
		if i == 0 {
			out = append(out, th.Strong.Render("Fixes"))
		}
		lead, text := "  ", fmt.Sprintf("%d  %s", i+1, f.Summary)
		note := loginFixNote(f)
		room := max(1, w-4)
		fits := widget.Width(text)+2+widget.Width(note) <= room
		text = clean.Line(text, room)
		if i == s.fix {
			lead = th.Accent.Render(theme.MarkCursor) + " "
			if s.fixes {
				text = th.Selected.Render(text)
			}
		}
		switch {
		case fits:
			out = append(out, lead+text+"  "+th.Dim.Render(note))
		case i == s.fix:
			out = append(out, lead+text, th.Dim.Render(clean.Line("     "+note, w)))
		default:
			out = append(out, lead+text)
		}
	}
	if _, n := s.cureAll(); n > 1 {
		out = append(out, th.Dim.Render(clean.Line(fmt.Sprintf("  a  cures all %d causes, one after the other", n), w)))
	}
	return out
}

// loginFixNote is what a person should know of a fix before it is carried out.
func loginFixNote(f login.Fix) string {
	var out []string
	if f.AlsoChanges != "" {
		out = append(out, "also: "+f.AlsoChanges)
	}
	if f.Weakens {
		out = append(out, "takes away a protection")
	}
	if f.Final {
		out = append(out, "cannot be undone")
	}
	if len(out) == 0 {
		return "nothing else"
	}
	return strings.Join(out, "; ")
}
