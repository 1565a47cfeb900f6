package access

import (
	"context"

	"gatehouse/access/tuple"
)

// Tuples is a Reader over tuples that are at hand: a file, or a copy with changes
// that were not written. Their order is that of the list.
type Tuples struct {
	has map[string]bool
	of  map[[2]string][]tuple.Tuple
}

// NewTuples makes a Reader of the tuples.
func NewTuples(ts []tuple.Tuple) *Tuples {
	m := &Tuples{has: make(map[string]bool, len(ts)), of: map[[2]string][]tuple.Tuple{}}
	for _, t := range ts {
		m.has[t.Key()] = true
		k := [2]string{t.Namespace, t.Object}
		m.of[k] = append(m.of[k], t)
	}
	return m
}

// Has implements Reader.
func (m *Tuples) Has(_ context.Context, t tuple.Tuple) (bool, error) { return m.has[t.Key()], nil }

// Of implements Reader.
func (m *Tuples) Of(_ context.Context, namespace, object string) ([]tuple.Tuple, error) {
	return m.of[[2]string{namespace, object}], nil
}

// Ahead implements Reader: there is nothing to fetch.
func (m *Tuples) Ahead(context.Context, [][2]string) {}
