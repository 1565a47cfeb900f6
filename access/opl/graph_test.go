package opl_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/access/opl"
)

const graphModel = `class User implements Namespace {}
class Folder implements Namespace {
  related: { parents: Folder[], viewers: (User | SubjectSet<Folder, "viewers">)[] }
  permits = { view: (ctx) => this.related.viewers.includes(ctx.subject) || this.related.parents.traverse((f) => f.permits.view(ctx)) }
}
class Doc implements Namespace {
  related: { "in \"<b>": Folder[]
    parents: Folder[]
    blocked: User[] }
  permits = { view: (ctx) => !this.related.blocked.includes(ctx.subject) && this.permits.open(ctx),
    open: (ctx) => this.related.parents.traverse((f) => f.permits.view(ctx)) }
}`

func TestGraph(t *testing.T) {
	m, errs := opl.Parse("a.ts", strings.Replace(graphModel, `"in \"<b>"`, `'in "<b>'`, 1))
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	g := m.Graph()
	for _, e := range []opl.GraphEdge{
		{From: "Folder#viewers", To: "User", Kind: opl.EdgeTakes},
		{From: "Folder#viewers", To: "Folder#viewers", Kind: opl.EdgeTakes},
		{From: "Folder#view", To: "Folder#viewers", Kind: opl.EdgeIncludes},
		{From: "Folder#view", To: "Folder#view", Kind: opl.EdgeTraverses, Via: "parents"},
		{From: "Doc#view", To: "Doc#blocked", Kind: opl.EdgeIncludes, Not: true, All: true},
		{From: "Doc#view", To: "Doc#open", Kind: opl.EdgeAsks, All: true},
	} {
		if !slices.Contains(g.Edges, e) {
			t.Errorf("%+v is missing in %+v", e, g.Edges)
		}
	}
	if len(g.Nodes) != 11 || g.Nodes[1].ID != "Folder" || g.Nodes[1].Line != 2 {
		t.Errorf("%+v", g.Nodes)
	}
	dot, mermaid := g.DOT(), g.Mermaid()
	for _, want := range []string{`"Doc#view" -> "Doc#blocked" [style=solid, label="not", arrowhead=tee];`, `label="in \"<b>"`, `label="through parents"`} {
		if !strings.Contains(dot, want) {
			t.Errorf("%s is not in\n%s", want, dot)
		}
	}
	for _, want := range []string{"flowchart LR\n", `["in #quot;#lt;b#gt;"]`, `--x|"not"|`, `|"through parents"|`} {
		if !strings.Contains(mermaid, want) {
			t.Errorf("%s is not in\n%s", want, mermaid)
		}
	}
	var none *opl.Model
	if g := none.Graph(); len(g.Nodes) != 0 || none.Outline() != nil {
		t.Error("nothing has a graph")
	}
}

func TestOutline(t *testing.T) {
	var b strings.Builder
	var draw func(o opl.Outline, indent string)
	draw = func(o opl.Outline, indent string) {
		b.WriteString(indent + strings.TrimSpace(o.Label+"  "+o.Note) + "\n")
		for _, c := range o.Children {
			draw(c, indent+"  ")
		}
	}
	m, errs := opl.Parse("a.ts", strings.Replace(graphModel, `"in \"<b>": Folder[]`, "", 1))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, o := range m.Outline() {
		draw(o, "")
	}
	want := `User  no relations: its objects are only named as subjects
Folder
  parents  takes Folder · used by view
  viewers  takes User, Folder#viewers · used by view
  view  permission, any of
    viewers
    parents → view  of Folder#view
Doc
  parents  takes Folder · used by open
  blocked  takes User · used by view
  view  permission, all of
    not blocked
    open  permission of the same object
  open  permission
    parents → view  of Folder#view
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}
