package access

import (
	"slices"
	"testing"

	"gatehouse/access/tuple"
)

// A tuple that is added and removed at once is gone in every way of reading, as after a
// PATCH of Keto, in which what removes comes last.
func TestAddedAndRemovedIsGone(t *testing.T) {
	x, err := tuple.Parse("Doc:a#blocked@ann")
	if err != nil {
		t.Fatal(err)
	}
	other, err := tuple.Parse("Doc:a#blocked@ben")
	if err != nil {
		t.Fatal(err)
	}
	for _, stored := range [][]tuple.Tuple{nil, {x}} {
		for _, writes := range [][]Write{{write(OpAdd, x), write(OpAdd, other), write(OpRemove, x)}, {write(OpRemove, x), write(OpAdd, x), write(OpAdd, other)}} {
			o := newOverlay(NewTuples(stored), writes)
			if has, err := o.Has(t.Context(), x); has || err != nil {
				t.Errorf("with %v stored %v leaves it there, %v", stored, writes, err)
			}
			if all, err := o.Of(t.Context(), "Doc", "a"); err != nil || !slices.EqualFunc(all, []tuple.Tuple{other}, tuple.Tuple.Equal) {
				t.Errorf("with %v stored %v lists %v, %v", stored, writes, all, err)
			}
		}
	}
}
