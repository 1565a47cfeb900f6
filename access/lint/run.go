package lint

import (
	"context"
	"fmt"
	"iter"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Spec is what is looked at. Every part may be missing; Report.Unread says what could
// not be looked at because of it.
type Spec struct {
	Model    *opl.Model
	Settings access.Settings
	// Namespaces are those that the server knows; nil where nobody was asked.
	Namespaces []string
	// Tuples are read once, from the first to the last.
	Tuples access.Lister
	// People are the identities of Kratos, read before the tuples.
	People iter.Seq2[access.Person, error]
	// Progress is told now and then how many tuples and people were read.
	Progress func(tuples, people int)
}

// Report is what a run looked at.
type Report struct {
	Tuples int `json:"tuples"`
	People int `json:"people"`
	// Unread is what was not looked at, or not to the end, and why: what is not
	// mentioned there was not found, what is may still be wrong.
	Unread []string `json:"unread,omitempty"`
}

// Bounds of what a run remembers. What is beyond is not looked at in that respect, and
// Report.Unread says so.
const (
	maxRemembered = 2_000_000 // tuples, as 8 bytes each
	maxNames      = 200_000   // names that could differ in case only
	maxSets       = 500_000   // subject sets
	maxPeople     = 200_000
	maxListed     = 1_000 // findings of one kind that wait for the end
	progressEvery = 500
)

// Run looks at the model, then at the people, then at the tuples as they come, and
// hands out each finding as soon as it is known. Its memory is bounded. It ends with
// the error of emit, with that of the context, or with that of the tuples; people that
// cannot be read are said to be unread.
func Run(ctx context.Context, s Spec, emit func(Finding) error) (Report, error) {
	s.Settings = defaults(s.Settings)
	r := &run{Spec: s, emit: emit}
	if s.Model == nil {
		r.unread("the permission model is not known: tuples are not held against it")
	}
	if err := r.all(Model(s.Model, s.Settings), Drift(s.Model, s.Namespaces)); err != nil {
		return r.Report, err
	}
	if s.Tuples == nil {
		return r.Report, nil
	}
	if err := r.people(ctx); err != nil {
		return r.Report, err
	}
	return r.Report, r.tuples(ctx)
}

type run struct {
	Spec
	Report
	emit  func(Finding) error
	who   *directory
	seen  *seen
	graph *graph
}

func (r *run) unread(format string, args ...any) {
	r.Unread = append(r.Unread, fmt.Sprintf(format, args...))
}

func (r *run) all(lists ...[]Finding) error {
	for _, list := range lists {
		for _, f := range list {
			if err := r.emit(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) progress(n int) {
	if r.Progress != nil && n%progressEvery == 0 {
		r.Progress(r.Report.Tuples, r.Report.People)
	}
}

// people reads the identities.
func (r *run) people(ctx context.Context) error {
	if r.Spec.People == nil {
		return nil
	}
	r.who = newDirectory()
	for p, err := range r.Spec.People {
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.unread("the identities of Kratos could not be read: %v", err)
			r.who = nil
			return nil
		case r.Report.People == maxPeople:
			r.unread("more than %d identities: subjects are not held against them", maxPeople)
			r.who = nil
			return nil
		}
		r.Report.People++
		r.progress(r.Report.People)
		if err := r.all(r.who.add(p)); err != nil {
			return err
		}
	}
	return nil
}

// tuples reads all of them once.
func (r *run) tuples(ctx context.Context) error {
	r.seen, r.graph = newSeen(), newGraph(r.Model, r.Settings)
	for t, err := range r.Spec.Tuples.All(ctx, tuple.Query{}) {
		if err != nil {
			return err
		}
		r.Report.Tuples++
		r.progress(r.Report.Tuples)
		copies := r.seen.copies(t)
		if copies > 2 {
			continue // said once is enough
		}
		if copies == 2 {
			if err := r.emit(about(DuplicateTuple, t, fmt.Sprintf("%s is stored more than once.", t))); err != nil {
				return err
			}
			continue
		}
		if err := r.all(r.each(t), r.seen.names(t), r.who.subject(t)); err != nil {
			return err
		}
		r.graph.add(t)
	}
	if r.Progress != nil {
		r.Progress(r.Report.Tuples, r.Report.People)
	}
	whole := r.graph.end(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	r.Unread = append(r.Unread, append(r.seen.unread(), r.graph.unread()...)...)
	return r.all(people(r.Model, r.seen.end()), r.who.end(), whole)
}

// about is a finding about one tuple.
func about(c Code, t tuple.Tuple, summary string) Finding {
	f := newFinding(c, t.String(), summary)
	f.Tuple = access.NewWrite(access.OpRemove, t).Tuple
	f.about = &t
	return f
}

// replaced adds the writes that put another tuple in the place of t.
func (f Finding) replaced(t tuple.Tuple, by ...tuple.Tuple) Finding {
	f.Fix = []access.Write{access.NewWrite(access.OpRemove, t)}
	for _, b := range by {
		f.Fix = append(f.Fix, access.NewWrite(access.OpAdd, b))
	}
	return f
}
