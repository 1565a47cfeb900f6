package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Causes of an answer, besides those that Ask names.
const (
	CauseMissingTuple  = "missing_tuple"        // no stored tuple leads to the subject
	CauseAlias         = "subject_alias"        // the tuples name the person otherwise
	CauseBlocked       = "blocked"              // something behind a "!" denies what would be granted
	CauseParent        = "parent_not_a_set"     // a parent is a bare id, over which Keto passes
	CauseSet           = "subject_set_relation" // a subject set names another relation than the declared one
	CauseDepth         = "max_depth"            // the way is longer than Keto goes
	CauseOpenByDepth   = "max_depth_allows"     // allowed only because Keto stops before it finds the block
	CauseOpenByVisited = "visited_allows"       // allowed only because Keto passes over the set that blocks
	CauseWidth         = "max_width"            // more subject sets than Keto looks at
	CauseVisited       = "visited"              // Keto passes over a set that another branch came to before
	CauseStrict        = "strict"               // strict mode ignores what is stored
	CauseModelUnknown  = "model_unknown"        // Keto applies rules that are not known here
	CauseTooManySteps  = "too_many_steps"
	CauseUnreadable    = "unreadable"
	deepest            = 64 // how deep a way is looked for beyond the server's limit
	maxAliasesExplored = 24
)

// who is how the subject is called in sentences.
func (w *working) who() string {
	if w.ask.Name != "" {
		return w.ask.Name
	}
	return w.ask.Question.Subject.String()
}

// what is the permission in question as the end of a sentence: "view on Doc:a".
func (w *working) what() string {
	q := w.ask.Question
	return q.Relation + " on " + q.Namespace + ":" + q.Object
}

// explain names the cause.
func (w *working) explain(ctx context.Context, t *Trace) {
	t.OrderDependent = w.orderDependent(ctx)
	switch {
	case w.Verdict == Allowed:
		w.allowed(ctx, t)
	case w.blind():
		w.withoutModel(ctx, t)
	case w.Verdict == Denied:
		w.denied(ctx, t)
	default:
		w.failed(t)
	}
	if w.guessed != "" {
		t.Hint = strings.TrimPrefix(t.Hint+"; "+w.guessed, "; ")
	}
	switch {
	case w.flapped:
		t.Hint = strings.TrimPrefix(fmt.Sprintf("%s; Keto gave both answers, asked %d times: it depends on the order in which it comes across its rows", t.Hint, w.asks), "; ")
	case t.OrderDependent:
		t.Hint = strings.TrimPrefix(t.Hint+"; Keto may answer otherwise the next time: it depends on the order in which it comes across its rows", "; ")
	}
}

func (w *working) allowed(ctx context.Context, t *Trace) {
	t.Summary = "Yes: " + w.who() + " " + w.may() + w.way() + "."
	if w.Visited && w.Root.hasDeep(KindInvert) && w.decide(ctx, variant{forget: true}).Verdict == Denied {
		t.Cause = CauseOpenByVisited
		t.Summary = fmt.Sprintf("Yes, but only because Keto passes over a block: it came to %s in another branch of the same check before. By the tuples and rules %s %s.", w.passedOver(), w.who(), w.mayNot())
		t.Hint = "this is a fault of Keto; a block that is stored closer to the person, or on the object itself, avoids it"
		return
	}
	if !w.Root.hasDeep(KindInvert) || !w.Root.has(CutDepth) {
		return
	}
	set := w.set
	set.MaxDepth = deepest
	if d := w.with(ctx, w.ask.Question, set, 0, variant{}); d.Verdict == Denied {
		t.Cause = CauseOpenByDepth
		t.DepthNeeded = w.depthOf(ctx, Denied)
		t.Summary = fmt.Sprintf("Yes, but only because Keto stops too early: there is a block, %d levels deep, and Keto goes %d. With it %s %s.", t.DepthNeeded, w.limit(), w.who(), w.mayNot())
		t.Hint = "a block that lies deeper than limit.max_read_depth does not block; put it closer, or raise the limit"
	}
}

func (n *Node) hasDeep(k Kind) bool { return n.find(func(m *Node) bool { return m.Kind == k }) != nil }

// way says by which stored tuples an allow comes about.
func (w *working) way() string {
	via := stored(w.Root, (*Node).grant)
	if len(via) == 0 {
		return ""
	}
	return ": " + w.links(via)
}

// grant goes down an allow: into the child that grants, or into the one of several
// needed ones that is no "!"; nil where there is no single way.
func (n *Node) grant() *Node {
	if n.Kind == KindInvert {
		return nil
	}
	if n.Kind != KindIntersection {
		return winner(n)
	}
	var only *Node
	for _, c := range n.Children {
		switch {
		case c.inverts():
		case only != nil:
			return nil
		default:
			only = c
		}
	}
	return only
}

// inverts reports a "!", also one in parentheses.
func (n *Node) inverts() bool {
	if (n.Kind == KindUnion || n.Kind == KindIntersection) && n.operands() == 1 {
		i := slices.IndexFunc(n.Children, func(c *Node) bool { return c.Kind != KindDirectMulti })
		return i >= 0 && n.Children[i].inverts()
	}
	return n.Kind == KindInvert
}

// denied names the cause of a denial: the first single change of the circumstances
// under which the same question is allowed.
func (w *working) denied(ctx context.Context, t *Trace) {
	q := w.ask.Question
	if w.x.Model != nil {
		if missing := unknownNamespace(q, w.x.Model.NamespaceNames()); missing != "" {
			t.Cause = CauseUnknownNamespace
			t.Summary = "No: the permission model has no namespace " + quote(missing) + ", and Keto denies everything about it."
			t.Hint = "check the spelling; names are case-sensitive"
			if near := opl.Nearest(missing, w.x.Model.NamespaceNames()); near != "" {
				t.Hint = "did you mean " + quote(near) + "? names are case-sensitive"
			}
			return
		}
	}
	for _, try := range []func(context.Context, *Trace) bool{w.strict, w.blocked, w.visited, w.width, w.depth, w.parent, w.sets, w.alias} {
		if ctx.Err() == nil && try(ctx, t) {
			return
		}
	}
	t.Cause = CauseMissingTuple
	t.Summary, t.Hint = w.missing()
	if all, err := w.store.Of(ctx, q.Namespace, q.Object); err == nil && len(all) == 0 {
		t.Hint = strings.TrimPrefix(t.Hint+"; there is no tuple on "+q.Namespace+":"+q.Object+" at all; names are case-sensitive", "; ")
		w.nearObject(ctx, t)
	}
}

// nearObject looks among the names of a namespace for the one that was meant.
func (w *working) nearObject(ctx context.Context, t *Trace) {
	q := w.ask.Question
	w.until(ctx, func(v *view) { v.near(q.Namespace) })
	var names []string
	for _, o := range w.store.near.tuples {
		names = append(names, o.Object)
	}
	slices.Sort(names)
	if near := opl.Nearest(q.Object, slices.Compact(names)); near != "" {
		t.Hint += "; did you mean " + quote(near) + "?"
		t.NearMisses = append(t.NearMisses, NearMiss{"object", "there are tuples on " + q.Namespace + ":" + near})
	}
}

func (w *working) allows(d Decision) bool { return d.Verdict == Allowed }

// limit is the depth at which Keto stops at this question.
func (w *working) limit() int {
	if w.ask.MaxDepth > 0 && w.ask.MaxDepth < w.set.MaxDepth {
		return w.ask.MaxDepth
	}
	return w.set.MaxDepth
}

func (w *working) strict(ctx context.Context, t *Trace) bool {
	set := w.set
	set.Strict = false
	if !w.set.Strict || !w.allows(w.with(ctx, w.ask.Question, set, w.ask.MaxDepth, variant{})) {
		return false
	}
	t.Cause = CauseStrict
	t.Summary = fmt.Sprintf("%s %s: what is stored would grant it, but Keto runs in strict mode, which ignores tuples that the model does not declare.", w.who(), w.mayNot())
	return true
}

func (w *working) blocked(ctx context.Context, t *Trace) bool {
	if !w.Root.hasDeep(KindInvert) {
		return false
	}
	root := w.Root
	if !w.allows(w.decide(ctx, variant{unblock: true})) {
		// What grants may have been passed over, because the block went over the same sets.
		if !w.Visited || !w.allows(w.decide(ctx, variant{unblock: true, forget: true})) {
			return false
		}
		all := w.decide(ctx, variant{forget: true})
		if w.allows(all) {
			return false
		}
		root = all.Root
	}
	t.Cause = CauseBlocked
	by := root.find(func(n *Node) bool { return n.Kind == KindInvert && n.Result == NotMember })
	t.Summary = fmt.Sprintf("%s %s because of a block, although something grants it: %s.", w.who(), w.mayNot(), w.blocker(by))
	t.Hint = "a block wins over whatever grants; remove it, or take " + w.who() + " out of what it names"
	return true
}

// blocker says by which stored tuples a "!" denies.
func (w *working) blocker(n *Node) string {
	via := stored(n, (*Node).next)
	if len(via) == 0 {
		return "a rule with \"!\" denies"
	}
	return w.links(via)
}

// next goes down a proof: into the child that grants, through a "!" into its child.
func (n *Node) next() *Node {
	if n.Kind == KindInvert && len(n.Children) > 0 {
		return n.Children[0]
	}
	return winner(n)
}

func (w *working) visited(ctx context.Context, t *Trace) bool {
	if !w.Visited || !w.allows(w.decide(ctx, variant{forget: true})) {
		return false
	}
	t.Cause = CauseVisited
	t.Summary = fmt.Sprintf("No: %s leads to %s, but Keto passes over it, because another branch of the same check was there before.", w.passedOver(), w.who())
	t.Hint = "this is a fault of Keto; a tuple that grants more directly avoids it"
	return true
}

// passedOver is the set that another branch of the check visited before.
func (w *working) passedOver() string {
	if at := w.Root.find(func(n *Node) bool { return n.Cut == CutVisited }); at != nil {
		return at.Tuple.Left()
	}
	return "a subject set"
}

func (w *working) width(ctx context.Context, t *Trace) bool {
	at := w.Root.find(func(n *Node) bool { return n.Cut == CutWidth })
	set := w.set
	set.MaxWidth = maxPerList
	if at == nil || !w.allows(w.with(ctx, w.ask.Question, set, w.ask.MaxDepth, variant{})) {
		return false
	}
	t.Cause = CauseWidth
	t.Summary = fmt.Sprintf("No: %s has %d subject sets, and Keto looks at no more than %d of them; %s is in one that it leaves out.", at.Tuple.Left(), at.Count, w.set.MaxWidth, w.who())
	t.Hint = "put the sets into groups, or raise limit.max_read_width"
	return true
}

func (w *working) depth(ctx context.Context, t *Trace) bool {
	if !w.Root.has(CutDepth) {
		return false
	}
	if l := w.store.subjects[subjectKey(w.ask.Question.Subject)]; w.set.Engine == opl.Classic && l != nil && l.err == nil && len(l.tuples) == 0 {
		return false // a subject without any tuple is nowhere, however deep one looks
	}
	set := w.set
	set.MaxDepth = deepest
	deep := w.with(ctx, w.ask.Question, set, 0, variant{})
	if !w.allows(deep) {
		return false
	}
	t.Cause = CauseDepth
	t.DepthNeeded = w.depthOf(ctx, Allowed)
	t.Summary = fmt.Sprintf("%s %s: what would grant it is %d levels deep, and Keto stops after %d%s.", w.who(), w.mayNot(), t.DepthNeeded, w.limit(), w.deepWay(deep.Root))
	t.Hint = "grant it closer to the object, or raise limit.max_read_depth"
	if w.limit() < w.set.MaxDepth {
		t.Hint = "ask with a larger --max-depth"
	}
	return true
}

// deepWay says by which stored tuples it would be granted.
func (w *working) deepWay(root *Node) string {
	via := stored(root, (*Node).grant)
	if len(via) == 0 {
		return ""
	}
	return " (" + w.links(via) + ")"
}

// depthOf is the least depth at which the answer is v; 0 when there is none.
func (w *working) depthOf(ctx context.Context, v Verdict) int {
	set := w.set
	for d := w.limit() + 1; d <= deepest; d++ {
		set.MaxDepth = d
		if w.with(ctx, w.ask.Question, set, 0, variant{}).Verdict == v {
			return d
		}
	}
	return 0
}

func (w *working) parent(ctx context.Context, t *Trace) bool {
	at := w.Root.find(func(n *Node) bool { return n.Kind == KindTraverse && n.Bare > 0 })
	if at == nil || !w.allows(w.decide(ctx, variant{parents: true})) {
		return false
	}
	t.Cause = CauseParent
	id, kind := w.bareParent(ctx, at)
	t.Summary = fmt.Sprintf("%s %s: %s holds the bare id %q where it needs the object %s:%s, so nothing is inherited from there.", w.who(), w.mayNot(), at.Tuple.Left(), id, kind, id)
	t.Hint = fmt.Sprintf("replace it by %s@%s:%s#", at.Tuple.Left(), kind, id)
	return true
}

// bareParent is a bare id that stands where an object should, and the type to give it.
func (w *working) bareParent(ctx context.Context, at *Node) (id, kind string) {
	all, _ := w.store.Of(ctx, at.Tuple.Namespace, at.Tuple.Object)
	for _, o := range all {
		if o.Relation == at.Tuple.Relation && o.Subject.Set == nil {
			id = o.Subject.ID
		}
	}
	if rel := w.x.Model.Relation(at.Tuple.Namespace, at.Tuple.Relation); rel != nil && len(rel.Types) > 0 {
		kind = rel.Types[0].Namespace
	}
	return id, kind
}

// sets looks for subject sets that name another relation than the declared one.
func (w *working) sets(ctx context.Context, t *Trace) bool {
	if w.x.Model == nil || !w.allows(w.decide(ctx, variant{sets: true})) {
		return false
	}
	at := w.Root.find(func(n *Node) bool { return n.Stored != nil && w.wrongSet(*n.Stored) != "" })
	if at == nil {
		return false
	}
	t.Cause = CauseSet
	right := *at.Stored
	right.Subject = tuple.SubjectSet(right.Subject.Set.Namespace, right.Subject.Set.Object, w.wrongSet(right))
	t.Summary = fmt.Sprintf("%s %s: %s is stored, but the model expects %s there.", w.who(), w.mayNot(), at.Stored, right.Subject)
	t.Hint = "replace it by " + right.String()
	return true
}

// wrongSet is the relation that the model declares where t names another.
func (w *working) wrongSet(t tuple.Tuple) string {
	rel := w.x.Model.Relation(t.Namespace, t.Relation)
	if rel == nil || t.Subject.Set == nil || declares(rel, *t.Subject.Set) {
		return ""
	}
	i := slices.IndexFunc(rel.Types, func(ty opl.Type) bool { return ty.Namespace == t.Subject.Set.Namespace && ty.Relation != "" })
	if i < 0 {
		return ""
	}
	return rel.Types[i].Relation
}
