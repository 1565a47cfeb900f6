package widget

import (
	"slices"
	"strings"
)

// SortBy orders the rows by a column (by number; -1 for the order they came in).
func (t *Table[T]) SortBy(column int, desc bool) {
	if column >= len(t.cols) {
		return
	}
	t.sorted, t.desc = column, desc
	t.resort()
	t.apply()
}

// Sorted tells the column that orders the rows, -1 for none, and the direction.
func (t *Table[T]) Sorted() (column int, desc bool) { return t.sorted, t.desc }

func (t *Table[T]) resort() {
	if t.sorted < 0 {
		t.order = nil
		return
	}
	if t.order = t.order[:0]; t.order == nil {
		t.order = []int32{} // nil stands for unsorted, and the first rows are still to come
	}
	for row := int32(0); row < int32(t.rows.n); row++ {
		t.order = append(t.order, row)
	}
	t.sortRows(t.order)
}

// sortRows sorts row numbers; equal rows stay in the order they came in.
func (t *Table[T]) sortRows(rows []int32) {
	col := t.cols[t.sorted]
	if col.Less != nil {
		slices.SortStableFunc(rows, t.compare)
		return
	}
	type keyed struct {
		key string
		row int32
	}
	keys := make([]keyed, len(rows))
	for i, row := range rows {
		keys[i] = keyed{strings.ToLower(col.Cell(*t.rows.at(row))), row}
	}
	slices.SortStableFunc(keys, func(a, b keyed) int { return t.turn(strings.Compare(a.key, b.key)) })
	for i := range keys {
		rows[i] = keys[i].row
	}
}

func (t *Table[T]) compare(a, b int32) int {
	col := t.cols[t.sorted]
	if col.Less != nil {
		return t.turn(col.Less(*t.rows.at(a), *t.rows.at(b)))
	}
	return t.turn(strings.Compare(strings.ToLower(col.Cell(*t.rows.at(a))), strings.ToLower(col.Cell(*t.rows.at(b)))))
}

func (t *Table[T]) turn(c int) int {
	if t.desc {
		return -c
	}
	return c
}

// insertSorted puts the rows from number from on into the order. It compares a
// batch of m rows with n others in m·log n steps, so that a sorted list can be
// streamed into.
func (t *Table[T]) insertSorted(from int32) {
	fresh := make([]int32, 0, t.rows.n-int(from))
	for row := from; row < int32(t.rows.n); row++ {
		fresh = append(fresh, row)
	}
	t.sortRows(fresh)
	old := len(t.order)
	t.order = append(t.order, fresh...)
	end := len(t.order)
	for i := len(fresh) - 1; i >= 0; i-- {
		row := fresh[i]
		at, _ := slices.BinarySearchFunc(t.order[:old], row, func(o, r int32) int {
			if t.compare(o, r) <= 0 { // equal: behind the older ones
				return -1
			}
			return 1
		})
		copy(t.order[end-(old-at):end], t.order[at:old])
		end -= old - at + 1
		old = at
		t.order[end] = row
	}
}
