package opl

import (
	"slices"
	"strings"
)

// CandidateKind says what a Candidate is.
type CandidateKind string

// The kinds of candidates.
const (
	CandNamespace        CandidateKind = "namespace"
	CandRelation         CandidateKind = "relation"
	CandPermission       CandidateKind = "permission"
	CandSubjectNamespace CandidateKind = "subject_namespace"
	CandSubjectRelation  CandidateKind = "subject_relation"
)

// Candidate is one way to go on with the text of a tuple.
type Candidate struct {
	Kind CandidateKind
	// Name is the bare name, Insert what goes in its place: the name with the
	// separator that follows it, so that typing goes on at once.
	Name, Insert string
	// From and To are the bytes of the text that Insert replaces.
	From, To int
	// Detail says more in a few words, such as the types of a relation.
	Detail string
}

// Apply puts the candidate into the text and gives the new cursor.
func (c Candidate) Apply(text string) (string, int) {
	if c.From < 0 || c.To < c.From || c.To > len(text) {
		return text, len(text)
	}
	return text[:c.From] + c.Insert + text[c.To:], c.From + len(c.Insert)
}

// Complete lists how the text of a tuple, namespace:object#relation@subject, can go
// on at the cursor, which is a byte offset. Those that begin like what is there come
// first, then those that hold it, in both groups relations before permissions and
// else in the order of the model. Where an object or an id is being written there is
// nothing to list: the model does not know them.
//
// Permissions are listed too, for questions; who writes tuples leaves them out by
// their Kind. A nil model has no candidates.
func Complete(m *Model, text string, cursor int) []Candidate {
	if m == nil || cursor < 0 || cursor > len(text) {
		return nil
	}
	before := text[:cursor]
	ns, rest, ok := strings.Cut(before, ":")
	if !ok {
		return m.completeNamespace(text, cursor)
	}
	_, rest, ok = strings.Cut(rest, "#")
	if !ok {
		return nil
	}
	rel, subject, ok := strings.Cut(rest, "@")
	if !ok {
		return m.completeRelation(text, cursor, ns, rel)
	}
	from := cursor - len(subject)
	if strings.HasPrefix(subject, "(") {
		subject = subject[1:]
		from++
	}
	sns, rest, ok := strings.Cut(subject, ":")
	if !ok {
		return m.completeSubject(text, from, cursor, m.Relation(ns, rel))
	}
	_, srel, ok := strings.Cut(rest, "#")
	if !ok {
		return nil
	}
	return m.completeSubjectRelation(text, cursor, srel, sns, m.Relation(ns, rel))
}

// span is what a candidate replaces: from the start of the name that is being
// written to its end after the cursor, with the separator if it is there already.
func span(text string, cursor, from int, separator string) (int, int) {
	to := cursor
	for to < len(text) && !strings.ContainsRune(":#@() \t", rune(text[to])) {
		to++
	}
	if separator != "" && strings.HasPrefix(text[to:], separator) {
		to += len(separator)
	}
	return from, to
}

func (m *Model) completeNamespace(text string, cursor int) []Candidate {
	from, to := span(text, cursor, 0, ":")
	var out []Candidate
	for _, name := range m.NamespaceNames() {
		out = append(out, Candidate{CandNamespace, name, name + ":", from, to, m.Namespace(name).detail()})
	}
	return pick(out, text[from:cursor])
}

// detail names what a namespace has.
func (n *Namespace) detail() string {
	all := append(names(n.Related()), names(n.Permits())...)
	return list(all)
}

func (m *Model) completeRelation(text string, cursor int, ns, typed string) []Candidate {
	from, to := span(text, cursor, cursor-len(typed), "@")
	n := m.Namespace(ns)
	var out []Candidate
	for _, r := range n.Related() {
		out = append(out, Candidate{CandRelation, r.Name, r.Name + "@", from, to, list(typeNames(r.Types))})
	}
	for _, r := range n.Permits() {
		out = append(out, Candidate{CandPermission, r.Name, r.Name + "@", from, to, "permission: " + strings.Join(strings.Fields(m.Text(r.Rewrite.Span)), " ")})
	}
	return pick(out, typed)
}

// completeSubject lists the classes whose objects or sets the relation takes; for a
// permission, or a relation that is not known, all of them.
func (m *Model) completeSubject(text string, from, cursor int, r *Relation) []Candidate {
	typed := text[from:cursor]
	start, to := span(text, cursor, from, ":")
	var out []Candidate
	seen := map[string]bool{}
	add := func(name, detail string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, Candidate{CandSubjectNamespace, name, name + ":", start, to, detail})
		}
	}
	if r != nil && !r.IsPermission {
		for _, ty := range r.Types {
			add(ty.Namespace, m.forms(r, ty.Namespace))
		}
	} else {
		for _, name := range m.NamespaceNames() {
			add(name, m.Namespace(name).detail())
		}
	}
	return pick(out, typed)
}

// forms is how subjects of a class are written under a relation.
func (m *Model) forms(r *Relation, ns string) string {
	var out []string
	for _, rel := range m.relationsOf(r, ns) {
		if rel == "" {
			out = append(out, "an id, or "+setForm(ns, ""))
		} else {
			out = append(out, setForm(ns, rel))
		}
	}
	return strings.Join(out, ", ")
}

func (m *Model) completeSubjectRelation(text string, cursor int, typed, ns string, r *Relation) []Candidate {
	from, to := span(text, cursor, cursor-len(typed), "")
	var out []Candidate
	n := m.Namespace(ns)
	if r != nil && !r.IsPermission {
		for _, rel := range m.relationsOf(r, ns) {
			if rel == "" {
				continue // nothing is to be written
			}
			detail := ""
			if to := m.Relation(ns, rel); to != nil {
				detail = list(typeNames(to.Types))
			}
			out = append(out, Candidate{CandSubjectRelation, rel, rel, from, to, detail})
		}
		return pick(out, typed)
	}
	for _, rel := range n.Related() {
		out = append(out, Candidate{CandSubjectRelation, rel.Name, rel.Name, from, to, list(typeNames(rel.Types))})
	}
	return pick(out, typed)
}

// pick keeps what begins with or holds the typed text, whatever its case.
func pick(all []Candidate, typed string) []Candidate {
	typed = strings.ToLower(strings.TrimSpace(typed))
	rank := func(c Candidate) int {
		switch at := strings.Index(strings.ToLower(c.Name), typed); {
		case at == 0:
			return 0
		case at > 0:
			return 1
		default:
			return 2
		}
	}
	out := slices.DeleteFunc(all, func(c Candidate) bool { return rank(c) == 2 })
	slices.SortStableFunc(out, func(a, b Candidate) int { return rank(a) - rank(b) })
	return out
}
