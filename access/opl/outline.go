package opl

import (
	"strings"
)

// Outline is a line of a model as a tree, with what hangs below it.
type Outline struct {
	// Label is the name or what is asked, Note says more about it.
	Label, Note string
	// Where is its place in the source.
	Where    Span
	Children []Outline
}

// Outline is the model as a tree: each namespace with its relations and what they take,
// and its permissions with what they ask.
func (m *Model) Outline() []Outline {
	var out []Outline
	if m == nil {
		return nil
	}
	for _, n := range m.Namespaces {
		if m.Namespace(n.Name) != n {
			continue
		}
		o := Outline{Label: n.Name, Where: n.Pos}
		used := n.usedBy()
		for _, r := range n.Related() {
			note := "takes " + strings.Join(typeNames(r.Types), ", ")
			if by := used[r.Name]; len(by) > 0 {
				note += " · used by " + strings.Join(by, ", ")
			}
			o.Children = append(o.Children, Outline{Label: r.Name, Note: note, Where: r.Pos})
		}
		for _, p := range n.Permits() {
			line := Outline{Label: p.Name, Note: "permission", Where: p.Pos}
			rule := p.Simplified(New)
			if len(rule.Children) > 1 {
				line.Note += ", " + many(rule.Op)
			}
			for _, c := range rule.Children {
				line.Children = append(line.Children, m.outline(n, c))
			}
			o.Children = append(o.Children, line)
		}
		if len(o.Children) == 0 {
			o.Note = "no relations: its objects are only named as subjects"
		}
		out = append(out, o)
	}
	return out
}

func many(op Op) string {
	if op == And {
		return "all of"
	}
	return "any of"
}

// outline is a part of a rule.
func (m *Model) outline(n *Namespace, node Node) Outline {
	switch c := node.(type) {
	case *Rewrite:
		o := Outline{Label: many(c.Op), Where: c.Span}
		for _, child := range c.Children {
			o.Children = append(o.Children, m.outline(n, child))
		}
		return o
	case *Not:
		o := m.outline(n, c.Child)
		o.Label, o.Where = "not "+o.Label, c.Span
		return o
	case *Traverse:
		return Outline{Label: c.Relation + " → " + c.Target, Note: "of " + strings.Join(m.targets(n, c), ", "), Where: c.Span}
	case *Computed:
		o := Outline{Label: c.Relation, Where: c.Span}
		if r := n.byName[c.Relation]; r != nil && r.IsPermission {
			o.Note = "permission of the same object"
		}
		return o
	}
	return Outline{}
}

// usedBy names the permissions that ask each relation.
func (n *Namespace) usedBy() map[string][]string {
	out := map[string][]string{}
	for _, p := range n.Permits() {
		seen := map[string]bool{}
		walk(p.Rewrite, func(node Node, _ bool) {
			name := ""
			switch c := node.(type) {
			case *Computed:
				name = c.Relation
			case *Traverse:
				name = c.Relation
			}
			if name != "" && !seen[name] {
				seen[name] = true
				out[name] = append(out[name], p.Name)
			}
		})
	}
	return out
}
