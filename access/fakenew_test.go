package access_test

import (
	"errors"
	"slices"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// newEngine is the check engine that follows Keto 26.2, written once more from what is
// known of it and without the one that is tested: plain recursion, three answers.
type newEngine struct {
	m    *opl.Model
	rows []tuple.Tuple // in the order in which the server stores them
	set  access.Settings
}

// said is an answer of the newer engine: its "unknown" goes up.
type said int

const (
	isNo said = iota
	isYes
	isUnknown
)

var errNoRelation = errors.New("no such relation")

func (e *newEngine) relation(ns, rel string) (*opl.Relation, error) {
	n := e.m.Namespace(ns)
	if n == nil || rel == "" || len(n.Relations) == 0 {
		return nil, nil
	}
	if r := e.m.Relation(ns, rel); r != nil {
		return r, nil
	}
	return nil, errNoRelation
}

func (e *newEngine) stored(t tuple.Tuple) bool { return slices.ContainsFunc(e.rows, t.Equal) }

func (e *newEngine) declared(r *opl.Relation, s tuple.Set) bool {
	return r != nil && slices.ContainsFunc(r.Types, func(t opl.Type) bool { return t.Namespace == s.Namespace && t.Relation == s.Relation })
}

// mayDirect: outside strict mode every tuple counts.
func (e *newEngine) mayDirect(r *opl.Relation, s tuple.Subject) bool {
	if !e.set.Strict {
		return true
	}
	if r != nil && r.Rewrite != nil {
		return false
	}
	return s.Set == nil || e.declared(r, *s.Set)
}

// anyOf is a union: a yes or an error ends it, and an unknown is remembered.
func anyOf(parts []func() (said, error)) (said, error) {
	out := isNo
	for _, p := range parts {
		switch a, err := p(); {
		case err != nil || a == isYes:
			return a, err
		case a == isUnknown:
			out = isUnknown
		}
	}
	return out, nil
}

func allOf(parts []func() (said, error)) (said, error) {
	if len(parts) == 0 {
		return isNo, nil
	}
	out := isYes
	for _, p := range parts {
		switch a, err := p(); {
		case err != nil || a == isNo:
			return isNo, err
		case a == isUnknown:
			out = isUnknown
		}
	}
	return out, nil
}

func (e *newEngine) allowed(t tuple.Tuple, depth int, skipDirect bool, seen map[tuple.Set]bool) (said, error) {
	if depth <= 0 {
		return isUnknown, nil
	}
	r, err := e.relation(t.Namespace, t.Relation)
	if err != nil {
		return isNo, err
	}
	var parts []func() (said, error)
	if rule := r.Simplified(opl.New); rule != nil {
		parts = append(parts, func() (said, error) { return e.rule(t, rule, depth, seen) })
	}
	if !skipDirect && e.mayDirect(r, t.Subject) {
		parts = append(parts, func() (said, error) {
			if e.stored(t) {
				return isYes, nil
			}
			return isNo, nil
		})
	}
	parts = append(parts, func() (said, error) { return e.sets(t, r, depth, seen) })
	return anyOf(parts)
}

func (e *newEngine) sets(t tuple.Tuple, r *opl.Relation, depth int, seen map[tuple.Set]bool) (said, error) {
	var found []tuple.Tuple
	for _, row := range e.rows {
		s := row.Subject.Set
		if row.Namespace == t.Namespace && row.Object == t.Object && row.Relation == t.Relation && s != nil && (!e.set.Strict || s.Relation != "" && e.declared(r, *s)) {
			found = append(found, tuple.Tuple{Namespace: s.Namespace, Object: s.Object, Relation: s.Relation, Subject: t.Subject})
		}
	}
	for _, one := range found {
		if r, err := e.relation(one.Namespace, one.Relation); (!e.set.Strict || err == nil && e.mayDirect(r, t.Subject)) && e.stored(one) {
			return isYes, nil
		}
	}
	switch {
	case len(found) == 0:
		return isNo, nil
	case depth < 2:
		return isUnknown, nil
	}
	if seen == nil {
		seen = map[tuple.Set]bool{}
	}
	cut := len(found) > e.set.MaxWidth
	if cut {
		found = found[:e.set.MaxWidth]
	}
	var parts []func() (said, error)
	for _, one := range found {
		parts = append(parts, func() (said, error) {
			at := tuple.Set{Namespace: one.Namespace, Object: one.Object, Relation: one.Relation}
			if seen[at] {
				return isNo, nil
			}
			seen[at] = true
			return e.allowed(one, depth-1, true, seen)
		})
	}
	a, err := anyOf(parts)
	if err == nil && a == isNo && cut {
		a = isUnknown
	}
	return a, err
}

func (e *newEngine) rule(t tuple.Tuple, rule *opl.Rewrite, depth int, seen map[tuple.Set]bool) (said, error) {
	if depth <= 0 {
		return isUnknown, nil
	}
	var first, parts []func() (said, error)
	var together []string
	for _, c := range rule.Children {
		comp, ok := c.(*opl.Computed)
		if !ok || rule.Op != opl.Or {
			parts = append(parts, func() (said, error) { return e.operand(t, c, depth, depth-1, seen) })
			continue
		}
		together = append(together, comp.Relation)
		first = append(first, func() (said, error) {
			one := t
			one.Relation = comp.Relation
			return e.allowed(one, depth-1, true, seen)
		})
	}
	for _, name := range together {
		one := t
		one.Relation = name
		if r, _ := e.relation(t.Namespace, name); e.mayDirect(r, t.Subject) && e.stored(one) {
			return isYes, nil
		}
	}
	if rule.Op == opl.And {
		return allOf(parts)
	}
	return anyOf(append(first, parts...))
}

func (e *newEngine) operand(t tuple.Tuple, c opl.Node, depth, nested int, seen map[tuple.Set]bool) (said, error) {
	switch c := c.(type) {
	case *opl.Computed:
		t.Relation = c.Relation
		return e.allowed(t, depth, false, seen)
	case *opl.Rewrite:
		return e.rule(t, c, nested, seen)
	case *opl.Not:
		a, err := e.operand(t, c.Child, depth, depth, seen)
		switch a {
		case isYes:
			a = isNo
		case isNo:
			a = isYes
		}
		return a, err
	case *opl.Traverse:
		var parts []func() (said, error)
		for _, row := range e.rows {
			if s := row.Subject.Set; s != nil && row.Namespace == t.Namespace && row.Object == t.Object && row.Relation == c.Relation {
				parts = append(parts, func() (said, error) {
					return e.allowed(tuple.Tuple{Namespace: s.Namespace, Object: s.Object, Relation: c.Target, Subject: t.Subject}, depth-1, false, seen)
				})
			}
		}
		return anyOf(parts)
	}
	return isNo, errors.New("no such operand")
}

// check is the answer of the server: in strict mode it admits that it does not know.
func (e *newEngine) check(t tuple.Tuple, depth int) (access.Verdict, error) {
	if e.m.Namespace(t.Namespace) == nil || t.Subject.Set != nil && e.m.Namespace(t.Subject.Set.Namespace) == nil {
		return access.Denied, nil
	}
	if depth <= 0 || depth > e.set.MaxDepth {
		depth = e.set.MaxDepth
	}
	a, err := e.allowed(t, depth, false, nil)
	switch {
	case err != nil:
		return access.Unknown, err
	case a == isYes:
		return access.Allowed, nil
	case a == isUnknown && e.set.Strict:
		return access.Unknown, nil
	}
	return access.Denied, nil
}
