package opl

import "fmt"

// maxNesting is how deep "(" and "!" may be nested in one permission: a "(" costs
// one, a "!" one, and "!(" two.
// Source: internal/schema/limits.go of ory/keto v0.13.0.
const maxNesting = 10

// level is the state of one level of parentheses.
type level struct {
	p    *parser
	root *Rewrite
	// expect says that an atom may come next. Keto clears it after a group or a
	// negation only, which is why two atoms may stand side by side.
	expect bool
	// joined says that an operator stands before what comes next, for the warnings.
	joined  bool
	op      token // the operator read last
	seen    Op    // the operator of this level
	warnedM bool  // mixed operators
}

// expression reads up to the sign that ends this level, which it consumes, or up to
// a "}", which it leaves alone. It is nil when there was nothing: that is no error
// to Keto.
func (p *parser) expression(end string, depth int) *Rewrite {
	if depth <= 0 {
		p.fail(p.peek(), fmt.Sprintf("the expression is nested too deeply; expected at most %d levels of ( and !", maxNesting))
		return nil
	}
	l := level{p: p, expect: true, joined: true}
	for !p.dead {
		t := p.peek()
		switch {
		case t.sign("("):
			p.next()
			g := p.expression(")", depth-1)
			if g == nil {
				return nil
			}
			g.Span = p.span(t)
			l.add(g, false)
		case t.sign(end):
			p.next()
			return l.finish(t)
		case t.sign("}"):
			if end == ")" {
				p.m.warn(OpenParenthesis, p.at(t), `expected ")" before this "}"; Keto takes it as closed`)
			}
			return l.finish(t)
		case t.sign("&&"), t.sign("||"):
			p.next()
			if !l.operator(t) {
				return nil
			}
		case t.sign("!"):
			p.next()
			n := p.negation(t, depth-1)
			if n == nil {
				return nil
			}
			l.add(n, false)
		case !l.expect:
			p.wrong(t, `"&&", "||", `+quoted(end)+` or "}"`)
		default:
			a := p.atom()
			if a == nil {
				return nil
			}
			l.add(a, true)
		}
	}
	return nil
}

// add puts an operand at the end of the level. expect is what Keto expects after it.
func (l *level) add(n Node, expect bool) {
	if !l.joined {
		l.p.m.warn(MissingOperator, n.Where(), `expected "&&" or "||" before this; Keto takes `+string(l.current()))
	}
	l.expect, l.joined = expect, false
	if l.root == nil {
		if g, ok := n.(*Rewrite); ok {
			l.root = g // a leading group is the level
			return
		}
		l.root = &Rewrite{Op: Or, Span: n.Where()}
	}
	l.root.Children = append(l.root.Children, n)
	l.root.Span.End = n.Where().End
}

func (l *level) current() Op {
	if l.root == nil {
		return Or
	}
	return l.root.Op
}

// operator wraps all that came before: operators bind from left to right. Without
// anything before, Keto gives the whole expression up, silently.
func (l *level) operator(t token) bool {
	if l.root == nil {
		return false
	}
	op := Or
	if t.text == "&&" {
		op = And
	}
	if l.seen != "" && l.seen != op && !l.warnedM {
		l.warnedM = true
		l.p.m.warn(MixedOperators, l.p.at(t), "&& and || without parentheses: Keto goes from left to right, TypeScript would take && first")
	}
	if l.joined {
		l.p.m.warn(TrailingOperator, l.p.at(l.op), "expected an operand after "+quoted(l.op.text)+"; Keto goes on as if it were not there")
	}
	l.seen = op
	l.op, l.joined, l.expect = t, true, true
	l.root = &Rewrite{Op: op, Children: []Node{l.root}, Span: l.root.Span}
	return true
}

func (l *level) finish(end token) *Rewrite {
	if l.joined && l.op.text != "" {
		l.p.m.warn(TrailingOperator, l.p.at(l.op), "expected an operand after "+quoted(l.op.text)+", found "+end.describe())
	}
	return l.root
}

// negation reads what follows a "!".
func (p *parser) negation(bang token, depth int) Node {
	if depth <= 0 {
		p.fail(p.peek(), fmt.Sprintf("the expression is nested too deeply; expected at most %d levels of ( and !", maxNesting))
		return nil
	}
	if t := p.peek(); t.sign("(") {
		p.next()
		g := p.expression(")", depth-1)
		if p.dead {
			return nil
		}
		if g == nil { // Keto stores the negation of nothing here
			g = &Rewrite{Op: Or}
			p.m.warn(EmptyGroup, p.span(bang), `expected an expression in "!( )"; Keto accepts this and breaks when it evaluates it`)
		}
		g.Span = p.span(t)
		return &Not{Child: g, Span: p.span(bang)}
	}
	a := p.atom()
	if a == nil {
		return nil
	}
	return &Not{Child: a, Span: p.span(bang)}
}

// atom reads this.related… or this.permits…; it is nil after an error only.
func (p *parser) atom() Node {
	start := p.peek()
	if start.kind == tokError || start.kind == tokEOF || start.text != "this" {
		p.wrong(start, `"this", "(" or "!"`)
		return nil
	}
	if !p.expect("this", ".") {
		return nil
	}
	verb, ok := p.any(`"related" or "permits"`)
	if !ok {
		return nil
	}
	name, ok := p.property()
	if !ok {
		return nil
	}
	switch verb.text {
	case "permits":
		if !p.expect("(", "ctx", ")") {
			return nil
		}
		p.check(check{kind: ownRelation, rel: name})
		return &Computed{name.text, true, p.span(start)}
	case "related":
		return p.related(start, name)
	}
	p.wrong(verb, `"related" or "permits"`)
	return nil
}

// property reads ".name" or "[name]"; Keto takes any token for the name.
func (p *parser) property() (token, bool) {
	open := !p.dead && p.peek().sign("[")
	if open {
		p.next()
	} else if !p.expect(".") {
		return token{}, false
	}
	name, ok := p.any("a name")
	if open {
		ok = ok && p.expect("]")
	}
	return name, ok
}

// related reads what follows this.related.name.
func (p *parser) related(start, name token) Node {
	if !p.expect(".") {
		return nil
	}
	switch t := p.next(); t.text {
	case "includes":
		if !p.expect("(", "ctx", ".", "subject", ")") {
			return nil
		}
		p.check(check{kind: ownRelation, rel: name})
		return &Computed{name.text, false, p.span(start)}
	case "traverse":
		return p.traverse(start, name)
	default:
		p.wrong(t, `"includes" or "traverse"`)
		return nil
	}
}

// traverse reads what follows this.related.name.traverse.
func (p *parser) traverse(start, name token) Node {
	if !p.expect("(") {
		return nil
	}
	bracket := p.peek().sign("(")
	if bracket {
		p.next()
	}
	arg, ok := p.any("the name of a parameter")
	if !ok || bracket && !p.expect(")") || !p.expect("=>", arg.text, ".") {
		return nil
	}
	verb, ok := p.any(`"related" or "permits"`)
	if !ok {
		return nil
	}
	if verb.text != "related" && verb.text != "permits" {
		p.wrong(verb, `"related" or "permits"`)
		return nil
	}
	target, ok := p.property()
	if ok && !target.name() { // here, and only here, Keto wants a real name
		ok = p.wrong(target, "a name")
	}
	permits := verb.text == "permits"
	switch {
	case !ok:
	case permits:
		ok = p.expect("(", "ctx", ")", ")")
	default:
		ok = p.expect(".", "includes", "(", "ctx", ".", "subject") && p.optional(",") && p.expect(")") && p.optional(",") && p.expect(")")
	}
	if !ok {
		return nil
	}
	p.check(check{kind: everyType, rel: name, target: target.text, targetAt: target})
	p.check(check{kind: ownRelation, rel: name})
	return &Traverse{name.text, target.text, permits, p.span(start)}
}
