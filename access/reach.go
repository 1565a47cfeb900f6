package access

import (
	"context"

	"gatehouse/access/tuple"
)

// reach counts the objects on which a tuple means something besides its own, as far as
// that is at hand, and says whether all were counted.
func (w *working) reach(ctx context.Context, v *view, t tuple.Tuple) (n int, whole bool) {
	objects := map[[2]string]bool{{t.Namespace, t.Object}: true, {w.ask.Question.Namespace, w.ask.Question.Object}: true}
	own := len(objects)
	level, lists := []tuple.Tuple{t}, 0
	for range reachSteps {
		sets := w.namedBy(level)
		if len(sets) == 0 {
			return len(objects) - own, true
		}
		if lists += len(sets); lists > maxReachList || ctx.Err() != nil {
			return len(objects) - own, false
		}
		rows, all := v.naming(sets)
		level = level[:0:0]
		for _, o := range rows {
			if at := [2]string{o.Namespace, o.Object}; !objects[at] {
				objects[at] = true
				level = append(level, o)
			}
		}
		if !all {
			return len(objects) - own, false
		}
	}
	return len(objects) - own, len(w.namedBy(level)) == 0
}

// namedBy are the subject sets that other tuples may name on account of these: the
// relation itself, and the object as a parent.
func (w *working) namedBy(ts []tuple.Tuple) []tuple.Set {
	var out []tuple.Set
	for _, t := range ts {
		for _, relation := range []string{t.Relation, ""} {
			if w.isType(t.Namespace, relation) {
				out = append(out, tuple.Set{Namespace: t.Namespace, Object: t.Object, Relation: relation})
			}
		}
	}
	return out
}

// naming are the tuples whose subject is one of the sets, of each up to maxAlso; all says
// that there are no more.
func (v *view) naming(sets []tuple.Set) (rows []tuple.Tuple, all bool) {
	all = true
	for _, set := range sets {
		l := v.subject(tuple.SubjectSet(set.Namespace, set.Object, set.Relation))
		if l == nil {
			continue
		}
		rows = append(rows, l.tuples[:min(len(l.tuples), maxAlso)]...)
		all = all && l.err == nil && !l.more && len(l.tuples) <= maxAlso
	}
	return rows, all
}
