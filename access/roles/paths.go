package roles

import (
	"cmp"
	"math"
	"slices"
)

// DefaultPaths is how many ways of a role are listed when nobody says how many.
const DefaultPaths = 10

// MaxCount is where counting the ways of a role ends: composite roles can be built
// that are reached in more ways than a number holds.
const MaxCount = math.MaxInt32

// maxApproaches bounds the ways from a holder through groups. A user in a thousand
// groups, each ten deep, has ten thousand.
const maxApproaches = 100_000

// Provenance explains every role that a node leads to, with at most limit ways each
// (below 1: DefaultPaths). Rights that were missing anywhere on the way are put down
// as missing for realm and client roles alike; a reader that knows better corrects it.
func (g *Graph) Provenance(from string, limit int) Provenance {
	found, needs := g.reach(from)
	slices.SortFunc(found, Step.compare)
	p := Provenance{Holder: g.steps[from], Roles: make([]Held, 0, len(found)), RealmNeeds: needs, ClientNeeds: needs, PathNeeds: needs}
	lead := g.approaches(from)
	for _, role := range found {
		p.Roles = append(p.Roles, g.held(lead, from, role, limit))
	}
	return p
}

// Ways explains how one node leads to one role. A role that is not reached has no
// path and the count 0.
func (g *Graph) Ways(from, role string, limit int) Held {
	return g.held(g.approaches(from), from, g.steps[role], limit)
}

// approaches are all ways from a node to those that hold roles: itself, its groups
// and their ancestors (for a client: its client scopes), by the node that they end
// in. A user who is in two groups beneath one has two ways to that one, and loses
// nothing by leaving only one of them.
func (g *Graph) approaches(from string) map[string][][]string {
	out := map[string][][]string{}
	n := 0
	var walk func(chain []string)
	walk = func(chain []string) {
		last := chain[len(chain)-1]
		if n++; n > maxApproaches {
			return
		}
		out[last] = append(out[last], chain)
		for _, id := range g.next[last] {
			if !g.steps[id].Kind.IsRole() && !slices.Contains(chain, id) {
				walk(append(slices.Clip(chain), id))
			}
		}
	}
	walk([]string{from})
	return out
}

// entry is a mapping that leads to the role: an approach, and the role that is mapped
// where it ends.
type entry struct {
	chain []string
	first string
	steps int // of the whole way
}

// held finds the ways to one role, from its end: first which roles contain it, and
// in how many steps, then who is given one of these.
func (g *Graph) held(lead map[string][][]string, from string, role Step, limit int) Held {
	if limit < 1 {
		limit = DefaultPaths
	}
	d := g.towards(role.ID)
	h := Held{Role: role, Paths: []Path{}}
	var entries []entry
	for _, id := range d.order {
		if id == from && from != role.ID { // what a role contains
			entries = append(entries, entry{nil, id, d.far[id] + 1})
			h.Count = plus(h.Count, d.count[id])
		}
		for _, holder := range g.prev[id] {
			for _, chain := range lead[holder] {
				if g.steps[holder].Kind.IsRole() {
					continue
				}
				entries = append(entries, entry{chain, id, len(chain) + d.far[id] + 1})
				h.Count = plus(h.Count, d.count[id])
				h.Direct = h.Direct || id == role.ID && holder == from
			}
		}
	}
	slices.SortStableFunc(entries, g.compareEntries)
	for _, e := range entries {
		if len(h.Paths) == limit {
			break
		}
		g.spell(d, append(slices.Clone(e.chain), e.first), limit, &h.Paths)
	}
	return h
}

// compareEntries puts the shortest way first, then orders by what people read.
func (g *Graph) compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.steps, b.steps),
		slices.CompareFunc(append(slices.Clip(a.chain), a.first), append(slices.Clip(b.chain), b.first),
			func(x, y string) int {
				return cmp.Or(cmp.Compare(g.steps[x].Label(), g.steps[y].Label()), cmp.Compare(x, y))
			}))
}

// spell writes out the shortest ways that go on from a chain, until there are enough.
func (g *Graph) spell(d distances, chain []string, limit int, out *[]Path) {
	last := chain[len(chain)-1]
	if d.far[last] == 0 {
		p := make(Path, len(chain))
		for i, id := range chain {
			p[i] = g.steps[id]
		}
		*out = append(*out, p)
		return
	}
	for _, id := range g.nearer(d, last) {
		if len(*out) == limit {
			return
		}
		g.spell(d, append(slices.Clip(chain), id), limit, out)
	}
}

// nearer lists the roles in a role that are one step nearer to the end, by name.
func (g *Graph) nearer(d distances, id string) []string {
	var out []string
	for _, n := range g.next[id] {
		if far, ok := d.far[n]; ok && far == d.far[id]-1 {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return g.steps[a].compare(g.steps[b]) })
	return out
}

// distances say of every role that contains one role how far it is from it, and in
// how many shortest ways.
type distances struct {
	order []string // nearest first
	far   map[string]int
	count map[string]int
}

// towards walks from a role to those that contain it.
func (g *Graph) towards(role string) distances {
	d := distances{far: map[string]int{role: 0}, count: map[string]int{role: 1}}
	for todo := []string{role}; len(todo) > 0; todo = todo[1:] {
		id := todo[0]
		d.order = append(d.order, id)
		for _, p := range g.prev[id] {
			if !g.steps[p].Kind.IsRole() {
				continue
			}
			if _, seen := d.far[p]; !seen {
				d.far[p] = d.far[id] + 1
				todo = append(todo, p)
			}
			if d.far[p] == d.far[id]+1 {
				d.count[p] = plus(d.count[p], d.count[id])
			}
		}
	}
	return d
}

// plus adds up to MaxCount.
func plus(a, b int) int { return min(a+b, MaxCount) }
