package tui

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// View draws the fields one below the other; the one with the focus is always seen.
func (f *formScreen) View(w, h int) string {
	th := f.Env().Theme
	var lines []string
	if f.spec.Lead != "" {
		for _, line := range widget.Wrap(clean.Line(f.spec.Lead, 400), max(1, w)) {
			lines = append(lines, th.Strong.Render(line))
		}
		lines = append(lines, "")
	}
	label := 0
	for _, field := range f.fields {
		label = max(label, widget.Width(clean.Line(orText(field.Label, field.Name), 24)))
	}
	label = min(label, max(1, w/3))
	from, to := 0, 0
	section := ""
	for i, field := range f.fields {
		start := len(lines)
		if field.Section != section {
			section = field.Section
			if n := len(lines); n > 0 && lines[n-1] != "" {
				lines = append(lines, "")
			}
			lines = append(lines, th.Strong.Render(clean.Line(section, max(1, w))))
		}
		lines = append(lines, f.field(th, i, label, w)...)
		if i == f.at {
			from, to = start, len(lines)
		}
	}
	if f.write.Busy() {
		lines = append(lines, "", th.Dim.Render("writing…"))
	}
	f.top = max(0, min(f.top, from), to-h)
	f.top = min(f.top, max(0, len(lines)-1))
	return strings.Join(lines[f.top:], "\n")
}

// field is the lines of one field: input, dropdown, complaint or help.
func (f *formScreen) field(th *theme.Theme, i, label, w int) []string {
	field := f.fields[i]
	in := f.inputs[field.Name]
	focused := i == f.at
	mark, name := "  ", th.Dim
	if focused {
		mark, name = th.Accent.Render(theme.MarkCursor)+" ", th.Strong
	}
	text := orText(field.Label, field.Name)
	if field.Required {
		text += " *"
	}
	label += 2
	room := max(0, w-label-4)
	head := mark + name.Render(widget.Pad(clean.Line(text, label), label)) + "  "
	value := ""
	if len(field.Choices) > 0 {
		value = f.choices(th, field, in.text(), focused, room)
	} else {
		value = in.view(th, room, focused)
	}
	lines := []string{head + value}
	under := strings.Repeat(" ", label+4)
	for _, line := range in.Dropdown(th, room, 8) {
		lines = append(lines, under+line)
	}
	if e := f.complaint(i); e != "" {
		for _, line := range widget.Wrap(theme.MarkDenied+" "+clean.Line(e, 0), max(1, room)) {
			lines = append(lines, under+th.Bad.Render(line))
		}
	} else if focused && field.Help != "" {
		for _, line := range widget.Wrap(field.Help, max(1, room)) {
			lines = append(lines, under+th.Dim.Render(line))
		}
	}
	return lines
}

// choices draws fixed values; the chosen one stands in brackets, so that it is seen
// without colour. Where not all fit, those around the chosen one are drawn.
func (f *formScreen) choices(th *theme.Theme, field FormField, value string, focused bool, room int) string {
	words, total := make([]string, len(field.Choices)), 0
	for i, c := range field.Choices {
		words[i] = " " + clean.Line(c, 30) + " "
		if c == value {
			words[i] = "[" + clean.Line(c, 30) + "]"
		}
		total += widget.Width(words[i])
	}
	from, to, note := 0, len(words), ""
	if total > room {
		at := max(0, slices.Index(field.Choices, value))
		note = fmt.Sprintf(" %d of %d", at+1, len(words))
		from, to = around(words, at, room-widget.Width(note))
	}
	var b strings.Builder
	for i := from; i < to; i++ {
		style := th.Dim
		if field.Choices[i] == value {
			style = th.Strong
			if focused {
				style = th.Selected
			}
		}
		b.WriteString(style.Render(words[i]))
	}
	if from < to && note != "" {
		b.WriteString(th.Dim.Render(note))
	}
	return b.String()
}

// around is the range of words about one of them that fits into room cells.
func around(words []string, at, room int) (from, to int) {
	used := widget.Width(words[at])
	if used > room {
		return 0, 0
	}
	from, to = at, at+1
	for grown := true; grown; {
		grown = false
		if to < len(words) && used+widget.Width(words[to]) <= room {
			used, to, grown = used+widget.Width(words[to]), to+1, true
		}
		if from > 0 && used+widget.Width(words[from-1]) <= room {
			used, from, grown = used+widget.Width(words[from-1]), from-1, true
		}
	}
	return from, to
}
