package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// shownColumns are the columns that are shown, in their order.
func (l *List[T]) shownColumns() []Column[T] {
	return slices.DeleteFunc(slices.Clone(l.cols), func(c Column[T]) bool { return c.Hidden })
}

func (l *List[T]) kind() string { return orText(l.Spec.Kind, l.Spec.Title) }

// recallColumns shows the columns that were chosen before.
func (l *List[T]) recallColumns() {
	if recall := l.own().app.opts.Columns; recall != nil {
		l.showColumns(recall(l.kind()))
	}
}

// showColumns shows the columns with these titles in this order; those that do not
// exist (any more) are left out, and with none left the list is as it was made.
func (l *List[T]) showColumns(titles []string) {
	var shown []Column[T]
	for _, title := range titles {
		c, ok := l.columnTitled(title)
		if ok && !slices.ContainsFunc(shown, func(o Column[T]) bool { return o.Title == c.Title }) {
			c.Hidden = false
			shown = append(shown, c)
		}
	}
	cols := slices.Clone(l.Spec.Columns)
	if len(shown) > 0 {
		for _, c := range l.Spec.Columns {
			if !slices.ContainsFunc(shown, func(o Column[T]) bool { return o.Title == c.Title }) {
				c.Hidden = true
				shown = append(shown, c)
			}
		}
		cols = shown
	}
	l.cols = cols
	for _, s := range []*source[T]{l.all, l.found} {
		if s == nil {
			continue
		}
		s.table.SetColumns(cols)
		if s.fresh != nil {
			s.fresh.SetColumns(cols)
		}
	}
}

func (l *List[T]) columnTitled(title string) (Column[T], bool) {
	if i := slices.IndexFunc(l.Spec.Columns, func(c Column[T]) bool { return c.Title == title }); i >= 0 {
		return l.Spec.Columns[i], true
	}
	if l.Spec.Column == nil {
		return Column[T]{}, false
	}
	return l.Spec.Column(title)
}

// openColumns lets columns be chosen.
func (l *List[T]) openColumns() {
	c := &columnsScreen{list: l.Spec.Title, hint: l.Spec.ColumnHint, done: func(titles []string) {
		l.showColumns(titles)
		if keep := l.own().app.opts.KeepColumns; keep != nil {
			keep(l.kind(), titles)
		}
	}}
	for _, one := range l.cols {
		c.items = append(c.items, columnItem{one.Title, !one.Hidden})
	}
	for _, one := range l.Spec.Columns {
		c.first = append(c.first, columnItem{one.Title, !one.Hidden})
	}
	if l.Spec.Column != nil {
		c.known = func(title string) bool { _, ok := l.columnTitled(title); return ok }
	}
	l.Push(c)
}

// columnItem is one column that can be shown.
type columnItem struct {
	title string
	shown bool
}

// columnsScreen chooses columns and their order.
type columnsScreen struct {
	Host
	list, hint string
	items      []columnItem
	first      []columnItem // as the list was made
	known      func(title string) bool
	done       func(titles []string)
	at, top    int
	input      *widget.Input // the path that is being typed
}

func (c *columnsScreen) Title() string { return "columns" }
func (c *columnsScreen) Typing() bool  { return c.input != nil }
func (c *columnsScreen) Close()        {}

func (c *columnsScreen) Init(h Host) tea.Cmd {
	c.Host = h
	return nil
}

// Escape closes what is typed.
func (c *columnsScreen) Escape() bool {
	open := c.input != nil
	c.input = nil
	return open
}

func (c *columnsScreen) Update(msg tea.Msg) tea.Cmd {
	if c.input != nil {
		c.input.Update(msg)
		return nil
	}
	if n := Wheel(msg); n != 0 {
		c.move(n)
	}
	return nil
}

func (c *columnsScreen) move(n int) { c.at = max(0, min(c.at+n, len(c.items)-1)) }

func (c *columnsScreen) Actions() []Action {
	if c.input != nil {
		return []Action{{Name: "add", Keys: []string{"enter"}, Footer: 1, Help: "Add the column that is typed.", Run: Do(c.add)}}
	}
	none := func() string {
		if len(c.shown()) == 0 {
			return "at least one column must be shown"
		}
		return ""
	}
	acts := []Action{
		{Name: "show these", Keys: []string{"enter"}, Footer: 1, Why: none, Help: "Show these columns from now on.", Run: Do(func() {
			titles := c.shown()
			c.Pop()
			c.done(titles)
		})},
		{Name: "show or hide", Keys: []string{"space", "tab"}, Footer: 2, Help: "Show or hide the column under the cursor.", Run: Do(func() { c.items[c.at].shown = !c.items[c.at].shown; c.move(1) })},
		{Name: "move left", Keys: []string{"K", "shift+up", "left"}, Footer: 4, Help: "Move the column to the left.", Run: Do(func() { c.swap(-1) })},
		{Name: "move right", Keys: []string{"J", "shift+down", "right"}, Footer: 5, Help: "Move the column to the right.", Run: Do(func() { c.swap(1) })},
		{Name: "as it was made", Keys: []string{"r"}, Footer: 6, Help: "Show the columns with which the list was made.", Run: Do(func() { c.items, c.at = slices.Clone(c.first), 0 })},
		{Name: "up", Keys: []string{"up", "k"}, Group: groupMove, Help: "One column up.", Run: Do(func() { c.move(-1) })},
		{Name: "down", Keys: []string{"down", "j"}, Group: groupMove, Help: "One column down.", Run: Do(func() { c.move(1) })},
	}
	if c.known != nil {
		acts = append(acts, Action{Name: "add", Keys: []string{"a"}, Footer: 3, Help: "Type " + orText(c.hint, "the name of a column") + " to add it.", Run: Do(func() {
			c.input = widget.NewInput("column: ")
			c.input.Placeholder = c.hint
		})})
	}
	return acts
}

// shown are the titles that are to be shown.
func (c *columnsScreen) shown() []string {
	var out []string
	for _, one := range c.items {
		if one.shown {
			out = append(out, one.title)
		}
	}
	return out
}

func (c *columnsScreen) swap(n int) {
	to := c.at + n
	if to < 0 || to >= len(c.items) {
		return
	}
	c.items[c.at], c.items[to] = c.items[to], c.items[c.at]
	c.at = to
}

// add takes up what was typed, behind the last column that is shown.
func (c *columnsScreen) add() {
	title := strings.TrimSpace(c.input.Value())
	if i := slices.IndexFunc(c.items, func(o columnItem) bool { return strings.EqualFold(o.title, title) }); i >= 0 {
		c.items[i].shown, c.at, c.input = true, i, nil
		return
	}
	if title == "" || !c.known(title) {
		c.Toast(fmt.Sprintf("there is no column %q: type %s", title, orText(c.hint, "its name")))
		return
	}
	at := 0
	for i, one := range c.items {
		if one.shown {
			at = i + 1
		}
	}
	c.items = slices.Insert(c.items, at, columnItem{title, true})
	c.at, c.input = at, nil
}

func (c *columnsScreen) View(w, h int) string {
	th := c.Env().Theme
	lines := []string{th.Strong.Render(clean.Line("Which columns of "+c.list+" are shown, from left to right?", max(1, w))), ""}
	if c.input != nil {
		lines[1] = c.input.View(th, w)
	}
	room := max(1, h-len(lines))
	c.top = max(0, min(c.top, c.at), c.at-room+1)
	for i := c.top; i < min(len(c.items), c.top+room); i++ {
		one := c.items[i]
		mark, style := "  ", th.Plain
		if i == c.at {
			mark, style = theme.MarkCursor+" ", th.Selected
		}
		box, note := "[ ]", "hidden"
		if one.shown {
			box, note = "["+theme.MarkAllowed+"]", ""
		} else if i != c.at {
			style = th.Dim
		}
		text := mark + box + " " + one.title
		if note != "" {
			text += "  " + note
		}
		lines = append(lines, style.Render(clean.Line(text, max(1, w))))
	}
	return strings.Join(lines, "\n")
}
