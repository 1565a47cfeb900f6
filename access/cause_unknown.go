package access

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

func (w *working) withoutModel(ctx context.Context, t *Trace) {
	t.Cause = CauseModelUnknown
	t.Explained, t.Agrees = Unknown, nil
	t.Hint = "set keto.opl, or --opl, to the source of the permission model: Keto does not hand it out"
	switch t.Server {
	case Allowed:
		t.Summary = "Yes: by a rule of the permission model, which is not known here; no stored tuple grants it alone."
	case Denied:
		t.Summary = fmt.Sprintf("No: %s. No stored tuple grants it alone, and the rules of the permission model are not known here.", sentence(w.ask.Question, " does not have "))
	default:
		t.Summary = "No stored tuple grants it alone, and the rules of the permission model are not known here."
	}
	if t.Server == NotAsked {
		t.Verdict = Unknown
		return
	}
	w.inferred(ctx, t)
}

// failed tells why there is no verdict.
func (w *working) failed(t *Trace) {
	bad := w.Root.find(func(n *Node) bool { return n.Result == Failed && (n.Cut != "") })
	if bad == nil {
		t.Cause, t.Summary = CauseDepth, "Keto in strict mode has no answer: it reached a limit of depth or width before it knew."
		return
	}
	var unknown *errUnknownRelation
	switch {
	case errors.As(bad.Err, &unknown):
		w.unknownRelation(t, bad, unknown)
	case bad.Cut == CutSteps:
		t.Cause = CauseTooManySteps
		t.Summary = "It cannot be told: " + bad.Err.Error() + "."
	default:
		t.Cause = CauseUnreadable
		t.Summary = "It cannot be explained: " + bad.Err.Error() + "."
	}
}

func (w *working) unknownRelation(t *Trace, bad *Node, unknown *errUnknownRelation) {
	t.Cause = CauseUnknownRelation
	near := opl.Nearest(unknown.relation, w.relations(unknown.namespace))
	did := ""
	if near != "" {
		did = fmt.Sprintf(" (it has %q)", near)
	}
	if bad.Stored == nil {
		t.Summary = fmt.Sprintf("Keto answers with an error: namespace %s has no relation %q%s.", unknown.namespace, unknown.relation, did)
		t.Hint = "names are case-sensitive"
		return
	}
	t.Summary = fmt.Sprintf("Keto answers with an error as soon as a check meets the stored tuple %s: namespace %s has no relation %q%s.",
		bad.Stored, unknown.namespace, unknown.relation, did)
	t.Hint = "remove that tuple"
	if near != "" && bad.Stored.Subject.Set != nil {
		right := *bad.Stored
		right.Subject = tuple.SubjectSet(right.Subject.Set.Namespace, right.Subject.Set.Object, near)
		t.Hint = fmt.Sprintf("replace that tuple by %s", right)
	}
}

func (w *working) relations(namespace string) []string {
	var out []string
	if n := w.x.Model.Namespace(namespace); n != nil {
		for _, r := range n.Relations {
			out = append(out, r.Name)
		}
	}
	return out
}

// disagree says that the explanation is not the server's, and why that may be.
func (w *working) disagree(t *Trace) {
	ours := t.Summary
	t.Cause = ""
	t.Summary = fmt.Sprintf("Keto says %s, and the explanation comes to %s: it does not match the server.", t.Server, t.Explained)
	switch {
	case t.OrderDependent:
		t.Cause = CauseOrder
		t.Hint = "Keto's answer depends on the order in which it comes across its rows, and may be another one the next time"
	case errors.Is(w.readError(), ErrBudget):
		t.Explained, t.Agrees = Unknown, nil
		t.Summary = fmt.Sprintf("Keto says %s; why cannot be told: %v.", t.Server, w.readError())
		t.Hint = "ask about something smaller, such as one of the groups or parents that are subjects there"
	default:
		t.Hint = suspect(t.Facts, w.set)
	}
	if t.Explained != Unknown {
		t.Hint += "; the explanation was: " + ours
	}
}

func (w *working) readError() error {
	if n := w.Root.find(func(n *Node) bool { return n.Cut == CutRead }); n != nil {
		return n.Err
	}
	return nil
}
