package access

import (
	"context"
	"fmt"
)

// alias asks the question under the other names of the person.
func (w *working) alias(ctx context.Context, t *Trace) bool {
	var others []Alias
	var evals []func(Reader) Decision
	for _, a := range w.ask.Aliases[:min(len(w.ask.Aliases), maxAliasesExplored)] {
		if a.Subject.Equal(w.ask.Question.Subject) {
			continue
		}
		q := w.ask.Question
		q.Subject = a.Subject
		others = append(others, a)
		evals = append(evals, w.question(ctx, q, w.set, w.ask.MaxDepth, variant{}))
	}
	for i, d := range w.settle(ctx, evals...) {
		a := others[i]
		if !w.allows(d) {
			continue
		}
		as := fmt.Sprintf("%s (%s)", a.Subject, a.Kind)
		t.NearMisses = append(t.NearMisses, NearMiss{"alias", "allowed as " + as + grantOf(d.Root)})
		if t.Cause == "" {
			t.Cause = CauseAlias
			if n := direct(d.Root); n != nil {
				meant := *n.Stored
				meant.Subject = w.ask.Question.Subject
				w.meant = &meant
			}
			t.Summary = fmt.Sprintf("%s is known to the tuples as %s%s; this check asks for %s.", w.who(), as, grantOf(d.Root), w.ask.Question.Subject)
			t.Hint = "write the tuple for the name that the check uses, or ask for the name that the tuples use"
		}
	}
	return t.Cause == CauseAlias
}

// direct is the node at which the subject itself is found.
func direct(root *Node) *Node {
	return root.find(func(n *Node) bool { return n.Kind == KindDirect && n.Result == Member && n.Stored != nil })
}

// grantOf names the relation in which the subject itself stands.
func grantOf(root *Node) string {
	if n := direct(root); n != nil {
		return ", in " + n.Stored.Left()
	}
	return ""
}
