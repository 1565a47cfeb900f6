package access

import (
	"fmt"
	"slices"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// rewrite prepares a group of a rule. The classic engine looks at some operands
// already while it plans: the computed ones of an "and" and of a "!", even below an
// operand whose turn may never come. That changes answers through the sets that it
// has then visited, so it is done here as well.
func (e *engine) rewrite(t tuple.Tuple, rw *opl.Rewrite, d int, v seen) func() *Node {
	n := &Node{Kind: KindIntersection, Tuple: t, Rule: rw.Span, Depth: d}
	if rw.Op == opl.Or {
		n.Kind = KindUnion
	}
	if d <= 0 {
		return func() *Node { return cutAt(n, CutDepth) }
	}
	var checks []check
	var batch []*opl.Computed
	for _, c := range rw.Children {
		if comp, ok := c.(*opl.Computed); ok && rw.Op == opl.Or {
			batch = append(batch, comp)
			continue
		}
		checks = append(checks, check{kindOf(c), t, c.Where(), e.operand(t, c, d, d-1, v)})
	}
	return func() *Node {
		if n.Kind == KindIntersection {
			e.intersection(n, checks)
			return n
		}
		if len(batch) > 0 {
			checks = append(e.batch(t, rw, batch, d, v), checks...)
		}
		e.union(n, checks)
		return n
	}
}

// batch are the computed operands of an "or": first one query for the subject on all
// of them, then each.
func (e *engine) batch(t tuple.Tuple, rw *opl.Rewrite, batch []*opl.Computed, d int, v seen) []check {
	checks := []check{{KindDirectMulti, t, batch[0].Span, func() *Node {
		n := e.directMulti(t, batch, d)
		if n.Result == NotMember && d > 1 {
			e.aheadOf(t, rw)
		}
		return n
	}}}
	for _, c := range batch {
		asked := t
		asked.Relation = c.Relation
		checks = append(checks, check{KindComputed, asked, c.Span, func() *Node {
			return e.computed(c, e.allowed(asked, d-1, true, v))
		}})
	}
	return checks
}

// aheadOf announces all that the operands of a rule will look at next, so that it is
// read side by side and not one after the other.
func (e *engine) aheadOf(t tuple.Tuple, rw *opl.Rewrite) {
	all, err := e.r.Of(e.ctx, t.Namespace, t.Object)
	if err != nil {
		return // whoever needs it will meet the same error
	}
	named := map[string]bool{}
	for _, c := range rw.Children {
		switch c := c.(type) {
		case *opl.Computed:
			named[c.Relation] = true
		case *opl.Traverse:
			named[c.Relation] = true
		}
	}
	var rows []tuple.Tuple
	for _, t := range all {
		if named[t.Relation] && t.Subject.Set != nil && len(rows) < e.s.MaxWidth {
			rows = append(rows, t)
		}
	}
	e.ahead(rows)
}

func (e *engine) directMulti(t tuple.Tuple, batch []*opl.Computed, d int) *Node {
	n := &Node{Kind: KindDirectMulti, Tuple: t, Depth: d, Result: NotMember, Count: len(batch)}
	for _, c := range batch {
		asked := t
		asked.Relation = c.Relation
		// Keto ignores here that a relation may be unknown, and finds its tuples.
		rel, _ := e.relation(asked.Namespace, asked.Relation)
		if !e.directCounts(rel, asked) {
			continue
		}
		found, err := e.r.Has(e.ctx, asked)
		if err != nil {
			return e.fail(n, CutRead, err)
		}
		if found {
			n.Result, n.Rule = Member, c.Span
			n.Children = []*Node{{Kind: KindDirect, Result: Member, Tuple: asked, Stored: &asked, Rule: c.Span, Depth: d}}
			return n
		}
	}
	return n
}

// computed wraps what came of a computed operand.
func (e *engine) computed(c *opl.Computed, below *Node) *Node {
	return &Node{Kind: KindComputed, Result: below.Result, Err: below.Err, Tuple: below.Tuple, Rule: c.Span, Depth: below.Depth, Children: []*Node{below}}
}

// kindOf is the kind of the step that an operand is.
func kindOf(c opl.Node) Kind {
	switch c := c.(type) {
	case *opl.Rewrite:
		if c.Op == opl.And {
			return KindIntersection
		}
		return KindUnion
	case *opl.Traverse:
		return KindTraverse
	case *opl.Not:
		return KindInvert
	}
	return KindComputed
}

// operand prepares one operand at depth d; nested is the depth of a group in it.
func (e *engine) operand(t tuple.Tuple, c opl.Node, d, nested int, v seen) func() *Node {
	switch c := c.(type) {
	case *opl.Rewrite:
		return e.rewrite(t, c, nested, v)
	case *opl.Traverse:
		return func() *Node { return e.traverse(t, c, d, v) }
	case *opl.Not:
		child := e.operand(t, c.Child, d, d, v)
		return func() *Node { return e.invert(t, c, d, child()) }
	case *opl.Computed:
		asked := t
		asked.Relation = c.Relation
		look := func() *Node { return e.computed(c, e.allowed(asked, d, false, v)) }
		if !e.classic() || e.o.lazy {
			return look
		}
		done := look()
		return func() *Node { return done }
	}
	return func() *Node {
		n := &Node{Kind: KindUnion, Tuple: t, Rule: c.Where(), Depth: d}
		return e.fail(n, CutRead, fmt.Errorf("the rule at %s cannot be evaluated", c.Where()))
	}
}

func (e *engine) invert(t tuple.Tuple, c *opl.Not, d int, child *Node) *Node {
	n := &Node{Kind: KindInvert, Result: child.Result, Err: child.Err, Tuple: t, Rule: c.Span, Depth: d, Children: []*Node{child}}
	switch child.Result {
	case Member:
		n.Result = NotMember
	case NotMember:
		n.Result = Member
	}
	if e.o.unblock && n.Result == NotMember {
		n.Result = Member
	}
	return n
}

// traverse asks for the target on each object that is a subject of the relation. A
// bare id is no object, so Keto passes over it; the relation of the subject set does
// not matter.
func (e *engine) traverse(t tuple.Tuple, c *opl.Traverse, d int, v seen) *Node {
	n := &Node{Kind: KindTraverse, Tuple: t, Rule: c.Span, Depth: d}
	n.Tuple.Relation = c.Relation
	rows, ids, err := e.subjects(t.Namespace, t.Object, c.Relation)
	if err != nil {
		return e.fail(n, CutRead, err)
	}
	n.Count, n.Bare = len(rows), len(ids)
	if e.o.parents {
		rows = append(slices.Clone(rows), e.asObjects(ids)...)
	}
	if e.o.reverse {
		rows = slices.Clone(rows)
		slices.Reverse(rows)
	}
	if d > 1 {
		e.ahead(rows)
	}
	var checks []check
	for _, row := range rows {
		asked := tuple.Tuple{Namespace: row.Subject.Set.Namespace, Object: row.Subject.Set.Object, Relation: c.Target, Subject: t.Subject}
		checks = append(checks, check{KindAllowed, asked, c.Span, func() *Node {
			c := e.allowed(asked, d-1, false, v)
			c.Stored = &row
			return c
		}})
	}
	e.union(n, checks)
	return n
}

// asObjects are tuples with a bare id as they would be with the object of that name,
// once for each type that the relation declares.
func (e *engine) asObjects(ids []tuple.Tuple) []tuple.Tuple {
	var out []tuple.Tuple
	for _, t := range ids {
		rel := e.m.Relation(t.Namespace, t.Relation)
		if rel == nil {
			continue
		}
		id := t.Subject.ID
		for _, ty := range rel.Types {
			t.Subject = tuple.SubjectSet(ty.Namespace, id, "")
			out = append(out, t)
		}
	}
	return out
}
