package access

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/access/tuple"
)

// Bounds of what is asked to infer something about rules that are not known.
const (
	maxInferred = 12 // relations of the object
	maxParents  = 10
)

// blind reports whether the rules of the server are not known, so that only what is
// stored can be explained.
func (w *working) blind() bool { return w.x.Model == nil && w.x.ModelUnknown && !w.ruleless }

// inferred is what can be said about an answer without the rules that it comes from: the
// same question about each relation of the object, and about each object that is a
// subject there, as a rule may ask for them. Every line of it is inferred.
func (w *working) inferred(ctx context.Context, t *Trace) {
	q := w.ask.Question
	rows, _ := w.store.Of(ctx, q.Namespace, q.Object) // was read before; of a large one its beginning
	var asked []tuple.Tuple
	var stored []*tuple.Tuple // the tuple that leads to a parent; nil for a relation
	seen := map[string]bool{q.Key(): true}
	add := func(one tuple.Tuple, via *tuple.Tuple) {
		if !seen[one.Key()] {
			seen[one.Key()] = true
			asked, stored = append(asked, one), append(stored, via)
		}
	}
	relations, parents := 0, 0
	for _, r := range rows {
		if one := q; relations < maxInferred {
			one.Relation = r.Relation
			before := len(asked)
			add(one, nil)
			relations += len(asked) - before
		}
	}
	for _, r := range rows {
		if s := r.Subject.Set; s != nil && parents < maxParents {
			before := len(asked)
			add(tuple.Tuple{Namespace: s.Namespace, Object: s.Object, Relation: q.Relation, Subject: q.Subject}, &r)
			parents += len(asked) - before
		}
	}
	judge := w.x.Judge
	if judge == nil {
		judge = CheckEach(w.x.Server, w.x.Refused)
	}
	answers, requests, err := judge(ctx, asked)
	t.Requests += requests
	t.RoundTrips += (requests + parallel - 1) / parallel
	if err != nil {
		t.Hint += "; further questions failed: " + err.Error()
		return
	}
	w.tellInferred(t, asked, stored, answers)
}

// tellInferred makes steps and a sentence of what the server said.
func (w *working) tellInferred(t *Trace, asked []tuple.Tuple, stored []*tuple.Tuple, answers []Answer) {
	var through, from []string
	for i, a := range answers {
		s := &Step{Kind: KindComputed, Label: asked[i].Left(), Verdict: a.Verdict, Inferred: true}
		switch {
		case a.Verdict == Unknown && stored[i] != nil:
			continue // that object has no such permission
		case stored[i] != nil:
			s.Kind, s.Tuple = KindTraverse, stored[i].String()
			s.Reason = "Keto says so of that object; a rule may inherit from it"
		default:
			s.Reason = "Keto says so of this relation; a rule may ask for it"
		}
		if a.Verdict == Allowed && stored[i] != nil {
			from = append(from, asked[i].Namespace+":"+asked[i].Object+", through "+stored[i].String())
		} else if a.Verdict == Allowed {
			through = append(through, asked[i].Left())
		}
		if t.Proof != nil {
			t.Proof.Children = append(t.Proof.Children, s)
		}
	}
	switch {
	case t.Server == Allowed && len(from) > 0:
		t.Summary = fmt.Sprintf("Yes: %s has %s, probably inherited from %s (inferred, the rules are not known here).", w.who(), w.what(), from[0])
	case t.Server == Allowed && len(through) > 0:
		t.Summary = fmt.Sprintf("Yes: %s has %s, probably through %s (inferred, the rules are not known here).", w.who(), w.what(), few(through))
	case t.Server == Denied && len(through)+len(from) > 0:
		t.Summary = fmt.Sprintf("No: %s does not have %s, although Keto says yes to %s; a rule that is not known here needs more, or denies.", w.who(), w.what(), strings.Join(append(through, from...), ", "))
	}
}
