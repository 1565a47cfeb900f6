package access

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/access/tuple"
)

// MatrixSpec says which questions a matrix is made of: every subject against every
// column.
type MatrixSpec struct {
	// Columns are the relations and permissions that are asked about, on one or
	// several objects.
	Columns []tuple.Set
	// Subjects are the rows. Without any, the rows are those subjects that have at
	// least one of the columns; they are found as WhoCan finds them.
	Subjects []tuple.Subject
	// Only says which of the subjects that are found are wanted; nil wants all.
	Only func(tuple.Subject) bool
	// Everybody puts all who are known into the rows, whether they may do anything or not.
	Everybody bool
}

// MatrixRow is one subject with one answer for each column.
type MatrixRow struct {
	Subject tuple.Subject
	Cells   []Answer
}

// Matrix asks what a number of subjects can do with some objects. emit gets the rows
// as they come, as in WhoCan.
//
// The error is a NameError when the model lacks a column.
func (f *Finder) Matrix(ctx context.Context, spec MatrixSpec, emit func([]MatrixRow) error) (Outcome, error) {
	for _, c := range spec.Columns {
		if err := f.named(c.Namespace, c.Relation); err != nil {
			return Outcome{}, err
		}
	}
	if len(spec.Columns) == 0 {
		return Outcome{Notes: []string{"there is nothing to ask about these objects"}}, nil
	}
	given := len(spec.Subjects) > 0 || spec.Everybody
	return f.search(ctx, func(s *search) error {
		offer := func(sub tuple.Subject, w *way) error {
			c := candidate{asks: make([]tuple.Tuple, len(spec.Columns)), way: w}
			for i, col := range spec.Columns {
				c.asks[i] = tuple.Tuple{Namespace: col.Namespace, Object: col.Object, Relation: col.Relation, Subject: sub}
			}
			return s.offer(subjectKey(sub), c)
		}
		wanted := func(sub tuple.Subject, w *way) error {
			if spec.Only != nil && !spec.Only(sub) {
				return nil
			}
			return offer(sub, w)
		}
		for _, sub := range spec.Subjects {
			if err := offer(sub, nil); err != nil {
				return err
			}
		}
		switch {
		case spec.Everybody:
			return s.everybody(wanted)
		case given:
			return nil
		}
		return s.holders(spec.Columns, wanted)
	}, func(batch []settled) error {
		var rows []MatrixRow
		for _, c := range batch {
			some := slices.ContainsFunc(c.answers, func(a Answer) bool { return a.Verdict != Denied })
			if given || some {
				rows = append(rows, MatrixRow{c.asks[0].Subject, c.answers})
			}
		}
		if len(rows) == 0 {
			return nil
		}
		return emit(rows)
	})
}

// Columns are what can be asked about an object: the permissions that its namespace
// declares, or its relations where it has none. Where the model does not say, they are
// the relations that are stored on the object, and that may be none.
func (f *Finder) Columns(ctx context.Context, namespace, object string) ([]tuple.Set, error) {
	if err := f.named(namespace, ""); err != nil {
		return nil, err
	}
	var names []string
	n := f.Model.Namespace(namespace)
	for _, p := range n.Permits() {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		for _, r := range n.Related() {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		var err error
		if names, err = f.written(ctx, namespace, object); err != nil {
			return nil, err
		}
	}
	out := make([]tuple.Set, len(names))
	for i, name := range names {
		out[i] = tuple.Set{Namespace: namespace, Object: object, Relation: name}
	}
	return out, nil
}

// written are the relations that are stored on an object, sorted.
func (f *Finder) written(ctx context.Context, namespace, object string) ([]string, error) {
	seen := map[string]bool{}
	read := 0
	for t, err := range f.Tuples.All(ctx, tuple.Query{Namespace: &namespace, Object: &object}) {
		if err != nil {
			return nil, fmt.Errorf("read the relations of %s:%s: %w", namespace, object, err)
		}
		if t.Relation != "" {
			seen[t.Relation] = true
		}
		if read++; read == maxPerList {
			break
		}
	}
	out := make([]string, 0, len(seen))
	for name := range seen {
		out = append(out, name)
	}
	slices.Sort(out)
	return out, nil
}
