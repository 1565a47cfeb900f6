package widget_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

type row struct {
	id   string
	name string
	size int
}

func columns() []widget.Column[row] {
	return []widget.Column[row]{
		{Title: "NAME", Width: 10, Cell: func(r row) string { return r.name }},
		{Title: "SIZE", Width: 6, Right: true, Cell: func(r row) string { return fmt.Sprint(r.size) }, Less: func(a, b row) int { return a.size - b.size }},
	}
}

func newTable(rows ...row) *widget.Table[row] {
	t := widget.NewTable(func(r row) string { return r.id }, columns())
	t.Append(rows)
	return t
}

func ids(t *widget.Table[row]) string {
	var out []string
	for r := range t.Rows() {
		out = append(out, r.id)
	}
	return strings.Join(out, " ")
}

// model is a table the simple way. Removed rows stay in rows, so that they come back
// to their place.
type model struct {
	gone  map[string]bool
	rows  []row
	query string
	sort  int
	desc  bool
}

func (m *model) put(r row) {
	delete(m.gone, r.id)
	for i := range m.rows {
		if m.rows[i].id == r.id {
			m.rows[i] = r
			return
		}
	}
	m.rows = append(m.rows, r)
}

func (m *model) ids() string {
	var shown []row
	for _, r := range m.rows {
		text := strings.ToLower(fmt.Sprint(r.name, " ", r.size, " "))
		ok := !m.gone[r.id]
		for _, w := range strings.Fields(strings.ToLower(m.query)) {
			word, not := strings.CutPrefix(w, "!")
			ok = ok && (word == "" || strings.Contains(text, word) != not)
		}
		if ok {
			shown = append(shown, r)
		}
	}
	slices.SortStableFunc(shown, func(a, b row) int {
		c := 0
		switch m.sort {
		case 0:
			c = strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
		case 1:
			c = a.size - b.size
		}
		if m.desc {
			return -c
		}
		return c
	})
	var out []string
	for _, r := range shown {
		out = append(out, r.id)
	}
	return strings.Join(out, " ")
}

// TestTableIsWhatASimpleTableIs does random things to a table and to a simple model
// of it, and compares what is shown after each.
func TestTableIsWhatASimpleTableIs(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		random := func(id int) row {
			return row{fmt.Sprint(id), []string{"Ann", "ann", "Bo", "Cäsar", "ÄÖ", ""}[rnd.IntN(6)] + fmt.Sprint(rnd.IntN(30)), rnd.IntN(5)}
		}
		table, m, next := newTable(), &model{sort: -1, gone: map[string]bool{}}, 0
		for step := range 120 {
			switch rnd.IntN(7) {
			case 0, 1: // a page arrives, with a row that is known already
				var page []row
				for range rnd.IntN(70) {
					page = append(page, random(next))
					next++
				}
				if rnd.IntN(4) == 0 {
					page = append(page, random(rnd.IntN(next+1)))
					next = max(next, 1+atoi(page[len(page)-1].id))
				}
				for _, r := range page {
					m.put(r)
				}
				table.Append(page)
			case 2:
				r := random(rnd.IntN(next + 3))
				next = max(next, 1+atoi(r.id))
				table.Put(r)
				m.put(r)
			case 3:
				id := fmt.Sprint(rnd.IntN(next + 1))
				table.Remove(id)
				if slices.ContainsFunc(m.rows, func(r row) bool { return r.id == id }) {
					m.gone[id] = true
				}
			case 4:
				m.query = []string{"", "a", "ann", "ann !1", "!b 2", "ä", "x", "!"}[rnd.IntN(8)]
				table.Filter(m.query)
			case 5:
				m.sort, m.desc = rnd.IntN(3)-1, rnd.IntN(2) == 0
				table.SortBy(m.sort, m.desc)
			case 6:
				m.rows = slices.DeleteFunc(m.rows, func(r row) bool { return m.gone[r.id] })
				clear(m.gone)
				fresh := newTable(m.rows...)
				table.Take(fresh)
			}
			if m.sort < 0 {
				m.desc = false
			}
			if got, want := ids(table), m.ids(); got != want {
				t.Fatalf("seed %d step %d, filter %q sort %d %v:\n got %s\nwant %s", seed, step, m.query, m.sort, m.desc, got, want)
			}
			if want := len(m.rows) - len(m.gone); table.Len() != want {
				t.Fatalf("seed %d step %d: %d rows, want %d", seed, step, table.Len(), want)
			}
		}
	}
}

func atoi(s string) (n int) {
	fmt.Sscan(s, &n)
	return n
}

func TestCursorFollowsItsRow(t *testing.T) {
	var rows []row
	for i := range 100 {
		rows = append(rows, row{fmt.Sprint(i), fmt.Sprintf("n%02d", i), 100 - i})
	}
	table := newTable(rows...)
	at := func(want string) {
		t.Helper()
		if r, ok := table.Current(); !ok || r.id != want {
			t.Fatalf("the cursor is on %v, want %s", r, want)
		}
	}
	table.SortBy(1, false)
	at("99") // nobody moved it: it stays on top
	table.Select("42")
	table.SortBy(0, false)
	at("42")
	table.SortBy(-1, false)
	table.Append([]row{{"200", "n00", 0}})
	at("42")
	table.Filter("n4")
	at("42")
	table.Filter("n5")
	at("52") // its row is hidden: the same place
	table.Filter("")
	at("52")
	table.Remove("52")
	at("53")
	table.Take(newTable(slices.Concat(rows[50:], rows[:50])...))
	at("53")
	table.Take(newTable())
	if _, ok := table.Current(); ok {
		t.Error("an empty table has a current row")
	}
}

func TestMarks(t *testing.T) {
	table := newTable(row{"a", "x1", 0}, row{"b", "x2", 0}, row{"c", "y3", 0}, row{"d", "y4", 0})
	marked := func(want string) {
		t.Helper()
		var got []string
		for _, r := range table.Selected() {
			got = append(got, r.id)
		}
		if strings.Join(got, "") != want {
			t.Errorf("selected %v, want %s", got, want)
		}
	}
	marked("a") // the one under the cursor
	table.MoveTo(1)
	table.Mark()
	table.MoveTo(3)
	table.MarkRange()
	marked("bcd")
	table.Filter("x")
	marked("bcd") // also those that are hidden
	table.MarkShown()
	marked("abcd")
	table.MarkShown()
	marked("cd")
	table.Remove("c")
	marked("d")
	table.ClearMarks()
	marked("b")
}

func TestTheFirstPageDoesNotMoveTheView(t *testing.T) {
	th := theme.New(theme.Dark)
	table := newTable()
	for i := range 200 {
		table.Append([]row{{fmt.Sprint(i), fmt.Sprintf("n%03d", i), 0}})
	}
	table.View(th, 40, 11)
	table.MoveTo(100)
	first := func() string { return strings.Split(ansi.Strip(table.View(th, 40, 11)), "\n")[1] }
	before := first()
	table.Append([]row{{"z", "zzz", 0}})
	if after := first(); after != before {
		t.Errorf("the first line was %q and became %q", before, after)
	}
	if place, ok := table.At(1); !ok || place != 91 {
		t.Errorf("line 1 is row %d", place)
	}
	if _, ok := table.At(0); ok {
		t.Error("the heading is a row")
	}
}

func TestColumnsDropInOrder(t *testing.T) {
	col := func(title string, width, drop, flex int) widget.Column[row] {
		return widget.Column[row]{Title: title, Width: width, Drop: drop, Flex: flex, Cell: func(r row) string { return title }}
	}
	table := widget.NewTable(func(r row) string { return r.id }, []widget.Column[row]{
		col("A", 10, 0, 1), col("B", 10, 2, 0), col("C", 10, 0, 0), col("D", 10, 1, 0), col("E", 10, 0, 0)})
	table.Append([]row{{id: "1"}})
	th := theme.New(theme.Mono)
	for _, c := range []struct {
		w    int
		want string
	}{{70, "A B C D E"}, {57, "A B C D E"}, {56, "A C D E"}, {45, "A C E"}, {34, "A C"}, {24, "A C"}, {23, "A"}, {5, "A"}, {4, "A"}, {3, ""}} {
		head := strings.Split(ansi.Strip(table.View(th, c.w, 3)), "\n")[0]
		if got := strings.Join(strings.Fields(head), " "); got != c.want {
			t.Errorf("at %d cells the columns are %q, want %q", c.w, got, c.want)
		}
		for _, line := range strings.Split(table.View(th, c.w, 3), "\n") {
			if n := ansi.StringWidth(line); n > c.w {
				t.Errorf("at %d cells a line has %d: %q", c.w, n, ansi.Strip(line))
			}
		}
	}
}

func TestANarrowColumnTakesTheRoomOfAWideOne(t *testing.T) {
	col := func(title string, width int) widget.Column[row] {
		return widget.Column[row]{Title: title, Width: width, Cell: func(row) string { return title }}
	}
	table := widget.NewTable(func(r row) string { return r.id }, []widget.Column[row]{col("A", 10), col("WIDE", 30), col("B", 8)})
	for w, want := range map[int]string{53: "A WIDE B", 52: "A WIDE", 44: "A WIDE", 43: "A B", 22: "A B", 21: "A"} {
		if got := strings.Join(strings.Fields(ansi.Strip(table.View(dark, w, 1))), " "); got != want {
			t.Errorf("at %d cells the columns are %q, want %q", w, got, want)
		}
	}
}

func TestFilterLanguage(t *testing.T) {
	table := newTable(row{"1", "Ann Okafor", 10}, row{"2", "Bo Okabe", 20}, row{"3", "Jo:hn", 10})
	for query, want := range map[string]string{
		"": "1 2 3", "oka": "1 2", "OKA ann": "1", `"ann oka"`: "1", `"oka ann"`: "", "!oka": "3", "oka !ann": "2", "!": "1 2 3",
		"size:10": "1 3", "size:10 oka": "1", "name:10": "", "!size:10": "2", "si:2": "2", "jo:h": "3", "size:": "1 2 3", `"ann`: "1", "äöü": "",
	} {
		table.Filter(query)
		if got := ids(table); got != want {
			t.Errorf("filter %q shows %q, want %q", query, got, want)
		}
	}
}

func TestSortedBeforeTheFirstRow(t *testing.T) {
	table := widget.NewTable(func(s string) string { return s }, []widget.Column[string]{{Title: "A", Width: 5, Cell: func(s string) string { return s }}})
	table.SortBy(0, false)
	table.Append([]string{"c", "a"})
	table.Append([]string{"b"})
	if got := slices.Collect(table.Rows()); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("rows that come after the order was chosen: %q", got)
	}
}
