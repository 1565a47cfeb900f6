package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

const (
	minW, minH = 20, 5 // below, there is only a notice
	rulesFrom  = 12    // from this height on there are rules
	marginFrom = 40    // from this width on there is a margin
	noteHeight = 4     // a long message takes up to this many lines
)

// View draws the program: title, screen, footer, and what lies over it. All that is
// written goes through clean.Frame, the last guard before the terminal.
func (a *App) View() tea.View {
	var v tea.View
	v.AltScreen = true
	v.ReportFocus = true
	v.WindowTitle = clean.Line(strings.TrimSpace(a.opts.Name+" "+a.env.Context), 60)
	if a.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if a.w > 0 && a.h > 0 && len(a.stack) > 0 {
		v.Content = clean.Frame(strings.Join(a.frame(), "\n"))
	}
	return v
}

// frame is exactly as many lines as the terminal has, none wider than it.
func (a *App) frame() []string {
	if a.w < minW || a.h < minH {
		return fit(fmt.Sprintf("too small\n%d×%d needed\n%d×%d here", minW, minH, a.w, a.h), a.w, a.h)
	}
	margin, rules := 0, 0
	if a.w >= marginFrom {
		margin = 1
	}
	if a.h >= rulesFrom {
		rules = 1
	}
	w := a.w - 2*margin
	a.body = rect{margin, 1 + rules, w, a.h - 2 - 2*rules}
	th := a.env.Theme

	lines := make([]string, 0, a.h)
	lines = append(lines, a.title(w, margin))
	if rules > 0 {
		lines = append(lines, widget.Rule(th, w))
	}
	body := fit(a.top().screen.View(w, a.body.h), w, a.body.h)
	a.cover(body, w)
	lines = append(lines, body...)
	if rules > 0 {
		lines = append(lines, widget.Rule(th, w))
	}
	lines = append(lines, a.footer(w))
	a.spread(lines, w)
	if margin > 0 {
		for i, line := range lines {
			if line != "" {
				lines[i] = " " + line
			}
		}
	}
	return lines
}

// cover lays the overlay and a long message over the body.
func (a *App) cover(body []string, w int) {
	if a.over != nil {
		over := a.over.lines(a, w, len(body))
		over = over[:min(len(over), len(body))]
		at := 0
		if !a.over.atTop() {
			at = len(body) - len(over)
		}
		for i, line := range over {
			body[at+i] = cut(line, w)
		}
	}
}

// spread lays a message that is longer than the footer over the lines above it.
func (a *App) spread(lines []string, w int) {
	note := a.noteLines(w)
	if len(note) < 2 {
		return
	}
	at := len(lines) - len(note)
	copy(lines[at:], note)
	if at > 1 && a.h >= rulesFrom {
		lines[at-1] = widget.Rule(a.env.Theme, w)
	}
}

// noteLines is the toast, wrapped.
func (a *App) noteLines(w int) []string {
	if a.note.kind == noteNone {
		return nil
	}
	mark, style := "", a.env.Theme.Plain
	if a.note.kind == noteBad {
		mark, style = theme.MarkDenied+" ", a.env.Theme.Bad
	}
	lines := strings.Split(ansi.Wrap(mark+a.note.text, w, ""), "\n")
	lines = lines[:min(len(lines), noteHeight)]
	for i := range lines {
		lines[i] = style.Render(lines[i])
	}
	return lines
}

// footer is the toast, or the keys that work here.
func (a *App) footer(w int) string {
	if note := a.noteLines(w); len(note) > 0 {
		return note[len(note)-1]
	}
	var hints []hint
	last := hint{"q", "quit"}
	if a.over != nil {
		hints, last = a.over.hints(), hint{}
	} else {
		hints = a.footerHints()
		_, escapes := a.top().screen.(Escaper)
		switch typing := a.top().screen.Typing(); {
		case len(a.stack) > 1:
			last = hint{"esc", "back"}
		case typing && escapes:
			last = hint{"esc", "close"}
		case typing:
			last = hint{"^c", "quit"}
		}
	}
	return a.hintLine(hints, last, w)
}

// hintLine draws as many hints as fit; last stands at the right end.
func (a *App) hintLine(hints []hint, last hint, w int) string {
	th := a.env.Theme
	right, room := "", w
	if last.key != "" {
		right = th.Accent.Render(last.key) + " " + th.Dim.Render(last.name)
		room -= widget.Width(last.key+" "+last.name) + 2
	}
	var b strings.Builder
	used := 0
	for _, h := range hints {
		n := widget.Width(h.key) + 1 + widget.Width(h.name)
		if used > 0 {
			n += 3
		}
		if used+n > room {
			break
		}
		if used > 0 {
			b.WriteString("   ")
		}
		b.WriteString(th.Accent.Render(h.key) + " " + th.Dim.Render(h.name))
		used += n
	}
	return ends(b.String(), right, w)
}
