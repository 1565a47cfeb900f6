package lint

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/opl"
)

// maxVariables bounds the truth tables: twice as many rows for each.
const maxVariables = 12

// maxFormula bounds the parts of a rule with the permissions in it put in their place.
const maxFormula = 2000

// formula is a rule over the relations that it comes to on the same object and what it
// asks of other objects; permissions of the same object are put in their place.
type formula struct {
	op       opl.Op
	variable string // of a leaf
	not      bool   // turns its only child round
	never    bool   // a permission that is being looked at already: Keto ends it by depth
	children []*formula
}

func (l *modelLint) formula(n *opl.Namespace, node opl.Node, open []string, budget *int) *formula {
	if *budget--; *budget < 0 {
		return &formula{never: true}
	}
	switch c := node.(type) {
	case *opl.Rewrite:
		f := &formula{op: c.Op}
		for _, child := range c.Children {
			f.children = append(f.children, l.formula(n, child, open, budget))
		}
		return f
	case *opl.Not:
		return &formula{not: true, children: []*formula{l.formula(n, c.Child, open, budget)}}
	case *opl.Traverse:
		return &formula{variable: c.Relation + " → " + c.Target}
	case *opl.Computed:
		r := l.m.Relation(n.Name, c.Relation)
		switch {
		case r == nil || !r.IsPermission:
			return &formula{variable: c.Relation}
		case slices.Contains(open, c.Relation) || len(open) > maxVariables:
			return &formula{never: true}
		}
		return l.formula(n, r.Rewrite, append(slices.Clone(open), c.Relation), budget)
	}
	return &formula{never: true}
}

func (f *formula) variables(seen map[string]int) {
	if f.variable != "" {
		if _, ok := seen[f.variable]; !ok {
			seen[f.variable] = len(seen)
		}
	}
	for _, c := range f.children {
		c.variables(seen)
	}
}

func (f *formula) holds(index map[string]int, row int) bool {
	switch {
	case f.never:
		return false
	case f.variable != "":
		return row>>index[f.variable]&1 == 1
	case f.not:
		return !f.children[0].holds(index, row)
	}
	for _, c := range f.children {
		if c.holds(index, row) != (f.op == opl.And) {
			return f.op != opl.And
		}
	}
	return f.op == opl.And && len(f.children) > 0
}

// truth looks for rules that hold always, without any tuple, or never.
func (l *modelLint) truth(n *opl.Namespace, p *opl.Relation) {
	index, budget := map[string]int{}, maxFormula
	f := l.formula(n, p.Rewrite, []string{p.Name}, &budget)
	f.variables(index)
	if budget < 0 {
		return // a rule of that size is looked at by nobody
	}
	name := n.Name + "#" + p.Name
	if f.holds(index, 0) {
		meaning := ""
		if names := blocks(f); len(names) > 0 {
			meaning = "This lets everybody in who is not in " + strings.Join(names, " or ") + ", strangers included."
		}
		l.add(OpenToEverybody, p.Pos, meaning, fmt.Sprintf("%s is granted where no tuple is stored at all.", name))
		return
	}
	if len(index) > maxVariables {
		return
	}
	for row := range 1 << len(index) {
		if f.holds(index, row) {
			return
		}
	}
	l.add(NeverGranted, p.Pos, "", fmt.Sprintf("%s can never be granted: its conditions exclude each other.", name))
}

// blocks are the variables below a "!".
func blocks(f *formula) []string {
	var out []string
	var visit func(f *formula, under bool)
	visit = func(f *formula, under bool) {
		if f.variable != "" && under && !slices.Contains(out, f.variable) {
			out = append(out, f.variable)
		}
		for _, c := range f.children {
			visit(c, under != f.not)
		}
	}
	visit(f, false)
	return out
}
