package lint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/opl"
)

// Bounds of the walk over stored sets.
const (
	maxWalked = 3_000_000 // steps in all
	maxOne    = 5_000     // nodes of one walk
)

// stop is a relation of an object that a walk came to.
type stop struct {
	node
	under bool
}

// tooDeep is a set whose members a permission comes to only beyond the limit.
type tooDeep struct {
	namespace   string
	permissions []string
	rule        *opl.Relation // of the first
	at          stop
	direct      int // the limit at which they would be found
	first, last int32
	more        int // other objects for which it is so
}

// deep looks for stored grants and blocks that Keto does not reach.
func (g *graph) deep(ctx context.Context, order []int32) []Finding {
	if g.m == nil {
		return nil
	}
	var found []*tooDeep
	index := map[string]*tooDeep{}
	walked := 0
	for _, o := range order {
		n := g.m.Namespace(g.names[o][0])
		for _, p := range n.Permits() {
			if walked > maxWalked || ctx.Err() != nil {
				return g.tell(found, true)
			}
			ends, steps := g.walk(o, p)
			walked += steps
			for _, e := range ends {
				k := fmt.Sprintf("%s %d %d %t", n.Name, e.at.object, e.at.rel, e.at.under)
				if old := index[k]; old != nil {
					old.again(o, p)
				} else if len(found) < maxListed {
					e.namespace, e.permissions, e.rule, e.first, e.last = n.Name, []string{p.Name}, p, o, o
					index[k] = e
					found = append(found, e)
				}
			}
		}
	}
	return g.tell(found, false)
}

// again notes that it is so for another object, or another permission of the first.
func (d *tooDeep) again(o int32, p *opl.Relation) {
	if o != d.last {
		d.last = o
		d.more++
	}
	if o == d.first {
		d.permissions = append(d.permissions, p.Name)
	}
}

// walk follows a permission of one object over the stored sets, the cheapest way first,
// and gives the relations with people in them that lie beyond the limit.
func (g *graph) walk(o int32, p *opl.Relation) (out []*tooDeep, steps int) {
	start := stop{node{o, g.rel(p.Name)}, false}
	ways := map[stop]way{start: {direct: g.found(0)}}
	levels := [][]stop{{start}} // by what is spent
	visit := func(to stop, w way) {
		old, ok := ways[to]
		if ok && old.spent <= w.spent {
			if w.direct < old.direct {
				old.direct = w.direct
				ways[to] = old
			}
			return
		}
		if ok {
			w.direct = min(w.direct, old.direct)
		}
		ways[to] = w
		for len(levels) <= w.spent {
			levels = append(levels, nil)
		}
		levels[w.spent] = append(levels[w.spent], to)
	}
	for spent := 0; spent < len(levels) && spent <= g.s.MaxDepth+maxOver; spent++ {
		for i := 0; i < len(levels[spent]); i++ { // a step without cost adds to this level
			at := levels[spent][i]
			if w := ways[at]; w.spent == spent && len(ways) < maxOne {
				steps++
				g.step(at, w, visit)
			}
		}
	}
	return g.beyond(ways), steps + len(ways)
}

// step goes on from a relation of an object: along its rule, and into the sets on it.
func (g *graph) step(from stop, w way, visit func(stop, way)) {
	name := g.names[from.object]
	rel := g.m.Relation(name[0], g.relOf[from.rel])
	for _, e := range g.edges(name[0], rel) {
		next := g.next(w, e)
		to := stop{node{from.object, g.rel(e.to.rel)}, from.under != e.to.under}
		if !e.traverse {
			visit(to, next)
			continue
		}
		for _, r := range g.rows[from.object] {
			if g.relOf[r.rel] == e.via && g.names[r.to][0] == e.to.ns {
				to.object = r.to
				visit(to, next)
			}
		}
	}
	if rel != nil && rel.IsPermission {
		return
	}
	for _, r := range g.rows[from.object] {
		if r.rel == from.rel && g.relOf[r.toRel] != "" {
			visit(stop{node{r.to, r.toRel}, from.under}, way{spent: w.spent + 1, least: w.least, direct: g.grouped(w, 1)})
		}
	}
}

// beyond are the relations with people in them that lie beyond the limit.
func (g *graph) beyond(ways map[stop]way) []*tooDeep {
	var out []*tooDeep
	for at, w := range ways {
		name := g.names[at.object]
		if w.direct <= g.s.MaxDepth {
			continue
		}
		if _, ok := g.held[g.hash(name[0], name[1], g.relOf[at.rel])]; !ok {
			continue
		}
		if r := g.m.Relation(name[0], g.relOf[at.rel]); r == nil || r.IsPermission {
			continue
		}
		out = append(out, &tooDeep{at: at, direct: w.direct})
	}
	return out
}

// tell turns what was found into findings.
func (g *graph) tell(found []*tooDeep, cut bool) []Finding {
	g.cut = cut
	var out []Finding
	for _, d := range found {
		asked := strings.Join(d.permissions, ", ") + " on " + d.namespace + ":" + g.names[d.first][1]
		more := ""
		if d.more > 0 {
			more = fmt.Sprintf(" (and for %s)", count(d.more, "other object"))
		}
		set := g.text(d.at.node)
		c, text := TooDeep, "Who is in %s has %s by the tuples%s, but that lies %d levels deep, and the server stops at %d."
		if d.at.under {
			c, text = BlockTooDeep, "Who is in %s is blocked from %s by the tuples%s, but that lies %d levels deep, and the server stops at %d."
		}
		f := newFinding(c, set, fmt.Sprintf(text, set, asked, more, d.direct, g.s.MaxDepth))
		f.Rule = place(g.m, d.rule.Pos)
		if d.at.under && !g.classic() {
			f.Severity, f.Meaning = Warning, "This server denies where it did not look deep enough: people who are not blocked may be refused."
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return strings.Compare(string(a.Code)+a.Where, string(b.Code)+b.Where) })
	return out
}
