package screens

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// Actions are moving, searching, the tree and reading again.
func (s *Model) Actions() []tui.Action {
	if s.search != nil {
		return []tui.Action{{Name: "find", Keys: []string{"enter"}, Footer: 1, Help: "Go to the next line that holds it.", Run: tui.Do(s.accept)}}
	}
	acts := []tui.Action{
		{Name: s.otherView(), Keys: []string{"g", "tab"}, Footer: 1, Help: "Show the model as text, or as a tree of what leads to what.", Why: s.whyNoModel, Run: tui.Do(func() { s.graph = !s.graph })},
		{Name: "read again", Keys: []string{"r", "ctrl+r"}, Footer: 5, Help: "Read the source again, and ask the server whether it runs it.", Run: tui.Do(s.reload)},
	}
	if s.graph {
		for _, a := range tui.TreeActions(&s.tree, nil) {
			if a.Name == "first" {
				a.Keys = []string{"home"}
			}
			acts = append(acts, a)
		}
		return append(acts, tui.Action{Name: "go to the rule", Keys: []string{"enter"}, Footer: 2, Help: "Show the line of the source.", Why: s.whyNoNode, Run: tui.Do(s.toSource)})
	}
	move := func(name, help string, by func() int, keys ...string) tui.Action {
		return tui.Action{Name: name, Keys: keys, Group: "Move", Help: help, Run: tui.Do(func() { s.move(by()) })}
	}
	page := func() int { return max(1, s.height-1) }
	return append(acts,
		tui.Action{Name: "search", Keys: []string{"/"}, Footer: 3, Help: "Go to a line that holds some text.", Why: s.whyNoModel, Run: tui.Do(s.startSearch)},
		tui.Action{Name: "next", Keys: []string{"n"}, Help: "The next line that holds it.", Why: s.whyNoSearch, Run: tui.Do(func() { s.next(1) })},
		tui.Action{Name: "previous", Keys: []string{"N"}, Help: "The line before that holds it.", Why: s.whyNoSearch, Run: tui.Do(func() { s.next(-1) })},
		tui.Action{Name: "next problem", Keys: []string{"!", "e"}, Footer: 2, Help: "The next line on which something is wrong.", Why: s.whyNoModel, Run: tui.Do(s.trouble)},
		tui.Action{Name: "next file", Keys: []string{"]"}, Help: "The next file of the model.", Why: s.whyNoFile, Run: tui.Do(func() { s.turn(1) })},
		tui.Action{Name: "previous file", Keys: []string{"["}, Help: "The file of the model before.", Why: s.whyNoFile, Run: tui.Do(func() { s.turn(-1) })},
		tui.Action{Name: "copy", Keys: []string{"y"}, Footer: 6, Help: "Copy the line under the cursor with its place.", Why: s.whyNoModel, Run: tui.Do(s.copy)},
		move("up", "One line up.", func() int { return -1 }, "up", "k"), move("down", "One line down.", func() int { return 1 }, "down", "j"),
		move("page up", "One screen up.", func() int { return -page() }, "pgup", "ctrl+u"), move("page down", "One screen down.", page, "pgdown", "ctrl+d"),
		move("first", "To the first line.", func() int { return -1 << 30 }, "home"), move("last", "To the last line.", func() int { return 1 << 30 }, "end", "G"))
}

func (s *Model) otherView() string {
	if s.graph {
		return "as text"
	}
	return "as a tree"
}

func (s *Model) whyNoModel() string {
	if len(s.lines()) == 0 {
		return "there is no model to show"
	}
	return ""
}

func (s *Model) whyNoSearch() string {
	if s.find == "" {
		return "nothing was searched for"
	}
	return s.whyNoModel()
}

func (s *Model) whyNoFile() string {
	if len(s.read.files) < 2 {
		return "the model is one file"
	}
	return ""
}

func (s *Model) whyNoNode() string {
	if n := s.tree.Current(); n == nil || s.spots[n.ID].Start.Line == 0 {
		return "it stands nowhere in the source"
	}
	return ""
}

func (s *Model) toSource() {
	at := s.spots[s.tree.Current().ID]
	s.graph = false
	s.open(Place{at.File, at.Start.Line})
	s.move(0)
}

func (s *Model) turn(n int) {
	files := len(s.read.files)
	s.file = (s.file + n + files) % files
	s.cur, s.top = 0, 0
}

func (s *Model) copy() {
	s.host.Copy("the line", fmt.Sprintf("%s:%d: %s", s.read.files[s.file].name, s.cur+1, strings.TrimSpace(s.lines()[s.cur])))
}

func (s *Model) startSearch() {
	s.search = widget.NewInput("/ ")
	s.search.Placeholder = "text of a line"
	s.search.Focus()
}

func (s *Model) accept() {
	if s.find = strings.TrimSpace(s.search.Value()); s.find != "" {
		s.next(1)
	}
	s.search = nil
}

// Escape ends a search.
func (s *Model) Escape() bool {
	open := s.search != nil
	s.search = nil
	return open
}

// Update takes what is typed and the mouse.
func (s *Model) Update(msg tea.Msg) tea.Cmd {
	if s.search != nil {
		if s.search.Update(msg) == widget.Accepted {
			s.accept()
		}
		return nil
	}
	if s.graph {
		tui.TreeMouse(&s.tree, msg, 1)
		return nil
	}
	s.move(tui.Wheel(msg))
	if click, ok := msg.(tea.MouseClickMsg); ok && click.Y > 0 {
		s.move(s.top + click.Y - 1 - s.cur)
	}
	return nil
}

// View is a line about the model, its text or tree, and what is wrong with the line
// under the cursor.
func (s *Model) View(w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	th := s.host.Env().Theme
	if !s.began {
		if s.err != nil {
			f := s.host.Env().Explain(s.err)
			return strings.Join(widget.Wrap("✗ "+f.String()+"\nr reads it again", w), "\n")
		}
		return th.Dim.Render(clean.Line("… reading the permission model", w))
	}
	out := []string{s.headline(th, w)}
	foot := s.footnote(th, w, min(3, max(0, h/4)))
	room := h - 1 - len(foot)
	if s.graph {
		out = append(out, strings.Split(s.tree.View(th, w, room), "\n")...)
	} else {
		out = append(out, s.text(th, w, room)...)
	}
	for len(foot) > 0 && len(out) < h-len(foot) {
		out = append(out, "")
	}
	out = append(out, foot...)
	return strings.Join(out[:min(len(out), h)], "\n")
}

func (s *Model) headline(th *theme.Theme, w int) string {
	f := s.read.files[s.file]
	words := []string{f.name}
	if n := len(s.read.files); n > 1 {
		words = append(words, fmt.Sprintf("file %d of %d", s.file+1, n))
	}
	words = append(words, count(len(f.lines), "line"))
	if s.read.drift != "" {
		words = append(words, "! the server runs another model")
	}
	if s.read.errors > 0 {
		words = append(words, "✗ Keto refuses it: "+count(s.read.errors, "error"))
	}
	text := strings.Join(words, " · ")
	if s.read.errors > 0 {
		return th.Bad.Render(clean.Line(text, w))
	}
	return th.Dim.Render(clean.Line(text, w))
}

// footnote is what is typed, or what is wrong with the line under the cursor, or where
// the server runs another model.
func (s *Model) footnote(th *theme.Theme, w, most int) []string {
	if most == 0 {
		return nil
	}
	if s.search != nil {
		return []string{s.search.View(th, w)}
	}
	text := s.read.drift
	if text != "" {
		text = "! " + text
	}
	if m, ok := s.read.files[s.file].marks[s.cur+1]; ok && !s.graph {
		text = m.severity.Mark() + " " + m.text
	}
	if text == "" {
		return nil
	}
	lines := widget.Wrap(clean.Line(text, 0), w)
	if len(lines) > most {
		lines = append(lines[:most-1], clean.Line(strings.Join(lines[most-1:], " "), w))
	}
	return lines
}

// text draws the lines with their numbers and the marks of what is wrong with them.
func (s *Model) text(th *theme.Theme, w, h int) []string {
	if s.height != h {
		s.height = h
		s.follow()
	}
	f := s.read.files[s.file]
	digits := len(fmt.Sprint(len(f.lines)))
	var out []string
	for i := s.top; i < len(f.lines) && len(out) < h; i++ {
		mark := " "
		if m, ok := f.marks[i+1]; ok {
			mark = th.Tone(severityTone(m.severity)).Render(m.severity.Mark())
		}
		lead := fmt.Sprintf(" %*d ", digits, i+1)
		room := w - digits - 5
		if room < 1 {
			out = append(out, clean.Line(fmt.Sprint(i+1), w))
			continue
		}
		text := sourceLine(f.lines[i], room)
		if i == s.cur {
			out = append(out, th.Accent.Render(theme.MarkCursor)+th.Dim.Render(lead)+mark+" "+th.Selected.Render(text))
		} else {
			out = append(out, " "+th.Dim.Render(lead)+mark+" "+text)
		}
	}
	return out
}

// sourceLine is a line of a source with its indentation, which clean.Line would take
// away.
func sourceLine(line string, w int) string {
	line = strings.ReplaceAll(line, "\t", "  ")
	text := strings.TrimLeft(line, " ")
	indent := min(len(line)-len(text), w)
	if indent == w {
		return strings.Repeat(" ", w)
	}
	return strings.Repeat(" ", indent) + clean.Line(text, w-indent)
}
