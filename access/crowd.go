package access

import (
	"context"

	"gatehouse/access/tuple"
)

// lets counts the other people who get what was asked for.
func (w *working) lets(ctx context.Context, v *view, writes []Write, r *Radius) {
	found := crowd{w: w, v: v, who: map[string]tuple.Subject{}, seen: map[tuple.Set]bool{}}
	before := v.missed
	for _, wr := range writes {
		found.add(ctx, wr.what.Subject)
	}
	if v.missed != before {
		return // who they are is not known yet
	}
	was := byObject{unasking{v}}
	is := over(was, writes, false)
	steps := 0
	for _, s := range found.order {
		q := w.ask.Question
		if s.Equal(q.Subject) {
			continue
		}
		if steps > peopleSteps || ctx.Err() != nil {
			found.more = true
			break
		}
		q.Subject = s
		without := evaluate(ctx, was, w.x.Model, w.quick(), q, w.ask.MaxDepth, variant{})
		with := evaluate(ctx, is, w.x.Model, w.quick(), q, w.ask.MaxDepth, variant{})
		steps += without.steps + with.steps
		switch before, after := without.certain(), with.certain(); {
		case before == Unknown || after == Unknown:
			found.more = found.more || after != Denied && before != Allowed
		case after == Allowed && before == Denied:
			r.LetsIn++
		}
	}
	r.AtLeast = r.AtLeast || found.more
}

// unasking reads without asking the server for a part of a question: what is counted for
// information alone is not worth a request for each question.
type unasking struct{ *view }

// Ask implements partial.
func (unasking) Ask(context.Context, tuple.Tuple, int) (Verdict, error) { return Unknown, ErrBudget }

// byObject finds tuples in the lists of their objects: for many subjects that is less
// to read than a list for each.
type byObject struct{ unasking }

// Has implements Reader.
func (b byObject) Has(_ context.Context, t tuple.Tuple) (bool, error) {
	l := b.object([2]string{t.Namespace, t.Object})
	switch {
	case l == nil:
		return false, nil
	case l.holds(t):
		return true, nil
	case l.err == nil && l.more:
		return false, ErrBudget
	}
	return false, l.err
}

// crowd are the people below subject sets, as far as those are at hand.
type crowd struct {
	w     *working
	v     *view
	who   map[string]tuple.Subject
	order []tuple.Subject
	seen  map[tuple.Set]bool
	more  bool // not all were looked at
}

// add takes up a person, or those who are below a set, level by level.
func (c *crowd) add(ctx context.Context, s tuple.Subject) {
	level := []tuple.Subject{s}
	for len(level) > 0 && ctx.Err() == nil {
		var sets []tuple.Set
		for _, s := range level {
			switch {
			case s.Set == nil || c.person(*s.Set):
				c.take(s)
			case c.seen[*s.Set]:
			case len(c.seen) == maxSets:
				c.more = true
			default:
				c.seen[*s.Set] = true
				sets = append(sets, *s.Set)
			}
		}
		level = level[:0:0]
		for _, set := range sets {
			level = append(level, c.below(set)...)
		}
	}
}

// person reports whether a set stands for one person: an object of a namespace that
// declares nothing.
func (c *crowd) person(s tuple.Set) bool {
	n := c.w.x.Model.Namespace(s.Namespace)
	return s.Relation == "" && n != nil && len(n.Relations) == 0
}

func (c *crowd) take(s tuple.Subject) {
	key := subjectKey(s)
	switch _, known := c.who[key]; {
	case known || s.Equal(c.w.ask.Question.Subject):
	case len(c.order) == maxPeople:
		c.more = true
	default:
		c.who[key] = s
		c.order = append(c.order, s)
	}
}

// below are the subjects that a set is made of. For a permission, and for an object
// that is a parent, those are the subjects of everything on that object.
func (c *crowd) below(s tuple.Set) []tuple.Subject {
	l := c.v.object([2]string{s.Namespace, s.Object})
	if l == nil {
		return nil
	}
	c.more = c.more || l.err != nil || l.more
	rel := c.w.x.Model.Relation(s.Namespace, s.Relation)
	every := s.Relation == "" || rel != nil && rel.IsPermission
	var out []tuple.Subject
	for _, t := range l.tuples {
		if every || t.Relation == s.Relation {
			out = append(out, t.Subject)
		}
	}
	return out
}
