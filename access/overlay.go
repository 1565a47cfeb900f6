package access

import (
	"context"
	"slices"

	"gatehouse/access/tuple"
)

// overlay is a Reader with changes that were not written.
type overlay struct {
	Reader
	added []tuple.Tuple
	gone  map[string]bool
	first bool // what was added comes before what is stored, not after it
}

func newOverlay(r Reader, writes []Write) *overlay {
	o := &overlay{Reader: r, gone: map[string]bool{}}
	for _, w := range writes {
		if w.Op == OpAdd {
			o.added = append(o.added, w.what)
		} else {
			o.gone[w.what.Key()] = true
		}
	}
	// Keto carries out what a PATCH removes after what it adds.
	o.added = slices.DeleteFunc(o.added, func(t tuple.Tuple) bool { return o.gone[t.Key()] })
	return o
}

// Has implements Reader.
func (o *overlay) Has(ctx context.Context, t tuple.Tuple) (bool, error) {
	if o.gone[t.Key()] {
		return false, nil
	}
	for _, a := range o.added {
		if a.Equal(t) {
			return true, nil
		}
	}
	return o.Reader.Has(ctx, t)
}

// Of implements Reader.
func (o *overlay) Of(ctx context.Context, namespace, object string) ([]tuple.Tuple, error) {
	all, err := o.Reader.Of(ctx, namespace, object)
	return o.changed(all, err, func(t tuple.Tuple) bool { return t.Namespace == namespace && t.Object == object })
}

// changed are stored tuples with those added that belong to them, and without those removed.
func (o *overlay) changed(all []tuple.Tuple, err error, belongs func(tuple.Tuple) bool) ([]tuple.Tuple, error) {
	var stored, added []tuple.Tuple
	for _, t := range all {
		if !o.gone[t.Key()] {
			stored = append(stored, t)
		}
	}
	for _, t := range o.added {
		if belongs(t) {
			added = append(added, t)
		}
	}
	if o.first {
		return append(added, stored...), err
	}
	return append(stored, added...), err
}

// partialOverlay is an overlay over a partial.
type partialOverlay struct {
	*overlay
	p partial
}

// OfRelation implements partial.
func (o partialOverlay) OfRelation(ctx context.Context, namespace, object, relation string) ([]tuple.Tuple, error) {
	all, err := o.p.OfRelation(ctx, namespace, object, relation)
	return o.changed(all, err, func(t tuple.Tuple) bool {
		return t.Namespace == namespace && t.Object == object && t.Relation == relation
	})
}

// Ask implements partial. The server knows nothing of the changes, so what it says may
// rest on what is removed.
func (o partialOverlay) Ask(ctx context.Context, t tuple.Tuple, depth int) (Verdict, error) {
	if len(o.gone) > 0 {
		return Unknown, ErrBudget
	}
	return o.p.Ask(ctx, t, depth)
}

// Missed implements partial.
func (o partialOverlay) Missed() int { return o.p.Missed() }

// over lays changes over a Reader, which stays a partial if it is one.
func over(r Reader, writes []Write, first bool) Reader {
	o := newOverlay(r, writes)
	o.first = first
	if p, ok := r.(partial); ok {
		return partialOverlay{o, p}
	}
	return o
}
