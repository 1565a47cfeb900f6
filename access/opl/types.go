package opl

import "fmt"

// maxSets is how often Keto follows declared subject sets to find the type that a
// traverse ends at.
// Source: internal/schema/limits.go of ory/keto v0.13.0.
const maxSets = 10

// maxErrors bounds the type errors that are kept; more say nothing new.
const maxErrors = 100

// check is something that must hold once all classes are known.
type check struct {
	kind     checkKind
	in       *Namespace // the class in which it stands
	ns, rel  token
	target   string
	targetAt token
}

type checkKind int

const (
	namespaceExists checkKind = iota // ns is a class
	relationExists                   // ns is a class with rel
	ownRelation                      // the class itself has rel
	everyType                        // all types of the class's rel have target
)

func (p *parser) check(c check) {
	c.in = p.ns
	p.checks = append(p.checks, c)
}

// types answers questions about the finished classes the way Keto's type checks
// do: of duplicates the first counts, unlike in its engine.
type types struct {
	first map[string]map[string]*Relation
	ends  map[[3]string]*ending
}

// checkTypes reports what does not hold.
func (p *parser) checkTypes() {
	t := types{first: map[string]map[string]*Relation{}, ends: map[[3]string]*ending{}}
	for _, n := range p.m.Namespaces {
		if _, dup := t.first[n.Name]; dup {
			continue
		}
		rels := map[string]*Relation{}
		for _, r := range n.Relations {
			if _, dup := rels[r.Name]; !dup {
				rels[r.Name] = r
			}
		}
		t.first[n.Name] = rels
	}
	for _, c := range p.checks {
		if len(p.errs) >= maxErrors {
			return
		}
		if at, message := t.run(c); message != "" {
			p.errs = append(p.errs, &Error{p.at(at), message})
		}
	}
}

// run gives the place and the text of what is wrong, or no text.
func (t types) run(c check) (token, string) {
	switch c.kind {
	case namespaceExists:
		if t.first[c.ns.text] == nil {
			return c.ns, t.noClass(c.ns.text)
		}
	case relationExists:
		switch rels := t.first[c.ns.text]; {
		case rels == nil:
			return c.ns, t.noClass(c.ns.text)
		case rels[c.rel.text] == nil:
			return c.rel, t.noRelation(c.ns.text, c.rel.text)
		}
	case ownRelation:
		if t.first[c.in.Name][c.rel.text] == nil {
			return c.rel, t.noRelation(c.in.Name, c.rel.text)
		}
	case everyType:
		if t.first[c.in.Name][c.rel.text] == nil {
			return token{}, "" // said by ownRelation
		}
		return c.targetAt, t.traverse(c)
	}
	return token{}, ""
}

func (t types) noClass(name string) string {
	var names []string
	for n := range t.first {
		names = append(names, n)
	}
	return fmt.Sprintf("expected a declared class, found %s%s", quoted(name), didYouMean(name, names))
}

func (t types) noRelation(ns, name string) string {
	var names []string
	for n := range t.first[ns] {
		names = append(names, n)
	}
	return fmt.Sprintf("expected a relation or permission that class %s declares, found %s%s", quoted(ns), quoted(name), didYouMean(name, names))
}

// traverse checks that what is asked of each traversed object exists on every type
// that may stand there. Declared subject sets are followed to the types they end
// at, up to maxSets times.
func (t types) traverse(c check) string {
	key := [3]string{c.in.Name, c.rel.text, c.target}
	e := t.ends[key]
	if e == nil {
		e = t.follow(c.in.Name, c.rel.text, c.target)
		t.ends[key] = e
	}
	return e.wrong
}

// ending is the result of following the types of one relation.
type ending struct{ wrong string }

// follow goes level by level, so that many ways to the same set cost no more than one.
func (t types) follow(ns, rel, target string) *ending {
	type set struct{ ns, rel string }
	level := []set{{ns, rel}}
	for range maxSets + 1 {
		var further []set
		seen := map[set]bool{}
		for _, s := range level {
			r := t.first[s.ns][s.rel]
			if r == nil {
				return &ending{t.noRelation(s.ns, s.rel)}
			}
			for _, ty := range r.Types {
				next := set{ty.Namespace, ty.Relation}
				switch {
				case ty.Relation != "" && !seen[next]:
					seen[next] = true
					further = append(further, next)
				case ty.Relation == "" && t.first[ty.Namespace][target] == nil:
					return &ending{fmt.Sprintf("expected something that every type of %s declares, but class %s has no %s",
						quoted(rel), quoted(ty.Namespace), quoted(target)) + t.near(ty.Namespace, target)}
				}
			}
		}
		if len(further) == 0 {
			return &ending{}
		}
		level = further
	}
	return &ending{fmt.Sprintf("the types of %s are subject sets of subject sets, more than %d deep or in a circle; expected types that can be followed to a class", quoted(rel), maxSets)}
}

func (t types) near(ns, name string) string {
	var names []string
	for n := range t.first[ns] {
		names = append(names, n)
	}
	return didYouMean(name, names)
}
