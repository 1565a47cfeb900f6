package access

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/tuple"
)

// permission reports whether the question is about a permission of the model, whose name
// is something that one does. What a relation is called is mostly a noun.
func (w *working) permission() bool {
	rel := w.x.Model.Relation(w.ask.Question.Namespace, w.ask.Question.Relation)
	return rel != nil && rel.IsPermission
}

// object is what the question is about.
func (w *working) object() string {
	q := w.ask.Question
	return q.Namespace + ":" + q.Object
}

// askedSet is everybody who has what is in question.
func (w *working) askedSet() string { return w.ask.Question.Left() }

// may says that the subject has what is in question: "may view Doc:a", "is in
// Group:g#members".
func (w *working) may() string {
	switch {
	case w.permission():
		return "may " + w.ask.Question.Relation + " " + w.object()
	case w.x.Model != nil:
		return "is in " + w.askedSet()
	}
	return "has " + w.what()
}

// mayNot is the opposite of may.
func (w *working) mayNot() string {
	switch {
	case w.permission():
		return "may not " + w.ask.Question.Relation + " " + w.object()
	case w.x.Model != nil:
		return "is not in " + w.askedSet()
	}
	return "does not have " + w.what()
}

// toHave is the same behind "the only way" and "would have": "to view Doc:a", "into
// Group:g#members".
func (w *working) toHave() string {
	switch {
	case w.permission():
		return "to " + w.ask.Question.Relation + " " + w.object()
	case w.x.Model != nil:
		return "into " + w.askedSet()
	}
	return "to " + w.what()
}

// links say how stored tuples lead from the subject to the object: "Ann is in
// Group:eng#members, which is in Doc:a#viewers". via are the tuples from the object on.
func (w *working) links(via []tuple.Tuple) string {
	const most = 3
	var b strings.Builder
	last := ""
	for i, t := range slices.Backward(via) {
		if told := len(via) - 1 - i; told == most-1 && len(via) > most {
			fmt.Fprintf(&b, ", and %s lead to %s:%s", countOf(len(via)-told, "more step"), via[0].Namespace, via[0].Object)
			break
		}
		switch who := subjectWords(t.Subject); {
		case b.Len() == 0 && t.Subject.Equal(w.ask.Question.Subject):
			b.WriteString(w.who() + " is in " + t.Left())
		case b.Len() == 0:
			b.WriteString(who + " is in " + t.Left())
		case who == last:
			b.WriteString(", which is in " + t.Left())
		default:
			b.WriteString(", and " + who + " is in " + t.Left())
		}
		last = t.Left()
	}
	return b.String()
}

// subjectWords is a subject; an object that stands for itself comes without its #.
func subjectWords(s tuple.Subject) string { return strings.TrimSuffix(s.String(), "#") }

// stored are the tuples of a path, each once, down by next.
func stored(n *Node, next func(*Node) *Node) []tuple.Tuple {
	var via []tuple.Tuple
	for ; n != nil; n = next(n) {
		if n.Stored != nil && (len(via) == 0 || !via[len(via)-1].Equal(*n.Stored)) {
			via = append(via, *n.Stored)
		}
	}
	return via
}

// orOf names some and counts the rest: "a, b or c".
func orOf(names []string) string {
	const most = 4
	switch {
	case len(names) > most:
		return fmt.Sprintf("%s or %d more", strings.Join(names[:most], ", "), len(names)-most)
	case len(names) > 1:
		return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	}
	return strings.Join(names, "")
}

// givers are those who, by what their relation is called, decide about an object.
var givers = []string{"owners", "owner", "managers", "manager", "admins", "admin", "maintainers", "maintainer"}

// whoCouldGive names who could be asked: the owners and managers of the object, and of
// the groups in which the subject is missing. It reads nothing that was not read.
func (w *working) whoCouldGive(places []string) string {
	for _, place := range places {
		at, _, _ := strings.Cut(place, "#")
		namespace, object, _ := strings.Cut(at, ":")
		for _, relation := range givers {
			if who := w.subjectsOf(namespace, object, relation); len(who) > 0 {
				return "who could give it: " + namespace + ":" + object + "#" + relation + ", which is " + few(who)
			}
		}
	}
	return ""
}

// subjectsOf are the subjects of a relation, as far as its object was read.
func (w *working) subjectsOf(namespace, object, relation string) []string {
	w.store.mu.Lock()
	l := w.store.objects[[2]string{namespace, object}]
	w.store.mu.Unlock()
	if l == nil {
		return nil
	}
	<-l.done
	var out []string
	for _, t := range l.tuples {
		if t.Relation == relation && !t.Subject.Equal(w.ask.Question.Subject) {
			out = append(out, subjectWords(t.Subject))
		}
	}
	return out
}
