package tui

import (
	"slices"
	"strings"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// footerMax is how many keys the footer shows, the one at the right end included.
const footerMax = 8

// footerHints are the actions that work now, the most useful first. The shell's own
// lead on from everywhere, so they keep their places; the screen's share the rest.
func (a *App) footerHints() []hint {
	f := a.top()
	typing := f.screen.Typing()
	reserved, rest := a.globals()
	always := a.usable(append(reserved, rest...), typing)
	own := a.usable(f.screen.Actions(), typing)
	hints := append(own[:min(len(own), footerMax-1-len(always))], always...)
	return hints
}

// usable are the hints of the actions that want to be in the footer and work now.
func (a *App) usable(acts []Action, typing bool) []hint {
	acts = slices.DeleteFunc(slices.Clone(acts), func(act Action) bool {
		return act.Footer <= 0 || usableKey(&act, typing) == "" || act.refusal(&a.env) != ""
	})
	slices.SortStableFunc(acts, func(x, y Action) int { return x.Footer - y.Footer })
	hints := make([]hint, len(acts))
	for i := range acts {
		hints[i] = hint{KeyName(usableKey(&acts[i], typing)), acts[i].Name}
	}
	return hints
}

// usableKey is the first key of an action that is not text while typing.
func usableKey(act *Action, typing bool) string {
	for _, k := range act.Keys {
		if !typing || len([]rune(k)) > 1 && k != "space" {
			return k
		}
	}
	return ""
}

// title draws the line on top: where one is on the left, how things are on the right.
func (a *App) title(w, margin int) string {
	left := a.place(w, margin)
	right := a.status(w - widget.Width(left) - 2)
	return ends(left, right, w)
}

// place is the program, the context with its badges, and the crumbs.
func (a *App) place(w, margin int) string {
	th := a.env.Theme
	var b strings.Builder
	at := margin
	add := func(text string, style theme.Style) {
		b.WriteString(style.Render(text))
		at += widget.Width(text)
	}
	a.crumbs = a.crumbs[:0]
	from := at
	if len(a.stack) == 1 {
		add(clean.Line(a.opts.Name, 20), th.Strong)
		add("  ", th.Plain)
	}
	if a.env.Context != "" {
		style, err := th.Coloured(a.opts.Colour)
		if err != nil || style == (theme.Style{}) {
			style = th.Accent
		}
		add(clean.Line(a.env.Context, 24), style)
	} else if len(a.stack) > 1 {
		add(clean.Line(a.opts.Name, 20), th.Strong)
	}
	a.crumbs = append(a.crumbs, span{from, at, 0})
	production, readOnly := " PRODUCTION ", " READ-ONLY "
	if w < badgesFrom {
		production, readOnly = " PROD ", " R/O "
	}
	if a.env.Production {
		add(" ", th.Plain)
		add(production, th.Badge)
	}
	if a.env.ReadOnly {
		add(" ", th.Plain)
		add(readOnly, th.Badge)
	}
	a.trail(w+margin-at, at, &b)
	return b.String()
}

// trail adds the crumbs of the screens above the first, in room cells; where they do
// not fit, those behind the first become one "…".
func (a *App) trail(room, at int, b *strings.Builder) {
	th := a.env.Theme
	type crumb struct {
		name  string
		depth int
	}
	var crumbs []crumb
	total := 0
	for i, f := range a.stack[1:] {
		name := clean.Line(f.screen.Title(), 32)
		crumbs = append(crumbs, crumb{name, i + 1})
		total += crumbGap + widget.Width(name)
	}
	elided := false
	for total > room && len(crumbs) > 2 && !(elided && len(crumbs) == 3) {
		victim := 1 // becomes "…", or makes place for the one before it that is
		if elided {
			victim = 2
		}
		total -= crumbGap + widget.Width(crumbs[victim].name)
		if elided {
			crumbs = slices.Delete(crumbs, victim, victim+1)
			continue
		}
		crumbs[victim].name, elided = "…", true
		total += crumbGap + 1
	}
	for i, c := range crumbs {
		style := th.Plain
		if i == len(crumbs)-1 {
			style = th.Strong
		}
		b.WriteString(th.Dim.Render(" › "))
		b.WriteString(style.Render(c.name))
		from := at + crumbGap
		at = from + widget.Width(c.name)
		a.crumbs = append(a.crumbs, span{from, at, c.depth})
	}
}

// badgesFrom is the width from which on the badges are written out.
const badgesFrom = 60

// crumbGap is the width of " › ".
const crumbGap = 3

// status is the right end of the title: what the screen says of itself, or the health
// of the back ends; and what is loading.
func (a *App) status(room int) string {
	th := a.env.Theme
	busy := a.busyFor()
	var parts []string
	if busy != "" {
		parts = append(parts, th.Accent.Render(busy))
		room -= widget.Width(busy) + 3
	}
	said := ""
	if s, ok := a.top().screen.(Statuser); ok {
		said = s.Status()
	}
	if said != "" {
		said = clean.Line(said, max(1, room))
		room -= widget.Width(said) + 3
	}
	if dots := a.dots(room, said != ""); dots != "" {
		parts = append(parts, dots)
	}
	if said != "" {
		parts = append(parts, th.Dim.Render(said))
	}
	return strings.Join(parts, "   ")
}

// dots shows how each back end is: in full where there is room, else the mark and the
// name, else the mark. Beside something else only what is down is shown.
func (a *App) dots(room int, downOnly bool) string {
	for _, level := range []int{2, 1, 0} {
		var parts []string
		width := 0
		for _, h := range a.env.Health {
			if h.State == StateOff || downOnly && h.State != StateDown {
				continue
			}
			mark, tone := stateMark(h.State)
			text := ""
			if level > 0 {
				text = " " + clean.Line(h.Name, 16)
			}
			if level > 1 && h.Version != "" {
				text += " " + clean.Line(strings.TrimPrefix(h.Version, "v"), 16)
			}
			width += widget.Width(mark+text) + 3
			parts = append(parts, a.env.Theme.Tone(tone).Render(mark)+a.env.Theme.Dim.Render(text))
		}
		if width-3 <= room {
			return strings.Join(parts, "   ")
		}
	}
	return ""
}

func stateMark(s State) (string, theme.Tone) {
	switch s {
	case StateUp:
		return theme.MarkUp, theme.Good
	case StateDown:
		return theme.MarkDown, theme.Bad
	default:
		return theme.MarkStale, theme.Dim
	}
}
