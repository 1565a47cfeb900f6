package lint

import (
	"gatehouse/access"
	"gatehouse/access/opl"
)

// endless is the circle through which a permission comes back to itself without
// spending depth, or nil: Keto 0.13 to 26.2 never end such a check.
func (l reader) endless(n *opl.Namespace, p *opl.Relation) []string {
	return l.back(n, p, func(e edge) bool { return !e.traverse && e.cost == 0 })
}

// circle is the circle through which a permission comes back to itself on the same
// object, at whatever cost.
func (l reader) circle(n *opl.Namespace, p *opl.Relation) []string {
	return l.back(n, p, func(e edge) bool { return !e.traverse })
}

// back looks for the shortest way from a permission to itself, or to a circle that it
// falls into, over the edges that f lets pass.
func (l reader) back(n *opl.Namespace, p *opl.Relation, f func(edge) bool) []string {
	from := map[string]string{}
	todo := []string{p.Name}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		for _, e := range l.edges(n.Name, l.m.Relation(n.Name, name)) {
			if !f(e) {
				continue
			}
			if e.to.rel == p.Name {
				circle := []string{p.Name}
				for at := name; at != p.Name; at = from[at] {
					circle = append([]string{at}, circle...)
				}
				return append([]string{p.Name}, circle...)
			}
			if _, seen := from[e.to.rel]; !seen {
				from[e.to.rel] = name
				todo = append(todo, e.to.rel)
			}
		}
	}
	return nil
}

// steps counts what one question takes with one object behind each traverse and no
// other tuple; it stops counting a little above maxSteps.
func (l reader) steps(a at, depth int) int {
	type key struct {
		at
		depth int
	}
	memo := map[key]int{}
	var count func(a at, d int) int
	count = func(a at, d int) int {
		a.under = false
		if d <= 0 {
			return 1
		}
		k := key{a, d}
		if n, ok := memo[k]; ok {
			return n
		}
		memo[k] = maxSteps + 1 // a circle without cost; said by endless
		n := 1
		for _, e := range l.edges(a.ns, l.m.Relation(a.ns, a.rel)) {
			n = min(maxSteps+1, n+count(e.to, d-e.cost))
		}
		memo[k] = n
		return n
	}
	return count(a, depth)
}

// Endless says which questions must not be sent to a server, because it would not come
// back from them: those that come to a permission with an EndlessRule. The answer is
// the permission, as namespace#name, or "".
func Endless(m *opl.Model) func(namespace, relation string) string {
	if m == nil {
		return func(string, string) string { return "" }
	}
	memo := map[at]string{}
	r := newReader(m, access.Settings{MaxDepth: maxOver})
	for _, n := range m.Namespaces {
		for _, p := range n.Permits() {
			for a := range r.reach(n.Name, p.Name) {
				if q := m.Relation(a.ns, a.rel); q != nil && q.IsPermission && r.endless(m.Namespace(a.ns), q) != nil {
					memo[at{ns: n.Name, rel: p.Name}] = a.ns + "#" + a.rel
				}
			}
		}
	}
	return func(namespace, relation string) string { return memo[at{ns: namespace, rel: relation}] }
}
