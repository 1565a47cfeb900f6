package access

import (
	"context"
	"errors"
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
	case w.x.Model == nil && w.x.ModelUnknown:
		w.withoutModel(t)
	case w.Verdict == Denied:
		w.denied(ctx, t)
	default:
		w.failed(t)
	}
	if w.guessed != "" {
		t.Hint = strings.TrimPrefix(t.Hint+"; "+w.guessed, "; ")
	}
	if t.OrderDependent {
		t.Hint = strings.TrimPrefix(t.Hint+"; Keto may answer otherwise the next time: it depends on the order in which it comes across its rows", "; ")
	}
}

// orderDependent tries the orders that Keto's rows and goroutines may come in.
func (w *working) orderDependent(ctx context.Context) bool {
	if !w.Visited && !w.Root.has(CutRelation) {
		return false
	}
	return slices.ContainsFunc(otherOrders, func(v variant) bool { return w.decide(ctx, v).Verdict != w.Verdict })
}

// otherOrders are those that the server's rows and goroutines may come in besides the
// one that is tried first.
var otherOrders = []variant{{reverse: true}, {lazy: true}, {lazy: true, reverse: true}}

func (w *working) allowed(ctx context.Context, t *Trace) {
	t.Summary = "Yes: " + w.who() + " has " + w.what() + w.way() + "."
	if !w.Root.hasDeep(KindInvert) || !w.Root.has(CutDepth) {
		return
	}
	set := w.set
	set.MaxDepth = deepest
	if d := w.with(ctx, w.ask.Question, set, 0, variant{}); d.Verdict == Denied {
		t.Cause = CauseOpenByDepth
		t.DepthNeeded = w.depthOf(ctx, Denied)
		t.Summary = fmt.Sprintf("Yes, but only because Keto stops too early: %s is blocked from %s, %d levels deep, and Keto goes %d.", w.who(), w.what(), t.DepthNeeded, w.limit())
		t.Hint = "a block that lies deeper than limit.max_read_depth does not block; put it closer, or raise the limit"
	}
}

func (n *Node) hasDeep(k Kind) bool { return n.find(func(m *Node) bool { return m.Kind == k }) != nil }

// way names the stored tuples that an allow goes through.
func (w *working) way() string {
	var via []string
	for n := w.Root; n != nil; n = n.grant() {
		if n.Stored != nil {
			if s := n.Stored.String(); len(via) == 0 || via[len(via)-1] != s {
				via = append(via, s)
			}
		}
	}
	if len(via) == 0 {
		return ""
	}
	return ", through " + strings.Join(via, ", then ")
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
		case c.Kind == KindInvert:
		case only != nil:
			return nil
		default:
			only = c
		}
	}
	return only
}

func (w *working) withoutModel(t *Trace) {
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
	}
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
	near := Nearest(unknown.relation, w.relations(unknown.namespace))
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

// denied names the cause of a denial: the first single change of the circumstances
// under which the same question is allowed.
func (w *working) denied(ctx context.Context, t *Trace) {
	q := w.ask.Question
	if w.x.Model != nil {
		if missing := unknownNamespace(q, w.x.Model.NamespaceNames()); missing != "" {
			t.Cause = CauseUnknownNamespace
			t.Summary = "No: the permission model has no namespace " + quote(missing) + ", and Keto denies everything about it."
			t.Hint = "check the spelling; names are case-sensitive"
			if near := Nearest(missing, w.x.Model.NamespaceNames()); near != "" {
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
	t.Summary = w.missing()
	if all, err := w.store.Of(ctx, q.Namespace, q.Object); err == nil && len(all) == 0 {
		t.Hint = "there is no tuple on " + q.Namespace + ":" + q.Object + " at all; names are case-sensitive"
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
	t.Summary = fmt.Sprintf("No: what is stored would give %s to %s, but Keto runs in strict mode, which ignores tuples that the model does not declare.", w.what(), w.who())
	return true
}

func (w *working) blocked(ctx context.Context, t *Trace) bool {
	if !w.Root.hasDeep(KindInvert) || !w.allows(w.decide(ctx, variant{unblock: true})) {
		return false
	}
	t.Cause = CauseBlocked
	by := w.Root.find(func(n *Node) bool { return n.Kind == KindInvert && n.Result == NotMember })
	t.Summary = fmt.Sprintf("%s would have %s, but is blocked: %s.", w.who(), w.what(), w.blocker(by))
	return true
}

// blocker names the tuples by which a "!" denies.
func (w *working) blocker(n *Node) string {
	var via []string
	for ; n != nil; n = n.next() {
		if n.Stored != nil {
			if s := n.Stored.String(); len(via) == 0 || via[len(via)-1] != s {
				via = append(via, s)
			}
		}
	}
	if len(via) == 0 {
		return "a rule with \"!\" denies"
	}
	return strings.Join(via, ", and ")
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
	at := w.Root.find(func(n *Node) bool { return n.Cut == CutVisited })
	where := "a subject set"
	if at != nil {
		where = at.Tuple.Left()
	}
	t.Summary = fmt.Sprintf("No: %s leads to %s, but Keto passes over it, because another branch of the same check was there before.", where, w.who())
	t.Hint = "this is a fault of Keto; a tuple that grants more directly avoids it"
	return true
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
	set := w.set
	set.MaxDepth = deepest
	if !w.allows(w.with(ctx, w.ask.Question, set, 0, variant{})) {
		return false
	}
	t.Cause = CauseDepth
	t.DepthNeeded = w.depthOf(ctx, Allowed)
	t.Summary = fmt.Sprintf("No: the way that would give %s to %s is %d levels deep, and Keto stops after %d.", w.what(), w.who(), t.DepthNeeded, w.limit())
	t.Hint = "grant it closer to the object, or raise limit.max_read_depth"
	if w.limit() < w.set.MaxDepth {
		t.Hint = "ask with a larger --max-depth"
	}
	return true
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
	t.Summary = fmt.Sprintf("No: %s is stored with the bare id %q where an object is needed, so nothing is inherited from it.", at.Tuple.Left(), id)
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
	t.Summary = fmt.Sprintf("No: %s is stored, but the model expects %s.", at.Stored, right.Subject)
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

// alias asks the question under the other names of the person.
func (w *working) alias(ctx context.Context, t *Trace) bool {
	for i, a := range w.ask.Aliases {
		if i == maxAliasesExplored {
			break
		}
		if a.Subject.Equal(w.ask.Question.Subject) {
			continue
		}
		q := w.ask.Question
		q.Subject = a.Subject
		d := w.with(ctx, q, w.set, w.ask.MaxDepth, variant{})
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

// disagree says that the explanation is not the server's, and why that may be.
func (w *working) disagree(t *Trace) {
	ours := t.Summary
	t.Cause = ""
	t.Summary = fmt.Sprintf("Keto says %s, and the explanation comes to %s: it does not match the server.", t.Server, t.Explained)
	switch {
	case t.OrderDependent:
		t.Hint = "Keto's answer depends on the order in which it comes across its rows, and may be another one the next time"
	case errors.Is(w.readError(), ErrBudget):
		t.Explained, t.Agrees = Unknown, nil
		t.Summary = fmt.Sprintf("Keto says %s; why cannot be told: %v.", t.Server, w.readError())
		t.Hint = ""
	default:
		t.Hint = "the model in keto.opl may not be the one that Keto runs, its max_depth, max_width or strict mode may be others than configured, or the tuples changed meanwhile"
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
