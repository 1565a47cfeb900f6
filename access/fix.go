package access

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Op is what a Write does.
type Op string

// The operations on relation tuples.
const (
	OpAdd    Op = "add"
	OpRemove Op = "remove"
)

// Write is one change of a Fix. Tuple is its text, or its JSON where the text would be
// read as another tuple.
type Write struct {
	Op    Op     `json:"op"`
	Tuple string `json:"tuple"`

	what tuple.Tuple
}

// NewWrite adds or removes a tuple.
func NewWrite(op Op, t tuple.Tuple) Write { return write(op, t) }

func write(op Op, t tuple.Tuple) Write {
	w := Write{op, t.String(), t}
	if b, err := json.Marshal(t); t.Ambiguous() && err == nil {
		w.Tuple = string(b)
	}
	return w
}

// What is the tuple that is written.
func (w Write) What() tuple.Tuple { return w.what }

// Fix is a smallest set of writes after which the question is allowed: without any one
// of them it is not.
type Fix struct {
	Summary string  `json:"summary"`
	Writes  []Write `json:"writes"`
	Radius
	// Unblocks says that something is removed that was meant to deny.
	Unblocks bool `json:"unblocks,omitempty"`
	// Verified says that the answer was worked out with the writes, under the limits of
	// the server.
	Verified bool `json:"verified"`

	repairs bool
}

// Bounds of the search for fixes.
const (
	maxEdits    = 3
	maxTries    = 120
	maxFixes    = 5
	unblockCost = 10 // an unblock comes after everything else, and a repair before
)

// edit is one way to change the outcome of a node: one write, or two that belong
// together.
type edit struct {
	writes  []Write
	unblock bool
	// repair says that it makes right what was written wrongly.
	repair bool
}

// fixes looks for the smallest sets of writes that allow the question, the smallest
// first: each set is tried out, and where it is not enough the new refutation says what
// else could help.
func (w *working) fixes(ctx context.Context) []Fix {
	if w.Verdict == Allowed || w.blind() || w.Root.has(CutRead) || w.Root.has(CutSteps) {
		return nil
	}
	var found []Fix
	level, tries := []edit{{}}, 0
	seen := map[string]bool{}
	for range maxEdits {
		var next []edit
		for _, e := range level {
			root := w.Root
			if len(e.writes) > 0 {
				root = w.altered(ctx, e.writes, variant{}).Root
			}
			candidates := w.candidates(root)
			w.readAhead(ctx, e, candidates)
			for _, c := range candidates {
				both := edit{append(slices.Clone(e.writes), c.writes...), e.unblock || c.unblock, e.repair || c.repair}
				key := both.key()
				if len(c.writes) == 0 || seen[key] || e.touches(c) || tries == maxTries || ctx.Err() != nil || contains(found, both) {
					continue
				}
				seen[key] = true
				tries++
				switch {
				case !w.allowedWith(ctx, both.writes):
					next = append(next, both)
				case w.minimal(ctx, both.writes):
					found = append(found, fixOf(both))
				}
			}
		}
		level = next
	}
	return w.rank(ctx, found)
}

// readAhead reads what trying the candidates out needs, for all of them side by side.
func (w *working) readAhead(ctx context.Context, e edit, candidates []edit) {
	var evals []func(Reader) Decision
	for _, c := range candidates[:min(len(candidates), maxTries)] {
		evals = append(evals, w.alteredBy(ctx, slices.Concat(e.writes, c.writes), variant{}))
	}
	w.settle(ctx, evals...)
}

// altered evaluates the question as if the writes had been made.
func (w *working) altered(ctx context.Context, writes []Write, v variant) Decision {
	return w.settle(ctx, w.alteredBy(ctx, writes, v))[0]
}

func (w *working) alteredBy(ctx context.Context, writes []Write, v variant) func(Reader) Decision {
	return func(r Reader) Decision {
		return evaluate(ctx, over(r, writes, v.first), w.x.Model, w.set, w.ask.Question, w.ask.MaxDepth, v)
	}
}

// allowedWith reports whether the writes allow the question, in whatever order the
// server comes across its rows.
func (w *working) allowedWith(ctx context.Context, writes []Write) bool {
	d := w.altered(ctx, writes, variant{})
	if d.Verdict != Allowed {
		return false
	}
	orders := []variant{{reverse: true}, {first: true}}
	if d.Visited {
		orders = append(orders, otherOrders...)
	}
	return !slices.ContainsFunc(orders, func(v variant) bool { return w.altered(ctx, writes, v).Verdict != Allowed })
}

// minimal reports whether each write is needed: without it the answer is "no" in
// whatever order the rows come. Only a tuple that names an unknown relation is taken
// away as well where the answer without that hangs on the order.
func (w *working) minimal(ctx context.Context, writes []Write) bool {
	for i, wr := range writes {
		if len(writes) < 2 {
			break
		}
		rest := slices.Delete(slices.Clone(writes), i, i+1)
		if w.allowedWith(ctx, rest) || !w.poison(wr) && w.mayAllow(ctx, rest) {
			return false
		}
	}
	return true
}

// mayAllow reports whether the writes allow the question in some order of the rows.
func (w *working) mayAllow(ctx context.Context, writes []Write) bool {
	for _, v := range append([]variant{{}, {first: true}}, otherOrders...) {
		if w.altered(ctx, writes, v).Verdict == Allowed {
			return true
		}
	}
	return false
}

// poison reports whether a write removes a tuple that names an unknown relation: where
// one is met first, Keto answers with an error.
func (w *working) poison(wr Write) bool {
	set := wr.what.Subject.Set
	if wr.Op != OpRemove || set == nil {
		return false
	}
	e := engine{m: w.x.Model}
	_, err := e.relation(set.Namespace, set.Relation)
	return err != nil
}

func (e edit) key() string {
	var keys []string
	for _, w := range e.writes {
		keys = append(keys, string(w.Op)+w.what.Key())
	}
	slices.Sort(keys)
	return strings.Join(keys, "\n")
}

// touches reports whether a tuple is written in both: adding and removing it is no fix,
// and in one PATCH Keto carries out what removes last.
func (e edit) touches(c edit) bool {
	return slices.ContainsFunc(e.writes, func(a Write) bool {
		return slices.ContainsFunc(c.writes, func(b Write) bool { return a.what.Equal(b.what) })
	})
}

// contains reports whether a fix that was found is part of e.
func contains(found []Fix, e edit) bool {
	return slices.ContainsFunc(found, func(f Fix) bool {
		for _, w := range f.Writes {
			same := func(o Write) bool { return o.Op == w.Op && o.what.Equal(w.what) }
			if !slices.ContainsFunc(e.writes, same) {
				return false
			}
		}
		return true
	})
}

func fixOf(e edit) Fix {
	f := Fix{Writes: e.writes, Unblocks: e.unblock, Verified: true, repairs: e.repair}
	var parts []string
	for _, w := range e.writes {
		parts = append(parts, string(w.Op)+" "+w.Tuple)
	}
	f.Summary = strings.Join(parts, " and ")
	return f
}

// candidates are the edits that a refutation asks for.
func (w *working) candidates(root *Node) []edit {
	var out []edit
	if w.meant != nil && w.x.Model.CanBeWritten(*w.meant) == nil {
		out = append(out, edit{writes: []Write{write(OpAdd, *w.meant)}, repair: true})
	}
	var visit func(n *Node)
	visit = func(n *Node) {
		switch {
		case n.Kind == KindInvert:
			out = append(out, unblocks(n.Children[0])...)
			return
		case n.Cut == CutRelation && n.Stored != nil:
			both := w.repair(*n.Stored)
			out = append(out, both, edit{writes: both.writes[1:], repair: true})
		case n.Kind == KindTraverse:
			out = append(out, w.linkParents(n)...)
		case n.Kind == KindAllowed:
			if w.x.Model.CanBeWritten(n.Tuple) == nil {
				out = append(out, edit{writes: []Write{write(OpAdd, n.Tuple)}})
			}
			if n.Stored != nil && w.wrongSet(*n.Stored) != "" {
				out = append(out, edit{writes: w.repair(*n.Stored).writes[1:], repair: true})
			}
		}
		for _, c := range n.matters() {
			visit(c)
		}
	}
	visit(root)
	return out
}

// unblocks removes, one at a time, the tuples through which a "!" denies.
func unblocks(n *Node) []edit {
	var out []edit
	for ; n != nil; n = n.next() {
		if n.Stored != nil && n.Result == Member {
			out = append(out, edit{writes: []Write{write(OpRemove, *n.Stored)}, unblock: true})
		}
	}
	slices.Reverse(out) // the one that names the subject itself reaches least far
	return out
}

// repair replaces a tuple whose subject set names a relation that is not declared
// there; where no declared one is known it is only removed.
func (w *working) repair(t tuple.Tuple) edit {
	e := edit{writes: []Write{write(OpRemove, t)}, repair: true}
	if right := w.wrongSet(t); right != "" {
		good := t
		good.Subject = tuple.SubjectSet(t.Subject.Set.Namespace, t.Subject.Set.Object, right)
		e.writes = append(e.writes, write(OpAdd, good))
	}
	return e
}

// linkParents writes parents that are stored as bare ids as objects.
func (w *working) linkParents(n *Node) []edit {
	if n.Bare == 0 {
		return nil
	}
	var out []edit
	all, _ := w.store.Of(context.Background(), n.Tuple.Namespace, n.Tuple.Object) // was read before
	e := engine{m: w.x.Model}
	for _, t := range all {
		if t.Relation == n.Tuple.Relation && t.Subject.Set == nil {
			for _, good := range e.asObjects([]tuple.Tuple{t}) {
				out = append(out, edit{writes: []Write{write(OpAdd, good)}, repair: true})
			}
		}
	}
	return out
}

// ahead notes, for a question that the server denies, what telling its fixes will want:
// what the likeliest of them do besides, and where there is no such object the names of
// others.
func (w *working) ahead(ctx context.Context, v *view) {
	q := w.ask.Question
	d := w.question(ctx, q, w.set, w.ask.MaxDepth, variant{})(w.store.view())
	if d.Verdict != Denied {
		return
	}
	likely := w.candidates(d.Root)
	for _, e := range likely[:min(len(likely), maxFixes)] {
		for _, wr := range e.writes {
			w.reach(ctx, v, wr.what)
		}
	}
	if l := w.store.objects[[2]string{q.Namespace, q.Object}]; l != nil && l.err == nil && len(l.tuples) == 0 {
		v.near(q.Namespace)
	}
}

// rank puts the least that does it first, and counts what else the best would grant.
func (w *working) rank(ctx context.Context, found []Fix) []Fix {
	size := func(f Fix) int {
		switch {
		case f.Unblocks:
			return len(f.Writes) + unblockCost
		case f.repairs:
			return len(f.Writes) - unblockCost
		}
		return len(f.Writes)
	}
	slices.SortStableFunc(found, func(a, b Fix) int { return cmp.Compare(size(a), size(b)) })
	found = found[:min(len(found), maxFixes)]
	w.radii(ctx, found)
	for i := range found {
		if also := found[i].Words(); also != "" {
			found[i].Summary += ", which " + also
		}
	}
	slices.SortStableFunc(found, func(a, b Fix) int {
		return cmp.Or(cmp.Compare(size(a), size(b)), cmp.Compare(w.others(a), w.others(b)), a.compare(b.Radius))
	})
	return found
}

// others counts the removals of a block that is there for others too: to take one person
// out of what is blocked is less than to take the block away.
func (w *working) others(f Fix) int {
	n := 0
	for _, wr := range f.Writes {
		if f.Unblocks && wr.Op == OpRemove && !wr.what.Subject.Equal(w.ask.Question.Subject) {
			n++
		}
	}
	return n
}

// isType reports whether such a subject set may stand anywhere; without a model all may.
func (w *working) isType(namespace, relation string) bool {
	if w.x.Model == nil {
		return true
	}
	return slices.ContainsFunc(w.x.Model.Namespaces, func(n *opl.Namespace) bool {
		return slices.ContainsFunc(n.Relations, func(r *opl.Relation) bool { return declares(r, tuple.Set{Namespace: namespace, Relation: relation}) })
	})
}
