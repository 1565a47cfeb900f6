package roles

import "slices"

// Graph is everything that gives somebody roles: who is in which group, which group
// is in which, what is mapped to each, and what composite roles contain. Ids of
// users, groups, clients and roles are unique across a realm and name the nodes.
//
// A Graph is not safe for writers beside others.
type Graph struct {
	steps map[string]Step
	next  map[string][]string
	prev  map[string][]string
	edges map[[2]string]struct{}
	cuts  map[string][]string
}

// NewGraph makes an empty graph.
func NewGraph() *Graph {
	return &Graph{steps: map[string]Step{}, next: map[string][]string{}, prev: map[string][]string{},
		edges: map[[2]string]struct{}{}, cuts: map[string][]string{}}
}

// Add puts a node into the graph, or says of a known one what is known better.
func (g *Graph) Add(s Step) { g.steps[s.ID] = s }

// Step gives a node by its id.
func (g *Graph) Step(id string) (Step, bool) {
	s, ok := g.steps[id]
	return s, ok
}

// Len is the number of nodes.
func (g *Graph) Len() int { return len(g.steps) }

// Link says that one node gives another: a user is in a group, a group is in a group,
// a role is mapped to a holder, a composite role contains a role. Both must have been
// added. Saying it twice, and a role that contains itself, do no harm.
func (g *Graph) Link(from, to string) {
	edge := [2]string{from, to}
	if _, known := g.edges[edge]; known {
		return
	}
	g.edges[edge] = struct{}{}
	g.next[from] = append(g.next[from], to)
	g.prev[to] = append(g.prev[to], from)
}

// Next lists what a node gives directly, in the order of Link.
func (g *Graph) Next(id string) []string { return g.next[id] }

// Hide says that what a node gives may be cut, and the rights that would show all.
func (g *Graph) Hide(id string, rights ...string) { g.cuts[id] = addNew(g.cuts[id], rights...) }

// Reach lists every role that a node leads to, sorted as Provenance sorts.
func (g *Graph) Reach(from string) []Step {
	out, _ := g.reach(from)
	slices.SortFunc(out, Step.compare)
	return out
}

// reach walks the graph once, each node once however the roles contain each other,
// and gathers the rights that were missing on the way.
func (g *Graph) reach(from string) (found []Step, needs []string) {
	seen := map[string]struct{}{from: {}}
	for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
		needs = addNew(needs, g.cuts[todo[0]]...)
		for _, id := range g.next[todo[0]] {
			if _, known := seen[id]; known {
				continue
			}
			seen[id] = struct{}{}
			todo = append(todo, id)
			if s := g.steps[id]; s.Kind.IsRole() {
				found = append(found, s)
			}
		}
	}
	return found, needs
}
