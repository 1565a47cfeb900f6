package access

import (
	"context"
	"fmt"
	"strings"
)

// alias asks the question under the other names of the person.
func (w *working) alias(ctx context.Context, t *Trace) bool {
	others := w.otherNames()
	verdicts := make([]Verdict, len(others))
	w.until(ctx, func(v *view) {
		for i, a := range others {
			verdicts[i] = w.as(ctx, v, a)
		}
	})
	var allowed []Alias
	var evals []func(Reader) Decision
	for i, a := range others {
		if verdicts[i] == Allowed {
			allowed = append(allowed, a)
			evals = append(evals, w.asker(ctx, a))
		}
	}
	for i, d := range w.settle(ctx, evals...) {
		a := allowed[i]
		as := fmt.Sprintf("%s (%s)", a.Subject, a.Kind)
		t.NearMisses = append(t.NearMisses, NearMiss{"alias", "allowed as " + as + grantOf(d.Root)})
		if t.Cause == "" {
			t.Cause = CauseAlias
			if n := direct(d.Root); n != nil {
				meant := *n.Stored
				meant.Subject = w.ask.Question.Subject
				w.meant = &meant
			}
			t.Summary = w.otherName(d.Root, as)
			t.Hint = "add the name that the check uses, or have the application ask with the name that the tuples use"
		}
	}
	return t.Cause == CauseAlias
}

// otherNames are the other names under which the question is asked.
func (w *working) otherNames() []Alias {
	var out []Alias
	for _, a := range w.ask.Aliases[:min(len(w.ask.Aliases), maxAliasesExplored)] {
		if !a.Subject.Equal(w.ask.Question.Subject) {
			out = append(out, a)
		}
	}
	return out
}

func (w *working) asker(ctx context.Context, a Alias) func(Reader) Decision {
	q := w.ask.Question
	q.Subject = a.Subject
	return w.question(ctx, q, w.set, w.ask.MaxDepth, variant{})
}

// as is the answer under another name: worked out where that takes nothing to be read,
// and else, where there is a server, with one question to it.
func (w *working) as(ctx context.Context, v *view, a Alias) Verdict {
	eval := w.asker(ctx, a)
	if w.whole != nil {
		return eval(w.whole).Verdict
	}
	local := w.store.view()
	switch d := eval(local); {
	case local.missed == 0:
		return d.Verdict
	case w.store.check == nil:
		return eval(v).Verdict
	}
	q := w.ask.Question
	q.Subject = a.Subject
	verdict, _ := v.Ask(ctx, q, w.limit()) // what could not be asked allows nothing
	return verdict
}

// otherName is the sentence for somebody whom the tuples name otherwise than the check.
func (w *working) otherName(root *Node, as string) string {
	asked := w.ask.Question.Subject.String()
	for _, a := range w.ask.Aliases {
		if a.Subject.Equal(w.ask.Question.Subject) && !strings.HasPrefix(string(a.Kind), string(AliasObject)) {
			asked += " (" + string(a.Kind) + ")"
			break
		}
	}
	who, place := w.who(), "known to the tuples"
	if w.ask.Name == "" {
		who = "The same person"
	}
	if n := direct(root); n != nil {
		place = "in " + n.Stored.Left()
	}
	return fmt.Sprintf("%s is %s as %s, but this check asks for %s.", who, place, as, asked)
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
