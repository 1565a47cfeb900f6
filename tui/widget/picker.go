package widget

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// Choice is one thing that can be picked.
type Choice struct {
	ID    string
	Label string
	Note  string // dim, behind the label
	// Picked is whether it starts picked (only where many may be).
	Picked bool
	// Why it cannot be picked; empty means that it can.
	Why string
}

// Picker picks one or many of a list that is filtered by typing.
type Picker struct {
	// Many lets several be picked.
	Many bool

	filter  *Input
	choices []Choice
	hay     []string
	shown   []int
	picked  map[string]bool
	cur     int
	top     int
	height  int
}

// Set replaces the choices; what was picked stays picked by ID.
func (p *Picker) Set(choices []Choice) {
	p.init()
	p.choices = choices
	p.hay = make([]string, len(choices))
	for i, c := range choices {
		p.hay[i] = strings.ToLower(clean.Line(c.Label+" "+c.Note, rowBytes))
		if _, known := p.picked[c.ID]; c.Picked && !known {
			p.picked[c.ID] = true
		}
	}
	p.apply()
}

func (p *Picker) init() {
	if p.filter == nil {
		p.filter = NewInput("/ ")
		p.filter.Placeholder = "type to filter"
		p.picked = map[string]bool{}
	}
}

func (p *Picker) apply() {
	at := ""
	if c, ok := p.Current(); ok {
		at = c.ID
	}
	terms := parseQuery(p.filter.Value(), nil)
	p.shown = p.shown[:0]
	for i, hay := range p.hay {
		ok := true
		for _, t := range terms {
			ok = ok && strings.Contains(hay, t.word) != t.not
		}
		if ok {
			p.shown = append(p.shown, i)
		}
	}
	p.cur = max(0, min(p.cur, len(p.shown)-1))
	for i, n := range p.shown {
		if p.choices[n].ID == at {
			p.cur = i
		}
	}
}

// Current is the choice under the cursor.
func (p *Picker) Current() (Choice, bool) {
	if p.cur < len(p.shown) {
		return p.choices[p.shown[p.cur]], true
	}
	return Choice{}, false
}

// Len is how many choices there are.
func (p *Picker) Len() int { return len(p.choices) }

// Picked is what is picked, in the order of the list: where many may be, those that
// were picked, else the one under the cursor. A choice that cannot be picked never is.
func (p *Picker) Picked() []Choice {
	var out []Choice
	if p.Many {
		for _, c := range p.choices {
			if p.picked[c.ID] && c.Why == "" {
				out = append(out, c)
			}
		}
	}
	if c, ok := p.Current(); ok && len(out) == 0 && c.Why == "" {
		out = append(out, c)
	}
	return out
}

// Escape clears the filter; false when there was none.
func (p *Picker) Escape() bool {
	p.init()
	had := p.filter.Value() != ""
	p.filter.SetValue("")
	p.apply()
	return had
}

// Toggle picks the choice under the cursor, or takes it back. It returns why not.
func (p *Picker) Toggle() string {
	c, ok := p.Current()
	if !ok {
		return ""
	}
	if c.Why != "" {
		return c.Why
	}
	p.picked[c.ID] = !p.picked[c.ID]
	p.Move(1)
	return ""
}

// Move moves the cursor by n choices.
func (p *Picker) Move(n int) { p.cur = max(0, min(p.cur+n, len(p.shown)-1)) }

// Page moves the cursor by n screens.
func (p *Picker) Page(n int) { p.Move(n * max(1, p.height-1)) }

// At puts the cursor on the choice in line y of the last View; false when there is none.
func (p *Picker) At(y int) bool {
	at := p.top + y - 1
	if y < 1 || y > p.height || at >= len(p.shown) {
		return false
	}
	p.cur = at
	return true
}

// Update handles typing and pasted text; Accepted means enter.
func (p *Picker) Update(msg tea.Msg) Event {
	p.init()
	e := p.filter.Update(msg)
	if e == Edited {
		p.apply()
	}
	return e
}

// View draws the filter line and the choices.
func (p *Picker) View(th *theme.Theme, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	p.init()
	p.height = h - 1
	p.top = max(0, min(p.top, p.cur), p.cur-p.height+1)
	count := fmt.Sprintf("%d of %d", len(p.shown), len(p.choices))
	if p.Many {
		n := 0
		for _, c := range p.choices {
			if p.picked[c.ID] && c.Why == "" {
				n++
			}
		}
		count += fmt.Sprintf(", %d picked", n)
	}
	room := max(1, w-Width(count)-2)
	lines := []string{p.filter.View(th, room) + "  " + th.Dim.Render(count)}
	label := p.labelWidth(w)
	for i := p.top; i < min(p.top+p.height, len(p.shown)); i++ {
		lines = append(lines, p.line(th, i, label, w))
	}
	if len(p.shown) == 0 && len(p.choices) > 0 && h > 1 {
		lines = append(lines, th.Dim.Render(clean.Line("   nothing matches; esc clears the filter", w)))
	}
	return strings.Join(lines, "\n")
}

// labelWidth is as wide as the widest visible label, at most half the line.
func (p *Picker) labelWidth(w int) int {
	widest := 0
	for i := p.top; i < min(p.top+p.height, len(p.shown)); i++ {
		widest = max(widest, Width(clean.Line(p.choices[p.shown[i]].Label, w)))
	}
	return min(widest, max(8, w*3/5))
}

func (p *Picker) line(th *theme.Theme, at, label, w int) string {
	c := p.choices[p.shown[at]]
	box := ""
	if p.Many {
		box = pick(p.picked[c.ID] && c.Why == "", theme.MarkAllowed+" ", "  ")
		if c.Why != "" {
			box = "– "
		}
	}
	style := th.Plain
	switch {
	case at == p.cur:
		style = th.Selected
	case c.Why != "":
		style = th.Dim
	}
	line := style.Render(pick(at == p.cur, theme.MarkCursor, " ") + " " + box + Pad(clean.Line(c.Label, label), label))
	note := c.Note
	if c.Why != "" {
		note = c.Why
	}
	if room := w - 2 - Width(box) - label - 2; room > 3 && note != "" {
		line += "  " + th.Dim.Render(clean.Line(note, room))
	}
	return line
}
