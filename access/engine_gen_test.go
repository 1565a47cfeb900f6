package access_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"gatehouse/access/tuple"
)

// worldGen makes models, tuples and questions that are likely to meet each other. All
// it does follows from its seed.
type worldGen struct {
	*rand.Rand
	mark                   string
	spaces, objects, users []string
	// relations are written on; the last one is only traversed. permits are rules.
	relations, permits []string
}

// newWorldGen makes a world whose names end in the mark, so that many worlds fit into
// one server without meeting.
func newWorldGen(seed uint64, marks ...string) *worldGen {
	mark := strings.Join(marks, "")
	return &worldGen{
		Rand: rand.New(rand.NewPCG(seed, 0x776f726c64)), mark: mark,
		spaces: marked(mark, "Doc", "Group", "Team"), objects: []string{"a", "b", "c", "d"}, users: marked(mark, "ann", "ben", "cy"),
		relations: []string{"members", "blocked", "odd name", "parents"}, permits: []string{"p0", "p1", "p2", "p-3"},
	}
}

func marked(mark string, names ...string) []string {
	for i := range names {
		names[i] += mark
	}
	return names
}

func (g *worldGen) one(s []string) string   { return s[g.IntN(len(s))] }
func (g *worldGen) chance(percent int) bool { return g.IntN(100) < percent }

// model is a source that Keto accepts; markers name classes by which a server that has
// read it can be told.
func (g *worldGen) model(markers ...string) string {
	var b strings.Builder
	for _, m := range markers {
		fmt.Fprintf(&b, "class %s implements Namespace {}\n", m)
	}
	fmt.Fprintf(&b, "class User%s implements Namespace {}\n", g.mark)
	for _, ns := range g.spaces {
		fmt.Fprintf(&b, "class %s implements Namespace {\n  related: {\n", ns)
		for _, r := range g.relations[:3] {
			fmt.Fprintf(&b, "    %q: (%s)[]\n", r, g.types())
		}
		fmt.Fprintf(&b, "    parents: (%s | %s)[]\n  }\n  permits = {\n", g.one(g.spaces), g.one(g.spaces))
		for i, p := range g.permits {
			fmt.Fprintf(&b, "    %q: (ctx: Context): boolean => %s,\n", p, g.expr(i, 2))
		}
		b.WriteString("  }\n}\n")
	}
	return b.String()
}

func (g *worldGen) types() string {
	out := []string{"User" + g.mark}
	for g.chance(60) {
		out = append(out, fmt.Sprintf("SubjectSet<%s, %q>", g.one(g.spaces), g.one(append(g.relations[:3:3], g.permits...))))
	}
	return strings.Join(out, " | ")
}

// expr is a rule of the i-th permission. Of its own object it asks only relations and
// earlier permissions: a circle through "&&" or "!" would never end on Keto 0.13.
func (g *worldGen) expr(i, deep int) string {
	s := g.operand(i, deep)
	for g.chance(50) {
		s += g.one([]string{" && ", " || ", " || "}) + g.operand(i, deep)
	}
	return s
}

func (g *worldGen) operand(i, deep int) string {
	not := ""
	if g.chance(20) {
		not = "!"
	}
	if deep > 0 && g.chance(30) {
		return not + "(" + g.expr(i, deep-1) + ")"
	}
	return not + g.atom(i)
}

func (g *worldGen) atom(i int) string {
	switch n := g.IntN(10); {
	case n < 4 || n < 6 && i == 0:
		return fmt.Sprintf("this.related[%q].includes(ctx.subject)", g.one(g.relations[:3]))
	case n < 6:
		return fmt.Sprintf("this.permits[%q](ctx)", g.permits[g.IntN(i)])
	case n < 8:
		return fmt.Sprintf("this.related.parents.traverse((p) => p.related[%q].includes(ctx.subject))", g.one(g.relations))
	default:
		return fmt.Sprintf("this.related.parents.traverse((p) => p.permits[%q](ctx))", g.one(g.permits))
	}
}

// name is a relation, now and then a permission, rarely one that does not exist.
func (g *worldGen) name(permits int) string {
	switch n := g.IntN(200); {
	case n == 0:
		return "typo"
	case n < permits:
		return g.one(g.permits)
	}
	return g.one(g.relations)
}

func (g *worldGen) set() tuple.Subject {
	rel := g.name(40)
	if g.chance(15) {
		rel = ""
	}
	return tuple.SubjectSet(g.one(g.spaces), g.one(g.objects), rel)
}

func (g *worldGen) tuples(n int) []tuple.Tuple {
	out := make([]tuple.Tuple, n)
	for i := range out {
		t := tuple.Tuple{Namespace: g.one(g.spaces), Object: g.one(g.objects), Relation: g.name(16), Subject: g.set()}
		if t.Relation != "parents" && g.chance(35) || g.chance(4) {
			t.Subject = tuple.SubjectID(g.one(g.users))
		}
		out[i] = t
	}
	return out
}

func (g *worldGen) question() tuple.Tuple {
	t := tuple.Tuple{Namespace: g.one(g.spaces), Object: g.one(g.objects), Relation: g.name(140), Subject: tuple.SubjectID(g.one(g.users))}
	if g.chance(10) {
		t.Subject = g.set()
	}
	return t
}
