package access

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Facts are what was found out about a Keto by asking it, because no API tells it. What
// could not be found out is empty, and Open says why.
type Facts struct {
	// Engine is the generation of its check engine.
	Engine opl.Engine `json:"engine,omitempty"`
	// Strict is its strict mode.
	Strict *bool `json:"strict,omitempty"`
	// MaxDepth is its limit.max_read_depth, DepthAtLeast a bound where only that is known.
	MaxDepth     int `json:"max_depth,omitempty"`
	DepthAtLeast int `json:"max_depth_at_least,omitempty"`
	// Order is how it lists tuples.
	Order ListOrder `json:"list_order,omitempty"`
	// Batch is how many questions it takes in one batch check, -1 for none at all.
	Batch int `json:"batch_check,omitempty"`
	// Rules says whether it has a permission model with rules; without one, as with legacy
	// namespaces, an explanation needs no model to be exact.
	Rules *bool `json:"rules,omitempty"`
	// Drift is where what gatehouse was told, above all the model, is not what it runs.
	Drift []string `json:"drift,omitempty"`
	// Open says what could not be found out, and why.
	Open []string `json:"open,omitempty"`
	// Requests is what finding out took.
	Requests int `json:"requests"`
}

// ListOrder is the order of a list of tuples.
type ListOrder string

// The orders. Stored is that in which the engine goes through rows: by the random id of
// each row. Sorted is that of Keto 26.2 and later: by object and relation, with subject
// sets before bare ids; there the engine's own order cannot be seen.
const (
	OrderStored ListOrder = "stored"
	OrderSorted ListOrder = "sorted"
)

// Prober finds out the Facts of a Keto with questions alone; nothing is written. What it
// finds it keeps. It is safe for several goroutines.
type Prober struct {
	Server     Checker
	Tuples     Lister
	Namespaces NamespaceLister
	// Model is the one that gatehouse was given; nil when there is none.
	Model *opl.Model
	// Settings are those that gatehouse was told.
	Settings Settings
	// Code names the error with which Keto itself refuses a question: CauseUnknownRelation,
	// "max_depth_exceeded", "max_width_exceeded"; empty for any other.
	Code func(error) string
	// Batch tells how many questions go into one batch check, -1 for none; may be nil.
	Batch func(context.Context) (int, error)

	mu    sync.Mutex
	facts *Facts
	rules map[string]bool
}

// Bounds of probing.
const (
	sampleSize   = 300 // tuples that are looked at for something to try
	maxRelations = 60  // of the model that are compared with the server's
	maxTrials    = 4   // tuples with which one fact is tried
)

// Known are the facts if they were found out before, or nil.
func (p *Prober) Known() *Facts {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.facts
}

// Facts finds out what can be found out, once. The error is that of a server that could
// not be asked.
func (p *Prober) Facts(ctx context.Context) (Facts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.facts != nil {
		return *p.facts, nil
	}
	pr := &probing{Prober: p}
	rows, err := pr.sample(ctx)
	if err != nil {
		return Facts{}, err
	}
	for _, find := range []func(context.Context, []tuple.Tuple) error{pr.order, pr.batch, pr.hasRules, pr.engine, pr.strict, pr.depth, pr.drift} {
		if err := find(ctx, rows); err != nil {
			return Facts{}, err
		}
	}
	p.facts = &pr.f
	return pr.f, nil
}

// probing is one run of a Prober.
type probing struct {
	*Prober
	f  Facts
	mu sync.Mutex
}

func (p *probing) open(format string, args ...any) {
	p.f.Open = append(p.f.Open, fmt.Sprintf(format, args...))
}

// ask is a check whose refusal by Keto is no error.
func (p *probing) ask(ctx context.Context, t tuple.Tuple, depth int) (yes bool, code string, err error) {
	p.mu.Lock()
	p.f.Requests++
	p.mu.Unlock()
	yes, err = p.Server.Check(ctx, t, depth)
	if err == nil || p.Code == nil {
		return yes, "", err
	}
	if code = p.Code(err); code == "" {
		return false, "", err
	}
	if code != CauseUnknownRelation { // only the newer engine in strict mode admits that it gave up
		on := true
		p.mu.Lock()
		p.f.Engine, p.f.Strict = opl.New, &on
		p.mu.Unlock()
	}
	return false, code, nil
}

// sample reads some tuples.
func (p *probing) sample(ctx context.Context) ([]tuple.Tuple, error) {
	p.f.Requests++
	l := &listed{done: make(chan struct{})}
	s := newStore(p.Tuples)
	s.read(ctx, l, tuple.Query{}, sampleSize)
	return l.tuples, l.err
}

// order looks whether the tuples of one object lie side by side.
func (p *probing) order(_ context.Context, rows []tuple.Tuple) error {
	count, last := map[string]int{}, map[string]int{}
	torn, several := false, 0
	for i, t := range rows {
		k := t.Left()
		if n := count[k]; n > 0 {
			torn = torn || last[k] != i-1
			if n == 1 {
				several++
			}
		}
		count[k]++
		last[k] = i
	}
	switch {
	case torn:
		p.f.Order = OrderStored
	case several > 2 && len(count) > 2:
		p.f.Order = OrderSorted
	default:
		p.open("list order: too few tuples to see it")
	}
	return nil
}

func (p *probing) batch(ctx context.Context, _ []tuple.Tuple) (err error) {
	if p.Batch != nil {
		p.f.Requests++
		p.f.Batch, err = p.Batch(ctx)
	}
	return err
}

// nobody is a name that nothing has.
func nobody() string { return "gatehouse-probe-" + strings.ToLower(rand.Text()) }

// HasRules reports whether a namespace has relations that are declared in a model: then
// Keto refuses a question about one that does not exist, and else it answers no.
func (p *Prober) HasRules(ctx context.Context, namespace string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return (&probing{Prober: p}).declares(ctx, namespace)
}

// maxRuleless is how many namespaces are asked about at most.
const maxRuleless = 64

// Ruleless reports whether none of the server's namespaces declares a relation, as those
// of a configuration by id and name: then there are no rules, and nothing is missing when
// no model is known.
func (p *Prober) Ruleless(ctx context.Context) (bool, error) {
	names, err := p.Namespaces.Namespaces(ctx)
	if err != nil || len(names) > maxRuleless {
		return false, err
	}
	for _, n := range names {
		if has, err := p.HasRules(ctx, n); err != nil || has {
			return false, err
		}
	}
	return true, nil
}

func (p *probing) declares(ctx context.Context, namespace string) (bool, error) {
	if has, known := p.rules[namespace]; known {
		return has, nil
	}
	_, code, err := p.ask(ctx, tuple.Tuple{Namespace: namespace, Object: nobody(), Relation: nobody(), Subject: tuple.SubjectID(nobody())}, 0)
	if err != nil {
		return false, err
	}
	if p.rules == nil {
		p.rules = map[string]bool{}
	}
	p.rules[namespace] = code == CauseUnknownRelation
	return p.rules[namespace], nil
}

func (p *probing) hasRules(ctx context.Context, _ []tuple.Tuple) error {
	p.f.Requests++
	names, err := p.Namespaces.Namespaces(ctx)
	if err != nil {
		return err
	}
	any := false
	for _, n := range names[:min(len(names), 8)] {
		has, err := p.declares(ctx, n)
		if err != nil {
			return err
		}
		if any = any || has; any {
			break
		}
	}
	p.f.Rules = &any
	return nil
}

// plain reports that a relation has no rule of its own, as far as is known.
func (p *probing) plain(t tuple.Tuple) bool {
	if rel := p.Model.Relation(t.Namespace, t.Relation); rel != nil {
		return rel.Rewrite == nil
	}
	return p.f.Rules != nil && !*p.f.Rules
}

// engine asks for a stored tuple with a depth of 1, which the classic engine spends
// before it looks, and the newer one does not.
func (p *probing) engine(ctx context.Context, rows []tuple.Tuple) error {
	tried := 0
	for _, t := range rows {
		if tried == maxTrials || p.f.Engine != "" {
			break
		}
		if t.Subject.Set != nil || !p.plain(t) {
			continue
		}
		tried++
		shallow, code, err := p.ask(ctx, t, 1)
		if err != nil {
			return err
		}
		deep, _, err := p.ask(ctx, t, 0)
		switch {
		case err != nil:
			return err
		case code != "" || !deep: // gone meanwhile, or not what we take it for
		case shallow:
			p.f.Engine = opl.New
		default:
			p.f.Engine = opl.Classic
		}
	}
	if p.f.Engine == "" {
		p.open("engine: no stored tuple to try it with")
	}
	return nil
}

// settings are those to work with: what was found, else what was told.
func (p *probing) settings() Settings {
	s := p.Settings.withDefaults()
	if p.f.Engine != "" {
		s.Engine = p.f.Engine
	}
	if p.f.Strict != nil {
		s.Strict = *p.f.Strict
	}
	return s
}

// compare evaluates a question with each of the settings.
func (p *probing) compare(ctx context.Context, q tuple.Tuple, depth int, sets ...Settings) []Verdict {
	w := (&Explainer{Tuples: p.Tuples, Model: p.Model}).begin(Asking{Question: q})
	var evals []func(Reader) Decision
	for _, s := range sets {
		evals = append(evals, w.question(ctx, q, s, depth, variant{}))
	}
	var out []Verdict
	for _, d := range w.settle(ctx, evals...) {
		out = append(out, d.Verdict)
	}
	p.f.Requests += w.store.requests
	return out
}

// strict asks for stored tuples that only count outside strict mode.
func (p *probing) strict(ctx context.Context, rows []tuple.Tuple) error {
	tried := 0
	for _, t := range rows {
		rel := p.Model.Relation(t.Namespace, t.Relation)
		if tried == maxTrials || p.f.Strict != nil {
			break
		}
		if rel == nil || rel.Rewrite == nil && (t.Subject.Set == nil || declares(rel, *t.Subject.Set)) {
			continue
		}
		tried++
		off, on := p.settings(), p.settings()
		off.Strict, on.Strict = false, true
		v := p.compare(ctx, t, 0, off, on)
		if v[0] != Allowed || v[1] == Allowed {
			continue
		}
		yes, code, err := p.ask(ctx, t, 0)
		if err != nil {
			return err
		}
		if strict := !yes; code == "" {
			p.f.Strict = &strict
		}
	}
	if p.f.Strict == nil {
		p.open("strict mode: no stored tuple that it would treat otherwise")
	}
	return nil
}

// depth asks along the longest chain of groups that is among the rows: how far Keto
// follows it is its limit.
func (p *probing) depth(ctx context.Context, rows []tuple.Tuple) error {
	denied := 0
	for _, q := range longest(rows) {
		need := p.needs(ctx, q)
		if need <= 1 {
			continue
		}
		yes, code, err := p.ask(ctx, q, 0)
		switch {
		case err != nil:
			return err
		case yes:
			p.f.DepthAtLeast = need
			if denied == need+1 {
				p.f.MaxDepth = need
			}
			return p.depthTold()
		case code != CauseUnknownRelation:
			denied = need
		}
	}
	p.open("max_depth: no chain of groups to try it with")
	return nil
}

// needs is the least depth at which a question is allowed, 0 when there is none.
func (p *probing) needs(ctx context.Context, q tuple.Tuple) int {
	var sets []Settings
	for d := 1; d <= deepest/2; d++ {
		s := p.settings()
		s.MaxDepth = d
		sets = append(sets, s)
	}
	return 1 + slices.Index(p.compare(ctx, q, 0, sets...), Allowed)
}

// depthTold compares the limit with the one that gatehouse was told.
func (p *probing) depthTold() error {
	told := p.Settings.withDefaults().MaxDepth
	switch {
	case p.f.MaxDepth > 0 && p.f.MaxDepth != told:
		p.f.Drift = append(p.f.Drift, fmt.Sprintf("limit.max_read_depth is %d on the server, and keto.max_depth says %d", p.f.MaxDepth, told))
	case p.f.MaxDepth == 0 && p.f.DepthAtLeast > told:
		p.f.Drift = append(p.f.Drift, fmt.Sprintf("limit.max_read_depth is at least %d on the server, and keto.max_depth says %d", p.f.DepthAtLeast, told))
	case p.f.MaxDepth == 0:
		p.open("max_depth: at least %d; no longer chain of groups to try", p.f.DepthAtLeast)
	}
	return nil
}

// longest are questions along the longest chain of subject sets that ends in a bare id:
// the whole chain first, then each time one set less.
func longest(rows []tuple.Tuple) []tuple.Tuple {
	up := map[tuple.Set]tuple.Set{} // the set that holds a set
	for _, t := range rows {
		if t.Subject.Set != nil {
			up[*t.Subject.Set] = tuple.Set{Namespace: t.Namespace, Object: t.Object, Relation: t.Relation}
		}
	}
	var best []tuple.Set
	var who tuple.Subject
	for _, t := range rows {
		if t.Subject.Set != nil {
			continue
		}
		at := tuple.Set{Namespace: t.Namespace, Object: t.Object, Relation: t.Relation}
		chain := []tuple.Set{at}
		for next, ok := up[at]; ok && !slices.Contains(chain, next); next, ok = up[next] {
			chain = append(chain, next)
		}
		if len(chain) > len(best) {
			best, who = chain, t.Subject
		}
	}
	var out []tuple.Tuple
	for i := len(best) - 1; i > 0; i-- {
		out = append(out, in(best[i], tuple.Tuple{Subject: who}))
	}
	return out
}
