package tui

import (
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
		lines = append(lines, th.Strong.Render(clean.Line(f.spec.Lead, max(1, w))), "")
	}
	label := 0
	for _, field := range f.spec.Fields {
		label = max(label, widget.Width(clean.Line(orText(field.Label, field.Name), 24)))
	}
	label = min(label, max(1, w/3))
	from, to := 0, 0
	for i := range f.spec.Fields {
		start := len(lines)
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
	field, in := f.spec.Fields[i], f.inputs[i]
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
		value = f.choices(th, field, in.Value(), focused, room)
	} else {
		value = in.View(th, room)
	}
	lines := []string{head + value}
	under := strings.Repeat(" ", label+4)
	for _, line := range in.Dropdown(th, room, 8) {
		lines = append(lines, under+line)
	}
	if e := f.complaint(i); e != "" {
		for _, line := range widget.Wrap(theme.MarkDenied+" "+e, max(1, room)) {
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
// without colour.
func (f *formScreen) choices(th *theme.Theme, field FormField, value string, focused bool, room int) string {
	var b strings.Builder
	used := 0
	for _, c := range field.Choices {
		text, style := " "+clean.Line(c, 30)+" ", th.Dim
		if c == value {
			text, style = "["+clean.Line(c, 30)+"]", th.Strong
			if focused {
				style = th.Selected
			}
		}
		if used += widget.Width(text); used > room {
			break
		}
		b.WriteString(style.Render(text))
	}
	return b.String()
}
