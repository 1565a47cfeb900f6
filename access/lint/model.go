package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access"
	"gatehouse/access/opl"
)

// Model looks at the rules alone. The settings are those of the server that is to run
// them. The findings are in the order of the source.
func Model(m *opl.Model, s access.Settings) []Finding {
	if m == nil {
		return nil
	}
	l := &modelLint{reader: newReader(m, s)}
	l.oddities()
	for _, n := range m.Namespaces {
		if m.Namespace(n.Name) != n {
			continue // Keto does not use it
		}
		l.relations(n)
		for _, p := range n.Permits() {
			l.permission(n, p)
		}
	}
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		x, y := a.Rule, b.Rule
		if x == nil || y == nil {
			return 0
		}
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
	})
	return l.found
}

// Drift says where the namespaces of a server are not those of the model.
func Drift(m *opl.Model, server []string) []Finding {
	if m == nil || server == nil {
		return nil
	}
	l := &modelLint{reader: newReader(m, access.Settings{})}
	ours := m.NamespaceNames()
	for _, name := range ours {
		if !slices.Contains(server, name) {
			l.add(NotOnServer, m.Namespace(name).Pos, "", fmt.Sprintf("The server knows no namespace %q, which the model declares.", name))
		}
	}
	for _, name := range server {
		if !slices.Contains(ours, name) {
			f := newFinding(NotInModel, name, fmt.Sprintf("The server has a namespace %q, which the model does not declare.", name))
			l.found = append(l.found, f)
		}
	}
	return l.found
}

type modelLint struct {
	reader
	found []Finding
}

// newFinding has the words of its Code.
func newFinding(c Code, where, summary string) Finding {
	a, _ := Explain(c)
	return Finding{Code: c, Severity: a.Severity, Where: where, Summary: summary, Meaning: a.Meaning, Todo: a.Todo}
}

// add notes a finding about a place in the model; meaning replaces that of the Code
// where it is not empty.
func (l *modelLint) add(c Code, s opl.Span, meaning, summary string) *Finding {
	f := newFinding(c, s.String(), summary)
	f.Rule = place(l.m, s)
	if meaning != "" {
		f.Meaning = meaning
	}
	l.found = append(l.found, f)
	return &l.found[len(l.found)-1]
}

// oddities are what the parser noticed.
func (l *modelLint) oddities() {
	for _, w := range l.m.Warnings {
		f := l.add(Code(w.Kind), w.Span, "", sentence(w.Message))
		if w.Kind == opl.MixedOperators {
			f.Todo += l.readings(w.Span)
		}
	}
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// readings shows the rule in which s lies as Keto takes it.
func (l *modelLint) readings(s opl.Span) string {
	for _, n := range l.m.Namespaces {
		for _, p := range n.Relations {
			if p.Rewrite != nil && p.Span.File == s.File && p.Span.Start.Offset <= s.Start.Offset && s.Start.Offset < p.Span.End.Offset {
				return " Keto takes it as: " + Reading(p)
			}
		}
	}
	return ""
}

// Reading is a rule with all parentheses written, as Keto takes it.
func Reading(p *opl.Relation) string {
	if p == nil || p.Rewrite == nil {
		return ""
	}
	return reading(p.Simplified(opl.New), false)
}

func reading(n opl.Node, inside bool) string {
	switch c := n.(type) {
	case *opl.Rewrite:
		parts := make([]string, len(c.Children))
		for i, child := range c.Children {
			parts[i] = reading(child, len(c.Children) > 1)
		}
		sign := " || "
		if c.Op == opl.And {
			sign = " && "
		}
		text := strings.Join(parts, sign)
		if inside && len(parts) > 1 {
			return "(" + text + ")"
		}
		return text
	case *opl.Not:
		return "!" + reading(c.Child, true)
	case *opl.Computed:
		return c.Relation
	case *opl.Traverse:
		return c.Relation + " → " + c.Target
	}
	return ""
}

// relations looks at what tuples may be written on.
func (l *modelLint) relations(n *opl.Namespace) {
	used := l.used()
	for _, r := range n.Related() {
		name := n.Name + "#" + r.Name
		if !used[at{ns: n.Name, rel: r.Name}] {
			l.add(UnusedRelation, r.Pos, "", fmt.Sprintf("No rule and no type refers to %s.", name))
		}
		traversed, included := uses(n, r.Name)
		for _, t := range r.Types {
			if traversed && !included && t.Relation != "" {
				l.add(TraversedSet, t.Span, "", fmt.Sprintf("%s is traversed, and declares the set %s: Keto asks the %s itself and passes over #%s.", name, t, t.Namespace, t.Relation))
			}
		}
	}
}

// used are the relations and permissions that something refers to.
func (l *modelLint) used() map[at]bool {
	used := map[at]bool{}
	for _, n := range l.m.Namespaces {
		for _, r := range n.Relations {
			for _, t := range r.Types {
				used[at{ns: t.Namespace, rel: t.Relation}] = true
			}
			each(r.Rewrite, func(node opl.Node) {
				switch c := node.(type) {
				case *opl.Computed:
					used[at{ns: n.Name, rel: c.Relation}] = true
				case *opl.Traverse:
					used[at{ns: n.Name, rel: c.Relation}] = true
					for _, o := range l.objects(n, c.Relation, map[string]bool{}) {
						used[at{ns: o, rel: c.Target}] = true
					}
				}
			})
		}
	}
	return used
}

// uses says what the permissions of a namespace do with a relation of it.
func uses(n *opl.Namespace, relation string) (traversed, included bool) {
	for _, p := range n.Permits() {
		each(p.Rewrite, func(node opl.Node) {
			switch c := node.(type) {
			case *opl.Traverse:
				traversed = traversed || c.Relation == relation
			case *opl.Computed:
				included = included || c.Relation == relation
			}
		})
	}
	return traversed, included
}

// each calls f for every node of a rule.
func each(root *opl.Rewrite, f func(opl.Node)) {
	if root == nil {
		return
	}
	todo := []opl.Node{root}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		f(n)
		switch c := n.(type) {
		case *opl.Rewrite:
			todo = append(todo, c.Children...)
		case *opl.Not:
			todo = append(todo, c.Child)
		}
	}
}

// permission looks at one rule.
func (l *modelLint) permission(n *opl.Namespace, p *opl.Relation) {
	name := n.Name + "#" + p.Name
	if circle := l.endless(n, p); circle != nil {
		meaning := ""
		if !l.classic() {
			meaning = "Keto answers every question about it with an error: nobody can ever have it."
		}
		f := l.add(EndlessRule, p.Pos, meaning, fmt.Sprintf("%s asks itself without end: %s.", name, strings.Join(circle, " → ")))
		f.Severity = Error
		return // nothing else can be said about it
	}
	if steps := l.steps(at{ns: n.Name, rel: p.Name}, l.s.MaxDepth); steps > maxSteps {
		l.add(ExponentialRule, p.Pos, "", fmt.Sprintf("%s takes more than %d steps at a depth of %d, before a single tuple is stored.", name, maxSteps, l.s.MaxDepth))
	} else if circle := l.circle(n, p); circle != nil {
		l.add(CircularRule, p.Pos, "", fmt.Sprintf("%s comes back to itself: %s.", name, strings.Join(circle, " → ")))
	}
	l.truth(n, p)
	l.depth(n, p)
}

// maxSteps is what one question may take; Keto 26.2 was seen to drop connections a
// little above it.
const maxSteps = 20_000

// depth compares what the rule needs with the server's limit.
func (l *modelLint) depth(n *opl.Namespace, p *opl.Relation) {
	name, limit := n.Name+"#"+p.Name, l.s.MaxDepth
	ways := l.reach(n.Name, p.Name)
	targets := make([]at, 0, len(ways))
	for a := range ways {
		if r := l.m.Relation(a.ns, a.rel); r != nil && !r.IsPermission {
			targets = append(targets, a)
		}
	}
	slices.SortFunc(targets, func(a, b at) int {
		return cmp.Or(cmp.Compare(ways[a].by.Start.Offset, ways[b].by.Start.Offset), cmp.Compare(a.ns, b.ns), cmp.Compare(a.rel, b.rel))
	})
	least, leastOf := endless, at{}
	for _, a := range targets {
		w := ways[a]
		nest := l.nesting(a.ns, a.rel)
		target := a.ns + "#" + a.rel
		k := l.groups(w)
		switch {
		case w.direct > limit && a.under:
			f := l.add(BlockFailsOpen, w.by, "", fmt.Sprintf("%s never notices who is in %s: that needs a depth of %d, and the server stops at %d.", name, target, w.direct, limit))
			l.fails(f)
		case w.direct > limit:
			l.add(UnreachableRule, w.by, "", fmt.Sprintf("Nobody gets %s through %s: that needs a depth of %d, and the server stops at %d.", name, target, w.direct, limit))
		case a.under && nest > k:
			f := l.add(BlockFailsOpen, w.by, "", fmt.Sprintf("%s notices who is in %s up to %s deep, and the types let them be %s.", name, target, groupsWord(k), deeper(nest)))
			l.fails(f)
			if nest < endless || k == 0 {
				f.Severity = graver(f.Severity)
			}
		case a.under:
		case nest > 0 && k == 0, nest > k && nest < endless:
			l.add(GroupTooDeep, w.by, "", fmt.Sprintf("%s sees who is in %s up to %s deep: %s needs a depth of %d, and the server stops at %d.",
				name, target, groupsWord(k), groupsWord(min(nest, k+1)), l.grouped(w, min(nest, k+1)), limit))
		case nest == endless && k < least:
			least, leastOf = k, a
		}
	}
	if least < endless {
		text := fmt.Sprintf("%s sees who is in %s up to %s deep", name, leastOf.ns+"#"+leastOf.rel, groupsWord(least))
		if h := l.climbs(ways); h >= 0 {
			text += fmt.Sprintf(", and what people have directly up to %s away", count(h, "object"))
		}
		l.add(NestingLimit, p.Pos, "", text+", at a limit of depth of "+fmt.Sprint(limit)+".")
	}
}

// fails makes a finding about a "!" fit the engine: the newer one denies.
func (l *modelLint) fails(f *Finding) {
	if l.classic() {
		return
	}
	f.Severity = Info
	f.Meaning = "This server denies where it did not look deep enough, in strict mode with an error: people who are not blocked are refused."
}

func graver(s Severity) Severity {
	if s == Warning {
		return Error
	}
	return s
}

// climbs is how many objects away a direct grant may lie where a rule comes back to
// itself through objects; -1 where it does not.
func (l *modelLint) climbs(ways map[at]way) int {
	best := -1
	for a, w := range ways {
		for _, e := range l.edges(a.ns, l.m.Relation(a.ns, a.rel)) {
			to := e.to
			again, ok := ways[to]
			if !e.traverse || a.under || to.under || !ok || !passes(ways, a, to) {
				continue
			}
			round := w.spent + e.cost - again.spent
			for b, v := range ways {
				if r := l.m.Relation(b.ns, b.rel); round > 0 && !b.under && r != nil && !r.IsPermission && v.direct <= l.s.MaxDepth && passes(ways, b, to) {
					best = max(best, v.hops+(l.s.MaxDepth-v.direct)/round)
				}
			}
		}
	}
	return best
}

// passes reports whether the way to a goes over b.
func passes(ways map[at]way, a, b at) bool {
	for x := &a; x != nil; x = ways[*x].from {
		if *x == b {
			return true
		}
	}
	return false
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func groupsWord(k int) string {
	if k == 0 {
		return "no group"
	}
	return count(k, "group")
}

func deeper(nest int) string {
	if nest >= endless {
		return "as deep as one likes"
	}
	return groupsWord(nest) + " deep"
}
