package tui

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/widget"
)

// Headings in the help of actions that many screens share.
const (
	groupMove   = "Move"
	groupList   = "List"
	groupDetail = "Detail"
)

// Typing is true while the filter or a search is typed.
func (l *List[T]) Typing() bool { return l.input != nil }

// Actions are the list's own and those of every list.
func (l *List[T]) Actions() []Action {
	if l.input != nil {
		return l.typingActions()
	}
	var acts []Action
	if l.Spec.Open != nil {
		acts = append(acts, Action{Name: "open", Keys: []string{"enter"}, Footer: 1, Why: l.NeedRow, Run: Do(l.open),
			Help: "Open the row under the cursor."})
	}
	if l.Spec.Actions != nil {
		acts = append(acts, l.Spec.Actions(l)...)
	}
	acts = append(acts, l.listActions()...)
	return append(acts, l.moveActions()...)
}

func (l *List[T]) open() {
	if row, ok := l.Current(); ok {
		l.Push(l.Spec.Open(row))
	}
}

func (l *List[T]) listActions() []Action {
	acts := []Action{
		{Name: "filter", Keys: []string{"/"}, Footer: 30, Run: Do(l.openFilter),
			Help: `Show only rows with all the words typed, among what has been read. !word leaves rows out, "two words" is a phrase, column:word looks in one column, column=word for exactly that, column>value and column<value for what is more or less, such as created>2026-01-31.`},
		{Name: "mark", Keys: []string{"space"}, Footer: 50, Why: l.NeedRow, Run: Do(func() { l.table().Mark(); l.table().Move(1) }),
			Help: "Mark the row; actions then work on all marked rows."},
		{Name: "mark range", Keys: []string{"v"}, Why: l.NeedRow, Run: Do(func() { l.table().MarkRange() }),
			Help: "Mark everything from the last mark to the cursor."},
		{Name: "mark all", Keys: []string{"ctrl+a"}, Why: l.NeedRow, Run: Do(func() { l.table().MarkShown() }),
			Help: "Mark all rows that are shown, or unmark them. Esc unmarks everything."},
		{Name: "sort", Keys: []string{"s"}, Footer: 60, Run: Do(l.sortNext), Help: "Order by the next column."},
		{Name: "reverse", Keys: []string{"S"}, Why: l.whyNoReverse, Run: Do(l.reverse), Help: "Turn the order round."},
		{Name: "copy", Keys: []string{"y"}, Why: l.NeedRow, Run: Do(l.copyID), Help: "Copy the id of the selected rows, through the terminal (OSC 52; tmux needs set-clipboard on)."},
		{Name: "copy row", Keys: []string{"Y"}, Why: l.NeedRow, Run: Do(l.copyRows), Help: "Copy the selected rows as JSON."},
		{Name: "export", Keys: []string{"E"}, Why: l.NeedRow, Run: Do(l.openExport),
			Help: "Write the marked rows, or all that are shown, into a file: CSV, JSON or YAML."},
		{Name: "reload", Keys: []string{"ctrl+r"}, Run: Do(l.Reload), Help: "Read the list again; what is shown stays until then."},
		{Name: "read on", Keys: []string{"m"}, Why: l.whyNotOn, Run: Do(l.readOn), Help: "Go on reading where it was stopped or failed."},
	}
	if len(l.Spec.Columns) > 1 {
		acts = append(acts, Action{Name: "columns", Keys: []string{"C"}, Run: Do(l.openColumns), Help: "Choose which columns are shown, and in which order. It is remembered."})
	}
	if l.Spec.Search != nil {
		hint := l.Spec.SearchHint
		if hint != "" {
			hint = " (" + hint + ")"
		}
		acts = append(acts, Action{Name: "find", Keys: []string{"f"}, Footer: 31, Run: Do(l.openSearch),
			Help: "Let the server search everything" + hint + ", also what has not been read."})
	}
	for i := range acts {
		acts[i].Group = groupList
	}
	return acts
}

func (l *List[T]) moveActions() []Action {
	move := func(name, help string, run func(), keys ...string) Action {
		return Action{Name: name, Keys: keys, Group: groupMove, Help: help, Run: Do(run)}
	}
	return []Action{
		move("up", "One row up.", func() { l.table().Move(-1) }, "up", "k"),
		move("down", "One row down.", func() { l.table().Move(1) }, "down", "j"),
		move("page up", "One screen up.", func() { l.table().Page(-1, false) }, "pgup"),
		move("page down", "One screen down.", func() { l.table().Page(1, false) }, "pgdown"),
		move("half up", "Half a screen up.", func() { l.table().Page(-1, true) }, "ctrl+u"),
		move("half down", "Half a screen down.", func() { l.table().Page(1, true) }, "ctrl+d"),
		move("first", "To the first row.", func() { l.table().MoveTo(0) }, "home", "g"),
		move("last", "To the last row that has been read.", func() { l.table().MoveTo(l.table().Shown() - 1) }, "end", "G"),
		move("detail up", "Scroll the detail beside the list up.", func() { l.pane.Scroll(-1) }, "shift+up", "K"),
		move("detail down", "Scroll the detail beside the list down.", func() { l.pane.Scroll(1) }, "shift+down", "J"),
	}
}

// typingActions are the keys while the filter or a search is typed.
func (l *List[T]) typingActions() []Action {
	accept, name := l.keepFilter, "keep filter"
	if l.asking {
		accept, name = l.sendSearch, "search"
	}
	move := func(name string, n int, keys ...string) Action {
		return Action{Name: name, Keys: keys, Group: groupMove, Help: "Move while typing.", Run: Do(func() { l.table().Move(n) })}
	}
	acts := []Action{{Name: name, Keys: []string{"enter"}, Footer: 1, Group: groupList, Help: "Take what is typed.", Run: Do(accept)}}
	if !l.asking {
		acts = append(acts, move("up", -1, "up"), move("down", 1, "down"))
	}
	return acts
}

// Escape closes what is typed, then the filter, the marks, the search.
func (l *List[T]) Escape() bool {
	switch {
	case l.input != nil && l.asking:
		l.input = nil
	case l.input != nil:
		l.input = nil
		l.table().Filter("")
	case l.table().Query() != "":
		l.table().Filter("")
	case l.table().Marks() > 0:
		l.table().ClearMarks()
	case l.found != nil:
		l.leaveSearch()
	default:
		return false
	}
	return true
}

func (l *List[T]) openFilter() {
	l.input, l.asking = widget.NewInput("/"), false
	l.input.SetValue(l.table().Query())
	l.input.Placeholder = `words · !not · "two words" · column:word · column>value`
}

func (l *List[T]) keepFilter() {
	l.input = nil
	l.lookUp()
}

// lookUp lets the server look for a single word too while the list is still being
// read: whoever has it is shown before the crawl comes to them.
func (l *List[T]) lookUp() {
	s, query := l.src(), strings.TrimSpace(l.table().Query())
	search := l.Spec.Search
	if search == nil || l.Spec.Fetch == nil || s.query != "" || s.done && s.fresh == nil || len([]rune(query)) < 3 || strings.ContainsAny(query, " !\":=<>") {
		return
	}
	Go(l, &l.lookup, l.Spec.Timeout, func(ctx context.Context) (Page[T], error) { return search(ctx, query, "") }, func(p Page[T], err error) {
		if err != nil || len(p.Items) == 0 || l.all != s { // the crawl goes on: it finds them or says what is wrong
			return
		}
		into := s.table
		before := into.Len()
		into.Append(p.Items)
		l.paneOf = ""
		if n := into.Len() - before; n > 0 {
			l.Toast(fmt.Sprintf("the server found %s with a login name like %q", Count(n), query))
		}
	})
}

func (l *List[T]) openSearch() {
	l.input, l.asking = widget.NewInput("find: "), true
	l.input.Placeholder = l.Spec.SearchHint
	if l.found != nil {
		l.input.SetValue(l.found.query)
	}
}

func (l *List[T]) sendSearch() {
	query := strings.TrimSpace(l.input.Value())
	l.input = nil
	l.search(query)
}

func (l *List[T]) sortNext() {
	col, _ := l.table().Sorted()
	if col++; col >= len(l.shownColumns()) {
		col = -1
	}
	l.table().SortBy(col, false)
	if col < 0 {
		l.Toast("in the order of the server")
	}
}

func (l *List[T]) whyNoReverse() string {
	if col, _ := l.table().Sorted(); col < 0 {
		return "nothing is sorted: s orders by a column"
	}
	return ""
}

func (l *List[T]) reverse() {
	col, desc := l.table().Sorted()
	l.table().SortBy(col, !desc)
}

func (l *List[T]) copyID() {
	rows := l.Selected()
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = l.Spec.ID(row)
	}
	what := "the id"
	if len(ids) > 1 {
		what = fmt.Sprintf("%s ids", Count(len(ids)))
	}
	l.Copy(what, strings.Join(ids, "\n"))
}

// Update takes text while something is typed, and the mouse.
func (l *List[T]) Update(msg tea.Msg) tea.Cmd {
	if click, ok := msg.(tea.MouseClickMsg); ok && l.input == nil {
		l.click(click)
		return nil
	}
	if n := Wheel(msg); n != 0 {
		l.table().Move(n)
		return nil
	}
	if l.input != nil && l.input.Update(msg) == widget.Edited && !l.asking {
		l.table().Filter(l.input.Value())
	}
	return nil
}

// click puts the cursor on a row; a click on the row it is on opens it.
func (l *List[T]) click(click tea.MouseClickMsg) {
	place, ok := l.table().At(click.Y - 1) // below the line about the list
	if !ok || click.X >= l.listWidth(l.size.w, l.size.h) {
		return
	}
	if place == l.table().Position() && l.Spec.Open != nil {
		l.open()
		return
	}
	l.table().MoveTo(place)
}
