package access

import (
	"context"
	"fmt"
	"strings"
)

// Basis says what an explanation rests on.
type Basis string

// The bases. An explanation without the rules of the model is exact only where the
// server has none.
const (
	// BasisModel is the permission model with all its rules.
	BasisModel Basis = "model"
	// BasisLegacy is a server whose namespaces have no rules: there is nothing to know.
	BasisLegacy Basis = "no_rules"
	// BasisInferred is a server whose rules are not known: what is stored is exact, and
	// what is said about rules is inferred from further questions.
	BasisInferred Basis = "inferred"
)

// learn takes over what was found out about the server, where nobody has told it.
func (w *working) learn(f *Facts) {
	if f == nil {
		return
	}
	if w.x.GuessEngine && f.Engine != "" {
		w.set.Engine = f.Engine
	}
	if w.x.GuessStrict && f.Strict != nil {
		w.set.Strict = *f.Strict
	}
	w.store.setsFirst = f.Order == OrderSorted
}

// probe finds out more about a server with which the explanation does not agree, and
// evaluates once more with it.
func (w *working) probe(ctx context.Context, t *Trace) {
	if w.x.Prober == nil {
		return
	}
	f, err := w.x.Prober.Facts(ctx)
	if err != nil {
		return // the disagreement is told anyway
	}
	t.Facts = &f
	t.Requests += f.Requests
	set := w.set
	w.learn(&f)
	w.set.MaxDepth = max(w.set.MaxDepth, f.DepthAtLeast)
	if f.MaxDepth > 0 {
		w.set.MaxDepth = f.MaxDepth
	}
	if w.set == set {
		return
	}
	if d := w.decide(ctx, variant{}); d.Verdict == t.Server {
		w.Decision = d
		w.guessed = fmt.Sprintf("the server was found to run the %s engine with strict mode %s and limit.max_read_depth %d, which is not what the context says",
			w.set.Engine, onOff(w.set.Strict), w.set.MaxDepth)
		return
	}
	w.set = set
}

// suspect says why an explanation may not be the server's, as far as that was found out.
func suspect(f *Facts, set Settings) string {
	if f == nil {
		return "the model in keto.opl may not be the one that Keto runs, its max_depth, max_width or strict mode may be others than configured, or the tuples changed meanwhile"
	}
	var found []string
	if len(f.Drift) > 0 {
		found = append(found, "what gatehouse was told is not what Keto runs: "+strings.Join(f.Drift[:min(3, len(f.Drift))], ", "))
	}
	if f.Engine != "" && f.Engine != set.Engine {
		found = append(found, fmt.Sprintf("keto.engine says %s, and the server runs the %s one", set.Engine, f.Engine))
	}
	if f.Strict != nil && *f.Strict != set.Strict {
		found = append(found, fmt.Sprintf("keto.strict says %v, and strict mode is %s", set.Strict, onOff(*f.Strict)))
	}
	if len(found) > 0 {
		return strings.Join(found, "; ")
	}
	return "Keto declares what keto.opl does, so the rules themselves, max_depth or max_width may be others than configured, or the tuples changed meanwhile"
}

// noRules reports whether the server has no rules for the namespace of the question, so
// that without a model nothing is missing.
func (w *working) noRules(ctx context.Context) bool {
	if w.x.Prober == nil || w.x.Server == nil {
		return false
	}
	has, err := w.x.Prober.HasRules(ctx, w.ask.Question.Namespace)
	return err == nil && !has
}
