package access

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync"

	"gatehouse/access/tuple"
)

// WhatIf is the answer to a question as it would be after some writes that were not
// made, with the answer as it is now.
type WhatIf struct {
	// Trace is that of after: worked out, so that its Server is NotAsked. Where the
	// explanation of now does not match the server its Verdict is Unknown, since then
	// nothing can be worked out.
	Trace
	// Writes are those that were supposed.
	Writes []Write `json:"writes"`
	// Changed says that the verdict of after is known and another than that of Before.
	Changed bool `json:"changed"`
	// Turned are the steps that come out otherwise, those nearest to the question first.
	Turned []Turn `json:"turned,omitempty"`
	// Notes are what is odd about the writes, such as a tuple that is stored already.
	Notes []string `json:"notes,omitempty"`
	// Before is the answer as it is.
	Before Trace `json:"before"`
}

// Turn is a step that comes out otherwise after some writes.
type Turn struct {
	Step   string  `json:"step"`
	Before Verdict `json:"before"`
	After  Verdict `json:"after"`
}

// maxTurned bounds how many steps are listed.
const maxTurned = 20

// WhatIf answers a question twice: as it is, which asks the server, and as it would be
// after the writes, which nobody makes. A tuple that is both added and removed is gone,
// as after Keto's own transaction. The error is that of Explain.
func (x *Explainer) WhatIf(ctx context.Context, a Asking, writes []Write) (WhatIf, error) {
	known := &recall{l: x.Tuples, lists: map[string][]tuple.Tuple{}}
	now := *x
	now.Tuples = known
	before, w, err := now.explain(ctx, a)
	out := WhatIf{Writes: writes, Before: before}
	if err != nil {
		out.Trace = before
		return out, err
	}
	then := now
	then.Server, then.Tuples, then.Settings = nil, Overlay(known, writes), w.set
	asked := known.asked()
	after, v, _ := then.explain(ctx, a)
	out.Trace = after
	out.Millis += before.Millis
	out.Notes = x.notes(ctx, known, writes)
	out.Turned = turned(w.Root, v.Root)
	if x.Server != nil {
		out.Requests = before.Requests + known.asked() - asked
		out.RoundTrips = before.RoundTrips + v.store.trips
	}
	if before.Agrees != nil && !*before.Agrees {
		out.Verdict = Unknown
		out.Summary = "It cannot be told: already now the explanation does not match what Keto says."
		out.Hint = before.Hint
		out.Fixes = nil
	}
	out.Changed = out.Verdict != Unknown && before.Verdict != Unknown && out.Verdict != before.Verdict
	return out, nil
}

// notes says what is odd about the writes.
func (x *Explainer) notes(ctx context.Context, l Lister, writes []Write) []string {
	var out []string
	for _, w := range writes {
		t := w.what
		stored, err := hasTuple(ctx, l, t)
		switch {
		case err != nil:
			out = append(out, fmt.Sprintf("whether %s is stored could not be read: %v", t, err))
		case w.Op == OpAdd && stored:
			out = append(out, fmt.Sprintf("%s is stored already", t))
		case w.Op == OpRemove && !stored:
			out = append(out, fmt.Sprintf("%s is not stored", t))
		}
		if w.Op != OpAdd || x.Model == nil {
			continue
		}
		if err := x.Model.CanBeWritten(t); err != nil {
			out = append(out, err.Error())
		}
	}
	return out
}

// hasTuple looks for a tuple among those of its object.
func hasTuple(ctx context.Context, l Lister, t tuple.Tuple) (bool, error) {
	n := 0
	for o, err := range l.All(ctx, tuple.Query{Namespace: &t.Namespace, Object: &t.Object}) {
		switch {
		case err != nil:
			return false, err
		case o.Equal(t):
			return true, nil
		case n == maxPerList:
			return false, fmt.Errorf("%w: %s:%s has more than %d", ErrBudget, t.Namespace, t.Object, maxPerList)
		}
		n++
	}
	return false, nil
}

// turned lists the relations and permissions that were looked at both times and came
// out otherwise.
func turned(before, after *Node) []Turn {
	was := map[string]Result{}
	before.walk(func(n *Node) bool {
		if n.isSet() && n.Cut == "" {
			was[n.Tuple.Key()] = n.Result
		}
		return true
	})
	var out []Turn
	for level := []*Node{after}; len(level) > 0 && len(out) < maxTurned; {
		var next []*Node
		for _, n := range level {
			next = append(next, n.Children...)
			r, ok := was[n.Tuple.Key()]
			if !n.isSet() || n.Cut != "" || !ok || r == n.Result || r == Skipped || n.Result == Skipped || len(out) == maxTurned {
				continue
			}
			out = append(out, Turn{n.Tuple.Left(), (&Node{Result: r}).verdict(), n.verdict()})
			delete(was, n.Tuple.Key())
		}
		level = next
	}
	return out
}

// isSet reports whether a node is about everybody who has a relation or permission.
func (n *Node) isSet() bool { return n.Kind == KindAllowed || n.Kind == KindExpandFound }

// Overlay lists what a Lister does, as if the writes had been made.
func Overlay(l Lister, writes []Write) Lister {
	o := overlaid{l: l, gone: map[string]bool{}}
	for _, w := range writes {
		if w.Op == OpRemove {
			o.gone[w.what.Key()] = true
		}
	}
	for _, w := range writes {
		if w.Op == OpAdd && !o.gone[w.what.Key()] {
			o.added = append(o.added, w.what)
		}
	}
	return o
}

// overlaid is what Overlay makes.
type overlaid struct {
	l     Lister
	added []tuple.Tuple
	gone  map[string]bool
}

// All implements Lister. A tuple that is added and stored comes once, as Keto would
// have it after a write that looks first.
func (o overlaid) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		stored := map[string]bool{}
		for t, err := range o.l.All(ctx, q) {
			if err != nil {
				yield(t, err)
				return
			}
			if o.gone[t.Key()] {
				continue
			}
			for _, a := range o.added {
				if a.Equal(t) {
					stored[t.Key()] = true
				}
			}
			if !yield(t, nil) {
				return
			}
		}
		for _, t := range o.added {
			if q.Matches(t) && !stored[t.Key()] {
				stored[t.Key()] = true
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}

// recall is a Lister that remembers the lists that were read to their end.
type recall struct {
	l Lister

	mu       sync.Mutex
	lists    map[string][]tuple.Tuple
	requests int
}

// asked is how many requests were needed so far.
func (r *recall) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// queryKey tells queries apart that differ in which parts they leave out.
func queryKey(q tuple.Query) string {
	part := func(s *string) string {
		if s == nil {
			return "-"
		}
		return fmt.Sprintf("%q", *s)
	}
	key := part(q.Namespace) + part(q.Object) + part(q.Relation)
	if q.Subject != nil {
		key += subjectKey(*q.Subject)
	}
	return key
}

// All implements Lister.
func (r *recall) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		key := queryKey(q)
		r.mu.Lock()
		list, known := r.lists[key]
		r.mu.Unlock()
		if known {
			for _, t := range list {
				if !yield(t, nil) {
					return
				}
			}
			return
		}
		read := 0
		defer func() {
			r.mu.Lock()
			r.requests += 1 + max(0, read-1)/pageSize
			r.mu.Unlock()
		}()
		for t, err := range r.l.All(ctx, q) {
			if err != nil {
				yield(t, err)
				return
			}
			read++
			if len(list) < maxPerList {
				list = append(list, t)
			}
			if !yield(t, nil) {
				return
			}
		}
		if read > maxPerList {
			return // too long to be kept
		}
		r.mu.Lock()
		r.lists[key] = list
		r.mu.Unlock()
	}
}

// ParseWrite reads a write of a printed Fix: Tuple is the text of a tuple or its JSON.
func ParseWrite(w Write) (Write, error) {
	if w.Op != OpAdd && w.Op != OpRemove {
		return w, fmt.Errorf("%q is no operation on a relation tuple", w.Op)
	}
	var t tuple.Tuple
	var err error
	if strings.HasPrefix(w.Tuple, "{") {
		err = json.Unmarshal([]byte(w.Tuple), &t)
	} else {
		t, err = tuple.Parse(w.Tuple)
	}
	if err != nil {
		return w, fmt.Errorf("%q is not a relation tuple: %w", w.Tuple, err)
	}
	return write(w.Op, t), nil
}
