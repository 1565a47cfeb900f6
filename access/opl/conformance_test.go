package opl_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/access/opl"
	"gatehouse/stack/stacktest"
)

// company is a source with everything that Keto's documentation shows.
const company = `import { Namespace, SubjectSet, Context } from '@ory/keto-namespace-types'

class User implements Namespace {
  related: {
    manager: User[];
  };
}

export class Group implements Namespace {
  related: {
    members: (User | SubjectSet<Group, "members">)[]
  }
}

/* folders hold folders */
class Folder implements Namespace {
  related: {
    parents: Array<Folder>
    viewers: Array<User | SubjectSet<Group, 'members'>>
  }

  permits = {
    view: (ctx: Context): boolean =>
      this.related.viewers.includes(ctx.subject) ||
      this.related.parents.traverse((p) => p.permits.view(ctx)),
  }
}

class File implements Namespace {
  related: {
    parents: (File | Folder)[],
    viewers: SubjectSet<Group, "members">[],
    'owners': User[]
    "block.list": User[]
  }

  // who may do what
  permits = {
    view: (ctx: Context): boolean =>
      (this.related.parents.traverse((p) /* any */ =>
        p.related.viewers.includes(ctx.subject),
      ) || this.permits.edit(ctx)) && !this.related["block.list"].includes(ctx.subject),

    'edit': (ctx) => this.related.owners.includes(ctx.subject),
    share: (ctx: Context) => this.permits['edit'](ctx) || this.related.parents.traverse(p => p.permits.view(ctx)),
    hide: (ctx: Context) => !(this.related.viewers.includes(ctx.subject) && this.permits.edit(ctx)),
  }
}
`

// body puts an expression where it belongs.
func body(expr string) string {
	return "class A implements Namespace { related: { a: A[] b: A[] c: A[] d: A[] } permits = { p: (ctx) => " + expr + " } }"
}

// short writes "a" for this.related.a.includes(ctx.subject) and so on.
func short(expr string) string {
	var b strings.Builder
	for _, c := range expr {
		if c >= 'a' && c <= 'd' {
			fmt.Fprintf(&b, "this.related.%c.includes(ctx.subject)", c)
		} else {
			b.WriteRune(c)
		}
	}
	return body(b.String())
}

// chain has a relation whose type is a set of a set of a set, n deep.
func chain(n int) string {
	src := "class A implements Namespace { related: { r0: A[] "
	for i := range n {
		src += fmt.Sprintf("r%d: SubjectSet<A, 'r%d'>[] ", i+1, i)
	}
	return src + fmt.Sprintf("} permits = { p: (ctx) => this.related.r%d.traverse(x => x.permits.p(ctx)) } }", n)
}

// sources are right (want is empty) or wrong, with the place and a part of the text
// of the first error. The odd cases of the language are all here.
var sources = []struct{ name, src, want string }{
	{"company", company, ""},
	{"nothing", "", ""},
	{"prose only", "export const x = y; hello (world) => { }", ""},
	{"a number before", "1", "1:1: found a number"},
	{"a number after", "class A implements Namespace {}\nconst x = 1", "2:11: found a number"},
	{"a dollar", "$", `1:1: found the character '$'`},
	{"a letter that is not ASCII", "class Ä implements Namespace {}", `1:7: found the character 'Ä'`},
	{"byte order mark", "\ufeffclass A implements Namespace {}", "1:1: found a byte order mark"},
	{"not UTF-8", "\xff", "1:1: found a byte that is not UTF-8"},
	{"single &", short("a & b"), `expected "&&"`},
	{"open comment", "/* comment", "1:1: found a comment that is not closed"},
	{"open comment that looks closed", "/*/", "1:1: found a comment that is not closed"},
	{"shortest comment", "/**/", ""},
	{"comment at the end", "// comment", ""},
	{"open string", "'", "1:1: found a string that is not closed"},
	{"string over lines", "class 'A\nB' implements Namespace {}", ""},
	{"no escapes in strings", `'\' class A implements Namespace {} '`, "found a string that is not closed"},
	{"export default", "export default class A implements Namespace {}", ""},
	{"class in prose", "the class of A", `expected "implements", found "A"`},
	{"extends", "class A extends B {}", `1:9: expected "implements", found "extends"`},
	{"metadata", "class A implements Namespace { metadata = {} }", `1:32: expected "related", "permits" or the "}" of class "A", found "metadata"`},
	{"comma between sections", "class A implements Namespace { related: {}, permits = {} }", `found ","`},
	{"semicolons", "class A implements Namespace { ; related: { ; ; } ; permits = { } ; }", ""},
	{"two related", "class A implements Namespace { related: { x: A[] } related: { y: A[] } }", ""},
	{"keyword as a name", "class A implements Namespace { related: { this: A[] } }", `expected the name of a relation or the "}" of "related", found the keyword "this"`},
	{"keyword in quotes as a name", "class A implements Namespace { related: { 'this': A[] } }", ""},
	{"no array", "class A implements Namespace { related: { x: A } }", `expected "[", found "}"`},
	{"all kinds of space", "class\tA\nimplements\vNamespace\f{\r}", ""},
	{"other kinds of space", "class A\u00a0implements Namespace {}", "1:8: found the character"},
	{"types in quotes", "class A implements Namespace { related: { x: 'A'[] y: 'SubjectSet'<A, 'x'>[] z: \"Array\"<'SubjectSet'<A, 'x'> | 'A'> } }", ""},
	{"comma after Array", "class A implements Namespace { related: { x: Array<A>, } }", `(no "," after Array<…>), found ","`},
	{"comma after []", "class A implements Namespace { related: { x: A[], y: (A)[], z: SubjectSet<A,'x'>[], } }", ""},
	{"two commas", "class A implements Namespace { related: { x: A[],, } }", `found ","`},
	{"wrong bar", "class A implements Namespace { related: { x: (A || A)[] } }", `expected "|" or ")", found "||"`},
	{"unquoted relation of a set", "class A implements Namespace { related: { x: A[] y: SubjectSet<A, x>[] } }", ""},
	{"set without a relation", "class A implements Namespace { related: { x: SubjectSet<A>[] } }", `expected ",", found ">"`},
	{"punctuation in quotes", `class A "implements" 'Namespace' "{" 'related' ":" '{' } }`, ""},
	{"end of file in a class", "class A implements Namespace {", `found the end of the file`},
	{"types may come later", "class A implements Namespace { related: { x: B[] } } class B implements Namespace {}", ""},

	{"unknown class", "class User implements Namespace { related: { x: user[] } }", `1:49: expected a declared class, found "user"; did you mean "User"?`},
	{"unknown class of a set", "class A implements Namespace { related: { x: SubjectSet<B, 'x'>[] } }", `1:57: expected a declared class, found "B"`},
	{"unknown relation of a set", "class A implements Namespace { related: { member: SubjectSet<A, 'members'>[] } }", `did you mean "member"?`},
	{"unknown own relation", body("this.related.zz.includes(ctx.subject)"), `expected a relation or permission that class "A" declares, found "zz"`},
	{"unknown permission", body("this.permits.zz(ctx)"), `found "zz"`},
	{"unknown target", "class B implements Namespace {} class A implements Namespace { related: { a: (A | B)[] } permits = { p: (ctx) => this.related.a.traverse(x => x.permits.p(ctx)) } }", `but class "B" has no "p"`},
	{"target behind sets", "class G implements Namespace { related: { m: (U | SubjectSet<G, 'm'>)[] } } class U implements Namespace { related: { x: U[] } } " +
		"class A implements Namespace { related: { a: SubjectSet<H, 'n'>[] } permits = { p: (ctx) => this.related.a.traverse(g => g.related.x.includes(ctx.subject)) } } " +
		"class H implements Namespace { related: { n: U[] } }", ""},
	{"target behind sets in a circle", "class G implements Namespace { related: { m: SubjectSet<G, 'm'>[] x: G[] } permits = { p: (ctx) => this.related.m.traverse(g => g.related.x.includes(ctx.subject)) } }",
		"more than 10 deep or in a circle"},
	{"target behind 10 sets", chain(10), ""},
	{"target behind 11 sets", chain(11), "more than 10 deep"},
	{"related and permits share their names", body("this.permits.a(ctx) && this.related.p.includes(ctx.subject)"), ""},
	{"traverse to a permission as a relation", body("this.related.a.traverse(x => x.related.p.includes(ctx.subject))"), ""},
	{"permission used before it is declared", "class A implements Namespace { permits = { p: (ctx) => this.permits.q(ctx), q: (ctx) => this.permits.p(ctx) } }", ""},

	{"no precedence", short("a || b && c"), ""},
	{"no operator", short("a b"), ""},
	{"no operator after a group", short("(a) b"), `expected "&&", "||", "," or "}", found the keyword "this"`},
	{"group after an atom", short("a (b)"), ""},
	{"group after a group", short("(a)(b) !c"), ""},
	{"trailing operator", short("a ||"), ""},
	{"two operators", short("a || && b"), ""},
	{"leading operator", short("|| a"), `found the keyword "this"`},
	{"no expression", short(""), ""},
	{"no expression but a comma", short(","), ""},
	{"open parenthesis", short("(a"), ""},
	{"closed too often", short("a)"), `expected "this", "(" or "!", found ")"`},
	{"empty group", short("()"), ""},
	{"empty negation", short("!()"), ""},
	{"double negation", short("!!a"), `expected "this", "(" or "!", found "!"`},
	{"double negation with a group", short("!(!a)"), ""},
	{"nested 9", short(strings.Repeat("(", 9) + "a" + strings.Repeat(")", 9)), ""},
	{"nested 10", short(strings.Repeat("(", 10) + "a" + strings.Repeat(")", 10)), "expected at most 10 levels"},
	{"negations nested 4", short(strings.Repeat("!(", 4) + "!a" + strings.Repeat(")", 4)), ""},
	{"negations nested 5", short(strings.Repeat("!(", 5) + "a" + strings.Repeat(")", 5)), "expected at most 10 levels"},

	{"another context", "class A implements Namespace { permits = { p: (c) => this.permits.p(c) } }", `expected "ctx", found "c"`},
	{"typed context of another type", "class A implements Namespace { permits = { p: (ctx: Ctx) => this.permits.p(ctx) } }", `expected "Context", found "Ctx"`},
	{"another result", "class A implements Namespace { permits = { p: (ctx): bool => this.permits.p(ctx) } }", `expected "boolean", found "bool"`},
	{"a block", body("{ return true }"), `expected "this", "(" or "!", found "{"`},
	{"true", body("true"), `expected "this", "(" or "!", found "true"`},
	{"some", body("this.related.a.some(x => x.related.b.includes(ctx.subject))"), `expected "includes" or "traverse", found "some"`},
	{"transitive", body("this.related.a.transitive()"), `expected "includes" or "traverse"`},
	{"nested traverse", body("this.related.a.traverse(x => x.related.b.traverse(y => y.related.c.includes(ctx.subject)))"), `expected "includes", found "traverse"`},
	{"typed parameter", body("this.related.a.traverse((x: A) => x.related.b.includes(ctx.subject))"), `expected ")", found ":"`},
	{"another parameter", body("this.related.a.traverse(x => y.related.b.includes(ctx.subject))"), `expected "x", found "y"`},
	{"any token as a parameter", body("this.related.a.traverse(; => ;.related.b.includes(ctx.subject))"), ""},
	{"commas in traverse", body("this.related.a.traverse((x) => x.related.b.includes(ctx.subject,),)"), ""},
	{"comma in includes", body("this.related.a.includes(ctx.subject,)"), `expected ")", found ","`},
	{"comma after permits in traverse", body("this.related.a.traverse((x) => x.permits.p(ctx),)"), `expected ")", found ","`},
	{"brackets", body("this.related['a'].traverse(x => x.permits[\"p\"](ctx)) || this.related[b].includes(ctx.subject)"), ""},
	{"declared keyword as a target", "class A implements Namespace { related: { a: A[] 'this': A[] } permits = { p: (ctx) => this.related.a.traverse(x => x.related.this.includes(ctx.subject)) } }", "expected a name, found the keyword"},
	{"declared keyword as an own relation", "class A implements Namespace { related: { 'this': A[] } permits = { p: (ctx) => this.related.this.includes(ctx.subject) } }", ""},
	{"keyword as a target", body("this.related.a.traverse(x => x.related.this.includes(ctx.subject))"), "expected a name, found the keyword"},
	{"other things of this", body("this.x.a.includes(ctx.subject)"), `expected "related" or "permits", found "x"`},
	{"other things of the context", body("this.related.a.includes(ctx.user)"), `expected "subject", found "user"`},
	{"permits without a call", body("this.permits.p"), `expected "(", found "}"`},
}

func TestSources(t *testing.T) {
	for _, c := range sources {
		t.Run(c.name, func(t *testing.T) {
			_, errs := opl.Parse("x.ts", c.src)
			switch {
			case c.want == "" && len(errs) > 0:
				t.Errorf("%v", errs[0])
			case c.want != "" && len(errs) == 0:
				t.Errorf("accepted, want %s", c.want)
			case c.want != "" && !strings.Contains(strings.TrimPrefix(errs[0].Error(), "x.ts:"), c.want):
				t.Errorf("got  %v\nwant %s", errs[0], c.want)
			}
		})
	}
}

// The real server agrees on each of them.
func TestSourcesOnKeto(t *testing.T) {
	o := newOracle(stacktest.Keto(t).OPLURL)
	for _, c := range sources {
		if d, err := o.differs(c.src); err != nil || d != "" {
			t.Errorf("%s: %s %v", c.name, d, err)
		}
	}
}

// show writes a rule on one line.
func show(n opl.Node) string {
	switch n := n.(type) {
	case nil:
		return "nil"
	case *opl.Rewrite:
		if n == nil {
			return "nil"
		}
		var parts []string
		for _, c := range n.Children {
			parts = append(parts, show(c))
		}
		return string(n.Op) + "(" + strings.Join(parts, " ") + ")"
	case *opl.Not:
		return "!" + show(n.Child)
	case *opl.Computed:
		return n.Relation
	case *opl.Traverse:
		return n.Relation + ">" + n.Target
	}
	return fmt.Sprintf("%T", n)
}

// The shapes decide what a check costs in depth, so they must be the server's.
func TestShapes(t *testing.T) {
	for _, c := range []struct{ expr, raw, classic, new string }{
		{"a", "or(a)", "or(a)", "or(a)"},
		{"(a)", "or(a)", "or(a)", "or(a)"},
		{"!a", "or(!a)", "or(!a)", "or(!a)"},
		{"a || b", "or(or(a) b)", "or(a b)", "or(a b)"},
		{"a && b", "and(or(a) b)", "and(or(a) b)", "and(a b)"},
		{"a || b || c", "or(or(or(a) b) c)", "or(a b c)", "or(a b c)"},
		{"a || b && c", "and(or(or(a) b) c)", "and(or(or(a) b) c)", "and(or(a b) c)"},
		{"a && b || c", "or(and(or(a) b) c)", "or(and(or(a) b) c)", "or(and(a b) c)"},
		{"a && b && c", "and(and(or(a) b) c)", "and(or(a) b c)", "and(a b c)"},
		{"(a || b || c) && !d", "and(or(or(or(a) b) c) !d)", "and(or(or(or(a) b) c) !d)", "and(or(a b c) !d)"},
		{"a || (b || c)", "or(or(a) or(or(b) c))", "or(a b c)", "or(a b c)"},
		{"a && (b && c)", "and(or(a) and(or(b) c))", "and(or(a) or(b) c)", "and(a b c)"},
		{"!(a || b || c)", "or(!or(or(or(a) b) c))", "or(!or(or(or(a) b) c))", "or(!or(a b c))"},
		{"!((a && b) && c) && d", "and(or(!and(and(or(a) b) c)) d)", "and(or(!and(and(or(a) b) c)) d)", "and(!and(a b c) d)"},
		{"a b", "or(a b)", "or(a b)", "or(a b)"},
		{"a && b c", "and(or(a) b c)", "and(or(a) b c)", "and(a b c)"},
		{"(a && b)(c)", "and(or(a) b or(c))", "and(or(a) b or(c))", "and(a b c)"},
		{"a ||", "or(or(a))", "or(a)", "or(a)"},
		{"(a || b) &&", "and(or(or(a) b))", "and(or(or(a) b))", "and(or(a b))"},
		{"(a", "or(a)", "or(a)", "or(a)"},
		{"!()", "or(!or())", "or(!or())", "or(!or())"},
		{"()", "nil", "nil", "nil"},
	} {
		m, errs := opl.Parse("", short(c.expr))
		if len(errs) > 0 {
			t.Fatalf("%s: %v", c.expr, errs[0])
		}
		r := m.Relation("A", "p")
		raw := "nil"
		if r != nil {
			raw = show(r.Rewrite)
		}
		if classic, neu := show(r.Simplified(opl.Classic)), show(r.Simplified(opl.New)); raw != c.raw || classic != c.classic || neu != c.new {
			t.Errorf("%s:\n raw %s, want %s\n classic %s, want %s\n new %s, want %s", c.expr, raw, c.raw, classic, c.classic, neu, c.new)
		}
		if r != nil && show(r.Rewrite) != c.raw {
			t.Errorf("%s: the tree as parsed was changed to %s", c.expr, show(r.Rewrite))
		}
	}
	m, _ := opl.Parse("", company)
	if got, want := show(m.Relation("File", "view").Simplified(opl.New)), "and(or(parents>viewers edit) !block.list)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What follows a permission without an expression is read as if it stood in the class.
func TestDroppedPermission(t *testing.T) {
	for _, c := range []struct{ permits, names string }{
		{"p: (ctx) => , related: { z: A[] } } related: { lost: A[] }", "a z"},
		{"p: (ctx) => } related: { lost: A[] }", "a"},
		{"p: (ctx) => || } q: (ctx) => this.permits.a(ctx)", "a"},
		{"q: (ctx) => this.permits.a(ctx), p: (ctx) => (), permits = { r: (ctx) => this.permits.q(ctx) }", ""},
	} {
		m, errs := opl.Parse("", "class A implements Namespace { related: { a: A[] } permits = { "+c.permits+" } }")
		var names []string
		if len(errs) == 0 {
			for _, r := range m.Namespace("A").Relations {
				names = append(names, r.Name)
			}
		}
		if strings.Join(names, " ") != c.names {
			t.Errorf("%s: got %v (%v), want %s", c.permits, names, errs, c.names)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []opl.Oddity
	}{
		{company, nil},
		{short("a || b || (c && d)"), nil},
		{short("a || b && c || d"), []opl.Oddity{opl.MixedOperators}},
		{short("a && (b || c && d)"), []opl.Oddity{opl.MixedOperators}},
		{short("a b"), []opl.Oddity{opl.MissingOperator}},
		{short("a && b !c"), []opl.Oddity{opl.MissingOperator}},
		{short("a ||"), []opl.Oddity{opl.TrailingOperator}},
		{short("(a &&) || b"), []opl.Oddity{opl.TrailingOperator}},
		{short("a || || b"), []opl.Oddity{opl.TrailingOperator}},
		{short("((a"), []opl.Oddity{opl.OpenParenthesis, opl.OpenParenthesis}},
		{short("!()"), []opl.Oddity{opl.EmptyGroup}},
		{short(""), []opl.Oddity{opl.DroppedPermission}},
		{short("()"), []opl.Oddity{opl.DroppedPermission}},
		{"class A implements Namespace {} class A implements Namespace {}", []opl.Oddity{opl.DuplicateNamespace}},
		{"class A implements Namespace { related: { p: A[] p: A[] } permits = { p: (ctx) => this.permits.p(ctx) } }", []opl.Oddity{opl.DuplicateRelation, opl.DuplicateRelation}},
	} {
		m, errs := opl.Parse("x.ts", c.src)
		if len(errs) > 0 {
			t.Errorf("%s: %v", c.src, errs[0])
		}
		var got []opl.Oddity
		for _, w := range m.Warnings {
			got = append(got, w.Kind)
			if w.Start.Line == 0 || w.Message == "" || !strings.HasPrefix(w.Error.Error(), "x.ts:") {
				t.Errorf("incomplete warning %+v", w)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s:\n got %v, want %v", c.src, got, c.want)
		}
	}
}

// Of two classes with one name Keto's engine uses the last, of relations the first.
func TestDuplicates(t *testing.T) {
	m, _ := opl.Parse("", "class A implements Namespace { related: { x: A[] } } class A implements Namespace { related: { y: A[] y: Array<A | A> } }")
	if m.Relation("A", "x") != nil || len(m.Relation("A", "y").Types) != 1 {
		t.Error("not as Keto's engine sees it")
	}
	if len(m.NamespaceNames()) != 1 || len(m.Namespaces) != 2 || len(m.Namespace("A").Related()) != 1 {
		t.Error("duplicates are listed wrongly")
	}
	// Types, however, are checked against the first one.
	if _, errs := opl.Parse("", "class A implements Namespace { related: { x: A[] } } class A implements Namespace { permits = { p: (ctx) => this.permits.p(ctx) } }"); len(errs) != 1 {
		t.Errorf("errors %v", errs)
	}
}
