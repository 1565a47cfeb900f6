package lint

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// graph is the subject sets among the tuples: which group is in which, which object
// lies in which. Bare ids, of which there are many more, are only counted as "there is
// one", by hash.
type graph struct {
	reader
	seed  maphash.Seed
	index map[[2]string]int32 // objects by name
	names [][2]string
	rels  map[string]int32 // relations by name
	relOf []string
	rows  map[int32][]row     // by object
	left  map[uint64]struct{} // object and relation of all tuples
	held  map[uint64]struct{} // those that have a bare id
	sets  int
	full  bool // not all sets are here
	cut   bool // not everything was walked
	lost  bool // not all relations of objects are remembered
}

// row is a tuple with a subject set.
type row struct{ rel, to, toRel int32 }

// node is a relation of an object.
type node struct{ object, rel int32 }

func newGraph(m *opl.Model, s access.Settings) *graph {
	return &graph{reader: newReader(m, s), seed: maphash.MakeSeed(), index: map[[2]string]int32{}, rels: map[string]int32{},
		rows: map[int32][]row{}, left: map[uint64]struct{}{}, held: map[uint64]struct{}{}}
}

func (g *graph) object(namespace, object string) int32 {
	k := [2]string{namespace, object}
	i, ok := g.index[k]
	if !ok {
		i = int32(len(g.names))
		g.index[k] = i
		g.names = append(g.names, k)
	}
	return i
}

func (g *graph) rel(name string) int32 {
	i, ok := g.rels[name]
	if !ok {
		i = int32(len(g.relOf))
		g.rels[name] = i
		g.relOf = append(g.relOf, name)
	}
	return i
}

func (g *graph) hash(namespace, object, relation string) uint64 {
	var h maphash.Hash
	h.SetSeed(g.seed)
	for _, s := range []string{namespace, object, relation} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	return h.Sum64()
}

// text is a relation of an object as people write it.
func (g *graph) text(n node) string {
	k := g.names[n.object]
	return tuple.Set{Namespace: k[0], Object: k[1], Relation: g.relOf[n.rel]}.String()
}

func (g *graph) add(t tuple.Tuple) {
	h := g.hash(t.Namespace, t.Object, t.Relation)
	if len(g.left) < maxRemembered {
		g.left[h] = struct{}{}
	} else {
		g.lost = true
	}
	s := t.Subject.Set
	if s == nil || s.Relation == "" {
		if len(g.held) < maxRemembered {
			g.held[h] = struct{}{}
		}
	}
	if s == nil {
		return
	}
	if g.sets == maxSets {
		g.full = true
		return
	}
	g.sets++
	o := g.object(t.Namespace, t.Object)
	g.rows[o] = append(g.rows[o], row{g.rel(t.Relation), g.object(s.Namespace, s.Object), g.rel(s.Relation)})
}

func (g *graph) unread() []string {
	var out []string
	if g.full {
		out = append(out, fmt.Sprintf("groups, circles and depth were looked at in the first %d subject sets", maxSets))
	}
	if g.lost {
		out = append(out, "empty groups were not looked for: there are too many objects")
	}
	if g.cut {
		out = append(out, fmt.Sprintf("grants beyond the limit of depth were looked for in the first %d steps", maxWalked))
	}
	return out
}

// objects are those that have rows, in the order of their names.
func (g *graph) sorted() []int32 {
	out := make([]int32, 0, len(g.rows))
	for o := range g.rows {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b int32) int {
		return cmp.Or(cmp.Compare(g.names[a][0], g.names[b][0]), cmp.Compare(g.names[a][1], g.names[b][1]))
	})
	return out
}

// end tells what only the whole shows.
func (g *graph) end(ctx context.Context) []Finding {
	order := g.sorted()
	out := g.wide(order)
	if !g.lost && !g.full {
		out = append(out, g.empty(order)...)
	}
	out = append(out, g.circles(order)...)
	return append(out, g.deep(ctx, order)...)
}

// onlyTraversed reports whether Keto goes to the objects of a relation and never into
// its sets; then neither width nor members matter there.
func (g *graph) onlyTraversed(namespace, relation string) bool {
	n := g.m.Namespace(namespace)
	if n == nil {
		return false
	}
	traversed, included := uses(n, relation)
	return traversed && !included
}

// wide looks for relations with more sets than Keto goes into.
func (g *graph) wide(order []int32) []Finding {
	var out []Finding
	for _, o := range order {
		if len(g.rows[o]) <= g.s.MaxWidth {
			continue
		}
		many := map[int32]int{}
		for _, r := range g.rows[o] {
			many[r.rel]++
		}
		for rel, n := range many {
			if n <= g.s.MaxWidth || g.onlyTraversed(g.names[o][0], g.relOf[rel]) || len(out) == maxListed {
				continue
			}
			where := g.text(node{o, rel})
			out = append(out, newFinding(WideRelation, where, fmt.Sprintf("%s has %d subject sets, and the server looks at %d of them.", where, n, g.s.MaxWidth)))
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return strings.Compare(a.Where, b.Where) })
	return out
}

// empty looks for sets that no tuple puts anybody into.
func (g *graph) empty(order []int32) []Finding {
	var out []Finding
	said := map[node]bool{}
	for _, o := range order {
		for _, r := range g.rows[o] {
			n := node{r.to, r.toRel}
			to, rel := g.names[r.to], g.relOf[r.toRel]
			if rel == "" || said[n] || len(said) == maxListed || g.onlyTraversed(g.names[o][0], g.relOf[r.rel]) {
				continue
			}
			if decl := g.m.Relation(to[0], rel); g.m != nil && (decl == nil || decl.IsPermission) {
				continue
			}
			if _, ok := g.left[g.hash(to[0], to[1], rel)]; ok {
				continue
			}
			said[n] = true
			t := tuple.Tuple{Namespace: g.names[o][0], Object: g.names[o][1], Relation: g.relOf[r.rel], Subject: tuple.SubjectSet(to[0], to[1], rel)}
			f := about(EmptySet, t, fmt.Sprintf("Nobody is in %s%s.", t.Subject, meant(to[1], g.siblings(to[0]))))
			out = append(out, f)
		}
	}
	return out
}

// siblings are the names of some other objects of a namespace that have members.
func (g *graph) siblings(namespace string) []string {
	const most = 2000
	var out []string
	for k := range g.index {
		if k[0] == namespace && len(out) < most {
			out = append(out, k[1])
		}
	}
	return out
}

// circles looks for sets that are in themselves, and for objects that lie in
// themselves.
func (g *graph) circles(order []int32) []Finding {
	var out []Finding
	const open, done = 1, 2
	state := map[node]int8{}
	var path []node
	var visit func(n node)
	visit = func(n node) {
		state[n] = open
		path = append(path, n)
		for _, r := range g.rows[n.object] {
			next := node{r.to, r.toRel}
			if r.rel != n.rel || len(out) == maxListed || len(path) > maxPath {
				continue
			}
			if g.relOf[r.toRel] == "" { // an object: go on along the same relation
				next.rel = n.rel
			}
			switch state[next] {
			case 0:
				visit(next)
			case open:
				out = append(out, g.circle(path[slices.Index(path, next):], r))
			}
		}
		path = path[:len(path)-1]
		state[n] = done
	}
	for _, o := range order {
		for _, r := range g.rows[o] {
			if n := (node{o, r.rel}); state[n] == 0 {
				visit(n)
			}
		}
	}
	return out
}

// maxPath bounds how deep groups in groups are followed.
const maxPath = 10_000

func (g *graph) circle(path []node, last row) Finding {
	from := path[len(path)-1]
	t := tuple.Tuple{Namespace: g.names[from.object][0], Object: g.names[from.object][1], Relation: g.relOf[from.rel],
		Subject: tuple.SubjectSet(g.names[last.to][0], g.names[last.to][1], g.relOf[last.toRel])}
	var names []string
	for i, n := range path {
		if i == 6 {
			names = append(names, "…")
			break
		}
		names = append(names, g.text(n))
	}
	summary := fmt.Sprintf("%s contains itself: %s.", g.text(path[0]), strings.Join(append(names, g.text(path[0])), " → "))
	return about(SetCycle, t, summary).replaced(t)
}
