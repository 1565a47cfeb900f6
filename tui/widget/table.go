package widget

import (
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"gatehouse/tui/clean"
)

// Table is a virtual table: it may hold hundreds of thousands of rows and costs per
// frame what is visible. Rows are told apart by ID; the cursor and the marks follow
// it over sorting, filtering and reloading.
type Table[T any] struct {
	id   func(T) string
	cols []Column[T]
	// Text adds words to what the filter searches, beside the cells.
	Text func(T) string

	rows  store[T]
	hay   haystack
	index map[uint64]int32 // hash of the ID to the row
	gone  bits             // rows that were removed
	dead  int

	order  []int32 // all rows in the order of the sort; nil while unsorted
	sorted int     // column, -1 while unsorted
	desc   bool

	query string
	terms []term
	hits  bits
	shown []int32 // what is to be seen, in order

	cur, top int
	moved    bool // the person moved the cursor: from then on it follows its row
	height   int  // rows of the last View, for paging
	marks    map[string]struct{}
	anchor   string // where a range of marks starts
}

// One seed for all tables: a table that replaces another one finds the same rows.
var seed = maphash.MakeSeed()

// NewTable makes an empty table.
func NewTable[T any](id func(T) string, cols []Column[T]) *Table[T] {
	return &Table[T]{id: id, cols: cols, sorted: -1, index: map[uint64]int32{}, marks: map[string]struct{}{}}
}

// Append adds rows at the end. A row whose ID is there already replaces it, in its
// place: lists that are read page by page while they change repeat rows.
func (t *Table[T]) Append(items []T) {
	from := int32(t.rows.n)
	replaced := false
	for _, item := range items {
		key := maphash.String(seed, t.id(item))
		if row, ok := t.index[key]; ok {
			t.replace(row, item)
			replaced = true
			continue
		}
		t.index[key] = t.rows.add(item)
		t.hay.add(func(yield func(string)) { t.cells(item, yield) })
	}
	t.hits = t.hits.grow(t.rows.n)
	t.gone = t.gone.grow(t.rows.n)
	if replaced {
		t.resort()
		t.match(0)
		t.apply()
		return
	}
	t.match(from)
	if t.order != nil {
		t.insertSorted(from)
		t.apply()
		return
	}
	for row := from; row < int32(t.rows.n); row++ {
		if t.visible(row) {
			t.shown = append(t.shown, row)
		}
	}
}

func (t *Table[T]) cells(item T, yield func(string)) {
	for _, c := range t.cols {
		if c.Apart {
			continue
		}
		yield(clean.Line(c.Cell(item), rowBytes))
	}
	if t.Text != nil {
		yield(clean.Line(t.Text(item), rowBytes))
	}
}

// Put replaces the row with the same ID, or adds it, after it was written. A row that
// was removed comes back to its place.
func (t *Table[T]) Put(item T) { t.Append([]T{item}) }

func (t *Table[T]) replace(row int32, item T) {
	*t.rows.at(row) = item
	t.hay.fix(row, func(yield func(string)) { t.cells(item, yield) })
	if t.gone.has(row) {
		t.gone[row>>6] &^= 1 << (row & 63)
		t.dead--
	}
}

// Remove takes the row with that ID away; false when there is none.
func (t *Table[T]) Remove(id string) bool {
	row, ok := t.find(id)
	if !ok {
		return false
	}
	t.gone = t.gone.grow(t.rows.n)
	t.gone.set(row)
	t.dead++
	delete(t.marks, id)
	t.apply()
	return true
}

func (t *Table[T]) find(id string) (int32, bool) {
	row, ok := t.index[maphash.String(seed, id)]
	return row, ok && !t.gone.has(row)
}

// Take makes this table show the rows of another one, which must not be used any
// more, and keeps everything the person did: cursor, marks, filter, sort.
func (t *Table[T]) Take(other *Table[T]) {
	id, had := t.currentID()
	t.rows, t.hay, t.index, t.gone, t.dead = other.rows, other.hay, other.index, other.gone, other.dead
	for m := range t.marks {
		if _, ok := t.find(m); !ok {
			delete(t.marks, m)
		}
	}
	t.hits = nil
	t.resort()
	t.match(0)
	line := t.cur - t.top
	at := t.cur
	t.list()
	if row, ok := t.find(id); had && ok {
		if i := slices.Index(t.shown, row); i >= 0 {
			at = i
		}
	}
	t.cur = at
	t.clamp()
	t.top = max(0, t.cur-line)
}

// Len is how many rows there are, Shown how many the filter leaves.
func (t *Table[T]) Len() int { return t.rows.n - t.dead }

// Shown is how many rows the filter leaves.
func (t *Table[T]) Shown() int { return len(t.shown) }

// Query is the filter.
func (t *Table[T]) Query() string { return t.query }

// Filter shows only rows that match what was typed: words that must all occur, in
// any case; `!word` for one that must not; `"two words"`; `column:word`.
func (t *Table[T]) Filter(query string) {
	t.query = query
	t.parse()
	t.match(0)
	t.apply()
}

func (t *Table[T]) parse() {
	titles := make([]string, len(t.cols))
	for i, c := range t.cols {
		titles[i] = c.Title
	}
	t.terms = parseQuery(t.query, titles)
}

// SetColumns shows other columns. The order stays that of the column with the same
// title, if there is one; what a filter without a column looks at stays as it was.
func (t *Table[T]) SetColumns(cols []Column[T]) {
	title := ""
	if t.sorted >= 0 {
		title = t.cols[t.sorted].Title
	}
	t.cols, t.sorted = cols, -1
	for i, c := range cols {
		if title != "" && c.Title == title {
			t.sorted = i
		}
	}
	t.parse()
	t.resort()
	t.match(0)
	t.apply()
}

// match computes hits for the rows from number from on.
func (t *Table[T]) match(from int32) {
	t.hits = t.hits.grow(t.rows.n)
	if len(t.terms) == 0 {
		return
	}
	found := newBits(t.rows.n)
	for i, term := range t.terms {
		clear(found)
		if term.column >= 0 && (term.compares() || t.cols[term.column].Words != nil || t.cols[term.column].Apart) {
			t.lookUp(term, from, found)
		} else if t.hay.find(term.word, from, found); term.column >= 0 {
			t.keepColumn(term, from, found)
		}
		for w := int(from >> 6); w < len(found); w++ {
			v := found[w]
			if term.not {
				v = ^v
			}
			if i > 0 {
				v &= t.hits[w]
			}
			keep := uint64(0) // bits of rows below from stay as they are
			if w == int(from>>6) {
				keep = 1<<(from&63) - 1
			}
			t.hits[w] = t.hits[w]&keep | v&^keep
		}
	}
}

// keepColumn leaves of the rows that contain the word those that have it in the column.
func (t *Table[T]) keepColumn(term term, from int32, found bits) {
	cell := t.cols[term.column].Cell
	for row := from; row < int32(t.rows.n); row++ {
		if found.has(row) && !strings.Contains(strings.ToLower(clean.Line(cell(*t.rows.at(row)), rowBytes)), term.word) {
			found[row>>6] &^= 1 << (row & 63)
		}
	}
}

// lookUp marks the rows whose column is as the term says, one by one.
func (t *Table[T]) lookUp(term term, from int32, found bits) {
	col := t.cols[term.column]
	for row := from; row < int32(t.rows.n); row++ {
		if col.holds(*t.rows.at(row), term) {
			found.set(row)
		}
	}
}

func (t *Table[T]) visible(row int32) bool {
	return !t.gone.has(row) && (len(t.terms) == 0 || t.hits.has(row))
}

// list makes shown anew.
func (t *Table[T]) list() {
	t.shown = t.shown[:0]
	if t.order != nil {
		for _, row := range t.order {
			if t.visible(row) {
				t.shown = append(t.shown, row)
			}
		}
		return
	}
	for row := int32(0); row < int32(t.rows.n); row++ {
		if t.visible(row) {
			t.shown = append(t.shown, row)
		}
	}
}

// apply makes shown anew; the row under the cursor stays where it is on the screen.
func (t *Table[T]) apply() {
	row := int32(-1)
	if t.moved && t.cur < len(t.shown) {
		row = t.shown[t.cur]
	}
	line := t.cur - t.top
	t.list()
	if row >= 0 {
		if i := slices.Index(t.shown, row); i >= 0 {
			t.cur = i
		}
	}
	t.clamp()
	t.top = max(0, t.cur-line)
}

func (t *Table[T]) clamp() { t.cur = max(0, min(t.cur, len(t.shown)-1)) }

// Rows walks over what is shown, in order.
func (t *Table[T]) Rows() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, row := range t.shown {
			if !yield(*t.rows.at(row)) {
				return
			}
		}
	}
}
