package opl

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/tuple"
)

// RefusalKind says why a tuple must not be written.
type RefusalKind string

// What Keto stores without a word and what then never, or wrongly, takes effect.
const (
	EmptyPart          RefusalKind = "empty_part"          // a part of the tuple is empty
	UnknownNamespace   RefusalKind = "unknown_namespace"   // no such class; Keto refuses this one itself
	UndeclaredRelation RefusalKind = "undeclared_relation" // the class has no such relation: checks that meet the tuple answer 400
	OnPermission       RefusalKind = "on_permission"       // a tuple on a permission grants it past its rule, and is ignored in strict mode
	UndeclaredSubject  RefusalKind = "undeclared_subject"  // the relation does not declare this type of subject
	TraversedID        RefusalKind = "traversed_id"        // a bare id on a relation that is only traversed: Keto passes over it
)

// Refusal says that a tuple must not be written, and what was probably meant.
type Refusal struct {
	Kind RefusalKind
	// Part is the part of the tuple that is wrong, as Keto names it: namespace,
	// object, relation, subject_id, subject_set.namespace and so on.
	Part  string
	Tuple tuple.Tuple
	// Message says what is wrong, Hint what to write instead.
	Message, Hint string
	// Nearest is the name that was probably meant; empty when none is close.
	Nearest string
	// Expected are the names that are right in its place.
	Expected []string
	// Rule is where the model says so; zero when there is no such place.
	Rule Span
}

// Error is one line with what is wrong and what to do.
func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Message
	}
	return r.Message + "; " + r.Hint
}

// CanBeWritten refuses, with a *Refusal, what Keto would silently store although it
// cannot work: Keto checks nothing but the namespaces, in strict mode neither. A nil
// Model, which stands for an unknown one, refuses empty parts only.
//
// Nothing is refused for removing: what should never have been written must go.
func (m *Model) CanBeWritten(t tuple.Tuple) error {
	for _, refuse := range []func(tuple.Tuple) *Refusal{m.refuseEmpty, m.refuseRelation, m.refuseSubject} {
		if r := refuse(t); r != nil {
			r.Tuple = t
			return r
		}
		if m == nil {
			return nil
		}
	}
	return nil
}

func (m *Model) refuseEmpty(t tuple.Tuple) *Refusal {
	parts := [][2]string{{"namespace", t.Namespace}, {"object", t.Object}, {"relation", t.Relation}}
	if s := t.Subject.Set; s != nil {
		parts = append(parts, [2]string{"subject_set.namespace", s.Namespace}, [2]string{"subject_set.object", s.Object})
	} else {
		parts = append(parts, [2]string{"subject_id", t.Subject.ID})
	}
	for _, p := range parts {
		if p[1] == "" {
			return &Refusal{Kind: EmptyPart, Part: p[0], Message: "the " + strings.ReplaceAll(p[0], "_", " ") + " is empty",
				Hint: "write namespace:object#relation@subject"}
		}
	}
	return nil
}

// unknown makes the Refusal of a name that is not among the right ones.
func unknown(kind RefusalKind, part, what, name string, expected []string) *Refusal {
	r := &Refusal{Kind: kind, Part: part, Message: what, Expected: expected, Nearest: Nearest(name, expected)}
	switch {
	case r.Nearest != "":
		r.Hint = fmt.Sprintf("did you mean %q? names are case-sensitive", r.Nearest)
	case len(expected) > 0:
		r.Hint = "use one of: " + list(expected)
	}
	return r
}

// list names a few and counts the rest.
func list(names []string) string {
	const few = 8
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

func (m *Model) refuseRelation(t tuple.Tuple) *Refusal {
	n := m.Namespace(t.Namespace)
	if n == nil {
		return unknown(UnknownNamespace, "namespace", fmt.Sprintf("the model has no namespace %q", t.Namespace), t.Namespace, m.NamespaceNames())
	}
	r := n.byName[t.Relation]
	writable := names(n.Related())
	switch {
	case r == nil && len(writable) == 0:
		return &Refusal{Kind: UndeclaredRelation, Part: "relation", Rule: n.Pos,
			Message: fmt.Sprintf("namespace %s declares no relations, so nothing can be written on its objects", t.Namespace)}
	case r == nil:
		u := unknown(UndeclaredRelation, "relation", fmt.Sprintf("namespace %s declares no relation %q", t.Namespace, t.Relation), t.Relation, writable)
		u.Rule = n.Pos
		return u
	case r.IsPermission:
		u := &Refusal{Kind: OnPermission, Part: "relation", Rule: r.Pos, Expected: n.feeds(r),
			Message: fmt.Sprintf("%q is a permission of %s, not a relation: a tuple on it would go past its rule", t.Relation, t.Namespace)}
		if len(u.Expected) > 0 {
			u.Hint = "write one of the relations that it is made of: " + list(u.Expected)
		}
		return u
	}
	return nil
}

func names(rs []*Relation) []string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = r.Name
	}
	return out
}

// feeds are the relations of the namespace that a permission comes to by its rule
// without leaving the object, in the order of the rule; those under a "!" are left out.
func (n *Namespace) feeds(r *Relation) []string {
	var out []string
	done := map[*Relation]bool{}
	var visit func(*Relation)
	visit = func(r *Relation) {
		if r == nil || done[r] {
			return
		}
		done[r] = true
		if !r.IsPermission {
			out = append(out, r.Name)
			return
		}
		walk(r.Rewrite, func(node Node, negated bool) {
			switch c := node.(type) {
			case *Computed:
				if !negated {
					visit(n.byName[c.Relation])
				}
			case *Traverse:
				if !negated {
					visit(n.byName[c.Relation])
				}
			}
		})
	}
	visit(r)
	return out
}

// walk calls f for each node of a rule, with whether an odd number of "!" is above it.
func walk(root *Rewrite, f func(n Node, negated bool)) {
	type item struct {
		n       Node
		negated bool
	}
	if root == nil {
		return
	}
	todo := []item{{root, false}}
	for len(todo) > 0 {
		it := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		f(it.n, it.negated)
		switch c := it.n.(type) {
		case *Rewrite:
			for _, child := range slices.Backward(c.Children) {
				todo = append(todo, item{child, it.negated})
			}
		case *Not:
			todo = append(todo, item{c.Child, !it.negated})
		}
	}
}

func (m *Model) refuseSubject(t tuple.Tuple) *Refusal {
	r := m.Relation(t.Namespace, t.Relation)
	where := t.Namespace + "#" + t.Relation
	s := t.Subject.Set
	if s == nil {
		return m.refuseID(t, r, where)
	}
	declared := typeNames(r.Types)
	sn := m.Namespace(s.Namespace)
	if sn == nil {
		return unknown(UnknownNamespace, "subject_set.namespace", fmt.Sprintf("the model has no namespace %q, which the subject names", s.Namespace),
			s.Namespace, m.NamespaceNames())
	}
	if slices.ContainsFunc(r.Types, func(ty Type) bool { return ty.Namespace == s.Namespace && ty.Relation == s.Relation }) {
		return nil
	}
	same := m.relationsOf(r, s.Namespace)
	switch {
	case len(same) > 0: // the right class, another relation
		u := unknown(UndeclaredSubject, "subject_set.relation", fmt.Sprintf("%s takes no subject %s", where, setForm(s.Namespace, s.Relation)), s.Relation, same)
		if u.Nearest == "" {
			u.Hint = "write the subject as " + setForm(s.Namespace, same[0])
		}
		u.Rule = r.Pos
		return u
	default:
		u := unknown(UndeclaredSubject, "subject_set.namespace", fmt.Sprintf("%s takes no subject %s", where, setForm(s.Namespace, s.Relation)), "", declared)
		u.Hint = "it takes: " + list(declared)
		u.Rule = r.Pos
		return u
	}
}

// setForm is how a subject of that type is written.
func setForm(ns, rel string) string { return ns + ":…#" + rel }

// relationsOf are the relations that r declares for subject sets of a namespace.
func (m *Model) relationsOf(r *Relation, ns string) []string {
	var out []string
	for _, ty := range r.Types {
		if ty.Namespace == ns && !slices.Contains(out, ty.Relation) {
			out = append(out, ty.Relation)
		}
	}
	return out
}

func typeNames(types []Type) []string {
	var out []string
	for _, ty := range types {
		if name := ty.String(); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// refuseID refuses a bare id where the model has no use for one.
func (m *Model) refuseID(t tuple.Tuple, r *Relation, where string) *Refusal {
	var plain []string // classes whose objects may stand here
	for _, ty := range r.Types {
		if ty.Relation == "" {
			plain = append(plain, ty.Namespace)
		}
	}
	switch traversed, included := m.Namespace(t.Namespace).uses(t.Relation); {
	case traversed && !included:
		u := &Refusal{Kind: TraversedID, Part: "subject_id", Rule: r.Pos, Expected: plain,
			Message: fmt.Sprintf("%s is traversed, and Keto passes over a bare id such as %q there", where, t.Subject.ID)}
		if len(plain) > 0 {
			u.Hint = fmt.Sprintf("write the object as a subject set: %s:%s#", plain[0], t.Subject.ID)
		}
		return u
	case len(plain) == 0:
		declared := typeNames(r.Types)
		return &Refusal{Kind: UndeclaredSubject, Part: "subject_id", Rule: r.Pos, Expected: declared,
			Message: fmt.Sprintf("%s takes no bare id", where), Hint: "it takes: " + list(declared)}
	}
	return nil
}

// uses says what the permissions of the namespace do with a relation of it.
func (n *Namespace) uses(relation string) (traversed, included bool) {
	for _, p := range n.Permits() {
		walk(p.Rewrite, func(node Node, _ bool) {
			switch c := node.(type) {
			case *Traverse:
				traversed = traversed || c.Relation == relation
			case *Computed:
				included = included || c.Relation == relation
			}
		})
	}
	return traversed, included
}
