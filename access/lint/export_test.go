package lint

import (
	"fmt"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Way is a way from a permission to a relation, for the tests.
type Way struct {
	Namespace, Permission string
	// Needs are the limits of depth at which somebody is found who is so many groups
	// deep in the relation.
	Needs []int
	links []tuple.Tuple
	last  tuple.Tuple
	set   *opl.Type
}

// Tuples grant ann along the way, k groups deep.
func (w Way) Tuples(k int) []tuple.Tuple {
	out := append([]tuple.Tuple{}, w.links...)
	t := w.last
	for i := range k {
		s := tuple.SubjectSet(w.set.Namespace, fmt.Sprintf("g%d", i), w.set.Relation)
		t.Subject = s
		out = append(out, t)
		t = tuple.Tuple{Namespace: s.Set.Namespace, Object: s.Set.Object, Relation: s.Set.Relation}
	}
	t.Subject = tuple.SubjectID("ann")
	return append(out, t)
}

// Ways are those of a model that are not below a "!".
func Ways(m *opl.Model, s access.Settings) []Way {
	r := newReader(m, s)
	var out []Way
	for _, n := range m.Namespaces {
		for _, p := range n.Permits() {
			ways := r.reach(n.Name, p.Name)
			for a, w := range ways {
				rel := m.Relation(a.ns, a.rel)
				if a.under || rel == nil || rel.IsPermission || w.spent > 8 {
					continue
				}
				out = append(out, r.export(n.Name, p.Name, a, ways))
			}
		}
	}
	return out
}

func (r reader) export(ns, permission string, a at, ways map[at]way) Way {
	out := Way{Namespace: ns, Permission: permission, Needs: []int{ways[a].direct}}
	var path []at
	for x := &a; x != nil; x = ways[*x].from {
		path = append([]at{*x}, path...)
	}
	object := 0
	for i := 1; i < len(path); i++ {
		for _, e := range r.edges(path[i-1].ns, r.m.Relation(path[i-1].ns, path[i-1].rel)) {
			if e.to.ns == path[i].ns && e.to.rel == path[i].rel && e.traverse && ways[path[i]].by == e.by {
				out.links = append(out.links, tuple.Tuple{Namespace: path[i-1].ns, Object: fmt.Sprintf("o%d", object), Relation: e.via, Subject: tuple.SubjectSet(e.to.ns, fmt.Sprintf("o%d", object+1), "")})
				object++
				break
			}
		}
	}
	out.last = tuple.Tuple{Namespace: a.ns, Object: fmt.Sprintf("o%d", object), Relation: a.rel}
	for _, t := range r.m.Relation(a.ns, a.rel).Types {
		if t.Relation != "" {
			out.set = &t
			for k := 1; k <= min(2, r.nesting(a.ns, a.rel)); k++ {
				out.Needs = append(out.Needs, r.grouped(ways[a], k))
			}
		}
	}
	return out
}
