package lint

import (
	"gatehouse/access"
	"gatehouse/access/opl"
)

// at is a relation or permission of some object that a rule comes to; under says
// whether that is below an odd number of "!".
type at struct {
	ns, rel string
	under   bool
}

// way is the cheapest way to come to it, in levels of Keto's depth.
type way struct {
	// spent is what is gone when Keto looks at it, direct the limit of depth at which a
	// tuple on it with the subject itself is found.
	spent, direct int
	// least is the limit that the other operands of the rules on the way need, to be
	// looked at at all.
	least int
	// hops is how many objects were traversed.
	hops int
	// by is the operand that leads there, from the step before.
	by   opl.Span
	from *at
}

// reader knows the cost of rules to the engine that the settings name. The figures are
// those of keto's engine: a computed operand of an "or" costs a level, one of an "and"
// or a "!" none, a traverse one, a nested group one.
// Source: internal/check of ory/keto v0.13.0; see access.Evaluate, which it is held to.
type reader struct {
	m     *opl.Model
	s     access.Settings
	known map[*opl.Relation][]edge // edges that were worked out before
}

func newReader(m *opl.Model, s access.Settings) reader {
	return reader{m, defaults(s), map[*opl.Relation][]edge{}}
}

func (r reader) classic() bool { return r.s.Engine != opl.New }

// found is the limit at which a tuple on what was reached is found, where the operand
// before did not look for it itself.
func (r reader) found(spent int) int {
	if r.classic() {
		return spent + 2
	}
	return spent + 1
}

// grouped is the limit at which somebody is found who is k groups deep in it.
func (r reader) grouped(w way, k int) int {
	if r.classic() {
		return max(w.least, w.spent+1+k)
	}
	return max(w.least, w.spent+k)
}

// groups is how many groups deep somebody may be to be found, 0 for not at all.
func (r reader) groups(w way) int {
	if w.least > r.s.MaxDepth {
		return 0
	}
	if r.classic() {
		return max(0, r.s.MaxDepth-w.spent-1)
	}
	return max(0, r.s.MaxDepth-w.spent)
}

// edge is one operand: what it comes to and what it costs.
type edge struct {
	to       at
	cost     int
	batched  bool // looked for directly together with its siblings, one level earlier
	traverse bool
	via      string // the relation that is traversed
	least    int    // the depth that is needed for what stands beside it in an "and"
	by       opl.Span
}

// edges are the operands of a rule, with what comes before them added up.
func (r reader) edges(ns string, rel *opl.Relation) []edge {
	if rel == nil {
		return nil
	}
	if out, ok := r.known[rel]; ok {
		return out
	}
	var out []edge
	n := r.m.Namespace(ns)
	var visit func(node opl.Node, parent opl.Op, cost, nested, least int, under bool)
	visit = func(node opl.Node, parent opl.Op, cost, nested, least int, under bool) {
		switch c := node.(type) {
		case *opl.Rewrite:
			least = max(least, needs(c, nested))
			for _, child := range c.Children {
				visit(child, c.Op, nested, nested+1, least, under)
			}
		case *opl.Not:
			visit(c.Child, opl.And, cost, cost, least, !under)
		case *opl.Computed:
			e := edge{to: at{ns, c.Relation, under}, cost: cost, by: c.Span, least: least}
			if parent == opl.Or {
				e.cost, e.batched = cost+1, true
			}
			out = append(out, e)
		case *opl.Traverse:
			for _, target := range r.objects(n, c.Relation, map[string]bool{}) {
				out = append(out, edge{to: at{target, c.Target, under}, cost: cost + 1, traverse: true, via: c.Relation, by: c.Span, least: least})
			}
		}
	}
	if rule := rel.Simplified(r.s.Engine); rule != nil {
		visit(rule, rule.Op, 0, 0, 0, false)
	}
	r.known[rel] = out
	return out
}

// needs is the depth at which all groups of an "and" are looked at: one that Keto comes
// to without depth left counts as "no".
func needs(c *opl.Rewrite, level int) int {
	least := level + 1
	if c.Op != opl.And {
		return least
	}
	for _, child := range c.Children {
		if g, ok := child.(*opl.Rewrite); ok {
			least = max(least, needs(g, level+1))
		}
	}
	return least
}

// objects are the namespaces of the objects that may be subjects of a relation.
func (r reader) objects(n *opl.Namespace, relation string, seen map[string]bool) []string {
	var out []string
	if n == nil || r.m.Relation(n.Name, relation) == nil {
		return nil
	}
	for _, t := range r.m.Relation(n.Name, relation).Types {
		if !seen[t.Namespace] {
			seen[t.Namespace] = true
			out = append(out, t.Namespace)
		}
	}
	return out
}

// reach is the cheapest way from a permission to everything that it comes to.
func (r reader) reach(ns, permission string) map[at]way {
	start := at{ns, permission, false}
	ways := map[at]way{start: {direct: r.found(0)}}
	todo := []at{start}
	for len(todo) > 0 {
		a := todo[0]
		todo = todo[1:]
		w := ways[a]
		if w.spent > r.s.MaxDepth+maxOver {
			continue
		}
		for _, e := range r.edges(a.ns, r.m.Relation(a.ns, a.rel)) {
			to := e.to
			to.under = to.under != a.under
			next := r.next(w, e)
			next.from = &a
			if old, ok := ways[to]; ok && old.spent <= next.spent {
				if next.direct < old.direct {
					old.direct = next.direct
					ways[to] = old
				}
				continue
			}
			if old, ok := ways[to]; ok {
				next.direct = min(next.direct, old.direct)
			}
			ways[to] = next
			todo = append(todo, to)
		}
	}
	return ways
}

// next is a way with one more operand.
func (r reader) next(w way, e edge) way {
	out := way{spent: w.spent + e.cost, least: max(w.least, w.spent+e.least), hops: w.hops, by: e.by}
	out.direct = r.found(out.spent)
	if e.batched {
		out.direct = out.spent
	}
	out.direct = max(out.direct, out.least)
	if e.traverse {
		out.hops++
	}
	return out
}

// maxOver is how far beyond the limit a way is followed, to say what would be needed.
const maxOver = 64

// endless stands for nesting without an end.
const endless = 1 << 20

// nesting is how many groups deep the declared types of a relation let somebody be:
// 0 where it takes none, endless where a group may hold groups like itself.
func (r reader) nesting(ns, rel string) int {
	const open = -1
	depth := map[[2]string]int{}
	var visit func(ns, rel string) int
	visit = func(ns, rel string) int {
		k := [2]string{ns, rel}
		if d, ok := depth[k]; ok {
			if d == open {
				return endless
			}
			return d
		}
		depth[k] = open
		most := 0
		if decl := r.m.Relation(ns, rel); decl != nil {
			for _, t := range decl.Types {
				if t.Relation != "" {
					most = max(most, min(endless, 1+visit(t.Namespace, t.Relation)))
				}
			}
		}
		depth[k] = most
		return most
	}
	return visit(ns, rel)
}
