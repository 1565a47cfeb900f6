package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// each looks at one tuple by itself.
func (r *run) each(t tuple.Tuple) []Finding {
	if f, ok := structure(t); ok {
		return []Finding{f}
	}
	var out []Finding
	if t.Ambiguous() {
		out = append(out, about(AmbiguousText, t, fmt.Sprintf("The text %s reads as another tuple than the one that is stored.", t)))
	}
	if f, ok := r.setAsID(t); ok {
		return append(out, f)
	}
	if r.Model == nil {
		if f, ok := unknownNamespace(t, r.Namespaces); ok {
			out = append(out, f)
		}
		return out
	}
	if f, ok := r.poison(t); ok {
		return append(out, f)
	}
	if f, ok := r.refused(t); ok {
		out = append(out, f)
	}
	return out
}

// structure is about what needs no model.
func structure(t tuple.Tuple) (Finding, bool) {
	parts := []string{t.Namespace, t.Object, t.Relation}
	names := []string{"namespace", "object", "relation"}
	if s := t.Subject.Set; s != nil {
		parts, names = append(parts, s.Namespace, s.Object), append(names, "subject set's namespace", "subject set's object")
	} else {
		parts, names = append(parts, t.Subject.ID), append(names, "subject")
	}
	for i, p := range parts {
		if p == "" {
			return about(EmptyPart, t, fmt.Sprintf("The %s of this tuple is empty.", names[i])).replaced(t), true
		}
	}
	for i, p := range parts {
		if p == tidy(p) {
			continue
		}
		f := about(OddCharacters, t, fmt.Sprintf("The %s %q has spaces at its ends, or characters that cannot be seen.", names[i], p))
		right := t
		for k, to := range []*string{&right.Namespace, &right.Object, &right.Relation} {
			*to = tidy(parts[k])
		}
		if s := t.Subject.Set; s != nil {
			right.Subject = tuple.SubjectSet(tidy(s.Namespace), tidy(s.Object), tidy(s.Relation))
		} else {
			right.Subject = tuple.SubjectID(tidy(t.Subject.ID))
		}
		if tidy(p) != "" {
			f = f.replaced(t, right)
		}
		return f, true
	}
	return Finding{}, false
}

// tidy is a name without what cannot be seen in it. The joiners of scripts and emoji
// belong to a name.
func tidy(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		const joiner, nonJoiner = '\u200d', '\u200c'
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) && r != joiner && r != nonJoiner {
			return -1
		}
		return r
	}, s))
}

// setAsID finds a subject set that was stored as a bare id.
func (r *run) setAsID(t tuple.Tuple) (Finding, bool) {
	if t.Subject.Set != nil || !strings.Contains(t.Subject.ID, ":") {
		return Finding{}, false
	}
	s, err := tuple.ParseSubject(t.Subject.ID)
	if err != nil || s.Set == nil || !r.knows(s.Set.Namespace) {
		return Finding{}, false
	}
	right := t
	right.Subject = s
	f := about(SetStoredAsID, t, fmt.Sprintf("The subject of %s is the bare id %q, not the subject set that it reads like.", t.Left(), t.Subject.ID))
	if r.Model.CanBeWritten(right) == nil {
		f = f.replaced(t, right)
	}
	return f, true
}

func (r *run) knows(namespace string) bool {
	return r.Model.Namespace(namespace) != nil || slices.Contains(r.Namespaces, namespace)
}

// unknownNamespace holds a tuple against the names that the server gives.
func unknownNamespace(t tuple.Tuple, known []string) (Finding, bool) {
	if known == nil {
		return Finding{}, false
	}
	missing := ""
	switch s := t.Subject.Set; {
	case !slices.Contains(known, t.Namespace):
		missing = t.Namespace
	case s != nil && !slices.Contains(known, s.Namespace):
		missing = s.Namespace
	default:
		return Finding{}, false
	}
	return about(UnknownNamespace, t, fmt.Sprintf("There is no namespace %q%s.", missing, meant(missing, known))), true
}

func meant(name string, known []string) string {
	if near := opl.Nearest(name, known); near != "" {
		return fmt.Sprintf("; %q was probably meant", near)
	}
	return ""
}

// poison finds subject sets on which checks end with an error, or with nothing.
func (r *run) poison(t tuple.Tuple) (Finding, bool) {
	s := t.Subject.Set
	if s == nil || s.Relation == "" || r.Model.Namespace(s.Namespace) == nil || r.Model.Relation(s.Namespace, s.Relation) != nil {
		return Finding{}, false
	}
	if n := r.Model.Namespace(s.Namespace); len(n.Relations) == 0 {
		f := about(PlainClassRelation, t, fmt.Sprintf("%s has no relations, so nobody is in %s.", s.Namespace, s))
		for _, subject := range []tuple.Subject{tuple.SubjectID(s.Object), tuple.SubjectSet(s.Namespace, s.Object, "")} {
			right := t
			right.Subject = subject
			if r.Model.CanBeWritten(right) == nil {
				return f.replaced(t, right), true
			}
		}
		return f, true
	}
	if traversed, included := uses(r.Model.Namespace(t.Namespace), t.Relation); traversed && !included {
		return Finding{}, false // Keto does not look at the relation there
	}
	f := about(PoisonTuple, t, fmt.Sprintf("%s declares no relation %q: Keto answers 400 where it meets this tuple.", s.Namespace, s.Relation))
	if r.Settings.Strict && r.Settings.Engine == opl.New {
		f.Severity, f.Meaning = Warning, "In strict mode this server passes over it: nobody gets anything by it. Elsewhere checks that meet it fail."
	}
	if right, ok := r.declaredSet(t); ok {
		return f.replaced(t, right), true
	}
	return f.replaced(t), true
}

// declaredSet is the tuple with the relation that is declared for such a set: the
// nearest, or the only one.
func (r *run) declaredSet(t tuple.Tuple) (tuple.Tuple, bool) {
	rel := r.Model.Relation(t.Namespace, t.Relation)
	if rel == nil {
		return t, false
	}
	s := t.Subject.Set
	var names []string
	for _, ty := range rel.Types {
		if ty.Namespace == s.Namespace && ty.Relation != "" && !slices.Contains(names, ty.Relation) {
			names = append(names, ty.Relation)
		}
	}
	name := opl.Nearest(s.Relation, names)
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	if name == "" {
		return t, false
	}
	t.Subject = tuple.SubjectSet(s.Namespace, s.Object, name)
	return t, true
}

// codeOf is what a refusal to write a tuple means where it is stored already.
var codeOf = map[opl.RefusalKind]Code{
	opl.UnknownNamespace: UnknownNamespace, opl.UndeclaredRelation: UndeclaredRelation, opl.OnPermission: OnPermission,
	opl.UndeclaredSubject: UndeclaredSubject, opl.TraversedID: TraversedID,
}

// refused finds what the model would not let be written.
func (r *run) refused(t tuple.Tuple) (Finding, bool) {
	var no *opl.Refusal
	if !errors.As(r.Model.CanBeWritten(t), &no) {
		return Finding{}, false
	}
	c, ok := codeOf[no.Kind]
	if !ok {
		return Finding{}, false
	}
	summary := sentence(no.Message)
	if no.Nearest != "" {
		summary = sentence(no.Message + fmt.Sprintf("; %q was probably meant", no.Nearest))
	}
	f := about(c, t, summary)
	f.Rule = place(r.Model, no.Rule)
	r.byMode(&f, no)
	if no.Kind == opl.OnPermission && len(no.Expected) > 0 {
		f.Todo = fmt.Sprintf("Write one of the relations that the rule asks for (%s), and remove this tuple.", strings.Join(no.Expected, ", "))
	}
	if right, ok := r.corrected(t, no); ok {
		return f.replaced(t, right), true
	}
	if c == UndeclaredRelation || c == UnknownNamespace || c == OnPermission {
		return f.replaced(t), true
	}
	return f, true
}

// byMode says what the tuple does in the mode in which the server runs.
func (r *run) byMode(f *Finding, no *opl.Refusal) {
	switch {
	case no.Kind == opl.OnPermission && r.Settings.Strict:
		f.Severity, f.Meaning = Warning, "The server runs in strict mode and ignores it: nobody gets anything by it."
	case no.Kind == opl.OnPermission:
		f.Meaning = "This lets them in past the rule of the permission, blocks included."
	case no.Kind == opl.UndeclaredSubject && !r.Settings.Strict:
		f.Meaning = "It grants all the same; as soon as the server runs in strict mode it may be ignored."
	case no.Kind == opl.UndeclaredSubject:
		f.Meaning = "In strict mode Keto may ignore it: who should have access by it is refused."
	}
}

// corrected is the tuple that was probably meant.
func (r *run) corrected(t tuple.Tuple, no *opl.Refusal) (tuple.Tuple, bool) {
	right := t
	switch s := t.Subject.Set; {
	case no.Kind == opl.UndeclaredRelation && no.Nearest != "":
		right.Relation = no.Nearest
	case no.Kind == opl.UnknownNamespace && no.Part == "namespace" && no.Nearest != "":
		right.Namespace = no.Nearest
	case no.Kind == opl.UnknownNamespace && no.Nearest != "":
		right.Subject = tuple.SubjectSet(no.Nearest, s.Object, s.Relation)
	case no.Kind == opl.TraversedID && len(no.Expected) == 1:
		right.Subject = tuple.SubjectSet(no.Expected[0], t.Subject.ID, "")
	case no.Kind == opl.UndeclaredSubject && s != nil:
		var ok bool
		if right, ok = r.declaredSet(t); !ok {
			return t, false
		}
	default:
		return t, false
	}
	return right, r.Model.CanBeWritten(right) == nil
}
