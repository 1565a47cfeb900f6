package widget

import (
	"strings"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// Section is a group of fields under a heading.
type Section struct {
	Title  string // may be empty
	Note   string // dim, beside the title: "3, last 2 h ago"
	Fields []Field
}

// Field is one property of a thing.
type Field struct {
	Label string
	// Value as the server sent it; it may have several lines.
	Value string
	// Note is dim, behind the value.
	Note string
	Tone theme.Tone
	// Secret values are shown, copied and exported masked until revealed.
	Secret bool
	// Key tells the screen what was selected (an id, a tuple); it is not shown.
	Key string
}

// Mask is what a secret looks like. It does not tell its length.
const Mask = "••••••••"

// fieldMax is how much of one value is looked at.
const fieldMax = 8 << 10

// Detail shows sections of fields with a cursor over the fields.
type Detail struct {
	sections []Section
	fields   []*Field
	cur, top int
	height   int
	reveal   map[*Field]bool
	cursor   bool // somebody moves in it: the cursor is drawn

	// The lines of the last View, which are made anew when something changed.
	lines []detailLine
	width int
	kind  theme.Kind
	stale bool
}

type detailLine struct {
	text  string
	field int // -1 for a heading or an empty line
}

// Set replaces the content. The cursor stays on the field with the same label and
// key; what was revealed is masked again.
func (d *Detail) Set(sections ...Section) {
	old, had := d.Current()
	d.sections, d.fields, d.reveal, d.stale = sections, nil, nil, true
	for i := range d.sections {
		for k := range d.sections[i].Fields {
			d.fields = append(d.fields, &d.sections[i].Fields[k])
		}
	}
	if had {
		for i, f := range d.fields {
			if f.Label == old.Label && f.Key == old.Key {
				d.cur = i
				break
			}
		}
	}
	d.clamp()
}

func (d *Detail) clamp() { d.cur = max(0, min(d.cur, len(d.fields)-1)) }

// Move moves the cursor by n fields and scrolls with it.
func (d *Detail) Move(n int) {
	d.cursor, d.stale = true, true
	d.cur += n
	d.clamp()
	d.follow()
}

// MoveTo puts the cursor on the field with that key; false when there is none.
func (d *Detail) MoveTo(key string) bool {
	for i, f := range d.fields {
		if f.Key == key {
			d.Move(i - d.cur)
			return true
		}
	}
	return false
}

// ShowCursor draws the cursor from the start.
func (d *Detail) ShowCursor() { d.cursor, d.stale = true, true }

// follow scrolls so that the field under the cursor is seen, with its heading when it
// is the first.
func (d *Detail) follow() {
	first, last := -1, -1
	for i, l := range d.lines {
		if l.field == d.cur {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return
	}
	if first > 0 && d.lines[first-1].field < 0 {
		first--
	}
	if d.cur == 0 {
		first = 0
	}
	d.top = max(min(d.top, first), last-d.height+1)
}

// Scroll moves what is seen by n lines.
func (d *Detail) Scroll(n int) { d.top += n }

// Page moves by n screens: of lines, and the cursor with them.
func (d *Detail) Page(n int) {
	at := d.top + n*max(1, d.height-1)
	d.top = max(0, min(at, len(d.lines)-d.height))
	for i := d.top; i < len(d.lines); i++ {
		if d.lines[i].field >= 0 {
			d.cur, d.stale = d.lines[i].field, true
			break
		}
	}
	if n > 0 && at >= len(d.lines)-d.height {
		d.Move(len(d.fields))
	}
	if n < 0 && at <= 0 {
		d.Move(-len(d.fields))
	}
}

// At is the field in line y of the last View; false when there is none there.
func (d *Detail) At(y int) bool {
	i := d.top + y
	if y < 0 || i >= len(d.lines) || d.lines[i].field < 0 {
		return false
	}
	d.cur, d.cursor, d.stale = d.lines[i].field, true, true
	return true
}

// Current is the field under the cursor. A secret that is not revealed has Mask for
// its value, so that whoever copies it copies nothing.
func (d *Detail) Current() (Field, bool) {
	if d.cur >= len(d.fields) {
		return Field{}, false
	}
	f := *d.fields[d.cur]
	f.Value = d.shown(d.fields[d.cur])
	return f, true
}

// Reveal shows or hides the secret under the cursor and reports whether there is one.
func (d *Detail) Reveal() bool {
	if d.cur >= len(d.fields) || !d.fields[d.cur].Secret {
		return false
	}
	if d.reveal == nil {
		d.reveal = map[*Field]bool{}
	}
	d.reveal[d.fields[d.cur]] = !d.reveal[d.fields[d.cur]]
	d.stale = true
	return true
}

func (d *Detail) shown(f *Field) string {
	if f.Secret && !d.reveal[f] {
		return Mask
	}
	return f.Value
}

// View draws the fields.
func (d *Detail) View(th *theme.Theme, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	d.height = h
	if d.stale || d.width != w || d.kind != th.Kind {
		d.width, d.kind, d.stale = w, th.Kind, false
		d.layout(th, w)
		if d.cursor {
			d.follow()
		}
	}
	d.top = max(0, min(d.top, len(d.lines)-h))
	var b strings.Builder
	for i := d.top; i < min(d.top+h, len(d.lines)); i++ {
		if i > d.top {
			b.WriteByte('\n')
		}
		b.WriteString(d.lines[i].text)
	}
	return b.String()
}

// layout makes all lines.
func (d *Detail) layout(th *theme.Theme, w int) {
	d.lines = d.lines[:0]
	label := 0
	for _, f := range d.fields {
		label = max(label, Width(clean.Line(f.Label, 24)))
	}
	label = min(label, max(1, w/3))
	at := 0
	for i, s := range d.sections {
		if i > 0 {
			d.lines = append(d.lines, detailLine{"", -1})
		}
		if s.Title != "" {
			line := th.Strong.Render(clean.Line(s.Title, w))
			if room := w - Width(line) - 2; s.Note != "" && room > 2 {
				line += "  " + th.Dim.Render(clean.Line(s.Note, room))
			}
			d.lines = append(d.lines, detailLine{line, -1})
		}
		for range s.Fields {
			d.field(th, at, label, w)
			at++
		}
	}
}

// field makes the lines of one field.
func (d *Detail) field(th *theme.Theme, at, label, w int) {
	f := d.fields[at]
	selected := d.cursor && at == d.cur
	mark := pick(selected, theme.MarkCursor+" ", "  ")
	room := w - label - 4
	if room < 1 {
		d.lines = append(d.lines, detailLine{cutTo(mark+clean.Line(f.Label, max(1, w-2)), w), at})
		return
	}
	style := th.Tone(f.Tone)
	if selected {
		style = th.Selected
	}
	for i, line := range Wrap(clean.Text(d.shown(f), fieldMax), room) {
		head := mark + Pad("", label) + "  "
		if i == 0 {
			name := Pad(clean.Line(f.Label, label), label)
			if f.Label == "" {
				name = Pad("", label)
			}
			head = mark + th.Dim.Render(name) + "  "
		} else {
			head = "  " + head[len(mark):]
		}
		text := style.Render(line)
		if left := room - Width(line) - 2; i == 0 && f.Note != "" && left > 2 {
			text += "  " + th.Dim.Render(clean.Line(f.Note, left))
		}
		d.lines = append(d.lines, detailLine{head + text, at})
	}
}

func cutTo(s string, w int) string {
	if Width(s) <= w {
		return s
	}
	return clean.Line(s, w)
}
