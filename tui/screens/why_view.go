package screens

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// enterKey is what an input takes for enter.
var enterKey = tea.KeyPressMsg{Code: tea.KeyEnter}

// View is the verdict, the sentence, the tree, and below it what nearly was and what
// would help.
func (s *Why) View(w, h int) string {
	th := s.host.Env().Theme
	var lines []string
	if s.line.typing() {
		lines = append(s.line.view(th, w, h), "")
	}
	if !s.hasQuestion() {
		return strings.Join(fitLines(append(lines, s.viewEmpty(th, w)...), h), "\n")
	}
	if !s.asked {
		lines = append(lines, th.Dim.Render(clean.Line("… asking why   "+withNames(s.q.String(), s.spec.Names), w)))
		if c := s.cost.Load(); c != nil {
			lines = append(lines, th.Dim.Render(clean.Line("  "+costWords(*c)+" so far · Esc stops", w)))
		}
		return strings.Join(fitLines(lines, h), "\n")
	}
	lines = append(lines, s.viewHead(th, w)...)
	foot := s.viewFoot(th, w)
	if room := h - len(lines) - 2; len(foot) > max(0, room/2) {
		foot = foot[:max(0, room/2)]
	}
	lines = append(lines, "")
	if a := s.shown(); a.proof != nil || a.tree != nil {
		if room := h - len(lines) - len(foot) - 1; room > 0 {
			lines = append(lines, strings.Split(s.tree.View(th, w, room), "\n")...)
		}
	}
	if len(foot) > 0 {
		for len(lines) < h-len(foot) {
			lines = append(lines, "")
		}
		lines = append(fitLines(lines, h-len(foot)), foot...)
	}
	return strings.Join(fitLines(lines, h), "\n")
}

func fitLines(lines []string, h int) []string { return lines[:min(len(lines), max(0, h))] }

func (s *Why) viewEmpty(th *theme.Theme, w int) []string {
	var out []string
	for _, l := range []string{"Ask why somebody may, or may not, do something:", "  Doc:q3-report#view@ann     may ann view the document q3-report, and why?",
		"Tab completes. Type the beginning of an e-mail behind the @ to find a person's id."} {
		out = append(out, th.Dim.Render(clean.Line(l, w)))
	}
	return out
}

// verdictWords are the verdict in capitals.
func verdictWords(v access.Verdict) string {
	switch v {
	case access.Allowed:
		return v.Mark() + " ALLOWED"
	case access.Denied:
		return v.Mark() + " DENIED"
	}
	return v.Mark() + " COULD NOT TELL"
}

func (s *Why) viewHead(th *theme.Theme, w int) []string {
	t := s.shown().trace
	lines := []string{s.viewVerdict(th, w, t)}
	if s.err != nil {
		lines = append(lines, s.viewFailure(th, w)...)
		if s.answer.err == nil {
			lines = append(lines, th.Dim.Render(clean.Line(fmt.Sprintf("  This was the answer %s:", ago(s.host.Env().Now(), s.answer.at)), w)))
		}
	}
	for _, l := range wrapWords(namesBut(t.Summary, s.spec.Names, s.q.Subject.ID), w-2, 3) {
		lines = append(lines, th.Strong.Render(l))
	}
	for _, l := range wrapWords(withNames(t.Hint, s.spec.Names), w-2, 2) {
		lines = append(lines, th.Dim.Render(l))
	}
	if live := s.live.words(s.host.Env().Now()); live != "" {
		lines = append(lines, th.Accent.Render(clean.Line("  "+live, w)))
	}
	return lines
}

// viewVerdict is the first line: the verdict, the question, and who says so.
func (s *Why) viewVerdict(th *theme.Theme, w int, t access.Trace) string {
	title, says, tone := verdictWords(t.Verdict), "", whyTone(t.Verdict)
	switch {
	case s.err != nil:
		title, tone = verdictWords(access.Unknown), whyTone(access.Unknown)
	case s.suppose.answered && s.suppose.result.Changed:
		title = verdictWords(s.answer.trace.Verdict) + " → " + title
		says = "what if: nothing is written"
	case s.suppose.answered:
		title = strings.Replace(title, " ", " STILL ", 1)
		says = "what if: nothing is written"
	case t.Agrees != nil && *t.Agrees && t.Verdict == access.Unknown:
		says = "keto gives no answer either"
	case t.Agrees != nil && *t.Agrees:
		says = "keto says so too"
	case t.Agrees != nil:
		says = "✗ THE EXPLANATION DOES NOT MATCH KETO'S ANSWER"
	}
	question := clean.Line(withNames(s.q.String(), s.spec.Names), max(1, w-widget.Width(title)-widget.Width(says)-4))
	return th.Tone(tone).Render(title) + "  " + question + "  " + th.Dim.Render(clean.Line(says, max(1, min(len(says)+1, w/2))))
}

func (s *Why) viewFailure(th *theme.Theme, w int) []string {
	f := s.host.Env().Explain(s.err)
	return []string{th.Bad.Render(clean.Line("  "+strings.TrimSuffix(f.Why+"; "+f.Hint, "; "), w))}
}

func (s *Why) viewFoot(th *theme.Theme, w int) []string {
	if s.suppose.input.Focused() || s.suppose.on() {
		return s.viewSupposed(th, w)
	}
	t := s.answer.trace
	var out []string
	for _, n := range t.NearMisses {
		out = append(out, th.Accent.Render("Almost  ")+clean.Line(withNames(n.Summary, s.spec.Names), max(1, w-8)))
	}
	if t.Verdict != access.Allowed && len(t.NotLooked) > 0 {
		out = append(out, th.Dim.Render(clean.Line("Other names of the person were not looked up in "+strings.Join(t.NotLooked, "; "), w)))
	}
	for i, f := range t.Fixes {
		if i == 0 {
			out = append(out, th.Strong.Render("Fixes"))
		}
		out = append(out, s.viewFix(th, w, i, f)...)
	}
	return out
}

// viewFix is one fix with what it does besides, which takes a line of its own where the
// cursor is and there is no room beside it.
func (s *Why) viewFix(th *theme.Theme, w, i int, f access.Fix) []string {
	note := f.Words()
	switch {
	case f.Unblocks && note != "":
		note = "removes a block, " + note
	case f.Unblocks:
		note = "removes a block"
	case note == "":
		note = "nothing else"
	}
	text := fmt.Sprintf("%d  %s", i+1, fixWrites(f, s.spec.Names))
	room := max(1, w-4)
	fits := widget.Width(text)+2+widget.Width(note) <= room
	lead, below := "  ", ""
	if i == s.fix { // the one that enter applies
		lead = th.Accent.Render(theme.MarkCursor) + " "
		if !fits {
			below, note = note, ""
		}
	}
	if !fits && note != "" {
		text = clean.Line(text, max(room/2, room-widget.Width(note)))
	}
	text = clean.Line(text, room)
	note = clean.Line(note, max(0, room-widget.Width(text)))
	if i == s.fix && s.fixes {
		text = th.Selected.Render(text)
	}
	lines := []string{lead + text + "  " + th.Dim.Render(note)}
	if below != "" {
		lines = append(lines, th.Dim.Render(clean.Line("     "+below, w)))
	}
	return lines
}

// viewSupposed lists what is supposed, and what it changes.
func (s *Why) viewSupposed(th *theme.Theme, w int) []string {
	p := &s.suppose
	var out []string
	if p.on() {
		out = append(out, th.Strong.Render("What if"))
	}
	for _, wr := range p.writes {
		sign := "+ "
		if wr.Op == access.OpRemove {
			sign = "- "
		}
		out = append(out, clean.Line("  "+sign+withNames(wr.What().String(), s.spec.Names), w))
	}
	switch {
	case p.err != nil:
		f := s.host.Env().Explain(p.err)
		out = append(out, th.Bad.Render(clean.Line("  "+f.Why+"; "+f.Hint, w)))
	case p.on() && !p.answered:
		out = append(out, th.Dim.Render("  … working it out"))
	case p.answered:
		for _, n := range p.result.Notes {
			out = append(out, th.Dim.Render(clean.Line("  note: "+withNames(n, s.spec.Names), w)))
		}
		out = append(out, th.Dim.Render(clean.Line("  "+turnedWords(p.result.Turned), w)))
	}
	if p.input.Focused() {
		out = append(out, p.input.View(th, w))
		out = append(out, p.input.Dropdown(th, w, 5)...)
	}
	if p.notice != "" {
		out = append(out, th.Bad.Render(clean.Line(p.notice, w)))
	}
	return out
}

// turnedWords say which steps come out otherwise.
func turnedWords(turns []access.Turn) string {
	if len(turns) == 0 {
		return "no step comes out otherwise"
	}
	var words []string
	for _, t := range turns {
		words = append(words, t.Before.Mark()+"→"+t.After.Mark()+" "+t.Step)
	}
	return "changes: " + strings.Join(words, ", ")
}

// wrapWords breaks a sentence into at most most lines of w cells, indented by two.
func wrapWords(text string, w, most int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(clean.Line(text, 0)) {
		if line != "" && widget.Width(line)+1+widget.Width(word) > max(1, w) {
			out = append(out, "  "+line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		out = append(out, "  "+line)
	}
	if len(out) > most {
		out = append(out[:most-1], clean.Line("  "+strings.Join(strings.Fields(strings.Join(out[most-1:], " ")), " "), max(1, w)))
	}
	return out
}
