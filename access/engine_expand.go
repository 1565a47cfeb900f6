package access

import (
	"errors"
	"slices"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// directCounts reports whether a tuple that is exactly t grants it. Outside strict
// mode it always does, on a permission too.
func (e *engine) directCounts(rel *opl.Relation, t tuple.Tuple) bool {
	switch {
	case !e.s.Strict:
		return true
	case e.classic():
		return rel == nil || rel.Rewrite == nil
	case t.Subject.Set == nil:
		return rel == nil || rel.Rewrite == nil
	}
	return rel != nil && rel.Rewrite == nil && declares(rel, *t.Subject.Set)
}

// expandCounts reports whether subject sets are gone into at all.
func (e *engine) expandCounts(rel *opl.Relation) bool {
	switch {
	case !e.s.Strict:
		return true
	case rel == nil:
		return e.classic()
	}
	return slices.ContainsFunc(rel.Types, func(ty opl.Type) bool { return ty.Relation != "" })
}

// declares reports whether a relation declares that kind of subject set.
func declares(rel *opl.Relation, s tuple.Set) bool {
	return slices.ContainsFunc(rel.Types, func(ty opl.Type) bool { return ty.Namespace == s.Namespace && ty.Relation == s.Relation })
}

// expand looks into the subject sets that are subjects of t's relation. One that
// holds the subject directly is found whatever the width; the others are gone into
// one by one.
func (e *engine) expand(t tuple.Tuple, rel *opl.Relation, d int, v seen) *Node {
	n := &Node{Kind: KindExpand, Tuple: t, Depth: d, Result: NotMember}
	if rel != nil {
		n.Rule = rel.Pos
	}
	if d <= 0 {
		return cutAt(n, CutDepth)
	}
	rows, ids, err := e.subjects(t.Namespace, t.Object, t.Relation)
	large := errors.Is(err, errLarge)
	if err != nil && !large {
		return e.fail(n, CutRead, err)
	}
	n.Bare = len(ids)
	if e.o.sets {
		rows = declared(rel, rows)
	}
	if e.s.Strict && !e.classic() {
		rows = slices.DeleteFunc(rows, func(r tuple.Tuple) bool { return r.Subject.Set.Relation == "" || !declares(rel, *r.Subject.Set) })
	}
	n.Count = len(rows)
	if e.found(n, rows, t) || large && e.large(n, t, d) {
		return n
	}
	if !e.classic() && d < 2 && len(rows) > 0 {
		return cutAt(n, CutDepth)
	}
	if v == nil {
		v = seen{}
	}
	if e.o.reverse {
		rows = slices.Clone(rows)
		slices.Reverse(rows)
	}
	if len(rows) > e.s.MaxWidth && !large {
		n.Cut = CutWidth
		keep := e.s.MaxWidth
		if e.classic() {
			keep-- // an off-by-one of Keto's: 99 of more than 100
		}
		rows = rows[:keep]
	}
	e.ahead(rows)
	e.into(n, rows, t, d, v)
	if n.Cut == CutWidth && !e.classic() && n.Result == NotMember {
		n.Result = Undecided
	}
	return n
}

// large asks the server whether a group that is too large to go through grants. Its rule
// and the tuple itself were looked at before and do not, so that a yes comes from the
// sets in it. It reports whether that is the answer.
func (e *engine) large(n *Node, t tuple.Tuple, d int) bool {
	if e.classic() {
		d++ // what this step was given of the question's
	}
	v, err := e.p.Ask(e.ctx, t, d)
	n.Cut = CutLarge
	switch {
	case err != nil:
		e.fail(n, CutRead, err)
	case v == Allowed:
		n.Result = Member
	case v == Unknown && e.classic():
		n.Result, n.Err = Failed, errServerFails
	case v == Unknown:
		n.Result = Undecided
	default:
		return false
	}
	return true
}

// errServerFails stands for what the server said about a part of the question.
var errServerFails = errors.New("Keto answers with an error about this part of the question")

// found looks for a set that holds the subject directly.
func (e *engine) found(n *Node, rows []tuple.Tuple, t tuple.Tuple) bool {
	for _, row := range rows {
		one := in(*row.Subject.Set, t)
		if e.s.Strict && !e.classic() {
			rel, err := e.relation(one.Namespace, one.Relation)
			if err != nil || !e.directCounts(rel, one) {
				continue
			}
		}
		ok, err := e.r.Has(e.ctx, one)
		if err != nil {
			e.fail(n, CutRead, err)
			return true
		}
		if ok {
			n.Result = Member
			n.Children = []*Node{{Kind: KindExpandFound, Result: Member, Tuple: one, Stored: &row, Rule: n.Rule, Depth: n.Depth,
				Children: []*Node{{Kind: KindDirect, Result: Member, Tuple: one, Stored: &one, Depth: n.Depth}}}}
			return true
		}
	}
	return false
}

// into goes into the sets one by one, each at most once below the same expansion. The
// classic engine starts on a set while it still looks into the one before it, so a set
// counts as visited already for what is below the one before it.
func (e *engine) into(n *Node, rows []tuple.Tuple, t tuple.Tuple, d int, v seen) {
	below, ahead := d, 1
	if !e.classic() {
		below--
	}
	if !e.classic() || e.o.lazy || e.o.behind {
		ahead = 0
	}
	marked := 0
	again := make([]bool, len(rows)) // whether another branch was there before
	mark := func(upTo int) {
		for ; marked < min(upTo, len(rows)); marked++ {
			set := *rows[marked].Subject.Set
			again[marked] = v[set]
			v[set] = true
		}
	}
	var checks []check
	for i, row := range rows {
		asked := in(*row.Subject.Set, t)
		checks = append(checks, check{KindAllowed, asked, n.Rule, func() *Node {
			mark(i + 1 + ahead)
			if again[i] && !e.o.forget {
				e.visited = true
				return &Node{Kind: KindAllowed, Result: NotMember, Cut: CutVisited, Tuple: asked, Stored: &row, Depth: below}
			}
			c := e.allowed(asked, below, true, v)
			c.Stored = &row
			return c
		}})
	}
	e.union(n, checks)
}

// declared replaces subject sets whose relation is not declared there by the sets that
// are, of the same object.
func declared(rel *opl.Relation, rows []tuple.Tuple) []tuple.Tuple {
	if rel == nil {
		return rows
	}
	var out []tuple.Tuple
	for _, r := range rows {
		s := *r.Subject.Set
		if declares(rel, s) {
			out = append(out, r)
			continue
		}
		for _, ty := range rel.Types {
			if ty.Namespace == s.Namespace && ty.Relation != "" {
				r.Subject = tuple.SubjectSet(s.Namespace, s.Object, ty.Relation)
				out = append(out, r)
			}
		}
	}
	return out
}
