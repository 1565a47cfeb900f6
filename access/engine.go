package access

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Reader gives the engine the stored tuples.
type Reader interface {
	// Has reports whether exactly this tuple is stored.
	Has(ctx context.Context, t tuple.Tuple) (bool, error)
	// Of lists the tuples of an object, of all relations, in the order in which the
	// server goes through them. A tuple that is stored twice comes twice.
	Of(ctx context.Context, namespace, object string) ([]tuple.Tuple, error)
	// Ahead tells that these objects will be asked for, so that they can be read side
	// by side. It may do nothing.
	Ahead(ctx context.Context, objects [][2]string)
}

// Settings are those of the server that change its decisions.
type Settings struct {
	// Engine is the generation; empty means opl.Classic.
	Engine opl.Engine
	// MaxDepth and MaxWidth are limit.max_read_depth and limit.max_read_width; 0 means
	// the server's defaults, 5 and 100.
	MaxDepth, MaxWidth int
	// Strict is namespaces.experimental_strict_mode.
	Strict bool
	// MaxSteps ends an evaluation that blows up, as rules that call each other can;
	// 0 means 20,000 steps.
	MaxSteps int
}

// The defaults of Settings.
const (
	DefaultMaxDepth = 5
	DefaultMaxWidth = 100
	defaultMaxSteps = 20_000
)

func (s Settings) withDefaults() Settings {
	if s.Engine == "" {
		s.Engine = opl.Classic
	}
	if s.MaxDepth <= 0 {
		s.MaxDepth = DefaultMaxDepth
	}
	if s.MaxWidth <= 0 {
		s.MaxWidth = DefaultMaxWidth
	}
	if s.MaxSteps <= 0 {
		s.MaxSteps = defaultMaxSteps
	}
	return s
}

// Decision is what an evaluation came to.
type Decision struct {
	// Verdict is Unknown where the server answers an error, or where we could not
	// find out.
	Verdict Verdict
	// Root is the whole tree of steps.
	Root *Node
	// Visited says that a set was passed over because another branch had been there;
	// then the answer may hang on the order in which the server reads its rows.
	Visited bool

	steps int
}

// errSteps ends an evaluation that takes too many steps.
var errSteps = errors.New("it takes too many steps; the rules may call each other in a circle")

// Evaluate decides a question as Keto does, with its limits, its order and its short
// cuts, over the tuples that the reader gives. A nil model stands for legacy
// namespaces, which have no rules. maxDepth is that of the request; like Keto it is
// only honoured between 1 and the server's own limit.
//
// Source: internal/check of ory/keto v0.13.0, unchanged in decisions up to v26.2, and
// for opl.New the engine that follows it.
func Evaluate(ctx context.Context, r Reader, m *opl.Model, s Settings, q tuple.Tuple, maxDepth int) Decision {
	return evaluate(ctx, r, m, s, q, maxDepth, variant{})
}

// variant departs from Keto in one point, to find out whether an answer hangs on it.
type variant struct {
	lazy    bool // computed operands are looked at when their turn comes, not while the rule is planned
	reverse bool // subject sets in the opposite order
	behind  bool // a set counts as visited only once its turn comes
	first   bool // rows that were added come before those that are stored
	forget  bool // sets are gone into however often they are met
	unblock bool // what stands behind a "!" never denies
	parents bool // a bare id that is traversed stands for the object of that name
	sets    bool // a subject set with a relation that is not declared means the declared one
}

func evaluate(ctx context.Context, r Reader, m *opl.Model, s Settings, q tuple.Tuple, maxDepth int, o variant) Decision {
	s = s.withDefaults()
	depth := s.MaxDepth
	if maxDepth > 0 && maxDepth < depth {
		depth = maxDepth
	}
	e := &engine{ctx: ctx, r: r, m: m, s: s, o: o}
	e.p, _ = r.(partial)
	root := e.root(q, depth)
	d := Decision{Root: root, Verdict: Denied, Visited: e.visited, steps: e.steps}
	switch {
	case e.stop != nil || root.Result == Failed:
		d.Verdict = Unknown
	case root.Result == Member:
		d.Verdict = Allowed
	case root.Result == Undecided && s.Engine == opl.New && s.Strict:
		d.Verdict = Unknown // it answers 422
	}
	return d
}

// engine is one evaluation.
type engine struct {
	ctx     context.Context
	r       Reader
	p       partial // r, where that may not have everything at hand
	m       *opl.Model
	s       Settings
	o       variant
	steps   int
	stop    error // ends everything: no answer can be given
	visited bool
}

// seen are the subject sets that were gone into below one expansion. Keto makes it
// at the first expansion of a path and shares it with everything below.
type seen map[tuple.Set]bool

func (e *engine) classic() bool { return e.s.Engine != opl.New }

func (e *engine) root(q tuple.Tuple, depth int) *Node {
	// Keto maps the names of a question first, and answers "no" where one is unknown.
	if e.m != nil && (e.m.Namespace(q.Namespace) == nil || q.Subject.Set != nil && e.m.Namespace(q.Subject.Set.Namespace) == nil) {
		return &Node{Kind: KindAllowed, Result: NotMember, Tuple: q, Depth: depth}
	}
	return e.allowed(q, depth, false, nil)
}

// errUnknownRelation is what Keto's 400 says.
type errUnknownRelation struct{ namespace, relation string }

func (e *errUnknownRelation) Error() string {
	return fmt.Sprintf("namespace %s declares no relation %q", e.namespace, e.relation)
}

// relation finds what the model says; nil is a relation without any rule.
func (e *engine) relation(namespace, relation string) (*opl.Relation, error) {
	n := e.m.Namespace(namespace)
	if relation == "" || n == nil || len(n.Relations) == 0 {
		return nil, nil
	}
	if rel := e.m.Relation(namespace, relation); rel != nil {
		return rel, nil
	}
	return nil, &errUnknownRelation{namespace, relation}
}

// fail marks a node as failed; what the reader could not do ends the evaluation.
func (e *engine) fail(n *Node, cut Cut, err error) *Node {
	n.Result, n.Cut, n.Err = Failed, cut, err
	if cut != CutRelation && e.stop == nil {
		e.stop = err
	}
	return n
}

// cutAt marks a node at which a limit ended the search.
func cutAt(n *Node, cut Cut) *Node {
	n.Result, n.Cut = Undecided, cut
	return n
}

// allowed is everything that can grant t: its rule, the tuple itself, the subject
// sets on it. skipDirect is set where the tuple was looked for already.
func (e *engine) allowed(t tuple.Tuple, d int, skipDirect bool, v seen) *Node {
	n := &Node{Kind: KindAllowed, Tuple: t, Depth: d}
	e.steps++
	switch {
	case e.stop != nil:
		return e.fail(n, CutSteps, e.stop)
	case e.steps&0xff == 1 && e.ctx.Err() != nil:
		return e.fail(n, CutRead, e.ctx.Err())
	case e.steps > e.s.MaxSteps:
		return e.fail(n, CutSteps, errSteps)
	case d <= 0:
		return cutAt(n, CutDepth)
	}
	rel, err := e.relation(t.Namespace, t.Relation)
	if err != nil {
		return e.fail(n, CutRelation, err)
	}
	var checks []check
	rewrite := rel.Simplified(e.s.Engine)
	if rel != nil {
		n.Rule = rel.Pos
	}
	if rewrite != nil {
		checks = append(checks, check{KindUnion, t, rewrite.Span, e.rewrite(t, rewrite, d, v)})
	}
	below := d
	if e.classic() {
		below--
	}
	switch {
	case skipDirect:
	case !e.directCounts(rel, t):
		checks = append(checks, check{KindDirect, t, n.Rule, ignored(KindDirect, t, n.Rule, below)})
	default:
		checks = append(checks, check{KindDirect, t, n.Rule, func() *Node { return e.direct(t, n.Rule, below) }})
	}
	if e.expandCounts(rel) {
		checks = append(checks, check{KindExpand, t, n.Rule, func() *Node { return e.expand(t, rel, below, v) }})
	} else {
		checks = append(checks, check{KindExpand, t, n.Rule, ignored(KindExpand, t, n.Rule, below)})
	}
	e.union(n, checks)
	return n
}

// check is a step that is taken when its turn comes. The rest of it says what is shown
// when its turn never comes.
type check struct {
	kind  Kind
	tuple tuple.Tuple
	rule  opl.Span
	run   func() *Node
}

// skip notes the steps that were not needed.
func (n *Node) skip(rest []check) {
	for _, c := range rest {
		n.Children = append(n.Children, &Node{Kind: c.kind, Result: Skipped, Tuple: c.tuple, Rule: c.rule, Depth: n.Depth})
	}
}

// ignored is a step that strict mode leaves out.
func ignored(k Kind, t tuple.Tuple, rule opl.Span, d int) func() *Node {
	return func() *Node {
		return &Node{Kind: k, Result: NotMember, Cut: CutStrict, Tuple: t, Rule: rule, Depth: d}
	}
}

// missed counts what was needed so far and is not at hand. What rests on that ends no
// search: whatever else may be needed is to be known at once.
func (e *engine) missed() int {
	if e.p == nil {
		return 0
	}
	return e.p.Missed()
}

// union runs the checks until one grants or fails.
func (e *engine) union(n *Node, checks []check) {
	n.Result = NotMember
	for i, check := range checks {
		before := e.missed()
		c := check.run()
		n.Children = append(n.Children, c)
		switch {
		case e.missed() != before:
		case c.Result == Member:
			n.Result = Member
			n.skip(checks[i+1:])
			return
		case c.Result == Failed:
			n.Result, n.Err = Failed, c.Err
			n.skip(checks[i+1:])
			return
		case c.Result == Undecided && !e.classic(): // the classic engine forgets that it did not look everywhere
			n.Result = Undecided
		}
	}
}

// intersection runs the checks until one does not grant.
func (e *engine) intersection(n *Node, checks []check) {
	n.Result = NotMember
	if len(checks) == 0 {
		return
	}
	all := Member
	for i, check := range checks {
		before := e.missed()
		c := check.run()
		n.Children = append(n.Children, c)
		switch {
		case e.missed() != before:
		case c.Result == Failed:
			n.Result, n.Err = Failed, c.Err
			n.skip(checks[i+1:])
			return
		case c.Result == Undecided && !e.classic():
			all = Undecided // a later "no" still beats it
		case c.Result != Member:
			n.skip(checks[i+1:])
			return
		}
	}
	n.Result = all
}

// direct looks for the tuple itself.
func (e *engine) direct(t tuple.Tuple, rule opl.Span, d int) *Node {
	n := &Node{Kind: KindDirect, Tuple: t, Rule: rule, Depth: d, Result: NotMember}
	if d <= 0 {
		return cutAt(n, CutDepth)
	}
	found, err := e.r.Has(e.ctx, t)
	if err != nil {
		return e.fail(n, CutRead, err)
	}
	if found {
		n.Result, n.Stored = Member, &t
	}
	return n
}

// subjects are the tuples of an object's relation: those whose subject is a set, and
// those whose subject is a bare id.
func (e *engine) subjects(namespace, object, relation string) (sets, ids []tuple.Tuple, err error) {
	var all []tuple.Tuple
	if e.p != nil {
		all, err = e.p.OfRelation(e.ctx, namespace, object, relation)
	} else {
		all, err = e.r.Of(e.ctx, namespace, object)
	}
	for _, t := range all {
		switch {
		case t.Relation != relation:
		case t.Subject.Set != nil:
			sets = append(sets, t)
		default:
			ids = append(ids, t)
		}
	}
	return sets, ids, err
}

// in is the question whether the subject of t is in a set.
func in(s tuple.Set, t tuple.Tuple) tuple.Tuple {
	return tuple.Tuple{Namespace: s.Namespace, Object: s.Object, Relation: s.Relation, Subject: t.Subject}
}

// ahead announces the objects of subject sets.
func (e *engine) ahead(rows []tuple.Tuple) {
	var objects [][2]string
	for _, r := range rows {
		objects = append(objects, [2]string{r.Subject.Set.Namespace, r.Subject.Set.Object})
	}
	e.r.Ahead(e.ctx, objects)
}
