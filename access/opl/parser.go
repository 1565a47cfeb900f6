package opl

import "fmt"

// MaxSource is the largest source that Parse takes, in bytes. Keto itself has no
// limit; the largest real models are some tens of kilobytes.
const MaxSource = 1 << 20

// Parse reads one source; name is the file that places refer to. Without errors
// Keto accepts the source, with one it refuses it.
//
// There is one syntax error at most, as after it nothing can be relied on, and
// then no type errors. The Model is never nil; after an error it holds what had
// been read and is good for completion and display only.
func Parse(name, src string) (*Model, []*Error) {
	m := &Model{Sources: map[string]string{name: src}}
	p := &parser{file: name, m: m, lex: lexer{src: src, at: Pos{Line: 1, Column: 1}}}
	if len(src) > MaxSource {
		p.fail(token{start: p.lex.at, end: p.lex.at}, fmt.Sprintf("the source is larger than %d bytes", MaxSource))
	}
	p.parseFile()
	m.index()
	if len(p.errs) == 0 {
		p.checkTypes()
	}
	return m, p.errs
}

// parser reads tokens with one token of look-ahead. After fail it is dead: every
// step returns false and nothing more is read.
type parser struct {
	file   string
	m      *Model
	lex    lexer
	ahead  token
	peeked bool
	last   token // the token read last
	dead   bool
	errs   []*Error
	checks []check
	ns     *Namespace // the class being read
}

func (p *parser) next() token {
	if p.peeked {
		p.peeked = false
		p.last = p.ahead
	} else {
		p.last = p.lex.next()
	}
	return p.last
}

func (p *parser) peek() token {
	if !p.peeked {
		p.ahead, p.peeked = p.lex.next(), true
	}
	return p.ahead
}

// span goes from a token to the token read last.
func (p *parser) span(from token) Span {
	end := p.last.end
	if end.Offset < from.end.Offset {
		end = from.end
	}
	return Span{p.file, from.start, end}
}

func (p *parser) at(t token) Span { return Span{p.file, t.start, t.end} }

// fail ends the parsing with an error at t; only the first counts.
func (p *parser) fail(t token, message string) bool {
	if !p.dead {
		p.dead = true
		p.errs = append(p.errs, &Error{p.at(t), message})
	}
	return false
}

// wrong fails because t is not what was expected.
func (p *parser) wrong(t token, want string) bool {
	if t.kind == tokError {
		return p.fail(t, "found "+t.text)
	}
	return p.fail(t, "expected "+want+", found "+t.describe())
}

// expect reads tokens with these texts, whatever their kind: to Keto the string
// "Namespace" is as good as the word.
func (p *parser) expect(texts ...string) bool {
	for _, want := range texts {
		if p.dead {
			return false
		}
		if t := p.next(); t.text != want || t.kind == tokError || t.kind == tokEOF {
			return p.wrong(t, quoted(want))
		}
	}
	return !p.dead
}

// optional reads tokens with these texts if the first is there.
func (p *parser) optional(texts ...string) bool {
	if p.dead {
		return false
	}
	if t := p.peek(); t.text != texts[0] || t.kind == tokError || t.kind == tokEOF {
		return true
	}
	return p.expect(texts...)
}

// any reads a token of any kind, which Keto takes for a name in many places. Only
// the end of the source and what is no token at all are refused here; Keto stumbles
// over those a token later.
func (p *parser) any(want string) (token, bool) {
	if p.dead {
		return token{}, false
	}
	t := p.next()
	if t.kind == tokError || t.kind == tokEOF {
		return t, p.wrong(t, want)
	}
	return t, true
}

// parseFile looks for classes and passes over everything else, such as imports.
func (p *parser) parseFile() {
	for !p.dead {
		switch t := p.next(); {
		case t.kind == tokEOF:
			return
		case t.kind == tokError:
			p.wrong(t, "")
		case t.kind == tokKeyword && t.text == "class":
			p.parseClass(t)
		}
	}
}

// parseClass reads what follows the word "class".
func (p *parser) parseClass(class token) {
	name := p.next()
	if !name.name() {
		p.wrong(name, "the name of a class")
		return
	}
	p.ns = &Namespace{Name: name.text, Pos: p.at(name), Span: p.at(class)}
	p.m.Namespaces = append(p.m.Namespaces, p.ns)
	if !p.expect("implements", "Namespace", "{") {
		return
	}
	for !p.dead {
		t := p.next()
		switch {
		case t.sign("}"):
			p.ns.Span = p.span(class)
			return
		case t.sign(";"):
		case t.kind == tokError:
			p.wrong(t, "")
		case t.text == "related":
			p.parseRelated()
		case t.text == "permits":
			p.parsePermits()
		default:
			p.wrong(t, `"related", "permits" or the "}" of class `+quoted(p.ns.Name))
		}
		p.ns.Span = p.span(class)
	}
}

func (p *parser) parseRelated() {
	if !p.expect(":", "{") {
		return
	}
	for !p.dead {
		t := p.next()
		switch {
		case t.sign("}"):
			return
		case t.sign(";"):
		case t.name():
			p.parseRelation(t)
		default:
			p.wrong(t, `the name of a relation or the "}" of "related"`+hintComma(t))
		}
	}
}

func hintComma(t token) string {
	if t.sign(",") {
		return ` (no "," after Array<…>)`
	}
	return ""
}

func (p *parser) parseRelation(name token) {
	r := &Relation{Name: name.text, Pos: p.at(name), Span: p.at(name)}
	// It is there already while its types are read, for completion in a broken source.
	p.ns.Relations = append(p.ns.Relations, r)
	defer func() { r.Span = p.span(name) }()
	if !p.expect(":") {
		return
	}
	t, ok := p.any("a type such as User[]")
	switch {
	case !ok:
		return
	case t.text == "Array":
		if p.expect("<") {
			p.parseUnion(r, ">")
		}
		return
	case t.text == "SubjectSet":
		p.parseSet(r, t)
	case t.sign("("):
		p.parseUnion(r, ")")
	default:
		r.Types = append(r.Types, Type{Namespace: t.text, Span: p.at(t)})
		p.check(check{kind: namespaceExists, ns: t})
	}
	if p.expect("[", "]") {
		p.optional(",")
	}
}

// parseUnion reads types up to the closing sign.
func (p *parser) parseUnion(r *Relation, closing string) {
	for {
		t, ok := p.any("the name of a type")
		if !ok {
			return
		}
		if t.text == "SubjectSet" {
			p.parseSet(r, t)
		} else {
			r.Types = append(r.Types, Type{Namespace: t.text, Span: p.at(t)})
			p.check(check{kind: namespaceExists, ns: t})
		}
		if p.dead {
			return
		}
		switch end := p.next(); {
		case end.sign(closing):
			return
		case !end.sign("|"):
			p.wrong(end, `"|" or `+quoted(closing))
			return
		}
	}
}

// parseSet reads what follows the word "SubjectSet".
func (p *parser) parseSet(r *Relation, start token) {
	if !p.expect("<") {
		return
	}
	ns, ok := p.any("the name of a class")
	if !ok || !p.expect(",") {
		return
	}
	rel, ok := p.any("the name of a relation, in quotes")
	if !ok || !p.expect(">") {
		return
	}
	r.Types = append(r.Types, Type{ns.text, rel.text, p.span(start)})
	p.check(check{kind: relationExists, ns: ns, rel: rel})
}

func (p *parser) parsePermits() {
	if !p.expect("=", "{") {
		return
	}
	for !p.dead {
		t := p.next()
		switch {
		case t.sign("}"):
			return
		case t.name():
			if !p.parsePermission(t) {
				return
			}
		default:
			p.wrong(t, `the name of a permission or the "}" of "permits"`)
		}
	}
}

// parsePermission reports whether "permits" goes on after it. A permission without
// an expression is not stored and ends "permits" on the spot, for Keto as for us:
// what follows is read as if it stood in the class.
func (p *parser) parsePermission(name token) bool {
	if !p.expect(":", "(", "ctx") || !p.optional(":", "Context") || !p.expect(")") ||
		!p.optional(":", "boolean") || !p.expect("=>") {
		return false
	}
	rule := p.expression(",", maxNesting)
	switch {
	case p.dead:
		return false
	case rule == nil:
		p.m.warn(DroppedPermission, p.at(name), fmt.Sprintf("permission %q has no expression: Keto drops it, ends \"permits\" here and may lose what follows", name.text))
		return false
	}
	p.ns.Relations = append(p.ns.Relations, &Relation{Name: name.text, Pos: p.at(name), IsPermission: true, Rewrite: rule,
		Span: Span{p.file, name.start, rule.Span.End}})
	return true
}
