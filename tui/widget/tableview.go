package widget

import (
	"strings"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// gutter is what stands in front of every row: the cursor, the mark, a space.
const gutter = 3

// View draws the heading and the rows around the cursor, at most h lines of at most
// w cells.
func (t *Table[T]) View(th *theme.Theme, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	t.height = max(0, h-1)
	t.scroll()
	widths := layout(t.cols, w-gutter)
	var b strings.Builder
	b.Grow(h * (w + 16))
	t.head(&b, th, widths, w)
	for i := t.top; i < min(t.top+t.height, len(t.shown)); i++ {
		b.WriteByte('\n')
		t.row(&b, th, widths, i, w)
	}
	return b.String()
}

// scroll keeps the cursor in sight.
func (t *Table[T]) scroll() {
	t.top = max(0, min(t.top, t.cur), t.cur-t.height+1)
	t.top = min(t.top, max(0, len(t.shown)-t.height))
}

func (t *Table[T]) head(b *strings.Builder, th *theme.Theme, widths []int, w int) {
	b.WriteString(th.Dim.Open())
	b.WriteString(Pad("", min(gutter, w)))
	last := lastShown(widths)
	for i, c := range t.cols {
		if widths[i] == 0 {
			continue
		}
		title := c.Title
		if i == t.sorted {
			arrow := " ↑"
			if t.desc {
				arrow = " ↓"
			}
			title = clean.Line(title, max(1, widths[i]-2)) + arrow
		}
		t.cell(b, c, title, widths[i], i == last)
	}
	b.WriteString(th.Dim.Close())
}

// cell writes padded text, and a space behind it unless it is the last.
func (t *Table[T]) cell(b *strings.Builder, c Column[T], text string, w int, last bool) {
	if c.Right {
		b.WriteString(PadLeft(text, w))
	} else {
		b.WriteString(Pad(text, w))
	}
	if !last {
		b.WriteByte(' ')
	}
}

func lastShown(widths []int) int {
	last := -1
	for i, w := range widths {
		if w > 0 {
			last = i
		}
	}
	return last
}

func (t *Table[T]) row(b *strings.Builder, th *theme.Theme, widths []int, place, w int) {
	item := *t.rows.at(t.shown[place])
	selected := place == t.cur
	_, marked := t.marks[t.id(item)]
	if selected {
		b.WriteString(th.Selected.Open())
	}
	if w < gutter {
		b.WriteString(Pad(pick(selected, theme.MarkCursor, " "), w))
		b.WriteString(pick(selected, th.Selected.Close(), ""))
		return
	}
	b.WriteString(pick(selected, theme.MarkCursor, " "))
	b.WriteString(pick(marked, theme.MarkChosen, " "))
	b.WriteByte(' ')
	last := lastShown(widths)
	for i, c := range t.cols {
		if widths[i] == 0 {
			continue
		}
		text := clean.Line(c.Cell(item), widths[i])
		if c.Tone == nil || selected {
			t.cell(b, c, text, widths[i], i == last)
			continue
		}
		style := th.Tone(c.Tone(item))
		b.WriteString(style.Open())
		t.cell(b, c, text, widths[i], i == last)
		b.WriteString(style.Close())
	}
	if selected {
		b.WriteString(th.Selected.Close())
	}
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
