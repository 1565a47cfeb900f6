package access

import (
	"context"
	"iter"

	"gatehouse/access/tuple"
)

// Tuples is a Reader and a Lister over tuples that are at hand, such as those of a
// file. Their order is that of the list.
type Tuples struct {
	all       []tuple.Tuple
	has       map[string]bool
	of        map[[2]string][]tuple.Tuple
	bySubject map[string][]tuple.Tuple
}

// NewTuples makes a Reader of the tuples.
func NewTuples(ts []tuple.Tuple) *Tuples {
	m := &Tuples{all: ts, has: make(map[string]bool, len(ts)), of: map[[2]string][]tuple.Tuple{}, bySubject: map[string][]tuple.Tuple{}}
	for _, t := range ts {
		m.has[t.Key()] = true
		k := [2]string{t.Namespace, t.Object}
		m.of[k] = append(m.of[k], t)
		s := subjectKey(t.Subject)
		m.bySubject[s] = append(m.bySubject[s], t)
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

// All implements Lister.
func (m *Tuples) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	from := m.all
	switch {
	case q.Subject != nil:
		from = m.bySubject[subjectKey(*q.Subject)]
	case q.Namespace != nil && q.Object != nil:
		from = m.of[[2]string{*q.Namespace, *q.Object}]
	}
	return func(yield func(tuple.Tuple, error) bool) {
		for _, t := range from {
			if err := ctx.Err(); err != nil {
				yield(tuple.Tuple{}, err)
				return
			}
			if q.Matches(t) && !yield(t, nil) {
				return
			}
		}
	}
}

func subjectKey(s tuple.Subject) string { return tuple.Tuple{Subject: s}.Key() }
