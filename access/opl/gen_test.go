package opl_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// gen makes sources: most nearly right, some right, some nonsense. All it does
// follows from its seed.
type gen struct {
	*rand.Rand
	classes []string
	// rels are the names of relations and permissions, shared by all classes so that
	// references often hit.
	rels []string
	// tidy keeps to what is declared, so that the source is right but for its oddities.
	tidy bool
}

func newGen(seed uint64) *gen {
	return &gen{
		Rand:    rand.New(rand.NewPCG(seed, 0x6f706c)),
		classes: []string{"User", "Group", "Doc", "Folder"},
		rels:    []string{"members", "parents", "viewers", "owners", "view", "edit", "blocked"},
	}
}

func (g *gen) one(ss ...string) string { return ss[g.IntN(len(ss))] }
func (g *gen) chance(percent int) bool { return g.IntN(100) < percent }

// source is one input; seed makes it again.
func (g *gen) source() string {
	switch n := g.IntN(100); {
	case n < 35:
		return g.model()
	case n < 70:
		return g.shake(g.model())
	case n < 75:
		return g.scratch(g.model())
	case n < 85:
		return g.soup(g.IntN(40))
	case n < 93: // a right beginning with nonsense in its middle
		return "class A implements Namespace { related: { x: A[] y: SubjectSet<A,'x'>[] } permits = { p: (ctx) => " + g.soup(g.IntN(16)) + " } }"
	default:
		return g.splice(g.model(), g.model())
	}
}

// model is a source that Keto mostly accepts.
func (g *gen) model() string {
	var b strings.Builder
	g.tidy = g.chance(75)
	if g.chance(30) {
		b.WriteString("import { Namespace, Context } from '@ory/keto-namespace-types'" + g.one("", ";") + "\n")
	}
	for i, c := range g.classes {
		if !g.tidy && g.chance(8) {
			continue
		}
		if !g.tidy && i == 0 && g.chance(60) {
			fmt.Fprintf(&b, "class %s implements Namespace {}\n", c)
			continue
		}
		b.WriteString(g.one("", "", "export ", "export default ") + "class " + g.name(c) + " implements Namespace {" + g.space())
		g.related(&b)
		g.permits(&b)
		if g.chance(4) {
			g.related(&b)
		}
		b.WriteString("}" + g.one("\n", ";\n", " "))
	}
	return b.String()
}

// name is a name, sometimes in quotes.
func (g *gen) name(n string) string {
	switch g.IntN(20) {
	case 0:
		return "'" + n + "'"
	case 1:
		return `"` + n + `"`
	default:
		return n
	}
}

func (g *gen) space() string {
	return g.one(" ", " ", " ", "\n", "\n", "", "\t", " // note\n", " /* note */ ", "\v", "\f", "\r\n", "/**/")
}

func (g *gen) related(b *strings.Builder) {
	if !g.tidy && g.chance(5) {
		return
	}
	b.WriteString(g.name("related") + ":" + g.space() + "{" + g.space())
	for _, r := range g.rels[:4] {
		if !g.tidy && g.chance(12) {
			continue
		}
		typ := g.typ()
		if g.tidy && r == "parents" { // is traversed: sets that lead in a circle are not right there
			typ = g.one(g.classes...) + "[]"
		}
		fmt.Fprintf(b, "%s:%s%s%s", g.name(r), g.space(), typ, g.one("\n", ";", " ", "\n"))
	}
	b.WriteString("}" + g.one("\n", ";\n", " "))
}

func (g *gen) typ() string {
	switch g.IntN(6) {
	case 0:
		return "Array<" + g.union() + ">"
	case 1, 2:
		return "(" + g.union() + ")[]" + g.one("", ",")
	case 3:
		return g.set() + "[]" + g.one("", ",")
	default:
		return g.class() + "[]" + g.one("", ",", "")
	}
}

func (g *gen) class() string {
	if !g.tidy && g.chance(2) {
		return g.one("Nobody", "class", "related", "''", ";")
	}
	return g.name(g.one(g.classes...))
}

func (g *gen) set() string {
	return g.one("SubjectSet", "SubjectSet", "SubjectSet", "'SubjectSet'") + "<" + g.class() + "," + g.space() + g.one(`"members"`, "'members'", "members", `"viewers"`, g.one(g.rels...)) + ">"
}

func (g *gen) union() string {
	s := g.member()
	for g.chance(40) {
		s += " | " + g.member()
	}
	return s
}

func (g *gen) member() string {
	if g.chance(40) {
		return g.set()
	}
	return g.class()
}

func (g *gen) permits(b *strings.Builder) {
	if !g.tidy && g.chance(15) {
		return
	}
	b.WriteString("permits = {" + g.space())
	permits := g.rels[4:]
	for i, r := range permits {
		if !g.tidy && g.chance(25) {
			continue
		}
		end := g.one(",\n", ",")
		if g.chance(5) || i == len(permits)-1 {
			end = g.one(",\n", "\n")
		}
		fmt.Fprintf(b, "%s:%s(ctx%s)%s =>%s%s%s", g.name(r), g.space(), g.one("", ": Context"), g.one("", ": boolean"), g.space(),
			g.expr(g.IntN(4)), end)
	}
	b.WriteString("}" + g.one("\n", ";\n", " "))
}

func (g *gen) expr(depth int) string {
	s := g.operand(depth)
	for g.chance(45) {
		op := g.one(" && ", " || ", "||", "&&")
		if !g.tidy && g.chance(3) {
			op = g.one(" ", " && || ", "", " , ")
		}
		s += op + g.operand(depth)
	}
	if !g.tidy && g.chance(2) {
		s += g.one(" ||", " &&", ",", " ||,")
	}
	return s
}

func (g *gen) operand(depth int) string {
	not := ""
	if g.chance(20) {
		not = "!"
	}
	if depth > 0 && g.chance(40) {
		n := 1
		if !g.tidy && g.chance(5) {
			n = g.IntN(12)
		}
		return not + strings.Repeat("(", n) + g.expr(depth-1) + strings.Repeat(")", n)
	}
	if !g.tidy && g.chance(2) {
		return not + g.one("", "()", "!", "ctx", "true")
	}
	return not + g.atom()
}

func (g *gen) prop() string {
	r := g.one(g.rels...)
	switch g.IntN(6) {
	case 0:
		return "['" + r + "']"
	case 1:
		return g.one("["+r+"]", ".'"+r+"'", "."+r)
	default:
		return "." + r
	}
}

func (g *gen) atom() string {
	switch g.IntN(5) {
	case 0, 1:
		return "this.related" + g.prop() + ".includes(ctx.subject)"
	case 2:
		return "this.permits" + g.prop() + "(ctx)"
	default:
		v := g.one("p", "p", "p", "parent", "this", "'p'", "=>", "{")
		arg := g.one(v, "("+v+")")
		tail := "related" + g.prop() + ".includes(ctx.subject" + g.one("", "", ",") + ")" + g.one("", "", ",")
		if g.chance(50) {
			tail = "permits" + g.prop() + "(ctx)"
		}
		return "this.related." + g.traversed() + ".traverse(" + arg + g.space() + "=> " + v + "." + tail + ")"
	}
}

func (g *gen) traversed() string {
	if g.tidy {
		return "parents"
	}
	return g.one("parents", "parents", "viewers", "owners")
}

// words are what token soups are made of.
var words = strings.Fields(`class implements Namespace this ctx related permits subject includes traverse Array SubjectSet Context boolean
	=> || && ! = : . , ; | ( ) { } [ ] < > ( ) { } A x y p 'x' "y" '' 'related' 'this' ':' '}' ',' "includes" _a1 Z9 this.related.x.includes(ctx.subject)
	this.permits.p(ctx) this.related.x.traverse(p=>p.related.x.includes(ctx.subject)) !this.permits.p(ctx) !() () // /* */ /*/ # $ 1 a1 é \ & 'open "open ` + "`")

func (g *gen) soup(n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(words[g.skewed(len(words))] + g.one(" ", "", "\n", " "))
	}
	return b.String()
}

// skewed prefers what stands early in a list: later words are mostly fatal.
func (g *gen) skewed(n int) int { return min(g.IntN(n), g.IntN(n)) }

// pieces cuts a source into words, strings and signs, white space included.
func pieces(s string) []string {
	var out []string
	kind := func(c byte) int {
		switch {
		case c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9':
			return 1
		case strings.IndexByte(" \t\r\n", c) >= 0:
			return 2
		case strings.IndexByte("&|=>/*", c) >= 0:
			return 3
		}
		return 0
	}
	for at := 0; at < len(s); {
		to := at + 1
		for k := kind(s[at]); k != 0 && to < len(s) && kind(s[to]) == k; {
			to++
		}
		out = append(out, s[at:to])
		at = to
	}
	return out
}

// shake changes a few words of a source.
func (g *gen) shake(s string) string {
	ps := pieces(s)
	for range 1 + g.skewed(4) {
		if len(ps) == 0 {
			break
		}
		i, j := g.IntN(len(ps)), g.IntN(len(ps))
		switch g.IntN(6) {
		case 0:
			ps = append(ps[:i:i], ps[i+1:]...)
		case 1:
			ps[i], ps[j] = ps[j], ps[i]
		case 2:
			ps[i] = words[g.skewed(len(words))]
		case 3:
			ps = append(ps[:i:i], append([]string{words[g.skewed(len(words))]}, ps[i:]...)...)
		case 4:
			ps = append(ps[:i:i], append([]string{ps[j]}, ps[i:]...)...)
		case 5:
			ps = ps[:max(i, len(ps)-g.IntN(20))]
		}
	}
	return strings.Join(ps, "")
}

// scratch changes a few bytes.
func (g *gen) scratch(s string) string {
	b := []byte(s)
	for range 1 + g.IntN(3) {
		if len(b) == 0 {
			break
		}
		i := g.IntN(len(b))
		switch g.IntN(3) {
		case 0:
			b[i] = byte(g.IntN(256))
		case 1:
			b = append(b[:i:i], b[i+1:]...)
		case 2:
			b = append(b[:i:i], append([]byte{g.one("{}()<>[]|&!=.,:;'\"/* \nclasthip")[0]}, b[i:]...)...)
		}
	}
	return string(b)
}

func (g *gen) splice(a, b string) string {
	pa, pb := pieces(a), pieces(b)
	return strings.Join(pa[:g.IntN(len(pa)+1)], "") + strings.Join(pb[g.IntN(len(pb)+1):], "")
}
