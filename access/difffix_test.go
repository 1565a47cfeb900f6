package access_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

// edit is one item of a PATCH.
type edit struct {
	Action string      `json:"action"`
	Tuple  tuple.Tuple `json:"relation_tuple"`
}

// trial is one thing to try with a fix: some edits, then the answer that must follow.
type trial struct {
	d       *decided
	edits   []edit
	allowed bool
	what    string // for the report; empty only puts things back
}

// copies is how often a tuple was stored at first.
func (w *world) copies(t tuple.Tuple) int {
	n := 0
	for _, r := range w.rows {
		if r.Equal(t) {
			n++
		}
	}
	return n
}

// edits carries out a write or takes it back, a removed tuple as often as it was stored.
func (w *world) edits(wr access.Write, undo bool) []edit {
	if (wr.Op == access.OpRemove) != undo {
		return []edit{{"delete", wr.What()}}
	}
	var out []edit
	for range max(1, w.copies(wr.What())) {
		out = append(out, edit{"insert", wr.What()})
	}
	return out
}

// next makes the trials of the next decision. Rows that were put back lie elsewhere, so
// after that a decision is explained anew.
func (w *world) next(t *testing.T, c chunk, s *server, sum *tally) {
	t.Helper()
	for len(w.trials) == 0 && len(w.pending) > 0 {
		d := w.pending[0]
		w.pending = w.pending[1:]
		if w.moved {
			w.moved = false
			w.rows = s.rows(t, w.gen.spaces)
			for _, other := range append(w.pending, d) {
				if other.answer(t.Context(), s, c.set); other.err != nil {
					t.Fatalf("seed %d: %s: %v", w.seed, other.q, other.err)
				}
			}
		}
		if tr := d.trace; tr.OrderDependent || tr.Agrees == nil || !*tr.Agrees {
			continue // since the rows moved
		}
		w.plan(d, sum)
	}
}

// plan queues the trials of a decision's fixes: after each fix the server must allow,
// and deny again without any one of its edits. Then everything is put back. Fixes that
// remove something come last, one at a time.
func (w *world) plan(d *decided, sum *tally) {
	var later []access.Fix
	for _, f := range d.trace.Fixes {
		if slices.ContainsFunc(f.Writes, func(wr access.Write) bool { return wr.Op == access.OpRemove }) {
			later = append(later, f)
		} else if !d.tried[f.Summary] {
			w.planOne(d, f, sum)
		}
	}
	for _, f := range later {
		if d.tried[f.Summary] {
			continue
		}
		w.planOne(d, f, sum)
		w.moved = true
		w.pending = append([]*decided{d}, w.pending...) // for the rest of them
		return
	}
}

func (w *world) planOne(d *decided, f access.Fix, sum *tally) {
	if d.tried == nil {
		d.tried = map[string]bool{}
	}
	d.tried[f.Summary] = true
	sum.fixes++
	do := trial{d: d, allowed: true, what: "after " + f.Summary}
	back := trial{d: d}
	for _, wr := range f.Writes {
		do.edits = append(do.edits, w.edits(wr, false)...)
		back.edits = append(back.edits, w.edits(wr, true)...)
	}
	w.trials = append(w.trials, do)
	for _, wr := range f.Writes {
		if len(f.Writes) < 2 || w.poison(wr) {
			continue
		}
		sum.removals++
		w.trials = append(w.trials,
			trial{d: d, edits: w.edits(wr, true), what: "without " + wr.Tuple + " of " + f.Summary},
			trial{d: d, edits: w.edits(wr, false)})
	}
	w.trials = append(w.trials, back)
}

// poison reports whether a write removes a tuple that names an unknown relation: beside
// it the answer hangs on which row comes first, so that it may be a yes all the same.
func (w *world) poison(wr access.Write) bool {
	set := wr.What().Subject.Set
	return wr.Op == access.OpRemove && set != nil && w.m.Relation(set.Namespace, set.Relation) == nil
}

// tryFixes carries out the trials of all worlds side by side: one write for the next
// trial of each, then one question for each.
func (c chunk) tryFixes(t *testing.T, s *server, worlds []*world, sum *tally) {
	t.Helper()
	for {
		var now []*trial
		var edits []edit
		for _, w := range worlds {
			w.next(t, c, s, sum)
			if len(w.trials) == 0 {
				continue
			}
			next := &w.trials[0]
			w.trials = w.trials[1:]
			edits = append(edits, next.edits...)
			if next.what != "" {
				now = append(now, next)
			}
		}
		if len(edits) == 0 {
			return
		}
		s.send(t, http.MethodPatch, s.info.WriteURL+"/admin/relation-tuples", edits)
		wrong := make([]access.Verdict, len(now))
		index := make([]int, len(now))
		for i := range index {
			index[i] = i
		}
		inParallel(index, func(i int) { wrong[i] = now[i].ask(t, s) })
		for i, v := range wrong {
			if v != "" {
				c.bug(t, now[i].d, now[i].what+" Keto says "+string(v), sum)
			}
		}
	}
}

// ask is empty when the server answers as it must.
func (tr *trial) ask(t *testing.T, s *server) access.Verdict {
	v, err := s.ask(t.Context(), tr.d.q, tr.d.depth)
	switch {
	case err != nil:
		return access.Verdict("nothing: " + err.Error())
	case (v == access.Allowed) == tr.allowed || s.flaps(t.Context(), tr.d.q, tr.d.depth, v):
		return ""
	}
	return v
}

func mustJSON(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
