package opl

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// GraphNode is a namespace, a relation or a permission.
type GraphNode struct {
	// ID is the name: Namespace, or Namespace#relation.
	ID        string   `json:"id"`
	Kind      NodeKind `json:"kind" jsonschema:"enum=namespace,enum=relation,enum=permission"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Line      int      `json:"line"`
	File      string   `json:"file"`
}

// NodeKind says what a GraphNode is.
type NodeKind string

// The kinds of GraphNode.
const (
	NodeNamespace  NodeKind = "namespace"
	NodeRelation   NodeKind = "relation"
	NodePermission NodeKind = "permission"
)

// GraphEdge leads from a relation to the types that it takes, or from a permission to
// what it asks.
type GraphEdge struct {
	From string   `json:"from"`
	To   string   `json:"to"`
	Kind EdgeKind `json:"kind" jsonschema:"enum=takes,enum=includes,enum=asks,enum=traverses"`
	// Via is the relation that is traversed.
	Via string `json:"via,omitempty"`
	// Not says that it stands under an odd number of "!".
	Not bool `json:"not,omitempty"`
	// All says that it is needed together with others.
	All bool `json:"all,omitempty"`
}

// EdgeKind says what a GraphEdge is.
type EdgeKind string

// The kinds of GraphEdge.
const (
	EdgeTakes     EdgeKind = "takes"     // a relation takes subjects of this type
	EdgeIncludes  EdgeKind = "includes"  // a permission asks a relation of the same object
	EdgeAsks      EdgeKind = "asks"      // a permission asks a permission of the same object
	EdgeTraverses EdgeKind = "traverses" // a permission asks the objects of a relation
)

// Graph is a model as what leads to what, without what Keto does not use.
type Graph struct {
	Nodes []GraphNode `json:"nodes"`
	Edges []GraphEdge `json:"edges"`
}

// Graph draws the model. Everything is in the order of the source.
func (m *Model) Graph() Graph {
	var g Graph
	if m == nil {
		return g
	}
	for _, n := range m.Namespaces {
		if m.Namespace(n.Name) != n {
			continue
		}
		g.Nodes = append(g.Nodes, GraphNode{n.Name, NodeNamespace, n.Name, n.Name, n.Pos.Start.Line, n.Pos.File})
		for _, r := range append(n.Related(), n.Permits()...) {
			kind := NodeRelation
			if r.IsPermission {
				kind = NodePermission
			}
			g.Nodes = append(g.Nodes, GraphNode{n.Name + "#" + r.Name, kind, n.Name, r.Name, r.Pos.Start.Line, r.Pos.File})
			g.edges(m, n, r)
		}
	}
	return g
}

// edges adds those of a relation or permission, each once.
func (g *Graph) edges(m *Model, n *Namespace, r *Relation) {
	from := n.Name + "#" + r.Name
	add := func(e GraphEdge) {
		if !slices.Contains(g.Edges, e) {
			g.Edges = append(g.Edges, e)
		}
	}
	for _, t := range r.Types {
		add(GraphEdge{From: from, To: t.String(), Kind: EdgeTakes})
	}
	if r.Rewrite == nil {
		return
	}
	var visit func(node Node, not, all bool)
	visit = func(node Node, not, all bool) {
		switch c := node.(type) {
		case *Rewrite:
			for _, child := range c.Children {
				visit(child, not, all || c.Op == And && len(c.Children) > 1)
			}
		case *Not:
			visit(c.Child, !not, all)
		case *Computed:
			e := GraphEdge{From: from, To: n.Name + "#" + c.Relation, Kind: EdgeIncludes, Not: not, All: all}
			if t := n.byName[c.Relation]; t != nil && t.IsPermission {
				e.Kind = EdgeAsks
			}
			add(e)
		case *Traverse:
			for _, target := range m.targets(n, c) {
				add(GraphEdge{From: from, To: target, Kind: EdgeTraverses, Via: c.Relation, Not: not, All: all})
			}
		}
	}
	visit(r.Simplified(New), false, false)
}

// targets are what a traverse asks, for each type that its relation declares.
func (m *Model) targets(n *Namespace, c *Traverse) []string {
	var out []string
	r := n.byName[c.Relation]
	if r == nil {
		return nil
	}
	for _, t := range r.Types {
		if to := t.Namespace + "#" + c.Target; !slices.Contains(out, to) {
			out = append(out, to)
		}
	}
	return out
}

// label is what an edge says.
func (e GraphEdge) label() string {
	text := ""
	switch e.Kind {
	case EdgeTraverses:
		text = "through " + e.Via
	case EdgeTakes:
		return ""
	}
	if e.Not {
		text = strings.TrimSpace("not " + text)
	} else if e.All {
		text = strings.TrimSpace("and " + text)
	}
	return text
}

// DOT is the graph for Graphviz.
func (g Graph) DOT() string {
	var b strings.Builder
	b.WriteString("digraph opl {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n")
	g.clusters(func(ns GraphNode, members []GraphNode) {
		fmt.Fprintf(&b, "  subgraph %s {\n    label=%s;\n    %s [shape=box3d, label=%s];\n", quoteDOT("cluster_"+ns.Name), quoteDOT(ns.Name), quoteDOT(ns.ID), quoteDOT(ns.Name))
		for _, n := range members {
			shape := "box"
			if n.Kind == NodePermission {
				shape = "ellipse"
			}
			fmt.Fprintf(&b, "    %s [shape=%s, label=%s];\n", quoteDOT(n.ID), shape, quoteDOT(n.Name))
		}
		b.WriteString("  }\n")
	})
	for _, e := range g.Edges {
		style := "solid"
		if e.Kind == EdgeTakes {
			style = "dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [style=%s", quoteDOT(e.From), quoteDOT(e.To), style)
		if l := e.label(); l != "" {
			fmt.Fprintf(&b, ", label=%s", quoteDOT(l))
		}
		if e.Not {
			b.WriteString(", arrowhead=tee")
		}
		b.WriteString("];\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// clusters calls f for each namespace with what it holds.
func (g Graph) clusters(f func(GraphNode, []GraphNode)) {
	for i, n := range g.Nodes {
		if n.Kind != NodeNamespace {
			continue
		}
		end := i + 1
		for end < len(g.Nodes) && g.Nodes[end].Kind != NodeNamespace {
			end++
		}
		f(n, g.Nodes[i+1:end])
	}
}

// quoteDOT is a string of the DOT language, which knows \" and \\ only.
func quoteDOT(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(s)) + `"`
}

// oneLine puts a space in the place of what a terminal or a parser could obey.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
}

// Mermaid is the graph as a flowchart for Mermaid, as Markdown viewers draw it.
func (g Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	ids := map[string]string{}
	for i, n := range g.Nodes {
		ids[n.ID] = fmt.Sprintf("n%d", i)
	}
	g.clusters(func(ns GraphNode, members []GraphNode) {
		fmt.Fprintf(&b, "  subgraph c%s[%s]\n    %s[[%s]]\n", ids[ns.ID], quoteMermaid(ns.Name), ids[ns.ID], quoteMermaid(ns.Name))
		for _, n := range members {
			form := "    %s[%s]\n"
			if n.Kind == NodePermission {
				form = "    %s([%s])\n"
			}
			fmt.Fprintf(&b, form, ids[n.ID], quoteMermaid(n.Name))
		}
		b.WriteString("  end\n")
	})
	for _, e := range g.Edges {
		arrow := "-->"
		switch {
		case e.Kind == EdgeTakes:
			arrow = "-.->"
		case e.Not:
			arrow = "--x"
		}
		label := ""
		if l := e.label(); l != "" {
			label = "|" + quoteMermaid(l) + "|"
		}
		fmt.Fprintf(&b, "  %s %s%s %s\n", ids[e.From], arrow, label, ids[e.To])
	}
	return b.String()
}

// quoteMermaid is a label; Mermaid knows entities and no escapes.
func quoteMermaid(s string) string {
	return `"` + strings.NewReplacer("&", "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "#", "#35;").Replace(oneLine(s)) + `"`
}
