package widget

import (
	"slices"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// Completion is one suggestion of an Input.
type Completion struct {
	// Value is what the whole input becomes.
	Value string
	// Label is what is shown; empty means Value.
	Label string
	// Note is dim, behind it: "relation of Doc", "12 tuples".
	Note string
}

// dropdown is the open list of suggestions; cur is -1 until one is walked to.
type dropdown struct {
	list []Completion
	cur  int
	top  int
}

func (d *dropdown) close() { d.list, d.cur, d.top = nil, -1, 0 }

func (d *dropdown) set(list []Completion) { d.list, d.cur, d.top = list, -1, 0 }

func (d *dropdown) chosen() (Completion, bool) {
	if d.cur < 0 || d.cur >= len(d.list) {
		return Completion{}, false
	}
	return d.list[d.cur], true
}

// move walks by one; false when there is nothing to walk in.
func (d *dropdown) move(n int) bool {
	if len(d.list) == 0 || n < 0 && d.cur < 0 {
		return false
	}
	d.cur = min(d.cur+n, len(d.list)-1)
	return true
}

// Dropdown draws the suggestions, at most h lines of at most w cells; no lines when
// there are none.
func (i *Input) Dropdown(th *theme.Theme, w, h int) []string {
	d := &i.drop
	n := min(h, len(d.list))
	if n <= 0 || w < 4 {
		return nil
	}
	d.top = max(0, min(d.top, max(0, d.cur)), d.cur-n+1)
	widest := 0
	for _, c := range d.list[d.top : d.top+n] {
		widest = max(widest, Width(clean.Line(c.label(), w)))
	}
	widest = min(widest, w-2)
	lines := make([]string, n)
	for k := range lines {
		c := d.list[d.top+k]
		mark, style := "  ", th.Plain
		if d.top+k == d.cur {
			mark, style = theme.MarkCursor+" ", th.Selected
		}
		line := style.Render(mark + Pad(clean.Line(c.label(), widest), widest))
		if room := w - 2 - widest - 2; room > 0 && c.Note != "" {
			line += "  " + th.Dim.Render(clean.Line(c.Note, room))
		}
		lines[k] = line
	}
	return lines
}

func (c Completion) label() string {
	if c.Label != "" {
		return c.Label
	}
	return c.Value
}

// historyMax is how many inputs are kept.
const historyMax = 200

// history is what was entered before; at is len(lines) while nothing is walked to.
type history struct {
	lines []string
	at    int
	draft string
}

func newHistory(lines []string) history {
	if len(lines) > historyMax {
		lines = lines[len(lines)-historyMax:]
	}
	return history{lines: slices.Clone(lines), at: len(lines)}
}

// add keeps a line as the newest one; a line that was there already moves.
func (h *history) add(line string) {
	if line == "" {
		return
	}
	if i := slices.Index(h.lines, line); i >= 0 {
		h.lines = slices.Delete(h.lines, i, i+1)
	}
	*h = newHistory(append(h.lines, line))
}

func (h *history) leave() { h.at = len(h.lines) }

// walk goes n lines back (-1) or forth; what was typed meanwhile is at the end.
func (h *history) walk(n int, now string) (string, bool) {
	to := h.at + n
	if len(h.lines) == 0 || to < 0 || to > len(h.lines) {
		return "", false
	}
	if h.at == len(h.lines) {
		h.draft = now
	}
	h.at = to
	if to == len(h.lines) {
		return h.draft, true
	}
	return h.lines[to], true
}
