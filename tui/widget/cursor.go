package widget

// Current is the row under the cursor; false while nothing is shown.
func (t *Table[T]) Current() (T, bool) {
	if t.cur < len(t.shown) {
		return *t.rows.at(t.shown[t.cur]), true
	}
	var zero T
	return zero, false
}

func (t *Table[T]) currentID() (string, bool) {
	v, ok := t.Current()
	if !ok {
		return "", false
	}
	return t.id(v), true
}

// Position is the place of the cursor among the rows shown, from 0.
func (t *Table[T]) Position() int { return t.cur }

// Move moves the cursor by n rows.
func (t *Table[T]) Move(n int) { t.MoveTo(t.cur + n) }

// MoveTo puts the cursor on the row at a place, or the nearest there is.
func (t *Table[T]) MoveTo(place int) {
	t.cur, t.moved = place, true
	t.clamp()
}

// Page moves the cursor by n screens, in halves when half is true.
func (t *Table[T]) Page(n int, half bool) {
	step := max(1, t.height-1)
	if half {
		step = max(1, t.height/2)
	}
	t.Move(n * step)
}

// Select puts the cursor on the row with that ID; false when it is not shown.
func (t *Table[T]) Select(id string) bool {
	row, ok := t.find(id)
	if !ok {
		return false
	}
	for i, r := range t.shown {
		if r == row {
			t.MoveTo(i)
			return true
		}
	}
	return false
}

// At is the place of the row that is drawn in line y of the last View, where line 0
// is the heading; false when there is none.
func (t *Table[T]) At(y int) (place int, ok bool) {
	place = t.top + y - 1
	return place, y >= 1 && y <= t.height && place < len(t.shown)
}

// Mark marks the current row, or takes its mark away.
func (t *Table[T]) Mark() {
	id, ok := t.currentID()
	if !ok {
		return
	}
	if _, on := t.marks[id]; on {
		delete(t.marks, id)
		return
	}
	t.marks[id] = struct{}{}
	t.anchor = id
}

// MarkRange marks everything between the last mark and the cursor.
func (t *Table[T]) MarkRange() {
	from := t.cur
	if row, ok := t.find(t.anchor); ok {
		for i, r := range t.shown {
			if r == row {
				from = i
			}
		}
	}
	for i := min(from, t.cur); i <= max(from, t.cur) && i < len(t.shown); i++ {
		t.marks[t.id(*t.rows.at(t.shown[i]))] = struct{}{}
	}
}

// MarkShown marks all that is shown; when it is all marked already, unmarks it.
func (t *Table[T]) MarkShown() {
	all := true
	for v := range t.Rows() {
		if _, on := t.marks[t.id(v)]; !on {
			all = false
			break
		}
	}
	for v := range t.Rows() {
		if all {
			delete(t.marks, t.id(v))
		} else {
			t.marks[t.id(v)] = struct{}{}
		}
	}
}

// ClearMarks takes all marks away.
func (t *Table[T]) ClearMarks() { clear(t.marks) }

// Marks is how many rows are marked, shown or not.
func (t *Table[T]) Marks() int { return len(t.marks) }

// Marked is all marked rows in the order they came in, also those that the filter
// hides at the moment.
func (t *Table[T]) Marked() []T {
	if len(t.marks) == 0 {
		return nil
	}
	var out []T
	for row := int32(0); row < int32(t.rows.n); row++ {
		v := *t.rows.at(row)
		if _, on := t.marks[t.id(v)]; on && !t.gone.has(row) {
			out = append(out, v)
		}
	}
	return out
}

// Selected is the marked rows, or the one under the cursor when none is marked.
func (t *Table[T]) Selected() []T {
	if out := t.Marked(); out != nil {
		return out
	}
	if v, ok := t.Current(); ok {
		return []T{v}
	}
	return nil
}
