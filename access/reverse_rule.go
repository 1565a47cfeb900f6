package access

import (
	"gatehouse/access/opl"
)

// place names a relation or permission of a namespace.
type place struct{ namespace, relation string }

// rules are what a model says about who may get in at all, whatever is stored.
type rules struct {
	m *opl.Model
	// open are the permissions that let in whoever is not excluded: those that a "!"
	// grants, with its place. No tuple names the people whom they let in.
	open map[place]opl.Span
	// computed are the permissions of the same object that ask for a relation, and
	// traversed those that ask for one on other objects, by the name of what they ask.
	computed  map[place][]string
	traversed map[string][]traversal
	plans     map[place]*plan
}

// traversal is a permission that asks for something on the objects of a relation.
type traversal struct {
	place
	over string // the relation
}

// plan is what a search for the holders of something has to look at on its object.
type plan struct {
	members map[string]bool     // relations whose subjects may be let in
	over    map[string][]string // what is asked of the objects of a relation
	open    *opl.Span           // the "!" that lets in whoever it does not exclude
}

func newRules(m *opl.Model) *rules {
	r := &rules{m: m, open: map[place]opl.Span{}, computed: map[place][]string{}, traversed: map[string][]traversal{}, plans: map[place]*plan{}}
	r.findOpen()
	r.each(func(at place, rule *opl.Rewrite) {
		r.follow(at.namespace, rule, func(n opl.Node) {
			switch n := n.(type) {
			case *opl.Computed:
				of := place{at.namespace, n.Relation}
				r.computed[of] = append(r.computed[of], at.relation)
			case *opl.Traverse:
				r.traversed[n.Target] = append(r.traversed[n.Target], traversal{at, n.Relation})
			}
		})
	})
	return r
}

// each calls f for every permission that counts.
func (r *rules) each(f func(at place, rule *opl.Rewrite)) {
	for _, name := range r.m.NamespaceNames() {
		for _, rel := range r.m.Namespace(name).Permits() {
			if rel.Rewrite != nil {
				f(place{name, rel.Name}, rel.Rewrite)
			}
		}
	}
}

// findOpen goes over the permissions until no further one turns out to be open.
func (r *rules) findOpen() {
	for changed := true; changed; {
		changed = false
		r.each(func(at place, rule *opl.Rewrite) {
			if _, known := r.open[at]; known {
				return
			}
			if span, ok := r.isOpen(at.namespace, rule); ok {
				r.open[at], changed = span, true
			}
		})
	}
}

// isOpen reports whether a part of a rule grants what no tuple names. A "!" counts as
// such even around another "!": at its limit of depth the classic engine takes what it
// did not look at for a "no".
func (r *rules) isOpen(namespace string, n opl.Node) (opl.Span, bool) {
	switch n := n.(type) {
	case *opl.Not:
		return n.Span, true
	case *opl.Computed:
		span, ok := r.open[place{namespace, n.Relation}]
		return span, ok
	case *opl.Traverse:
		for _, name := range r.m.NamespaceNames() { // any object may be stored there
			if span, ok := r.open[place{name, n.Target}]; ok {
				return span, true
			}
		}
	case *opl.Rewrite:
		var first opl.Span
		count := 0
		for _, c := range n.Children {
			if span, ok := r.isOpen(namespace, c); ok {
				if count++; count == 1 {
					first = span
				}
			}
		}
		return first, count > 0 && (n.Op == opl.Or || count == len(n.Children))
	}
	return opl.Span{}, false
}

// follow calls f for the relations and traversals of a rule over which everybody whom
// it lets in can be found, except those whom it lets in because it is open. Of an "and"
// one operand is enough, the one that is the least to look at.
func (r *rules) follow(namespace string, n opl.Node, f func(opl.Node)) {
	rw, group := n.(*opl.Rewrite)
	switch {
	case !group:
		if _, not := n.(*opl.Not); !not {
			f(n)
		}
	case rw.Op == opl.And:
		if c := r.least(namespace, rw); c != nil {
			r.follow(namespace, c, f)
		}
	default:
		for _, c := range rw.Children {
			r.follow(namespace, c, f)
		}
	}
}

// least is the operand of an "and" over which its holders are found with the least
// reading; nil when all are open.
func (r *rules) least(namespace string, rw *opl.Rewrite) opl.Node {
	var best opl.Node
	bestCost := 0
	for _, c := range rw.Children {
		if _, open := r.isOpen(namespace, c); open {
			continue
		}
		if cost := r.cost(namespace, c); best == nil || cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// cost ranks operands: a relation, then a permission, then a group, then what stands
// on other objects.
func (r *rules) cost(namespace string, n opl.Node) int {
	switch n := n.(type) {
	case *opl.Computed:
		if rel := r.m.Relation(namespace, n.Relation); rel != nil && rel.Rewrite != nil {
			return 1
		}
		return 0
	case *opl.Traverse:
		return 3
	default:
		return 2
	}
}

// plan is what to look at for the holders of a relation or permission. Tuples count on
// a permission too: outside strict mode they grant it.
func (r *rules) plan(at place) *plan {
	if p := r.plans[at]; p != nil {
		return p
	}
	p := &plan{members: map[string]bool{}, over: map[string][]string{}}
	r.plans[at] = p
	r.add(p, at)
	return p
}

func (r *rules) add(p *plan, at place) {
	if p.members[at.relation] {
		return
	}
	p.members[at.relation] = true
	if span, ok := r.open[at]; ok && p.open == nil {
		p.open = &span
	}
	rel := r.m.Relation(at.namespace, at.relation)
	if rel == nil || rel.Rewrite == nil {
		return
	}
	r.follow(at.namespace, rel.Rewrite, func(n opl.Node) {
		switch n := n.(type) {
		case *opl.Computed:
			r.add(p, place{at.namespace, n.Relation})
		case *opl.Traverse:
			p.over[n.Relation] = append(p.over[n.Relation], n.Target)
		}
	})
}
