package access

import (
	"context"

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
	var stored, added []tuple.Tuple
	for _, t := range all {
		if !o.gone[t.Key()] {
			stored = append(stored, t)
		}
	}
	for _, t := range o.added {
		if t.Namespace == namespace && t.Object == object {
			added = append(added, t)
		}
	}
	if o.first {
		return append(added, stored...), err
	}
	return append(stored, added...), err
}
